//! See `delimiter_directive.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::ProblemKind;

use super::Entry;
use crate::findings::Findings;
use crate::review::{Judged, Text};

pub(crate) const RULE: Rule = Rule::error(
    "delimiter-directive",
    "A directive changes where statements end",
    include_str!("delimiter_directive.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).text(text).statement(statement);

fn text(text: &Text<'_>, findings: &mut Findings) {
    for problem in text.problems {
        if let ProblemKind::DelimiterDirective { .. } = &problem.kind {
            let message = format!(
                "{}; others would run other statements than were judged",
                problem.kind
            );
            findings.push(
                Some(problem.position),
                message,
                "end each statement with a semicolon; the bodies of routines \
                 need no other delimiter here",
            );
        }
    }
}

/// `DELIMITER` of the mysql client is for routines. Around anything else it hides semicolons.
fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    if judged.statement.hides_delimiters() {
        let message = "`DELIMITER` makes one statement of several here; tools that \
                 do not know it would run other statements than were judged";
        findings.push(
            Some(judged.statement.position()),
            message,
            "end each statement with a semicolon; use DELIMITER for CREATE \
                 PROCEDURE, FUNCTION, TRIGGER and EVENT only",
        );
    }
}
