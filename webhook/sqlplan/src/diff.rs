//! Two schemas compared.
//!
//! What is equal in meaning gives no change: order, spelling, quoting, type aliases, a constraint written inline or apart, and the names of
//! constraints.

use indexmap::IndexMap;

use crate::dialect::Dialect;
use crate::model::{Check, Column, ForeignKey, Index, Key, Object, ObjectKind, Schema, Table};
use crate::types::TypeChange;

/// One difference, from the old schema to the new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A table is not there any more.
    TableDropped {
        /// The old table.
        table: Table,
    },
    /// A table is new.
    TableAdded {
        /// The new table.
        table: Table,
    },
    /// A table of the same name differs.
    TableChanged {
        /// The old table.
        old: Table,
        /// The new table.
        new: Table,
        /// How.
        change: TableChange,
    },
    /// Something that is no table is not there any more.
    ObjectDropped {
        /// What it is.
        kind: ObjectKind,
        /// The old object.
        object: Object,
    },
    /// Something that is no table is new.
    ObjectAdded {
        /// What it is.
        kind: ObjectKind,
        /// The new object.
        object: Object,
    },
    /// Something that is no table is defined otherwise.
    ObjectChanged {
        /// What it is.
        kind: ObjectKind,
        /// The new object.
        object: Object,
    },
}

/// One difference within a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the thing of that name, or its old and new form"
)]
pub enum TableChange {
    ColumnDropped {
        column: Column,
    },
    ColumnAdded {
        column: Column,
    },
    TypeChanged {
        old: Column,
        new: Column,
        change: TypeChange,
    },
    BecameRequired {
        column: Column,
    },
    BecameNullable {
        column: Column,
    },
    DefaultChanged {
        old: Column,
        new: Column,
    },
    /// Generated expression, collation, character set, auto increment.
    ColumnChanged {
        old: Column,
        new: Column,
    },
    PrimaryKeyChanged {
        old: Option<Key>,
        new: Option<Key>,
    },
    UniqueDropped {
        key: Key,
    },
    UniqueAdded {
        key: Key,
    },
    IndexDropped {
        index: Index,
    },
    IndexAdded {
        index: Index,
    },
    ForeignKeyDropped {
        key: ForeignKey,
    },
    ForeignKeyAdded {
        key: ForeignKey,
    },
    CheckDropped {
        check: Check,
    },
    CheckAdded {
        check: Check,
    },
    OptionsChanged,
}

/// What it takes to come from `old` to `new`: drops first, then what changed, in the order of the new text.
pub fn diff(old: &Schema, new: &Schema, dialect: Dialect) -> Vec<Change> {
    let mut changes = Vec::new();
    for (key, table) in &old.tables {
        if !new.tables.contains_key(key) {
            changes.push(Change::TableDropped {
                table: table.clone(),
            });
        }
    }
    for (key, object) in &old.objects {
        if !new.objects.contains_key(key) {
            changes.push(Change::ObjectDropped {
                kind: key.0,
                object: object.clone(),
            });
        }
    }
    for (key, table) in &new.tables {
        match old.tables.get(key) {
            None => changes.push(Change::TableAdded {
                table: table.clone(),
            }),
            Some(old) => changes.extend(table_changes(old, table, dialect).into_iter().map(
                |change| Change::TableChanged {
                    old: old.clone(),
                    new: table.clone(),
                    change,
                },
            )),
        }
    }
    for (key, object) in &new.objects {
        match old.objects.get(key) {
            None => changes.push(Change::ObjectAdded {
                kind: key.0,
                object: object.clone(),
            }),
            Some(before) if before.definition != object.definition => {
                changes.push(Change::ObjectChanged {
                    kind: key.0,
                    object: object.clone(),
                });
            }
            Some(_) => {}
        }
    }
    changes
}

fn table_changes(old: &Table, new: &Table, dialect: Dialect) -> Vec<TableChange> {
    let mut changes = Vec::new();
    let by_name = |table: &Table| -> IndexMap<String, Column> {
        table
            .columns
            .iter()
            .map(|column| (dialect.column_key(&column.name), column.clone()))
            .collect()
    };
    let (old_columns, new_columns) = (by_name(old), by_name(new));
    for (key, column) in &old_columns {
        if !new_columns.contains_key(key) {
            changes.push(TableChange::ColumnDropped {
                column: column.clone(),
            });
        }
    }
    for (key, column) in &new_columns {
        match old_columns.get(key) {
            None => changes.push(TableChange::ColumnAdded {
                column: column.clone(),
            }),
            Some(old) => column_changes(old, column, &mut changes),
        }
    }
    let columns_of = |key: &Option<Key>| key.as_ref().map(|key| key.columns.clone());
    if columns_of(&old.primary_key) != columns_of(&new.primary_key) {
        changes.push(TableChange::PrimaryKeyChanged {
            old: old.primary_key.clone(),
            new: new.primary_key.clone(),
        });
    }
    let unique = |key: &Key| key.columns.clone();
    compare(
        &old.uniques,
        &new.uniques,
        unique,
        &mut changes,
        |key| TableChange::UniqueDropped { key },
        |key| TableChange::UniqueAdded { key },
    );
    let index = |index: &Index| {
        let name = index.name.as_deref().map(|name| dialect.column_key(name));
        (
            name,
            index.unique,
            index.columns.clone(),
            index.rest.clone(),
        )
    };
    compare(
        &old.indexes,
        &new.indexes,
        index,
        &mut changes,
        |index| TableChange::IndexDropped { index },
        |index| TableChange::IndexAdded { index },
    );
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

fn column_changes(old: &Column, new: &Column, changes: &mut Vec<TableChange>) {
    let change = old.data_type.change_to(&new.data_type);
    if change != TypeChange::Same {
        changes.push(TableChange::TypeChanged {
            old: old.clone(),
            new: new.clone(),
            change,
        });
    }
    if old.nullable && !new.nullable {
        changes.push(TableChange::BecameRequired {
            column: new.clone(),
        });
    }
    if !old.nullable && new.nullable {
        changes.push(TableChange::BecameNullable {
            column: new.clone(),
        });
    }
    if old.default != new.default {
        changes.push(TableChange::DefaultChanged {
            old: old.clone(),
            new: new.clone(),
        });
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
        changes.push(TableChange::ColumnChanged {
            old: old.clone(),
            new: new.clone(),
        });
    }
}

/// Two lists in which only what is in them counts.
fn compare<T: Clone, K: PartialEq>(
    old: &[T],
    new: &[T],
    key: impl Fn(&T) -> K,
    changes: &mut Vec<TableChange>,
    dropped: impl Fn(T) -> TableChange,
    added: impl Fn(T) -> TableChange,
) {
    let keys = |items: &[T]| items.iter().map(&key).collect::<Vec<_>>();
    let (old_keys, new_keys) = (keys(old), keys(new));
    changes.extend(
        old.iter()
            .zip(&old_keys)
            .filter(|(_, key)| !new_keys.contains(key))
            .map(|(item, _)| dropped(item.clone())),
    );
    changes.extend(
        new.iter()
            .zip(&new_keys)
            .filter(|(_, key)| !old_keys.contains(key))
            .map(|(item, _)| added(item.clone())),
    );
}
