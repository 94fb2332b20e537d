//! See `primary_key_change.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Key, TableChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "primary-key-change",
    "A primary key changes",
    include_str!("primary_key_change.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).comparison(comparison);

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let TableChange::PrimaryKeyChanged { old, new } = changed.change else {
            continue;
        };
        let columns = |key: Option<&Key>| {
            key.map_or_else(
                || "nothing".to_owned(),
                |key| format!("({})", key.columns.join(", ")),
            )
        };
        let message = format!(
            "the primary key of `{}` changes from {} to {}: rows that agree make it fail, what refers to it breaks, and the table is blocked while it is built anew",
            changed.new.name,
            columns(*old),
            columns(*new)
        );
        findings.push(
            Some(changed.new.position),
            message,
            "add a unique key on the new columns first, move what refers to the old one, and change the primary key by hand in a quiet hour",
        );
    }
}
