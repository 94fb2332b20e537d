//! Two schemas compared.
//!
//! What is equal in meaning gives no change: order, spelling, quoting, type aliases, a constraint written inline or apart, and the names of
//! constraints.

use indexmap::IndexMap;

use crate::change::{self, TypeChange};
use crate::dialect::Dialect;
use crate::model::{Check, Column, ForeignKey, Index, Key, Object, ObjectKind, Schema, Table};

/// One difference, from the old schema to the new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// A table is not there any more.
    TableDropped {
        /// The old table.
        table: &'a Table,
    },
    /// A table is new.
    TableAdded {
        /// The new table.
        table: &'a Table,
    },
    /// A table of the same name differs.
    TableChanged {
        /// The old table.
        old: &'a Table,
        /// The new table.
        new: &'a Table,
        /// How.
        change: TableChange<'a>,
    },
    /// Something that is no table is not there any more.
    ObjectDropped {
        /// What it is.
        kind: ObjectKind,
        /// The old object.
        object: &'a Object,
    },
    /// Something that is no table is new.
    ObjectAdded {
        /// What it is.
        kind: ObjectKind,
        /// The new object.
        object: &'a Object,
    },
    /// Something that is no table is defined otherwise.
    ObjectChanged {
        /// What it is.
        kind: ObjectKind,
        /// The old object.
        old: &'a Object,
        /// The new object.
        object: &'a Object,
    },
}

/// One difference within a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the thing of that name, or its old and new form"
)]
pub enum TableChange<'a> {
    ColumnDropped {
        column: &'a Column,
    },
    ColumnAdded {
        column: &'a Column,
    },
    TypeChanged {
        old: &'a Column,
        new: &'a Column,
        change: TypeChange,
    },
    BecameRequired {
        column: &'a Column,
    },
    BecameNullable {
        column: &'a Column,
    },
    DefaultChanged {
        old: &'a Column,
        new: &'a Column,
    },
    /// Generated expression, collation, character set, auto increment.
    ColumnChanged {
        old: &'a Column,
        new: &'a Column,
    },
    PrimaryKeyChanged {
        old: Option<&'a Key>,
        new: Option<&'a Key>,
    },
    UniqueDropped {
        key: &'a Key,
    },
    UniqueAdded {
        key: &'a Key,
    },
    IndexDropped {
        index: &'a Index,
    },
    IndexAdded {
        index: &'a Index,
    },
    IndexRenamed {
        old: &'a Index,
        new: &'a Index,
    },
    ForeignKeyDropped {
        key: &'a ForeignKey,
    },
    ForeignKeyAdded {
        key: &'a ForeignKey,
    },
    CheckDropped {
        check: &'a Check,
    },
    CheckAdded {
        check: &'a Check,
    },
    OptionsChanged,
}

/// What it takes to come from `old` to `new`: drops first, then what changed, in the order of the new text.
pub fn diff<'a>(old: &'a Schema, new: &'a Schema, dialect: Dialect) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    for (key, table) in &old.tables {
        if !new.tables.contains_key(key) {
            changes.push(Change::TableDropped { table });
        }
    }
    for (key, object) in &old.objects {
        if !new.objects.contains_key(key) {
            changes.push(Change::ObjectDropped {
                kind: key.0,
                object,
            });
        }
    }
    for (key, table) in &new.tables {
        match old.tables.get(key) {
            None => changes.push(Change::TableAdded { table }),
            // What one text says and the other takes from elsewhere cannot be compared.
            Some(old) if old.derived != table.derived => {}
            Some(old) => changes.extend(table_changes(old, table, dialect).into_iter().map(
                |change| Change::TableChanged {
                    old,
                    new: table,
                    change,
                },
            )),
        }
    }
    for (key, object) in &new.objects {
        match old.objects.get(key) {
            None => changes.push(Change::ObjectAdded {
                kind: key.0,
                object,
            }),
            Some(before) if before.definition != object.definition => {
                changes.push(Change::ObjectChanged {
                    kind: key.0,
                    old: before,
                    object,
                });
            }
            Some(_) => {}
        }
    }
    changes
}

fn table_changes<'a>(old: &'a Table, new: &'a Table, dialect: Dialect) -> Vec<TableChange<'a>> {
    let mut changes = Vec::new();
    let by_name = |table: &'a Table| -> IndexMap<String, &'a Column> {
        table
            .columns
            .iter()
            .map(|column| (dialect.column_key(&column.name), column))
            .collect()
    };
    let (old_columns, new_columns) = (by_name(old), by_name(new));
    for (key, column) in &old_columns {
        if !new_columns.contains_key(key) {
            changes.push(TableChange::ColumnDropped { column });
        }
    }
    for (key, column) in &new_columns {
        match old_columns.get(key) {
            None => changes.push(TableChange::ColumnAdded { column }),
            Some(old) => column_changes(old, column, dialect, &mut changes),
        }
    }
    let columns_of = |key: &Option<Key>| key.as_ref().map(|key| key.columns.clone());
    if columns_of(&old.primary_key) != columns_of(&new.primary_key) {
        changes.push(TableChange::PrimaryKeyChanged {
            old: old.primary_key.as_ref(),
            new: new.primary_key.as_ref(),
        });
    }
    unique_changes(old, new, &mut changes);
    index_changes(old, new, dialect, &mut changes);
    let foreign = |key: &ForeignKey| ForeignKey {
        name: None,
        ..key.clone()
    };
    compare(
        &old.foreign_keys,
        &new.foreign_keys,
        foreign,
        &mut changes,
        |key| TableChange::ForeignKeyDropped { key },
        |key| TableChange::ForeignKeyAdded { key },
    );
    let check = |check: &Check| check.expression.clone();
    compare(
        &old.checks,
        &new.checks,
        check,
        &mut changes,
        |check| TableChange::CheckDropped { check },
        |check| TableChange::CheckAdded { check },
    );
    if old.options != new.options {
        changes.push(TableChange::OptionsChanged);
    }
    changes
}

/// A unique index over plain columns keeps what a UNIQUE constraint keeps.
fn unique_changes<'a>(old: &'a Table, new: &'a Table, changes: &mut Vec<TableChange<'a>>) {
    let by_index = |table: &Table, key: &Key| {
        table
            .indexes
            .iter()
            .any(|index| index.unique && index.rest.is_empty() && index.columns == key.columns)
    };
    let among = |table: &Table, key: &Key| {
        table
            .uniques
            .iter()
            .any(|other| other.columns == key.columns)
    };
    changes.extend(
        old.uniques
            .iter()
            .filter(|key| !among(new, key) && !by_index(new, key))
            .map(|key| TableChange::UniqueDropped { key }),
    );
    changes.extend(
        new.uniques
            .iter()
            .filter(|key| !among(old, key) && !by_index(old, key))
            .map(|key| TableChange::UniqueAdded { key }),
    );
}

/// Indexes are the same when they do the same; by name only where two of a name differ, and where the name is all that changed.
fn index_changes<'a>(
    old: &'a Table,
    new: &'a Table,
    dialect: Dialect,
    changes: &mut Vec<TableChange<'a>>,
) {
    let same = |left: &Index, right: &Index| {
        left.unique == right.unique && left.columns == right.columns && left.rest == right.rest
    };
    let kept_by = |table: &Table, index: &Index| {
        index.unique
            && index.rest.is_empty()
            && table.uniques.iter().any(|key| key.columns == index.columns)
    };
    let name = |index: &Index| index.name.as_deref().map(|name| dialect.column_key(name));
    // Pairs of one name first, then of one meaning: a copy of an index under another name is a second index.
    let mut partners: Vec<Option<&Index>> = vec![None; new.indexes.len()];
    let mut alone = Vec::new();
    for by_name in [true, false] {
        let left: Vec<&Index> = if by_name {
            old.indexes.iter().collect()
        } else {
            std::mem::take(&mut alone)
        };
        for index in left {
            let partner = new
                .indexes
                .iter()
                .zip(&mut partners)
                .find(|(candidate, partner)| {
                    partner.is_none()
                        && same(index, candidate)
                        && (!by_name || name(index) == name(candidate))
                });
            match partner {
                Some((_, partner)) => *partner = Some(index),
                None => alone.push(index),
            }
        }
    }
    changes.extend(
        alone
            .into_iter()
            .filter(|index| !kept_by(new, index))
            .map(|index| TableChange::IndexDropped { index }),
    );
    for (index, partner) in new.indexes.iter().zip(partners) {
        match partner {
            None if !kept_by(old, index) => changes.push(TableChange::IndexAdded { index }),
            Some(before)
                if before.name.is_some() && index.name.is_some() && name(before) != name(index) =>
            {
                changes.push(TableChange::IndexRenamed {
                    old: before,
                    new: index,
                });
            }
            _ => {}
        }
    }
}

fn column_changes<'a>(
    old: &'a Column,
    new: &'a Column,
    dialect: Dialect,
    changes: &mut Vec<TableChange<'a>>,
) {
    let change = change::between(old, new, dialect);
    if change != TypeChange::Same {
        changes.push(TableChange::TypeChanged { old, new, change });
    }
    if old.nullable && !new.nullable {
        changes.push(TableChange::BecameRequired { column: new });
    }
    if !old.nullable && new.nullable {
        changes.push(TableChange::BecameNullable { column: new });
    }
    if old.default != new.default {
        changes.push(TableChange::DefaultChanged { old, new });
    }
    let rest = |column: &Column| {
        (
            column.generated.clone(),
            column.auto_increment,
            column.collation.clone(),
            column.charset.clone(),
        )
    };
    if rest(old) != rest(new) {
        changes.push(TableChange::ColumnChanged { old, new });
    }
}

/// Two lists in which only what is in them counts.
fn compare<'a, T, K: PartialEq>(
    old: &'a [T],
    new: &'a [T],
    key: impl Fn(&T) -> K,
    changes: &mut Vec<TableChange<'a>>,
    dropped: impl Fn(&'a T) -> TableChange<'a>,
    added: impl Fn(&'a T) -> TableChange<'a>,
) {
    // A table has few of each: a list is searched as quickly as a set.
    let keys = |items: &[T]| items.iter().map(&key).collect::<Vec<_>>();
    let (old_keys, new_keys) = (keys(old), keys(new));
    changes.extend(
        old.iter()
            .filter(|item| !new_keys.contains(&key(item)))
            .map(dropped),
    );
    changes.extend(
        new.iter()
            .filter(|item| !old_keys.contains(&key(item)))
            .map(added),
    );
}
