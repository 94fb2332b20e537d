//! See `concurrent_in_transaction.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Dialect, Effect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "concurrent-in-transaction",
    "CONCURRENTLY inside a transaction",
    include_str!("concurrent_in_transaction.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    if judged.dialect() != Dialect::Postgres || !judged.created.in_transaction() {
        return;
    }
    for found in judged.reading.effects.iter().filter(|found| !found.nested) {
        let what = match &found.effect {
            Effect::CreateIndex(definition) if definition.concurrently => "CREATE INDEX",
            Effect::Drop {
                concurrently: true, ..
            } => "DROP INDEX",
            Effect::AlterTable {
                action:
                    AlterAction::DetachPartition {
                        concurrently: true, ..
                    },
                ..
            } => "DETACH PARTITION",
            _ => continue,
        };
        findings.push(
            Some(judged.place(found)),
            format!("`{what} CONCURRENTLY` does not run inside a transaction: it fails here"),
            "put it into a file of its own that starts with `-- atlas:txmode none`, without BEGIN \
             and COMMIT",
        );
    }
}
