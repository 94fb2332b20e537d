//! See `index_blocks_writes.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Constraint, Dialect, Effect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "index-blocks-writes",
    "An index is built while nobody can write",
    include_str!("index_blocks_writes.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for found in &judged.reading.effects {
        let Effect::CreateIndex(definition) = &found.effect else {
            continue;
        };
        let table = &definition.table;
        if judged.created.is_new(table, dialect) || judged.created.rebuilds(table, dialect) {
            continue;
        }
        let name = definition.index.name.as_deref().unwrap_or("without name");
        if dialect == Dialect::Postgres && !definition.concurrently && !definition.only {
            findings.felt(judged.settings.is_large(table)).push(
                Some(judged.place(found)),
                format!("building index `{name}` keeps every write out of `{table}` until all its rows are read"),
                &online(judged.statement.sql()),
            );
        } else if dialect.is_mysql_like() && is_special(&definition.index.rest) {
            findings.felt(judged.settings.is_large(table)).push(
                Some(judged.place(found)),
                special(name, &table.to_string()),
                WINDOW,
            );
        }
    }
    for (position, table, action) in judged.alterations() {
        if let AlterAction::AddConstraint {
            constraint: Constraint::Index(index),
            ..
        } = action
            && is_special(&index.rest)
        {
            let name = index.name.as_deref().unwrap_or("without name");
            findings.felt(judged.settings.is_large(table)).push(
                position,
                special(name, &table.to_string()),
                WINDOW,
            );
        }
    }
}

/// MySQL builds these with `LOCK=SHARED` at best.
fn is_special(rest: &str) -> bool {
    rest.starts_with("fulltext") || rest.starts_with("spatial")
}

fn special(name: &str, table: &str) -> String {
    format!(
        "building FULLTEXT or SPATIAL index `{name}` keeps every write out of `{table}` until all its rows are read"
    )
}

/// The statement, made harmless. Literals are left out of messages, so that a statement with one is not shown.
fn online(sql: &str) -> String {
    let place = sql.to_ascii_lowercase().find("index ").map(|at| at + 6);
    let written = place.and_then(|at| Some((sql.get(..at)?, sql.get(at..)?)));
    match written {
        Some((head, tail)) if sql.len() <= 200 && !sql.contains('\'') => {
            format!("write `{head}CONCURRENTLY {tail};`, in a file with `-- atlas:txmode none`")
        }
        _ => "write CREATE INDEX CONCURRENTLY, in a file with `-- atlas:txmode none`".to_owned(),
    }
}

const WINDOW: &str = "build it in a maintenance window, or with a tool that copies the table in the background (gh-ost, pt-online-schema-change)";
