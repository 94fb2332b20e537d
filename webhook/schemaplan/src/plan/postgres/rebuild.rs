//! A type that cannot be changed in place: an enumeration that loses a label, a domain over another type.
//!
//! The old type steps aside under another name, the new one is made, every column moves over by way of text, and the old one goes. Rows with a
//! label that is gone make the server refuse all of it. What compares the column with a value of the old type (a check, a predicate) is
//! taken away and made again.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Column, Object, ObjectKind, Table};
use crate::plan::{Refusal, Statement};

use super::alter::{KeyName, is_in_partition_key, part_of_key};
use super::objects::statement;
use super::text::{check, create_index, index_constraint, joined, qualified, quote};
use super::{ObjectName, TableName};

/// What the old type is called meanwhile.
const ASIDE: &str = "__tidegate_old";

/// The statements, or why it cannot be. What they drop for good is added to `lifted`.
pub(super) fn rebuild<'a>(
    current: &'a Catalog,
    desired: &Catalog,
    (schema, kind, name): (&str, ObjectKind, &str),
    new: &Object,
    gone: &BTreeSet<ObjectName<'a>>,
    remade: &BTreeSet<TableName<'a>>,
    lifted: &mut BTreeSet<KeyName<'a>>,
) -> Result<Vec<Statement>, Refusal> {
    let key = joined(schema, name);
    for (user_schema, schema) in &current.schemas {
        for (user_kind, objects) in &schema.objects {
            let is_type = matches!(
                user_kind,
                ObjectKind::Domain | ObjectKind::Composite | ObjectKind::Range
            );
            let user = objects.iter().find(|(user, object)| {
                let is_gone = gone.contains(&(user_schema.as_str(), *user_kind, user.as_str()));
                is_type && !is_gone && object.needs.contains(&key)
            });
            if let Some((user, _)) = user {
                return Err(Refusal {
                    object: format!("{kind} {name}"),
                    reason: format!(
                        "it has to be made anew, and the {user_kind} {} is made of it: change that in a migration",
                        joined(user_schema, user)
                    ),
                });
            }
        }
    }
    let shown = qualified(schema, name);
    let purpose = format!("make {kind} {name} anew");
    let (renamed, dropped) = step_aside(schema, name, &purpose);
    let mut statements = vec![renamed, statement(new.create.clone(), &purpose)];
    if new.comment.is_some() {
        statements.push(super::objects::comment_on(schema, kind, name, new));
    }
    // The server spells a name without quotes where it can.
    let spellings = [spelled(schema, name), shown.clone()];
    for (table_schema, held) in &current.schemas {
        for (table_name, table) in &held.tables {
            // Its rows have gone aside, and come back as the new type.
            if remade.contains(&(table_schema.as_str(), table_name.as_str())) {
                continue;
            }
            let columns: BTreeMap<&String, &Column> = table
                .columns
                .iter()
                .filter(|(_, column)| is_of(&column.data_type, &spellings))
                .collect();
            if columns.is_empty() {
                continue;
            }
            let mut names = columns.keys();
            if let Some(column) = names.find(|name| is_in_partition_key(table, name)) {
                return Err(part_of_key(table_name, column));
            }
            let wanted = desired
                .schemas
                .get(table_schema)
                .and_then(|schema| schema.tables.get(table_name));
            move_over(
                (table_schema, table_name, table, wanted),
                &columns,
                &spellings,
                &shown,
                &purpose,
                (&mut statements, lifted),
            );
        }
    }
    statements.push(dropped);
    Ok(statements)
}

/// What gives a type another name, so that something else can have it, and what drops it when nothing is made of it any more.
pub(super) fn step_aside(schema: &str, name: &str, purpose: &str) -> (Statement, Statement) {
    let aside = format!("{}{ASIDE}", truncated(name));
    let renamed = format!(
        "ALTER TYPE {} RENAME TO {}",
        qualified(schema, name),
        quote(&aside)
    );
    let dropped = format!("DROP TYPE {}", qualified(schema, &aside));
    (statement(renamed, purpose), statement(dropped, purpose))
}

/// A column, or a type, that is made of a type, in words.
pub(super) fn column_of(catalog: &Catalog, schema: &str, name: &str) -> Option<String> {
    let spellings = [spelled(schema, name), qualified(schema, name)];
    let key = joined(schema, name);
    catalog.schemas.values().find_map(|held| {
        let columns = held.tables.iter().find_map(|(table, definition)| {
            let mut columns = definition.columns.iter();
            let (column, _) = columns.find(|(_, column)| is_of(&column.data_type, &spellings))?;
            Some(format!("the column {table}.{column}"))
        });
        columns.or_else(|| {
            held.objects.iter().find_map(|(kind, objects)| {
                let is_type = matches!(kind, ObjectKind::Domain | ObjectKind::Composite);
                let mut objects = objects.iter().filter(|_| is_type);
                let (user, _) = objects.find(|(_, object)| object.needs.contains(&key))?;
                Some(format!("the {kind} {user}"))
            })
        })
    })
}

/// Whether a column is a list of a type.
pub(super) fn is_in_lists(catalog: &Catalog, schema: &str, name: &str) -> bool {
    let spellings = [spelled(schema, name), qualified(schema, name)];
    let mut tables = catalog
        .schemas
        .values()
        .flat_map(|held| held.tables.values());
    tables.any(|table| {
        let mut columns = table.columns.values().map(|column| &column.data_type);
        columns.any(|data_type| data_type.ends_with("[]") && is_of(data_type, &spellings))
    })
}

/// Whether a column, an index or a domain is sorted by a collation.
pub(super) fn is_collated_by(catalog: &Catalog, schema: &str, name: &str) -> bool {
    let spellings = [spelled(schema, name), qualified(schema, name)];
    let names = |text: &str| {
        let mut spellings = spellings.iter();
        spellings.any(|spelling| text.contains(spelling.as_str()))
    };
    catalog.schemas.values().any(|held| {
        let mut domains = held.objects.get(&ObjectKind::Domain).into_iter().flatten();
        let in_table = |table: &Table| {
            let mut columns = table.columns.values();
            let mut parts = table.indexes.values().flat_map(|index| &index.parts);
            columns.any(|column| column.collation.as_deref().is_some_and(names))
                || parts.any(|part| names(&part.attributes))
        };
        held.tables.values().any(in_table) || domains.any(|(_, domain)| names(&domain.definition))
    })
}

fn move_over<'a>(
    (schema, name, table, wanted): (&'a str, &'a str, &'a Table, Option<&Table>),
    columns: &BTreeMap<&String, &Column>,
    spellings: &[String],
    shown: &str,
    purpose: &str,
    (statements, lifted): (&mut Vec<Statement>, &mut BTreeSet<KeyName<'a>>),
) {
    let of_type = |text: &str| {
        spellings
            .iter()
            .any(|spelling| text.contains(&format!("::{spelling}")))
    };
    let table_name = qualified(schema, name);
    let (mut before, mut actions, mut behind, mut after) = (vec![], vec![], vec![], vec![]);
    for (check_name, definition) in &table.checks {
        if of_type(&definition.expression) {
            before.push(format!("DROP CONSTRAINT {}", quote(check_name)));
            // One that changes is added by the table's own changes.
            let stays = wanted.and_then(|wanted| wanted.checks.get(check_name));
            if stays == Some(definition) {
                behind.push(format!("ADD {}", check(check_name, definition)));
            } else {
                lifted.insert((schema, name, check_name));
            }
        }
    }
    for (index_name, index) in &table.indexes {
        let uses = index.options.values().any(|option| of_type(option))
            || index
                .parts
                .iter()
                .any(|part| part.expression.as_deref().is_some_and(of_type));
        if !uses {
            continue;
        }
        let stays = wanted
            .and_then(|wanted| wanted.indexes.get(index_name))
            .filter(|wanted| {
                (&wanted.parts, &wanted.options, wanted.unique)
                    == (&index.parts, &index.options, index.unique)
            });
        if stays.is_none() {
            lifted.insert((schema, name, index_name));
        }
        if index.constraint {
            before.push(format!("DROP CONSTRAINT {}", quote(index_name)));
            behind
                .extend(stays.map(|index| format!("ADD {}", index_constraint(index_name, index))));
        } else {
            statements.push(statement(
                format!("DROP INDEX {}", qualified(schema, index_name)),
                purpose,
            ));
            after.extend(stays.map(|index| {
                statement(create_index(&table_name, index_name, index, false), purpose)
            }));
        }
    }
    for (column_name, column) in columns {
        let head = format!("ALTER COLUMN {}", quote(column_name));
        let stays = wanted
            .and_then(|wanted| wanted.columns.get(*column_name))
            .filter(|wanted| wanted.data_type == column.data_type);
        if column.default.is_some() {
            actions.push(format!("{head} DROP DEFAULT"));
        }
        let array = if column.data_type.ends_with("[]") {
            "[]"
        } else {
            ""
        };
        let cast = format!("USING {}::text{array}", quote(column_name));
        match stays {
            Some(wanted) => {
                actions.push(format!("{head} TYPE {shown}{array} {cast}::{shown}{array}"));
                if let Some(default) = &wanted.default {
                    behind.push(format!("{head} SET DEFAULT {default}"));
                }
            }
            // It goes, or becomes something else: what is there must not be in the way.
            None => actions.push(format!("{head} TYPE text{array} {cast}")),
        }
    }
    statements.push(Statement {
        sql: format!(
            "ALTER TABLE {table_name} {}",
            [before, actions, behind].concat().join(", ")
        ),
        destructive: true,
        alone: false,
        together: false,
        purpose: purpose.to_owned(),
    });
    statements.extend(after);
}

/// Whether a type is one of these, or a list of it.
pub(super) fn is_of(data_type: &str, spellings: &[String]) -> bool {
    let element = data_type.trim_end_matches("[]");
    spellings.iter().any(|spelling| spelling == element)
}

/// A name as the server prints it: in quotes only where it must be. Keywords are left out; they are in the other spelling.
pub(super) fn spelled(schema: &str, name: &str) -> String {
    let one = |name: &str| {
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if plain { name.to_owned() } else { quote(name) }
    };
    if schema.is_empty() {
        one(name)
    } else {
        format!("{}.{}", one(schema), one(name))
    }
}

/// So much of a name that the whole fits in what the server keeps of one.
fn truncated(name: &str) -> String {
    name.chars().take(20).collect()
}
