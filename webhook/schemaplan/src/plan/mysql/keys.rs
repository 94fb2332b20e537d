//! Foreign keys that have to let go while what they hold on to changes or goes, whatever table they are of.

use std::collections::{BTreeMap, BTreeSet};

use super::alter::Alter;
use super::tables::Work;
use super::text::{qualified, quote};
use super::{Name, statement};
use crate::catalog::{Catalog, ForeignKey, Table};
use crate::diff::Change;
use crate::plan::Statement;

impl<'a> Work<'a> {
    /// Finds the foreign keys that hold on to a column which changes, in whatever table they are.
    pub(super) fn lift_foreign_keys(&mut self, current: &'a Catalog, desired: &'a Catalog) {
        let touched: BTreeSet<(Name<'a>, &'a str)> = self
            .altered
            .iter()
            .flat_map(|(name, alter)| {
                alter
                    .touched()
                    .into_iter()
                    .map(move |column| (*name, column))
            })
            .collect();
        if touched.is_empty() {
            return;
        }
        let is_wanted = |schema: &str, table: &str| {
            let content = desired.schemas.get(schema);
            content.is_none_or(|content| content.tables.contains_key(table))
        };
        // One that is not wanted and stays all the same, because drops are skipped.
        let left: Vec<_> = all_tables(current)
            .filter(|(schema, table, _)| {
                !is_wanted(schema, table) && !self.dropped.contains_key(&(*schema, *table))
            })
            .collect();
        for (schema, table, new) in all_tables(desired).chain(left) {
            let old = current
                .schemas
                .get(schema)
                .and_then(|schema| schema.tables.get(table))
                .or_else(|| self.altered.get(&(schema, table)).map(|alter| alter.old));
            let Some(old) = old else {
                continue;
            };
            for (name, key) in &new.foreign_keys {
                if old.foreign_keys.get(name) != Some(key) {
                    continue;
                }
                let referred = (
                    if key.schema.is_empty() {
                        schema
                    } else {
                        &key.schema
                    },
                    key.table.as_str(),
                );
                let held = key
                    .columns
                    .iter()
                    .map(|column| ((schema, table), column.as_str()))
                    .chain(
                        key.referred
                            .iter()
                            .map(|column| (referred, column.as_str())),
                    )
                    .any(|column| touched.contains(&column));
                if held {
                    let untouched = self.alter(schema, old, new, &[]);
                    self.altered
                        .entry((schema, table))
                        .or_insert(untouched)
                        .lifted
                        .insert(name);
                }
            }
        }
    }

    /// Foreign keys that go, and those of tables that go where they are in the way: another table takes over the name, tables that go refer to each
    /// other, or what they refer to changes.
    pub(super) fn foreign_keys_dropped(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for ((schema, table), alter) in &self.altered {
            let names = alter.keys_dropped();
            statements.extend(drop_keys(schema, table, &names));
        }
        let added: BTreeSet<Name<'_>> = self
            .created
            .iter()
            .flat_map(|((schema, _), table)| {
                table
                    .foreign_keys
                    .keys()
                    .map(|name| (*schema, name.as_str()))
            })
            .chain(self.altered.iter().flat_map(|((schema, _), alter)| {
                alter.keys_added().into_iter().map(|name| (*schema, name))
            }))
            .collect();
        let circular: BTreeMap<Name<'_>, BTreeSet<Name<'_>>> =
            self.drop_order().into_iter().collect();
        for ((schema, table), old) in &self.dropped {
            let waits = circular.get(&(*schema, *table));
            let names: BTreeSet<&str> = old
                .foreign_keys
                .iter()
                .filter(|(name, key)| {
                    added.contains(&(*schema, name.as_str()))
                        || waits.is_some_and(|waits| waits.contains(&referred(schema, key)))
                        || self
                            .altered
                            .get(&referred(schema, key))
                            .is_some_and(Alter::loosens)
                })
                .map(|(name, _)| name.as_str())
                .collect();
            statements.extend(drop_keys(schema, table, &names));
        }
        for change in self.changes {
            let Change::SchemaDropped { schema, old } = change else {
                continue;
            };
            // Of two databases that go, one may refer to the other.
            for (table, old) in &old.tables {
                let keys = old.foreign_keys.iter();
                let names = keys.filter(|(_, key)| !key.schema.is_empty());
                let names = names.map(|(name, _)| name.as_str()).collect();
                statements.extend(drop_keys(schema, table, &names));
            }
        }
        statements
    }
}

/// The table that a foreign key refers to.
pub(super) fn referred<'a>(schema: &'a str, key: &'a ForeignKey) -> Name<'a> {
    let schema = if key.schema.is_empty() {
        schema
    } else {
        &key.schema
    };
    (schema, &key.table)
}

fn all_tables(catalog: &Catalog) -> impl Iterator<Item = (&str, &str, &Table)> {
    catalog.schemas.iter().flat_map(|(schema, content)| {
        let tables = content.tables.iter();
        tables.map(move |(name, table)| (schema.as_str(), name.as_str(), table))
    })
}

fn drop_keys(schema: &str, table: &str, names: &BTreeSet<&str>) -> Option<Statement> {
    let drops: Vec<String> = names
        .iter()
        .map(|name| format!("DROP FOREIGN KEY {}", quote(name)))
        .collect();
    let purposes: Vec<String> = names
        .iter()
        .map(|name| format!("drop foreign key {name}"))
        .collect();
    (!drops.is_empty()).then(|| {
        statement(
            format!(
                "ALTER TABLE {} {}",
                qualified(schema, table),
                drops.join(", ")
            ),
            false,
            format!("table {table}: {}", purposes.join(", ")),
        )
    })
}
