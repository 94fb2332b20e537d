//! Two catalogs compared: what has to change, by kind, with both sides at hand.
//!
//! Nothing is guessed: what has another name is another thing, unless a rename was hinted. The order of changes here is that of names; the
//! order in which they can be brought about is the plan's.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{
    Catalog, Check, Column, ForeignKey, Index, Object, ObjectKind, PrimaryKey, Schema, Table,
};

/// One difference between two catalogs. `schema` is the name within [`Catalog::schemas`], empty where the scope is one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are what they are named")]
pub enum Change<'a> {
    SchemaAdded {
        schema: &'a str,
        new: &'a Schema,
    },
    SchemaDropped {
        schema: &'a str,
        old: &'a Schema,
    },
    /// Charset, collation, comment or rights.
    SchemaChanged {
        schema: &'a str,
        old: &'a Schema,
        new: &'a Schema,
    },
    TableAdded {
        schema: &'a str,
        table: &'a str,
        new: &'a Table,
    },
    TableDropped {
        schema: &'a str,
        table: &'a str,
        old: &'a Table,
    },
    /// At least one change.
    TableChanged {
        schema: &'a str,
        table: &'a str,
        old: &'a Table,
        new: &'a Table,
        changes: Vec<TableChange<'a>>,
    },
    TableRenamed {
        schema: &'a str,
        from: &'a str,
        to: &'a str,
    },
    ObjectAdded {
        schema: &'a str,
        kind: ObjectKind,
        name: &'a str,
        new: &'a Object,
    },
    ObjectDropped {
        schema: &'a str,
        kind: ObjectKind,
        name: &'a str,
        old: &'a Object,
    },
    ObjectChanged {
        schema: &'a str,
        kind: ObjectKind,
        name: &'a str,
        old: &'a Object,
        new: &'a Object,
    },
}

/// One difference within a table that both sides have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are what they are named")]
pub enum TableChange<'a> {
    ColumnAdded {
        name: &'a str,
        new: &'a Column,
    },
    ColumnDropped {
        name: &'a str,
        old: &'a Column,
    },
    ColumnChanged {
        name: &'a str,
        old: &'a Column,
        new: &'a Column,
        changed: ColumnChange,
    },
    ColumnRenamed {
        from: &'a str,
        to: &'a str,
    },
    PrimaryKeyAdded {
        new: &'a PrimaryKey,
    },
    PrimaryKeyDropped {
        old: &'a PrimaryKey,
    },
    PrimaryKeyChanged {
        old: &'a PrimaryKey,
        new: &'a PrimaryKey,
    },
    IndexAdded {
        name: &'a str,
        new: &'a Index,
    },
    IndexDropped {
        name: &'a str,
        old: &'a Index,
    },
    IndexChanged {
        name: &'a str,
        old: &'a Index,
        new: &'a Index,
    },
    IndexRenamed {
        from: &'a str,
        to: &'a str,
    },
    ForeignKeyAdded {
        name: &'a str,
        new: &'a ForeignKey,
    },
    ForeignKeyDropped {
        name: &'a str,
        old: &'a ForeignKey,
    },
    ForeignKeyChanged {
        name: &'a str,
        old: &'a ForeignKey,
        new: &'a ForeignKey,
    },
    CheckAdded {
        name: &'a str,
        new: &'a Check,
    },
    CheckDropped {
        name: &'a str,
        old: &'a Check,
    },
    CheckChanged {
        name: &'a str,
        old: &'a Check,
        new: &'a Check,
    },
    OptionChanged {
        option: &'a str,
        old: Option<&'a str>,
        new: Option<&'a str>,
    },
    CommentChanged {
        old: Option<&'a str>,
        new: Option<&'a str>,
    },
    DetailsChanged,
    RightsChanged,
    OwnerChanged,
}

impl TableChange<'_> {
    /// In a few words: `drop column email`.
    pub fn in_words(&self) -> String {
        match self {
            Self::ColumnAdded { name, .. } => format!("add column {name}"),
            Self::ColumnDropped { name, .. } => format!("drop column {name}"),
            Self::ColumnChanged { name, .. } => format!("change column {name}"),
            Self::ColumnRenamed { from, to } => format!("rename column {from} to {to}"),
            Self::PrimaryKeyAdded { .. } => "add the primary key".to_owned(),
            Self::PrimaryKeyDropped { .. } => "drop the primary key".to_owned(),
            Self::PrimaryKeyChanged { .. } => "change the primary key".to_owned(),
            Self::IndexAdded { name, .. } => format!("add index {name}"),
            Self::IndexDropped { name, .. } => format!("drop index {name}"),
            Self::IndexChanged { name, .. } => format!("change index {name}"),
            Self::IndexRenamed { from, to } => format!("rename index {from} to {to}"),
            Self::ForeignKeyAdded { name, .. } => format!("add foreign key {name}"),
            Self::ForeignKeyDropped { name, .. } => format!("drop foreign key {name}"),
            Self::ForeignKeyChanged { name, .. } => format!("change foreign key {name}"),
            Self::CheckAdded { name, .. } => format!("add check {name}"),
            Self::CheckDropped { name, .. } => format!("drop check {name}"),
            Self::CheckChanged { name, .. } => format!("change check {name}"),
            Self::OptionChanged { option, .. } => format!("change {option}"),
            Self::CommentChanged { .. } => "change the comment".to_owned(),
            Self::DetailsChanged => "change what is said of its sequences".to_owned(),
            Self::RightsChanged => "change the rights".to_owned(),
            Self::OwnerChanged => "change the owner".to_owned(),
        }
    }
}

/// Which properties of a column differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of `Column`")]
#[expect(clippy::struct_excessive_bools, reason = "one for each field")]
pub struct ColumnChange {
    pub data_type: bool,
    pub nullable: bool,
    pub default: bool,
    pub generated: bool,
    pub identity: bool,
    pub auto_increment: bool,
    pub on_update: bool,
    pub charset: bool,
    pub collation: bool,
    pub invisible: bool,
    pub unversioned: bool,
    pub comment: bool,
}

impl ColumnChange {
    /// What differs between the two.
    pub fn between(old: &Column, new: &Column) -> Self {
        Self {
            data_type: old.data_type != new.data_type,
            nullable: old.nullable != new.nullable,
            default: old.default != new.default,
            generated: old.generated != new.generated,
            identity: old.identity != new.identity,
            auto_increment: old.auto_increment != new.auto_increment,
            on_update: old.on_update != new.on_update,
            charset: old.charset != new.charset,
            collation: old.collation != new.collation,
            invisible: old.invisible != new.invisible,
            unversioned: old.unversioned != new.unversioned,
            comment: old.comment != new.comment,
        }
    }

    /// Whether anything does.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// What has to change for `current` to become `desired`. Empty when they are equal.
pub fn diff<'a>(current: &'a Catalog, desired: &'a Catalog) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    each(
        &current.schemas,
        &desired.schemas,
        |name, sides| match sides {
            Sides::Added(new) => changes.push(Change::SchemaAdded { schema: name, new }),
            Sides::Dropped(old) => changes.push(Change::SchemaDropped { schema: name, old }),
            Sides::Both(old, new) => {
                if (&old.charset, &old.collation, &old.comment, &old.rights)
                    != (&new.charset, &new.collation, &new.comment, &new.rights)
                {
                    changes.push(Change::SchemaChanged {
                        schema: name,
                        old,
                        new,
                    });
                }
                schema_changes(name, old, new, &mut changes);
            }
        },
    );
    changes
}

fn schema_changes<'a>(
    schema: &'a str,
    old: &'a Schema,
    new: &'a Schema,
    changes: &mut Vec<Change<'a>>,
) {
    each(&old.tables, &new.tables, |table_name, sides| match sides {
        Sides::Added(new) => changes.push(Change::TableAdded {
            schema,
            table: table_name,
            new,
        }),
        Sides::Dropped(old) => changes.push(Change::TableDropped {
            schema,
            table: table_name,
            old,
        }),
        Sides::Both(old, new) => {
            let inner = table(old, new);
            if !inner.is_empty() {
                changes.push(Change::TableChanged {
                    schema,
                    table: table_name,
                    old,
                    new,
                    changes: inner,
                });
            }
        }
    });
    let none = const { &BTreeMap::new() };
    let kinds: BTreeSet<ObjectKind> = old
        .objects
        .keys()
        .chain(new.objects.keys())
        .copied()
        .collect();
    for kind in kinds {
        let sides = (
            old.objects.get(&kind).unwrap_or(none),
            new.objects.get(&kind).unwrap_or(none),
        );
        each(sides.0, sides.1, |name, sides| match sides {
            Sides::Added(new) => changes.push(Change::ObjectAdded {
                schema,
                kind,
                name,
                new,
            }),
            Sides::Dropped(old) => changes.push(Change::ObjectDropped {
                schema,
                kind,
                name,
                old,
            }),
            Sides::Both(old, new) if !same_object(old, new) => {
                changes.push(Change::ObjectChanged {
                    schema,
                    kind,
                    name,
                    old,
                    new,
                });
            }
            Sides::Both(..) => {}
        });
    }
}

fn same_object(old: &Object, new: &Object) -> bool {
    let same = (
        &old.definition,
        &old.labels,
        &old.comment,
        &old.details,
        &old.rights,
    ) == (
        &new.definition,
        &new.labels,
        &new.comment,
        &new.details,
        &new.rights,
    );
    same && !new.owner.is_not(&old.owner)
}

/// What differs between two tables.
pub(crate) fn table<'a>(old: &'a Table, new: &'a Table) -> Vec<TableChange<'a>> {
    let mut changes = Vec::new();
    for (name, column) in &new.columns {
        match old.columns.get(name) {
            None => changes.push(TableChange::ColumnAdded { name, new: column }),
            Some(before) => {
                let changed = ColumnChange::between(before, column);
                if changed.any() {
                    changes.push(TableChange::ColumnChanged {
                        name,
                        old: before,
                        new: column,
                        changed,
                    });
                }
            }
        }
    }
    for (name, column) in &old.columns {
        if !new.columns.contains_key(name) {
            changes.push(TableChange::ColumnDropped { name, old: column });
        }
    }
    match (&old.primary_key, &new.primary_key) {
        (None, Some(new)) => changes.push(TableChange::PrimaryKeyAdded { new }),
        (Some(old), None) => changes.push(TableChange::PrimaryKeyDropped { old }),
        (Some(old), Some(new)) if old != new => {
            changes.push(TableChange::PrimaryKeyChanged { old, new });
        }
        _ => {}
    }
    each(&old.indexes, &new.indexes, |name, sides| match sides {
        Sides::Added(new) => changes.push(TableChange::IndexAdded { name, new }),
        Sides::Dropped(old) => changes.push(TableChange::IndexDropped { name, old }),
        Sides::Both(old, new) if !same_index(old, new) => {
            changes.push(TableChange::IndexChanged { name, old, new });
        }
        Sides::Both(..) => {}
    });
    each(
        &old.foreign_keys,
        &new.foreign_keys,
        |name, sides| match sides {
            Sides::Added(new) => changes.push(TableChange::ForeignKeyAdded { name, new }),
            Sides::Dropped(old) => changes.push(TableChange::ForeignKeyDropped { name, old }),
            Sides::Both(old, new) if old != new => {
                changes.push(TableChange::ForeignKeyChanged { name, old, new });
            }
            Sides::Both(..) => {}
        },
    );
    each(&old.checks, &new.checks, |name, sides| match sides {
        Sides::Added(new) => changes.push(TableChange::CheckAdded { name, new }),
        Sides::Dropped(old) => changes.push(TableChange::CheckDropped { name, old }),
        Sides::Both(old, new) if old != new => {
            changes.push(TableChange::CheckChanged { name, old, new });
        }
        Sides::Both(..) => {}
    });
    each(&old.options, &new.options, |option, sides| {
        let (old, new) = match sides {
            Sides::Added(new) => (None, Some(new.as_str())),
            Sides::Dropped(old) => (Some(old.as_str()), None),
            Sides::Both(old, new) => (Some(old.as_str()), Some(new.as_str())),
        };
        if old != new {
            changes.push(TableChange::OptionChanged { option, old, new });
        }
    });
    if old.comment != new.comment {
        changes.push(TableChange::CommentChanged {
            old: old.comment.as_deref(),
            new: new.comment.as_deref(),
        });
    }
    if old.details != new.details {
        changes.push(TableChange::DetailsChanged);
    }
    if old.rights != new.rights {
        changes.push(TableChange::RightsChanged);
    }
    if new.owner.is_not(&old.owner) {
        changes.push(TableChange::OwnerChanged);
    }
    changes
}

/// Whether they are the same but for the statement that made them.
fn same_index(old: &Index, new: &Index) -> bool {
    (
        old.unique,
        old.constraint,
        &old.parts,
        &old.options,
        &old.comment,
    ) == (
        new.unique,
        new.constraint,
        &new.parts,
        &new.options,
        &new.comment,
    )
}

enum Sides<'a, T> {
    Added(&'a T),
    Dropped(&'a T),
    Both(&'a T, &'a T),
}

/// Every name of either side, in order.
fn each<'a, T>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
    mut visit: impl FnMut(&'a str, Sides<'a, T>),
) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        match (old.get(name), new.get(name)) {
            (None, Some(new)) => visit(name, Sides::Added(new)),
            (Some(old), None) => visit(name, Sides::Dropped(old)),
            (Some(old), Some(new)) => visit(name, Sides::Both(old, new)),
            (None, None) => {}
        }
    }
}
