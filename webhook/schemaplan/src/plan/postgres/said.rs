//! What is said of things by statements of its own, when all things are there: comments on parts, rights.

use crate::catalog::{Index, Object, ObjectKind, Sayings, Table};
use crate::diff::TableChange;
use crate::plan::Statement;

use super::Work;
use super::objects::{is_managed, statement};
use super::text::qualified;

impl<'a> Work<'a> {
    /// Of new things all that is said, of the others what differs.
    pub(super) fn said(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (name, schema) in &self.desired.schemas {
            let held = self.current.schemas.get(name);
            between(
                held.map(|held| &held.rights),
                &schema.rights,
                &format!("rights on schema {name}"),
                &mut statements,
            );
            for (table_name, table) in &schema.tables {
                let held = held.and_then(|held| held.tables.get(table_name));
                let held = held.filter(|_| !self.created.contains_key(&(name, table_name)));
                self.said_of_table((name, table_name), held, table, &mut statements);
            }
            for (kind, objects) in &schema.objects {
                for (object_name, object) in objects {
                    let full = (name.as_str(), *kind, object_name.as_str());
                    let held = held.and_then(|held| held.objects.get(kind)?.get(object_name));
                    let is_new = self.made.contains_key(&full)
                        || self.again.contains(&full)
                        || self.rebuilt.contains(&full);
                    if is_managed(object) {
                        said_of_object(
                            *kind,
                            object_name,
                            held.filter(|_| !is_new),
                            object,
                            &mut statements,
                        );
                    }
                }
            }
        }
        statements
    }

    fn said_of_table(
        &self,
        (schema, name): (&'a str, &'a str),
        held: Option<&Table>,
        table: &'a Table,
        statements: &mut Vec<Statement>,
    ) {
        let none = &Sayings::new();
        let changes = self.altered.get(&(schema, name));
        let changes = changes.map_or(&[][..], |(_, _, changes)| changes.as_slice());
        let has_new_key = self.lifted_primary_keys.contains(&(schema, name))
            || changes.iter().any(|change| {
                matches!(
                    change,
                    TableChange::PrimaryKeyChanged { .. } | TableChange::PrimaryKeyAdded { .. }
                )
            });
        let (details, rights) = held.map_or((none, none), |held| (&held.details, &held.rights));
        // What is said of a key's index goes with the key.
        let details = if has_new_key { none } else { details };
        between(
            Some(details),
            &table.details,
            &format!("details of table {name}"),
            statements,
        );
        between(
            Some(rights),
            &table.rights,
            &format!("rights on table {name}"),
            statements,
        );
        for (index_name, index) in &table.indexes {
            let is_made = changes.iter().any(|change| match change {
                TableChange::IndexAdded { name, .. } => name == index_name,
                TableChange::IndexChanged { name, old, new } => {
                    name == index_name && !differ_in_statistics_only(old, new)
                }
                _ => false,
            });
            let is_made = is_made || self.lifted.contains(&(schema, name, index_name));
            let held = held
                .and_then(|held| held.indexes.get(index_name))
                .filter(|_| !is_made);
            statistics(&qualified(schema, index_name), held, index, statements);
        }
    }
}

fn said_of_object(
    kind: ObjectKind,
    name: &str,
    held: Option<&Object>,
    object: &Object,
    statements: &mut Vec<Statement>,
) {
    let purpose = format!("details of {kind} {name}");
    between(
        held.map(|held| &held.details),
        &object.details,
        &purpose,
        statements,
    );
    let purpose = format!("rights on {kind} {name}");
    between(
        held.map(|held| &held.rights),
        &object.rights,
        &purpose,
        statements,
    );
}

fn between(
    held: Option<&Sayings>,
    wanted: &Sayings,
    purpose: &str,
    statements: &mut Vec<Statement>,
) {
    for undo in held.into_iter().flatten().map(|(undo, _)| undo) {
        if !wanted.contains_key(undo) {
            statements.push(statement(undo.clone(), purpose));
        }
    }
    for (undo, said) in wanted {
        if held.and_then(|held| held.get(undo)) != Some(said) {
            statements.push(statement(said.clone(), purpose));
        }
    }
}

/// Whether an index can stay, and only what the server counts of its expressions differs.
pub(super) fn differ_in_statistics_only(old: &Index, new: &Index) -> bool {
    let but_statistics = |index: &Index| {
        let mut index = index.clone();
        index.create = None;
        index.options.retain(|option, _| !is_statistics(option));
        index
    };
    but_statistics(old) == but_statistics(new)
}

pub(super) fn is_statistics(option: &str) -> bool {
    option.starts_with("statistics of ")
}

fn statistics(shown: &str, held: Option<&Index>, index: &Index, statements: &mut Vec<Statement>) {
    let purpose = format!("statistics of index {shown}");
    let of = |index: &Index| -> Sayings {
        let options = index.options.iter().filter_map(|(option, target)| {
            let column = option.strip_prefix("statistics of ")?;
            let set = |target: &str| {
                format!("ALTER INDEX {shown} ALTER COLUMN {column} SET STATISTICS {target}")
            };
            Some((set("-1"), set(target)))
        });
        options.collect()
    };
    between(held.map(of).as_ref(), &of(index), &purpose, statements);
}
