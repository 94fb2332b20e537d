//! See `rename_column.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Effect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "rename-column",
    "A column is renamed",
    include_str!("rename_column.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::AlterTable {
                table,
                action: AlterAction::RenameColumn { from, .. },
            } if !judged.created.holds(table, judged.dialect())
                && !judged.created.added_column(table, from, judged.dialect()) =>
            {
                findings.push(
                    position,
                    format!(
                        "renaming column `{from}` of `{table}` breaks every program \
                 that still uses the old name"
                    ),
                    USE_INSTEAD,
                );
            }
            Effect::AlterTable {
                table,
                action: AlterAction::ModifyColumn { column, definition },
            } if !judged.created.holds(table, judged.dialect())
                && !column.eq_ignore_ascii_case(&definition.column.name) =>
            {
                findings.push(
                    position,
                    format!(
                        "renaming column `{column}` of `{table}` breaks every program \
                 that still uses the old name"
                    ),
                    USE_INSTEAD,
                );
            }
            _ => {}
        }
    }
}

const USE_INSTEAD: &str = "add the new column, write both, move the readers, and drop \
                 the old column a release later";
