//! See `drop_column.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Change, Effect, TableChange};

use super::Entry;
use crate::findings::Findings;
use crate::review::{Comparison, Judged};

pub(crate) const RULE: Rule = Rule::error(
    "drop-column",
    "A column is dropped",
    include_str!("drop_column.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .statement(statement)
    .comparison(comparison);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::AlterTable {
                table,
                action: AlterAction::DropColumn { column },
            } if !judged.created.holds(table, judged.dialect())
                && !judged.created.added_column(table, column, judged.dialect()) =>
            {
                findings.push(
                    position,
                    format!(
                        "`DROP COLUMN {column}` loses the column's values in \
                 `{table}`, and breaks programs that still name it"
                    ),
                    USE_INSTEAD,
                );
            }
            Effect::AlterTable {
                table,
                action: AlterAction::DestroyPartition { what },
            } if !judged.created.holds(table, judged.dialect()) => {
                findings.push(
                    position,
                    format!("`{what}` loses rows of `{table}`"),
                    "detach the partition and keep it until nobody misses it",
                );
            }
            _ => {}
        }
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for change in comparison.changes {
        if let Change::TableChanged {
            new,
            change: TableChange::ColumnDropped { column },
            ..
        } = change
        {
            let message = format!(
                "column `{}` of `{}` is not in the new schema: its values are \
                 lost when this is applied (a renamed column is a dropped and \
                 a new one)",
                column.name, new.name
            );
            findings.push(Some(new.position), message, USE_INSTEAD);
        }
    }
}

const USE_INSTEAD: &str = "leave the column in the schema, stop using it in the program, \
                 and drop it a release later, with a backup";
