//! See `imperative_statement.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::document::Purpose;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "imperative-statement",
    "A statement that describes no schema",
    include_str!("imperative_statement.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    if judged.purpose != Purpose::Desired || judged.reported {
        return;
    }
    // What a routine does happens when it runs.
    for found in judged.reading.effects.iter().filter(|found| !found.nested) {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::Delete { .. }
            | Effect::Update { .. }
            | Effect::Drop { .. }
            | Effect::Truncate { .. } => {
                findings.push(
                    position,
                    "the statement describes no schema but does something; a \
                 schema is what should be there",
                    USE_INSTEAD,
                );
            }
            Effect::Insert { .. } => {
                findings.push(
                    position,
                    "rows are not part of a schema: the INSERT is not applied to \
                 the database",
                    USE_INSTEAD,
                );
            }
            _ => {}
        }
    }
}

const USE_INSTEAD: &str = "keep CREATE statements only; what is to be done goes into an \
                 AtlasMigration";
