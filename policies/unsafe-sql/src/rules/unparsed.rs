//! See `unparsed.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::ProblemKind;

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;
use crate::review::{Judged, Text};

pub(crate) const RULE: Rule = Rule::error(
    "unparsed",
    "A statement that was not understood",
    include_str!("unparsed.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .text(text)
    .statement(statement)
    .comparison(comparison);

fn text(text: &Text<'_>, findings: &mut Findings) {
    for problem in text.problems {
        if let ProblemKind::Unclosed { .. } | ProblemKind::Unopened { .. } = &problem.kind {
            findings.push(
                Some(problem.position),
                format!(
                    "{}, so the text was not understood and not let through",
                    problem.kind
                ),
                "close it",
            );
        }
    }
}

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    if let Some(problem) = judged.problem
        && let ProblemKind::Unparsed { message } = &problem.kind
    {
        let message = format!(
            "the statement was not understood as {dialect} SQL \
                 ({message}), so it was not let through"
        );
        findings.push(
            Some(problem.position),
            message,
            "check the spelling and the database's kind; a statement that \
                 is right but rare belongs into a file of its own, which the \
                 operator can let through",
        );
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    if let Some(problem) = comparison.old_problems.first() {
        let message = format!(
            "the schema as it was before was not understood (its {}: {}), \
                 so it cannot be told what the change drops",
            problem.position, problem.kind
        );
        findings.push(
            None,
            message,
            "change what was not understood in a step of its own, alone",
        );
    }
}
