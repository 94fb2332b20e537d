//! See `session_setting.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::document::Purpose;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "session-setting",
    "A setting that changes what later statements mean",
    include_str!("session_setting.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::SessionSetting { what } = &found.effect {
            // How pg_dump starts every dump: a desired schema is run on a scratch database, where no other name can be meant.
            let words: Vec<&str> = judged.statement.sql().split_whitespace().collect();
            if judged.purpose == Purpose::Desired && PREAMBLE.contains(&words.join(" ").as_str()) {
                return;
            }
            // SQLite's documentation asks for it where a table is rebuilt: the references hold again in the end.
            if what == "PRAGMA foreign_keys" && judged.created.rebuilds_any() {
                continue;
            }
            let position = Some(judged.statement.position_of(found.offset));
            findings.push(
                position,
                format!(
                    "`{what}` switches a check off or changes how the statements \
                 after it are read"
                ),
                "leave the setting alone; write statements that hold with it \
                 as it is",
            );
        }
    }
}

const PREAMBLE: &[&str] = &[
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SET row_security = off",
];
