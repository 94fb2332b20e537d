//! See `rename_object.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Effect, ObjectChange};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "rename-object",
    "A schema, view, type or the like is renamed",
    include_str!("rename_object.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::AlterObject {
            kind,
            name,
            change: ObjectChange::Renamed,
        } = &found.effect
            && !judged.created.made(*kind, name, judged.dialect())
        {
            findings.push(
                Some(judged.place(found)),
                format!("{kind} `{name}`, or a part of it, gets another name or place: programs that use the old one fail"),
                USE_INSTEAD,
            );
        }
    }
    for (position, table, action) in judged.alterations() {
        if let AlterAction::SetSchema { to } = action {
            findings.push(
                position,
                format!("`{table}` moves to schema `{to}`: programs that use it where it was fail"),
                USE_INSTEAD,
            );
        }
    }
}

const USE_INSTEAD: &str = "make the new one beside the old one, move the programs, and drop the old \
                           one a release later";
