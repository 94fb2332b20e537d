//! See `detach_partition.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::AlterAction;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "detach-partition",
    "A partition is detached under a lock",
    include_str!("detach_partition.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        if let AlterAction::DetachPartition {
            partition,
            concurrently: false,
        } = action
        {
            findings.felt(judged.settings.is_large(table)).push(
                position,
                format!(
                    "detaching `{partition}` keeps everybody out of `{table}` until it is through, \
                     and its rows are not found there any more"
                ),
                &format!("write `ALTER TABLE {table} DETACH PARTITION {partition} CONCURRENTLY;`"),
            );
        }
    }
}
