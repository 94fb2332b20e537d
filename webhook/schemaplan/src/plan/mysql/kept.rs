//! Indexes and checks that do not change themselves, and yet go and come again, as the server would lose them or give them another shape.

use crate::catalog::Index;
use crate::diff::{ColumnChange, TableChange};

use super::alter::{Action, Alter};
use super::text::{OF_COLUMN, check, dropped_check, quote};

impl<'a> Alter<'a> {
    /// Indexes and checks that do not change themselves, of columns that go and come in one statement: a server keeps the index of one that goes for as many
    /// bytes as that had, and drops a check of it or fails.
    pub(super) fn keep_uses_of_remade(&self, drops: &mut Vec<Action>, adds: &mut Vec<Action>) {
        let both = self.new.columns.iter();
        let remade: Vec<&str> = both
            .filter_map(|(name, new)| {
                let old = self.old.columns.get(name)?;
                let is_remade = ColumnChange::between(old, new).generated
                    && !Self::generated_in_place(old, new);
                is_remade.then_some(name.as_str())
            })
            .collect();
        for (name, index) in &self.new.indexes {
            let mut columns = index.parts.iter().filter_map(|part| part.column.as_deref());
            if columns.any(|column| remade.contains(&column))
                && self.old.indexes.get(name) == Some(index)
            {
                let sql = format!("DROP INDEX {}", quote(name));
                drops.push(Action::new(sql, String::new()));
                adds.push(self.add_index(name, index, format!("keep index {name}")));
            }
        }
        for (name, new) in &self.new.checks {
            let mut columns = remade.iter();
            if columns.any(|column| new.expression.contains(&quote(column)))
                && new.attributes != OF_COLUMN
                && self.old.checks.get(name) == Some(new)
            {
                let sql = format!("DROP {}", dropped_check(self.dialect, name, new));
                drops.push(Action::new(sql, String::new()));
                let sql = format!("ADD {}", check(name, new));
                adds.push(Action::new(sql, format!("keep check {name}")));
            }
        }
    }

    /// A server drops the index that it made for a foreign key as soon as another one will do, and also one that it called after a column when the key
    /// comes back, whose name the next one gets. Where the wanted schema keeps it, it is made again by name, which makes it nobody's but the table's.
    pub(super) fn keep_generated_indexes(&self, drops: &mut Vec<Action>, adds: &mut Vec<Action>) {
        let columns = |index: &'a Index| index.parts.iter().map(|part| part.column.as_deref());
        let added: Vec<&Index> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                TableChange::IndexAdded { new, .. } | TableChange::IndexChanged { new, .. } => {
                    Some(*new)
                }
                _ => None,
            })
            .collect();
        let added_keys = self.keys_added();
        for (key_name, key) in &self.new.foreign_keys {
            let covers = |index: &'a Index| {
                columns(index)
                    .zip(&key.columns)
                    .filter(|(column, needed)| *column == Some(needed.as_str()))
                    .count()
                    == key.columns.len()
            };
            let is_replaced = added.iter().any(|index| covers(index));
            let mut old_keys = self.old.foreign_keys.values();
            let comes_back = added_keys.contains(key_name.as_str())
                && old_keys.any(|old| old.columns == key.columns);
            if !is_replaced && !comes_back {
                continue;
            }
            let after_column = |name: &str| {
                let number = key
                    .columns
                    .first()
                    .and_then(|column| name.strip_prefix(column.as_str()));
                number
                    .is_some_and(|number| number.chars().all(|it| it == '_' || it.is_ascii_digit()))
            };
            let generated = self.new.indexes.iter().filter(|(name, index)| {
                !index.unique
                    && (is_replaced || after_column(name))
                    && index.parts.len() == key.columns.len()
                    && covers(index)
                    && self.old.indexes.get(*name).map(|old| &old.parts) == Some(&index.parts)
            });
            for (name, index) in generated {
                drops.push(Action::new(
                    format!("DROP INDEX {}", quote(name)),
                    String::new(),
                ));
                adds.push(self.add_index(name, index, format!("keep index {name}")));
            }
        }
    }
}
