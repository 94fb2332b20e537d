//! See `blocking_lock.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "blocking-lock",
    "A statement that keeps everybody else out",
    include_str!("blocking_lock.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::Lock { what } = &found.effect {
            findings.push(
                Some(judged.statement.position_of(found.offset)),
                format!("`{what}` keeps every program out of the table until it is done"),
                "leave the lock out; in PostgreSQL write REINDEX or REFRESH .. CONCURRENTLY",
            );
        }
    }
}
