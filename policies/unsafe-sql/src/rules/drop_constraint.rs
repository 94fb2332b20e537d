//! See `drop_constraint.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::AlterAction;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-constraint",
    "A constraint is dropped",
    include_str!("drop_constraint.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        let AlterAction::DropConstraint { name } = action else {
            continue;
        };
        let made_here = name.as_ref().is_some_and(|name| {
            judged
                .created
                .added_constraint(table, name, judged.dialect())
        });
        if made_here {
            continue;
        }
        let what = name.as_ref().map_or_else(
            || "the primary key".to_owned(),
            |name| format!("constraint `{name}`"),
        );
        findings.push(
            position,
            format!(
                "dropping {what} of `{table}` lets rows in that it kept out, and they stay when \
                 it comes back"
            ),
            "add what takes its place first, and drop it a release later",
        );
    }
}
