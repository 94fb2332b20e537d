//! See `integrity_off.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Effect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "integrity-off",
    "The checks of a table are switched off",
    include_str!("integrity_off.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::AlterTable {
            table,
            action: AlterAction::DisableChecks { what },
        } = &found.effect
            && !judged.created.holds(table, judged.dialect())
        {
            findings.push(
                Some(judged.statement.position_of(found.offset)),
                format!("`{what}` lets rows into `{table}` that its triggers, rules or policies would refuse"),
                "leave them on, and write what they accept",
            );
        }
        if let Effect::IntegrityOff { what } = &found.effect {
            findings.push(
                Some(judged.place(found)),
                format!(
                    "`{what}` drops what others write, or what watches over it, without a word"
                ),
                "leave it out; refuse what must not be written with a constraint or a trigger",
            );
        }
    }
}
