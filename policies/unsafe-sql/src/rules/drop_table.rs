//! See `drop_table.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Change, Effect, ObjectKind};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-table",
    "A table is dropped",
    include_str!("drop_table.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .statement(statement)
    .comparison(comparison);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::Drop {
                kind: ObjectKind::Table,
                name,
                temporary: false,
                ..
            } if !judged.created.holds(name, dialect)
                && !judged.created.rebuilds(name, dialect) =>
            {
                findings.push(
                    position,
                    format!("`DROP TABLE {name}` loses the table's rows"),
                    USE_INSTEAD,
                );
            }
            Effect::CreateTable(definition)
                if definition.or_replace
                    && !definition.temporary
                    && !judged.created.holds(&definition.table.name, dialect) =>
            {
                let message = format!(
                    "`CREATE OR REPLACE TABLE {}` drops the table that was there, \
                 with its rows",
                    definition.table.name
                );
                findings.push(position, message, USE_INSTEAD);
            }
            _ => {}
        }
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for change in comparison.changes {
        if let Change::TableDropped { table } = change {
            let guess = match comparison.table_after(table) {
                Some(new) => format!(
                    "; the new table `{}` looks like it, but a renamed table is a dropped and a new, empty one here",
                    new.name
                ),
                None => String::new(),
            };
            let message = format!(
                "table `{}` is not in the new schema: its rows are lost when this is applied{guess}",
                table.name
            );
            findings.push(None, message, USE_INSTEAD);
        }
    }
}

const USE_INSTEAD: &str = "stop using the table first; rename it a release later; drop \
                 it by hand, with a backup, when nobody has missed it";
