//! Partitions that change places: whoever gives up a part of the key leaves before somebody else takes it.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Table};
use crate::diff::TableChange;
use crate::plan::Statement;

use super::objects::statement;
use super::parents::{inherits, table_in};
use super::text::{primary_key_name, qualified, quote, sequence_of};
use super::{TableName, Work, spelled};

impl<'a> Work<'a> {
    /// A partition leaves its parent before all else where another one comes, and so does one that is dropped. One that only gets other bounds does
    /// when its parent's columns stay as they are, as it would miss what they become.
    pub(super) fn leave_parents(&mut self) {
        let of = |table: &'a Table| table.options.get("partition of");
        let bound = |table: &'a Table| table.options.get("partition bound");
        let created = self.created.values().filter_map(|table| of(table));
        let altered = self.altered.values().filter_map(|(old, new, _)| {
            let moves = of(old) != of(new) || bound(old) != bound(new);
            of(new).filter(|_| moves)
        });
        let joined: BTreeSet<&str> = created.chain(altered).map(String::as_str).collect();
        let mut leaving: Vec<TableName<'a>> = Vec::new();
        for (&name, &table) in &self.dropped {
            let parent = of(table).filter(|parent| joined.contains(parent.as_str()));
            let stays = |parent: &str| !self.dropped.keys().any(|name| spelled(*name, parent));
            if parent.is_some_and(|parent| stays(parent)) {
                leaving.push(name);
            }
        }
        // One that leaves a parent whose indexes change keeps what it has of them.
        for (&name, (old, new, _)) in &self.altered {
            let left = of(old).filter(|parent| of(new) != Some(parent));
            if left.is_some_and(|parent| self.changes_indexes(parent)) {
                leaving.push(name);
            }
        }
        for (&name, (old, new, _)) in &self.altered {
            let Some(parent) = of(old).filter(|parent| joined.contains(parent.as_str())) else {
                continue;
            };
            let leaves = of(new) != Some(parent);
            let is_moved = bound(old) != bound(new) && !self.changes_columns(parent);
            if leaves || is_moved {
                leaving.push(name);
            }
        }
        self.detached.extend(leaving);
        self.let_go_of_numbers();
    }

    /// A partition that has left must not call a sequence that goes with the parent.
    fn let_go_of_numbers(&mut self) {
        let mut calling = Vec::new();
        for &(schema, name) in &self.detached {
            let held = |catalog: &'a Catalog| catalog.schemas.get(schema)?.tables.get(name);
            let Some(parent) =
                held(self.current).and_then(|table| table.options.get("partition of"))
            else {
                continue;
            };
            let mut dropped = self.dropped.iter();
            let parent = dropped.find(|(name, _)| spelled(**name, parent));
            for (column, theirs) in parent.into_iter().flat_map(|(_, parent)| &parent.columns) {
                if sequence_of(theirs).is_some() && theirs.default.is_some() {
                    calling.push((schema, name, column.as_str()));
                }
            }
        }
        self.without_default.extend(calling);
    }

    /// Of the columns of a table those that it gives up, but none of its children.
    pub(super) fn kept_by_children(
        &self,
        name: TableName<'_>,
        old: &'a Table,
    ) -> BTreeSet<&'a str> {
        let tables = self
            .desired
            .schemas
            .values()
            .flat_map(|held| held.tables.values());
        let mut children =
            tables.filter(|table| inherits(table).any(|parent| spelled(name, parent)));
        let Some(first) = children.next() else {
            return BTreeSet::new();
        };
        let others: Vec<&Table> = children.collect();
        let own = first.columns.keys().chain(&first.merged.0);
        let kept = own.filter_map(|column| {
            let (column, _) = old.columns.get_key_value(column)?;
            let all = others
                .iter()
                .all(|child| child.columns.contains_key(column) || child.merged.0.contains(column));
            all.then_some(column.as_str())
        });
        kept.collect()
    }

    /// A partition's part of an index is made anew with the whole, and forgets that rows are told apart by it, or lie in its order.
    pub(super) fn marks_of_parts(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (schema, held) in &self.desired.schemas {
            for (name, table) in &held.tables {
                let is = self.current.schemas.get(schema);
                let is = is.and_then(|held| held.tables.get(name));
                let Some(is) = is.filter(|_| self.is_below_a_change(table)) else {
                    continue;
                };
                for (option, value) in marks_of_parts(name, table) {
                    if is.options.get(option) == Some(value) {
                        let shown = qualified(schema, name);
                        let sql = format!("ALTER TABLE {shown} {}", mark(option, value));
                        statements.push(statement(sql, &format!("modify table {name}")));
                    }
                }
            }
        }
        statements
    }

    /// Whether a table above it gets other indexes, or a column another type.
    fn is_below_a_change(&self, table: &Table) -> bool {
        let mut above = table.options.get("partition of");
        while let Some(parent) = above {
            let is_changed = self.changes(parent, |change| match change {
                TableChange::ColumnChanged { changed, .. } => {
                    changed.data_type || changed.collation
                }
                TableChange::IndexChanged { .. } | TableChange::PrimaryKeyChanged { .. } => true,
                _ => false,
            });
            if is_changed {
                return true;
            }
            let parent = table_in(self.desired, parent);
            above = parent.and_then(|(_, parent)| parent.options.get("partition of"));
        }
        false
    }

    fn changes_indexes(&self, parent: &str) -> bool {
        self.changes(parent, |change| {
            matches!(
                change,
                TableChange::IndexDropped { .. }
                    | TableChange::IndexChanged { .. }
                    | TableChange::PrimaryKeyDropped { .. }
                    | TableChange::PrimaryKeyChanged { .. }
            )
        })
    }

    fn changes_columns(&self, parent: &str) -> bool {
        self.changes(parent, |change| {
            matches!(
                change,
                TableChange::ColumnAdded { .. }
                    | TableChange::ColumnDropped { .. }
                    | TableChange::ColumnChanged { .. }
            )
        })
    }

    /// Whether a table, as the server writes its name, has a change of this kind.
    pub(super) fn changes(&self, table: &str, is: impl Fn(&TableChange<'_>) -> bool) -> bool {
        let mut altered = self.altered.iter();
        let altered = altered.find(|(name, _)| spelled(**name, table));
        altered.is_some_and(|(_, (_, _, changes))| changes.iter().any(is))
    }
}

/// What a table says of an index that is not its own, but a part of its parent's.
fn marks_of_parts<'b>(name: &str, table: &'b Table) -> Vec<(&'static str, &'b String)> {
    let options = ["replica identity", "cluster on"].into_iter();
    let marks = options.filter_map(|option| Some((option, table.options.get(option)?)));
    marks
        .filter(|(_, value)| is_of_a_part(name, table, value))
        .collect()
}

/// Whether an index that a table says something of is a part of its parent's.
pub(super) fn is_of_a_part(name: &str, table: &Table, value: &str) -> bool {
    let index = value.strip_prefix("USING INDEX ").unwrap_or(value);
    let key = table.primary_key.as_ref();
    let key = key.map(|key| primary_key_name(name, key));
    let mut own = table.indexes.keys().chain(&key);
    let is_named = value.starts_with("USING INDEX ") || value.starts_with('"');
    table.options.contains_key("partition of") && is_named && !own.any(|own| quote(own) == index)
}

/// What an option says of an index, as an action of `ALTER TABLE`.
pub(super) fn mark(option: &str, value: &str) -> String {
    match option {
        "cluster on" => format!("CLUSTER ON {value}"),
        _ => format!("REPLICA IDENTITY {value}"),
    }
}
