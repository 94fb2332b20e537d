//! See `truncate.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "truncate",
    "A table is emptied",
    include_str!("truncate.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::Truncate { table, cascade } = &found.effect
            && !judged.created.holds(table, judged.dialect())
        {
            let position = Some(judged.statement.position_of(found.offset));
            let more = if *cascade {
                ", and of all tables that refer to it"
            } else {
                ""
            };
            findings.push(
                position,
                format!(
                    "`TRUNCATE` loses all rows of `{table}`{more}, and blocks it \
                 meanwhile"
                ),
                "DELETE in batches, with a WHERE that says which rows",
            );
        }
    }
}
