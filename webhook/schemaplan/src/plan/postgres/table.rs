//! A new table, and foreign keys that come late.

use std::borrow::Cow;

use crate::catalog::{Column, ForeignKey, Table};
use crate::plan::Statement;

use super::TableName;
use super::alter;
use super::objects::statement;
use super::partitions::{is_of_a_part, mark};
use super::parts::{self, Whole, comes_late};
use super::text::{
    check, comment, create_table, foreign_key, index_constraint, is_double, is_plain_serial,
    primary_key_name, qualified, quote, sequence_of,
};

/// A new table with what cannot be said in `CREATE TABLE`. With `parent` it is a partition of that. The second part is for when all tables are
/// there: with `indexes_come_late`, the indexes.
pub(super) fn new_table(
    (schema, name): TableName<'_>,
    table: &Table,
    parent: Option<&Table>,
    is_inline: impl Fn(&str) -> bool,
    indexes_come_late: bool,
    is_joined: &dyn Fn(&str, &str) -> bool,
) -> (Vec<Statement>, Vec<Statement>) {
    let purpose = format!("create table {name}");
    let shown = qualified(schema, name);
    let mut before = Vec::new();
    let mut after = Vec::new();
    for (column_name, column) in &table.columns {
        if let Some(sequence) = sequence_of(column)
            && !is_plain_serial(name, column_name, column)
        {
            before.push(alter::create_sequence(column, &sequence));
            after.push(alter::own_sequence(schema, name, column_name, &sequence));
        }
    }
    let mut sql = before;
    let (said, differing) = said_of_columns(table, parent);
    sql.push(create_table(schema, name, &said, &is_inline));
    sql.extend(after);
    sql.extend(
        differing
            .iter()
            .map(|action| format!("ALTER TABLE {shown} {action}")),
    );
    let parent = parent.filter(|_| table.options.contains_key("partition of"));
    for (column_name, column) in &table.columns {
        let theirs = parent.and_then(|parent| parent.columns.get(column_name));
        if column.default.is_none() && theirs.is_some_and(|column| column.default.is_some()) {
            let column = quote(column_name);
            sql.push(format!(
                "ALTER TABLE {shown} ALTER COLUMN {column} DROP DEFAULT"
            ));
        }
    }
    let mut late = Vec::new();
    for (check_name, definition) in &table.checks {
        if definition.attributes.contains("NOT VALID") {
            sql.push(format!(
                "ALTER TABLE {shown} ADD {}",
                check(check_name, definition)
            ));
        }
    }
    let with_parts = |own: &str, whole: Whole<'_>| {
        let made = parts::create((schema, name), own, whole, false, is_joined).into_iter();
        made.map(|statement| statement.sql)
    };
    if let Some(key) = table.primary_key.as_ref()
        && comes_late(&key.options)
    {
        let own = primary_key_name(name, key);
        late.extend(with_parts(&own, Whole::PrimaryKey(key)));
    }
    for (index_name, index) in &table.indexes {
        if !index.constraint || comes_late(&index.options) {
            let made = with_parts(index_name, Whole::Index(index));
            if indexes_come_late || index.constraint {
                late.extend(made);
            } else {
                sql.extend(made);
            }
        } else if is_double(table, index_name) {
            let constraint = index_constraint(index_name, index);
            sql.push(format!("ALTER TABLE {shown} ADD {constraint}"));
        }
    }
    for (option, value) in &table.options {
        match option.as_str() {
            "row level security" => {
                sql.push(format!("ALTER TABLE {shown} ENABLE ROW LEVEL SECURITY"));
            }
            "force row level security" => {
                sql.push(format!("ALTER TABLE {shown} FORCE ROW LEVEL SECURITY"));
            }
            "replica identity" | "cluster on" => {
                let place = if is_of_a_part(name, table, value) {
                    &mut late
                } else {
                    &mut sql
                };
                place.push(format!("ALTER TABLE {shown} {}", mark(option, value)));
            }
            other => {
                let actions = alter::new_column_settings(other, value).into_iter();
                sql.extend(actions.map(|action| format!("ALTER TABLE {shown} {action}")));
            }
        }
    }
    if table.comment.is_some() {
        sql.push(comment(&format!("TABLE {shown}"), table.comment.as_deref()));
    }
    for (column_name, column) in &table.columns {
        if column.comment.is_some() {
            let column_shown = format!("COLUMN {shown}.{}", quote(column_name));
            sql.push(comment(&column_shown, column.comment.as_deref()));
        }
    }
    for (index_name, index) in &table.indexes {
        if index.comment.is_some() {
            let index_shown = format!("INDEX {}", qualified(schema, index_name));
            let comment = comment(&index_shown, index.comment.as_deref());
            if indexes_come_late && !index.constraint {
                late.push(comment);
            } else {
                sql.push(comment);
            }
        }
    }
    let constraint = |name: &str| format!("CONSTRAINT {} ON {shown}", quote(name));
    let key = table.primary_key.as_ref();
    let is_late = |own: &str| {
        let index = table.indexes.get(own).map(|index| &index.options);
        let key = key.filter(|key| primary_key_name(name, key) == own);
        let options = index.or_else(|| key.map(|key| &key.options));
        options.is_some_and(comes_late)
    };
    let key = key.map(|key| (primary_key_name(name, key), key.comment.as_deref()));
    let commented = table
        .checks
        .iter()
        .map(|(name, check)| (name.clone(), check.comment.as_deref()))
        .chain(key)
        .chain(
            table
                .foreign_keys
                .iter()
                .filter(|(name, _)| is_inline(name))
                .map(|(name, key)| (name.clone(), key.comment.as_deref())),
        )
        .chain(table.indexes.iter().map(|(name, index)| {
            let text = index.options.get("comment on constraint");
            (name.clone(), text.map(String::as_str))
        }));
    for (constraint_name, text) in commented {
        if text.is_some() {
            let place = if is_late(&constraint_name) {
                &mut late
            } else {
                &mut sql
            };
            place.push(comment(&constraint(&constraint_name), text));
        }
    }
    let made = |sql: Vec<String>| {
        let statements = sql.into_iter().map(|sql| statement(sql, &purpose));
        statements.collect()
    };
    (made(sql), made(late))
}

/// The table with the columns that it says itself, which are not all that it has if it inherits; and what differs of those that are its parents' only.
fn said_of_columns<'a>(table: &'a Table, parent: Option<&Table>) -> (Cow<'a, Table>, Vec<String>) {
    let parent = parent.filter(|_| table.options.contains_key("inherits"));
    let Some(parent) = parent else {
        return (Cow::Borrowed(table), Vec::new());
    };
    let mut said = table.clone();
    let mut differing = Vec::new();
    for (name, theirs) in &parent.columns {
        let is_own = table.merged.0.contains(name);
        let Some(own) = table.columns.get(name) else {
            if is_own {
                // What it is computed of is the parent's to say.
                let column = Column {
                    identity: None,
                    generated: None,
                    comment: None,
                    ..theirs.clone()
                };
                said.columns.insert(name.clone(), column);
            }
            continue;
        };
        if is_own && own.generated == theirs.generated {
            said.columns
                .entry(name.clone())
                .and_modify(|own| own.generated = None);
        }
        if is_own || own.identity.is_some() || own.generated.is_some() {
            continue;
        }
        said.columns.shift_remove(name);
        let head = format!("ALTER COLUMN {}", quote(name));
        if own.default != theirs.default {
            differing.push(match &own.default {
                Some(default) => format!("{head} SET DEFAULT {default}"),
                None => format!("{head} DROP DEFAULT"),
            });
        }
        if own.nullable != theirs.nullable {
            let verb = if own.nullable { "DROP" } else { "SET" };
            differing.push(format!("{head} {verb} NOT NULL"));
        }
    }
    (Cow::Owned(said), differing)
}

pub(super) fn add_key(schema: &str, table: &str, name: &str, key: &ForeignKey) -> Vec<Statement> {
    let purpose = format!("add foreign key {table}.{name}");
    let shown = qualified(schema, table);
    let mut statements = vec![statement(
        format!("ALTER TABLE {shown} ADD {}", foreign_key(schema, name, key)),
        &purpose,
    )];
    if key.comment.is_some() {
        let sql = comment(
            &format!("CONSTRAINT {} ON {shown}", quote(name)),
            key.comment.as_deref(),
        );
        statements.push(statement(sql, &purpose));
    }
    statements
}
