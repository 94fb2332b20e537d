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
use super::text::{
    check, comment, create_index, index_constraint, joined, mentions, qualified, quote,
    short_digest,
};
use super::{ObjectName, TableName};

/// What the old type is called meanwhile.
const ASIDE: &str = "__tidegate_old";

/// Of a name that something is put behind.
const LONGEST_BYTES: usize = 45;

/// The statements, or why it cannot be. What they drop for good is added to `lifted`.
pub(super) fn rebuild<'a>(
    current: &'a Catalog,
    desired: &Catalog,
    (schema, kind, name): (&str, ObjectKind, &str),
    new: &Object,
    gone: &BTreeSet<ObjectName<'a>>,
    (remade, recomputed): (&BTreeSet<TableName<'a>>, &BTreeSet<KeyName<'a>>),
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
    let spellings = spellings(schema, name);
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
            let wanted = desired
                .schemas
                .get(table_schema)
                .and_then(|schema| schema.tables.get(table_name));
            if columns.is_empty() && wanted.is_none() {
                continue;
            }
            let mut names = columns.keys();
            if let Some(column) = names.find(|name| is_in_partition_key(table, name)) {
                return Err(part_of_key(table_name, column));
            }
            let comes_again: BTreeSet<&str> = table
                .columns
                .keys()
                .map(String::as_str)
                .filter(|name| recomputed.contains(&(table_schema, table_name, name)))
                .filter(|name| {
                    let wanted = wanted.and_then(|wanted| wanted.columns.get(*name));
                    wanted.is_some_and(|column| column.generated.is_some())
                })
                .collect();
            move_over(
                (table_schema, table_name, table, wanted),
                (&columns, &comes_again),
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
    let spellings = spellings(schema, name);
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
    let spellings = spellings(schema, name);
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
    let spellings = spellings(schema, name);
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
    (columns, comes_again): (&BTreeMap<&String, &Column>, &BTreeSet<&str>),
    spellings: &[String],
    shown: &str,
    purpose: &str,
    (statements, lifted): (&mut Vec<Statement>, &mut BTreeSet<KeyName<'a>>),
) {
    let of_type = |text: &str| casts_to(text, spellings);
    // It comes again with the column.
    let is_of_again = |text: &str| comes_again.iter().any(|column| mentions(text, column));
    let table_name = qualified(schema, name);
    let said_of_constraint = |constraint: &str, text: Option<&str>| {
        let what = format!("CONSTRAINT {} ON {table_name}", quote(constraint));
        text.map(|text| statement(comment(&what, Some(text)), purpose))
    };
    let (mut before, mut actions, mut behind, mut after) = (vec![], vec![], vec![], vec![]);
    for (check_name, definition) in &table.checks {
        if of_type(&definition.expression) {
            before.push(format!("DROP CONSTRAINT {}", quote(check_name)));
            // One that changes is added by the table's own changes.
            let stays = wanted.and_then(|wanted| wanted.checks.get(check_name));
            if stays == Some(definition) {
                if !is_of_again(&definition.expression) {
                    behind.push(format!("ADD {}", check(check_name, definition)));
                    let text = definition.comment.as_deref();
                    after.extend(said_of_constraint(check_name, text));
                }
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
        let mut columns = index.parts.iter().filter_map(|part| part.column.as_deref());
        let mut expressions = index
            .parts
            .iter()
            .filter_map(|part| part.expression.as_deref());
        let stays = stays.filter(|_| {
            !columns.any(|column| comes_again.contains(column))
                && !expressions.any(is_of_again)
                && !index.options.values().any(|option| is_of_again(option))
        });
        if index.constraint {
            before.push(format!("DROP CONSTRAINT {}", quote(index_name)));
            behind
                .extend(stays.map(|index| format!("ADD {}", index_constraint(index_name, index))));
            let text = stays.and_then(|index| index.options.get("comment on constraint"));
            after.extend(said_of_constraint(index_name, text.map(String::as_str)));
        } else {
            statements.push(statement(
                format!("DROP INDEX {}", qualified(schema, index_name)),
                purpose,
            ));
            after.extend(stays.map(|index| {
                statement(create_index(&table_name, index_name, index, false), purpose)
            }));
        }
        if let Some(text) = stays.and_then(|index| index.comment.as_deref()) {
            let what = format!("INDEX {}", qualified(schema, index_name));
            after.push(statement(comment(&what, Some(text)), purpose));
        }
    }
    for (column_name, column) in columns {
        let head = format!("ALTER COLUMN {}", quote(column_name));
        let stays = wanted
            .and_then(|wanted| wanted.columns.get(*column_name))
            .filter(|wanted| wanted.data_type == column.data_type)
            .filter(|_| !comes_again.contains(column_name.as_str()));
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
    let destructive = !actions.is_empty();
    let actions = [before, actions, behind].concat().join(", ");
    if !actions.is_empty() {
        statements.push(Statement {
            destructive,
            ..statement(format!("ALTER TABLE {table_name} {actions}"), purpose)
        });
    }
    statements.extend(after);
}

/// Whether an expression makes something a value of a type.
pub(super) fn casts_to(expression: &str, spellings: &[String]) -> bool {
    let mut spellings = spellings.iter();
    spellings.any(|spelling| expression.contains(&format!("::{spelling}")))
}

/// Whether a type is one of these, or a list of it.
pub(super) fn is_of(data_type: &str, spellings: &[String]) -> bool {
    let element = data_type.trim_end_matches("[]");
    spellings.iter().any(|spelling| spelling == element)
}

/// The two ways in which a definition can say a type's name: as the server prints it, and in quotes throughout.
pub(super) fn spellings(schema: &str, name: &str) -> [String; 2] {
    [spelled(schema, name), qualified(schema, name)]
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

/// A name that fits with what is put behind it in the 63 bytes that the server keeps, and is another one for each name.
pub(super) fn truncated(name: &str) -> String {
    if name.len() <= LONGEST_BYTES {
        return name.to_owned();
    }
    let head: String = name.chars().take(8).collect();
    format!("{head}_{}", short_digest(name))
}
