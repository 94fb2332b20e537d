//! See `transaction_control.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::document::Purpose;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "transaction-control",
    "A file that begins or ends transactions itself",
    include_str!("transaction_control.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::Transaction { what } = &found.effect {
            // What a file takes back is recorded as applied all the same.
            let within = ["SAVEPOINT", "RELEASE"]
                .iter()
                .any(|words| what.starts_with(words));
            let harmless =
                within || judged.created.own_transactions() || judged.purpose == Purpose::Desired;
            findings.push_as(
                if harmless {
                    Severity::Warning
                } else {
                    Severity::Error
                },
                Some(judged.statement.position_of(found.offset)),
                format!("`{what}` changes the transaction that the file is run in: half of it may stay when the rest fails"),
                "leave it out: each file is run in a transaction of its own where the database has them for such statements",
            );
        }
    }
}
