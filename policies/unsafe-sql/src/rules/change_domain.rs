//! See `change_domain.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Effect, ObjectChange};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "change-domain",
    "A domain or type that columns use is changed",
    include_str!("change_domain.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let Effect::AlterObject { kind, name, change } = &found.effect else {
            continue;
        };
        if judged.created.made(*kind, name, judged.dialect()) {
            continue;
        }
        let (message, suggestion) = match change {
            ObjectChange::Tightened => (
                format!(
                    "{kind} `{name}` gets stricter: every table with such a column is locked while \
                     all its rows are checked"
                ),
                "add the constraint as NOT VALID, and VALIDATE it in a later file",
            ),
            ObjectChange::Loosened => (
                format!(
                    "{kind} `{name}` loses a constraint: values that it kept out come in, and stay"
                ),
                "add what takes its place first",
            ),
            ObjectChange::Narrowed => (
                format!(
                    "a part of {kind} `{name}` goes or becomes another type: values are lost, and columns of it are written again"
                ),
                "make a new type, and move the columns to it",
            ),
            ObjectChange::Renamed | ObjectChange::Moved => continue,
        };
        findings.push(Some(judged.place(found)), message, suggestion);
    }
}
