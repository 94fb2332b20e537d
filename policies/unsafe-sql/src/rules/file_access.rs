//! See `file_access.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "file-access",
    "Files, programs or other servers are reached",
    include_str!("file_access.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::FileAccess { what } = &found.effect {
            let position = Some(judged.statement.position_of(found.offset));
            findings.push(
                position,
                format!(
                    "`{what}` reads or writes outside the database's tables: files \
                 or programs of the server, other servers, or data that \
                 follows the statement"
                ),
                "load data with a job of its own that uses the database's \
                 network protocol",
            );
        }
    }
}
