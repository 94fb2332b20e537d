//! See `drop_schema.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Effect, ObjectKind};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-schema",
    "A schema is dropped",
    include_str!("drop_schema.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::Drop {
            kind: ObjectKind::Schema,
            name,
            ..
        } = &found.effect
        {
            let position = Some(judged.statement.position_of(found.offset));
            findings.push(
                position,
                format!(
                    "`DROP SCHEMA {name}` loses the schema; with CASCADE, all its \
                 tables"
                ),
                "drop schemas by hand, with a backup, never from a change that \
                 is applied automatically",
            );
        }
    }
}
