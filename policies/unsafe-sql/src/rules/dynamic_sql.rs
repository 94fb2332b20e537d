//! See `dynamic_sql.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "dynamic-sql",
    "SQL that is made at run time",
    include_str!("dynamic_sql.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::DynamicSql { what } = &found.effect {
            let position = Some(judged.statement.position_of(found.offset));
            findings.push(
                position,
                format!(
                    "`{what}` runs a text that is only known when it runs, so it \
                 cannot be judged"
                ),
                "write the statement out",
            );
        }
    }
}
