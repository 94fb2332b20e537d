//! See `volatile_default.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Column, Dialect, Name};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "volatile-default",
    "A new column makes the server write every row again",
    include_str!("volatile_default.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for (position, table, action) in judged.alterations() {
        let AlterAction::AddColumn(definition) = action else {
            continue;
        };
        let column = &definition.column;
        // PostgreSQL before 11 writes any default into every row.
        let old = dialect == Dialect::Postgres
            && judged.settings.postgres.is_some_and(|major| major < 11);
        // Its rows are written again though the column holds NULL in each (measured on PostgreSQL 15).
        let domain = Name::from(column.data_type.canonical.as_str());
        let of_domain = judged.created.is_checked_domain(&domain, dialect);
        let reason = reason(column, dialect)
            .or_else(|| {
                (old && column.default.is_some())
                    .then(|| "has a default, which this version writes into each row".to_owned())
            })
            .or_else(|| {
                of_domain.then(|| format!("is of the domain `{domain}`, which has a condition"))
            });
        if let Some(reason) = reason {
            findings.felt(judged.settings.is_large(table)).push(
                position,
                format!(
                    "column `{}` of `{table}` {reason}: every row is written again, and nobody can \
                     write meanwhile",
                    column.name
                ),
                &format!(
                    "add `{0}` without it, give it its default with a second statement, and fill \
                     the rows that are there in batches (UPDATE .. WHERE {0} IS NULL)",
                    column.name
                ),
            );
        }
    }
}

/// Why each row gets a value of its own; none when it does not.
fn reason(column: &Column, dialect: Dialect) -> Option<String> {
    if column.auto_increment && dialect != Dialect::Sqlite {
        return Some("numbers the rows that are there".to_owned());
    }
    let stored = column
        .generated
        .as_ref()
        .is_some_and(|generated| generated.ends_with(" stored"));
    if stored {
        return Some("is worked out and stored for each row".to_owned());
    }
    let default = column.default.as_deref()?;
    // SQLite refuses a default that is no constant as soon as the table has a row.
    if dialect == Dialect::Sqlite {
        let changes = default.starts_with("current_") || default.contains('(');
        return changes.then(|| "has a default that is no constant".to_owned());
    }
    calls(default)
        .into_iter()
        .find(|call| !STABLE.contains(&call.as_str()))
        .map(|call| format!("has the default `{call}()`, which differs from row to row"))
}

/// The names that stand before an opening bracket.
fn calls(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut in_text = false;
    let mut in_type = false;
    for next in expression.chars() {
        if next == '\'' {
            in_text = !in_text;
            name.clear();
        } else if in_text {
        } else if next == '(' && !name.is_empty() && !in_type {
            names.push(std::mem::take(&mut name));
        } else if next.is_alphanumeric() || next == '_' {
            name.push(next);
        } else {
            // What stands behind `::` is a type, and so are its brackets.
            in_type = next == ':';
            name.clear();
        }
    }
    names
}

/// Functions that give the same value all through a statement.
const STABLE: &[&str] = &[
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "curdate",
    "curtime",
    "utc_timestamp",
    "utc_date",
    "current_setting",
    "json_object",
    "json_array",
    "jsonb_build_object",
    "jsonb_build_array",
    "json_build_object",
    "json_build_array",
    "to_jsonb",
    "to_timestamp",
    "to_date",
    "date_trunc",
    "timezone",
    "make_interval",
    "make_date",
    "point",
    "box",
    "circle",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "substr",
    "substring",
    "round",
    "floor",
    "greatest",
    "least",
    "nullif",
    "replace",
    "trim",
    "string_to_array",
    "encode",
    "decode",
    "json_quote",
    "array",
    "row",
    "cast",
    "coalesce",
    "lower",
    "upper",
    "abs",
    "md5",
    "concat",
    "date",
    "extract",
    "interval",
    "numeric",
    "decimal",
    "varchar",
    "char",
    "bit",
    "timestamp",
];
