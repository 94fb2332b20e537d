//! See `server_setting.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "server-setting",
    "The server itself is changed",
    include_str!("server_setting.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::ServerSetting { what } = &found.effect {
            let position = Some(judged.statement.position_of(found.offset));
            findings.push(
                position,
                format!("`{what}` changes the server for all its databases and users"),
                "set servers up where they are run, not from a migration",
            );
        }
    }
}
