//! What is said of things by statements of its own, when all things are there: comments on parts, rights.

use crate::catalog::{Index, Object, ObjectKind, Sayings, Table};
use crate::diff::TableChange;
use crate::owner::{Owner, has_owner};
use crate::plan::Statement;

use super::objects::{is_managed, named, statement};
use super::text::{is_plain_serial, qualified, quote};
use super::{TableName, Work};

impl<'a> Work<'a> {
    /// Of new things all that is said, of the others what differs.
    pub(super) fn said(&self, before: &[Statement]) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (name, schema) in &self.desired.schemas {
            let held = self.current.schemas.get(name);
            let owners = (held.map(|held| &held.owner), &schema.owner);
            let place = format!("SCHEMA {}", quote(name));
            let purpose = format!("owner of schema {name}");
            statements.extend(self.owner(held.is_none(), owners, &place, &purpose));
            between(
                held.map(|held| &held.rights),
                &schema.rights,
                &format!("rights on schema {name}"),
                &mut statements,
            );
            for (table_name, table) in &schema.tables {
                let held = held.and_then(|held| held.tables.get(table_name));
                let is_new = self.created.contains_key(&(name, table_name));
                let owners = (held.map(|held| &held.owner), &table.owner);
                let named = format!("TABLE {}", qualified(name, table_name));
                let purpose = format!("owner of table {table_name}");
                statements.extend(self.owner(is_new, owners, &named, &purpose));
                let held = held.filter(|_| !is_new);
                self.said_of_table((name, table_name), held, table, before, &mut statements);
            }
            for (kind, objects) in &schema.objects {
                for (object_name, object) in objects {
                    let full = (name.as_str(), *kind, object_name.as_str());
                    let held = held.and_then(|held| held.objects.get(kind)?.get(object_name));
                    let is_new = self.made.contains_key(&full)
                        || self.again.contains(&full)
                        || self.rebuilt.contains(&full);
                    if !is_managed(object) {
                        continue;
                    }
                    // What a column owns goes with its table.
                    let is_owned = *kind == ObjectKind::Sequence && !object.labels.is_empty();
                    if has_owner(*kind) && !is_owned {
                        let owners = (held.map(|held| &held.owner), &object.owner);
                        let named = named(name, *kind, object_name, object);
                        let purpose = format!("owner of {kind} {object_name}");
                        statements.extend(self.owner(is_new, owners, &named, &purpose));
                    }
                    let held = held.filter(|_| !is_new);
                    let usual = match rights_word(*kind) {
                        Some((word, of)) if is_new => {
                            let named = named(name, *kind, object_name, object);
                            let named = named.split_once(' ').map_or("", |(_, own)| own);
                            self.usual_rights(name, &[(of, format!("{word} {named}"))])
                        }
                        _ => Sayings::new(),
                    };
                    said_of_object(*kind, object_name, (held, &usual), object, &mut statements);
                }
            }
        }
        statements
    }

    /// Gives a thing to whose it should be, or was before it was made again. Before its rights, which are then the owner's gift.
    fn owner(
        &self,
        is_new: bool,
        (held, wanted): (Option<&Owner>, &Owner),
        named: &str,
        purpose: &str,
    ) -> Option<Statement> {
        let is = if is_new {
            Some(&self.current.user)
        } else {
            held
        };
        let role = wanted.role();
        let role = role.or_else(|| held.filter(|_| is_new)?.role())?;
        let is_theirs = is.and_then(Owner::role) == Some(role);
        (!is_theirs).then(|| statement(format!("ALTER {named} OWNER TO {role}"), purpose))
    }

    fn said_of_table(
        &self,
        (schema, name): (&'a str, &'a str),
        held: Option<&'a Table>,
        table: &'a Table,
        before: &[Statement],
        statements: &mut Vec<Statement>,
    ) {
        let none = &Sayings::new();
        let changes = self.altered.get(&(schema, name));
        let changes = changes.map_or(&[][..], |(_, _, changes)| changes.as_slice());
        let has_new_key = self.lifted_primary_keys.contains(&(schema, name))
            || changes.iter().any(|change| match change {
                TableChange::PrimaryKeyChanged { old, new } => {
                    (&old.parts, &old.include, &old.attributes)
                        != (&new.parts, &new.include, &new.attributes)
                }
                TableChange::PrimaryKeyAdded { .. } => true,
                _ => false,
            });
        let (details, rights) = held.map_or((none, none), |held| (&held.details, &held.rights));
        let rights = match held {
            Some(old) => &self.without_dropped_columns((schema, name), rights, (old, table)),
            None => &self.usual_rights(schema, &of_table((schema, name), table)),
        };
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
            let held = held.and_then(|held| held.indexes.get(index_name));
            let says = |index: &Index| index.options.keys().any(|option| is_statistics(option));
            // Most say nothing; whether one was made again is looked for among all statements.
            if !says(index) && !held.is_some_and(says) {
                continue;
            }
            let is_made = changes.iter().any(|change| match change {
                TableChange::IndexAdded { name, .. } => name == index_name,
                TableChange::IndexChanged { name, old, new } => {
                    name == index_name && !differ_in_statistics_only(old, new)
                }
                _ => false,
            });
            let is_again = self.lifted.contains(&(schema, name, index_name));
            let is_made = is_made || is_again || is_made_by(before, (schema, name), index_name);
            let held = held.filter(|_| !is_made);
            let shown = qualified(schema, index_name);
            statistics(&shown, held, index, statements);
        }
    }
}

impl<'a> Work<'a> {
    /// The rights on a table and its columns but for those that are dropped, also to be made again: their rights go with them.
    fn without_dropped_columns(
        &self,
        name: TableName<'_>,
        rights: &Sayings,
        (old, new): (&'a Table, &'a Table),
    ) -> Sayings {
        let changes = self.altered.get(&name);
        let changes = changes.map_or(&[][..], |(_, _, changes)| changes.as_slice());
        let mut dropped = self.made_again(name, (old, new), changes);
        dropped.extend(changes.iter().filter_map(|change| match change {
            TableChange::ColumnDropped { name, .. } => Some(*name),
            _ => None,
        }));
        let is_left = |undo: &str| {
            !dropped
                .iter()
                .any(|column| undo.contains(&format!(" ({}) ON ", quote(column))))
        };
        let left = rights.iter().filter(|(undo, _)| is_left(undo));
        left.map(|(undo, said)| (undo.clone(), said.clone()))
            .collect()
    }

    /// What the server gives of itself on new things of a schema, as `ALTER DEFAULT PRIVILEGES` has told it: by the word for their kind and their names.
    /// It is taken back where the wanted schema knows of that and does not have it.
    fn usual_rights(&self, schema: &str, things: &[(&str, String)]) -> Sayings {
        let mut usual = Sayings::new();
        let held = self.current.schemas.get(schema);
        let spoken = self.spoken_rights.get(schema);
        for (undo, said) in held.into_iter().flat_map(|held| &held.rights) {
            let is_known = spoken.is_some_and(|spoken| spoken.contains_key(undo));
            let right = said
                .split_once(" GRANT ")
                .filter(|(head, _)| is_known && head.starts_with("ALTER DEFAULT PRIVILEGES "));
            let Some((right, (kind, role))) = right.and_then(|(_, rest)| {
                let (right, rest) = rest.split_once(" ON ")?;
                Some((right, rest.split_once(" TO ")?))
            }) else {
                continue;
            };
            let (role, option) = match role.strip_suffix(" WITH GRANT OPTION") {
                Some(role) => (role, true),
                None => (role, false),
            };
            for (_, named) in things.iter().filter(|(of, _)| *of == kind) {
                if option {
                    let undo = format!("REVOKE GRANT OPTION FOR {right} ON {named} FROM {role}");
                    usual.insert(
                        undo,
                        format!("GRANT {right} ON {named} TO {role} WITH GRANT OPTION"),
                    );
                }
                let undo = format!("REVOKE {right} ON {named} FROM {role}");
                usual.insert(undo, format!("GRANT {right} ON {named} TO {role}"));
            }
        }
        usual
    }
}

/// A new table and the sequences that are made with it, as far as their names are known.
fn of_table<'b>((schema, name): TableName<'_>, table: &Table) -> Vec<(&'b str, String)> {
    let mut things = vec![("TABLES", format!("TABLE {}", qualified(schema, name)))];
    for (column_name, column) in &table.columns {
        if is_plain_serial(name, column_name, column) {
            let sequence = qualified(schema, &format!("{name}_{column_name}_seq"));
            things.push(("SEQUENCES", format!("SEQUENCE {sequence}")));
        }
    }
    things
}

/// The words for a kind in `GRANT` and in `ALTER DEFAULT PRIVILEGES`.
fn rights_word(kind: ObjectKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        ObjectKind::View | ObjectKind::ForeignTable => ("TABLE", "TABLES"),
        ObjectKind::Sequence => ("SEQUENCE", "SEQUENCES"),
        ObjectKind::Function => ("FUNCTION", "FUNCTIONS"),
        ObjectKind::Procedure => ("PROCEDURE", "FUNCTIONS"),
        ObjectKind::Enum | ObjectKind::Range | ObjectKind::Composite | ObjectKind::Domain => {
            ("TYPE", "TYPES")
        }
        _ => return None,
    })
}

fn said_of_object(
    kind: ObjectKind,
    name: &str,
    (held, usual): (Option<&Object>, &Sayings),
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
        Some(held.map_or(usual, |held| &held.rights)),
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

/// Whether one of these makes an index, for whatever reason: what was said of it before went with it.
fn is_made_by(statements: &[Statement], (schema, table): TableName<'_>, index: &str) -> bool {
    let named = format!("{} ON {}", quote(index), qualified(schema, table));
    statements.iter().any(|one| {
        let words = one.sql.strip_prefix("CREATE ").unwrap_or_default();
        let words = words.strip_prefix("UNIQUE ").unwrap_or(words);
        let words = words.strip_prefix("INDEX ").unwrap_or_default();
        let words = words.strip_prefix("CONCURRENTLY ").unwrap_or(words);
        words.starts_with(&named)
    })
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
