//! See `parser_disagreement.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::ProblemKind;

use super::Entry;
use crate::findings::Findings;
use crate::review::{Judged, Text};

pub(crate) const RULE: Rule = Rule::error(
    "parser-disagreement",
    "Two readers see different statements",
    include_str!("parser_disagreement.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).text(text).statement(statement);

fn text(text: &Text<'_>, findings: &mut Findings) {
    for problem in text.problems {
        if let ProblemKind::NestedComment = &problem.kind {
            findings.push(
                Some(problem.position),
                format!("{}; one of them would run what another skips", problem.kind),
                "close the comment before opening another",
            );
        }
    }
}

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    if let Some(problem) = judged.problem
        && let ProblemKind::Disagreement { .. } = problem.kind
    {
        findings.push(
            Some(problem.position),
            format!("{}", problem.kind),
            "write one plain statement, ended by a semicolon",
        );
    }
}
