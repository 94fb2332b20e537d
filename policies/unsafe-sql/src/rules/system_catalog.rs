//! See `system_catalog.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Dialect, Effect, Name};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "system-catalog",
    "The server's own tables are written to",
    include_str!("system_catalog.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for found in &judged.reading.effects {
        let (Effect::Insert { table, .. }
        | Effect::Update { table, .. }
        | Effect::Delete { table, .. }
        | Effect::Truncate { table, .. }) = &found.effect
        else {
            continue;
        };
        if is_catalog(table, dialect) {
            findings.push(
                Some(judged.place(found)),
                format!(
                    "`{table}` is the server's own: writing to it goes around every check, and \
                     can make the database unreadable or give rights away"
                ),
                "use the statement that is meant for it (ALTER, GRANT, CREATE USER ..)",
            );
        }
    }
}

fn is_catalog(table: &Name, dialect: Dialect) -> bool {
    let qualifier = table.qualifier.as_deref().unwrap_or_default();
    let name = table.name.to_ascii_lowercase();
    match dialect {
        Dialect::Postgres => {
            ["pg_catalog", "information_schema"].contains(&qualifier)
                || qualifier.is_empty() && name.starts_with("pg_")
        }
        Dialect::Mysql | Dialect::Mariadb => {
            ["mysql", "information_schema", "performance_schema", "sys"]
                .iter()
                .any(|schema| qualifier.eq_ignore_ascii_case(schema))
        }
        Dialect::Sqlite => [
            "sqlite_master",
            "sqlite_schema",
            "sqlite_temp_master",
            "sqlite_temp_schema",
        ]
        .contains(&name.as_str()),
    }
}
