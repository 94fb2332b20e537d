//! See `rewritten_table.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Column, Dialect, TableChange, TypeChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "rewritten-table",
    "A table is written anew while it is blocked",
    include_str!("rewritten_table.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).comparison(comparison);

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    let blocked = match comparison.dialect {
        Dialect::Postgres => "nobody can read or write it",
        Dialect::Mysql | Dialect::Mariadb => "nobody can write to it",
        // One file, one writer, and always a rebuild: nothing to choose between.
        Dialect::Sqlite => return,
    };
    for changed in comparison.in_tables() {
        let (new, message) = match changed.change {
            TableChange::TypeChanged {
                old,
                new,
                change: TypeChange::Rewritten,
            } => (
                new,
                format!("changes from {} to {}", old.data_type, new.data_type),
            ),
            TableChange::ColumnAdded { column } => match computed(column, comparison.dialect) {
                Some(why) => (column, format!("is new and {why}")),
                None => continue,
            },
            _ => continue,
        };
        let message = format!(
            "column `{}` of `{}` {message}: the whole table is written anew, and {blocked} meanwhile",
            new.name, changed.new.name
        );
        findings.push(
            Some(new.position),
            message,
            "add a new column without a value, fill it in batches, and move the programs to it",
        );
    }
}

/// Why each row gets its own value when the column is added.
fn computed(column: &Column, dialect: Dialect) -> Option<&'static str> {
    let stored = column
        .generated
        .as_deref()
        .is_some_and(|generated| generated.ends_with(" stored"));
    let volatile = column.default.as_deref().is_some_and(|default| {
        VOLATILE
            .iter()
            .any(|name| default.starts_with(name) || default.contains(&format!(".{name}")))
    });
    if stored {
        Some("its expression is STORED")
    } else if column.auto_increment {
        Some("counts by itself")
    } else if volatile
        && (dialect == Dialect::Postgres
            || column
                .default
                .as_deref()
                .is_some_and(|default| default.starts_with("uuid")))
    {
        Some("its default differs from row to row")
    } else {
        None
    }
}

/// Functions that give another value each time.
const VOLATILE: &[&str] = &[
    "clock_timestamp(",
    "gen_random_uuid(",
    "uuid_generate_",
    "uuidv4(",
    "uuidv7(",
    "uuid(",
    "random(",
    "timeofday(",
    "nextval(",
    "gen_random_bytes(",
];
