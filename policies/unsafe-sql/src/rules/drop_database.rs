//! See `drop_database.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Effect, ObjectKind};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-database",
    "A database is dropped",
    include_str!("drop_database.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::Drop {
            kind: ObjectKind::Database,
            name,
            ..
        } = &found.effect
        {
            let position = Some(judged.statement.position_of(found.offset));
            findings.push(
                position,
                format!("`DROP DATABASE {name}` loses the database with all its tables"),
                "drop databases by hand, with a backup, never from a change \
                 that is applied automatically",
            );
        }
    }
}
