//! See `add_unique.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Constraint, Dialect, Effect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "add-unique",
    "Existing rows must become unique",
    include_str!("add_unique.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for (position, table, action) in judged.alterations() {
        let name = match action {
            AlterAction::AddConstraint {
                constraint: Constraint::Unique(key),
                using_index: false,
                ..
            } => key.name.clone(),
            AlterAction::AddColumn(definition) if definition.unique.is_some() => {
                Some(definition.column.name.clone())
            }
            _ => continue,
        };
        let name = name.unwrap_or_else(|| "without name".to_owned());
        findings.push(
            position,
            message(&name, &table.to_string(), dialect),
            &instead(&table.to_string(), &name, dialect),
        );
    }
    // PostgreSQL's indexes have a rule and an online form of their own.
    if dialect == Dialect::Postgres {
        return;
    }
    for found in &judged.reading.effects {
        if let Effect::CreateIndex(definition) = &found.effect
            && definition.index.unique
            && !judged.created.is_new(&definition.table, dialect)
            && !judged.created.rebuilds(&definition.table, dialect)
        {
            let name = definition.index.name.as_deref().unwrap_or("without name");
            let table = definition.table.to_string();
            findings.push(
                Some(judged.place(found)),
                message(name, &table, dialect),
                &instead(&table, name, dialect),
            );
        }
    }
}

fn message(name: &str, table: &str, dialect: Dialect) -> String {
    let blocks = if dialect == Dialect::Postgres {
        ", and everybody is kept out of the table while its index is built"
    } else {
        ""
    };
    format!("unique `{name}` on `{table}` fails if two rows agree{blocks}")
}

fn instead(table: &str, name: &str, dialect: Dialect) -> String {
    if dialect == Dialect::Postgres {
        format!(
            "write `CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} (..);` and then `ALTER TABLE \
             {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name};`"
        )
    } else {
        "look for duplicates first (GROUP BY .. HAVING count(*) > 1) and remove them; then have \
         the operator let this one through"
            .to_owned()
    }
}
