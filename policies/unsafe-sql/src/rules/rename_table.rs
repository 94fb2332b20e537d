//! See `rename_table.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Effect, Name, ObjectKind};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "rename-table",
    "A table is renamed",
    include_str!("rename_table.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let Effect::AlterTable {
            table,
            action: AlterAction::RenameTable { .. },
        } = &found.effect
        else {
            continue;
        };
        if !is_harmless(judged, table) {
            findings.push(
                Some(judged.place(found)),
                format!(
                    "renaming table `{table}` breaks every program that still uses the old name"
                ),
                USE_INSTEAD,
            );
        }
    }
}

/// Nobody knows the table yet, it is rebuilt, or a view answers to its old name.
fn is_harmless(judged: &Judged<'_>, table: &Name) -> bool {
    let (created, dialect) = (judged.created, judged.dialect());
    created.is_new(table, dialect)
        || created.rebuilds(table, dialect)
        || created.makes(ObjectKind::View, table, dialect)
}

const USE_INSTEAD: &str = "make a new table or a view of the new name, move the \
                 programs, and drop the old name a release later";
