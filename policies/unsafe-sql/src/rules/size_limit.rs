//! See `size_limit.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::ProblemKind;

use super::Entry;
use crate::findings::Findings;
use crate::review::Text;

pub(crate) const RULE: Rule = Rule::error(
    "size-limit",
    "The SQL is larger or deeper than is read",
    include_str!("size_limit.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).text(text);

fn text(text: &Text<'_>, findings: &mut Findings) {
    for problem in text.problems {
        if let ProblemKind::TextTooLong { .. }
        | ProblemKind::StatementTooLong { .. }
        | ProblemKind::TooManyStatements { .. }
        | ProblemKind::ChainTooLong { .. }
        | ProblemKind::TooDeep { .. } = &problem.kind
        {
            findings.push(
                Some(problem.position),
                format!(
                    "{}; what is beyond was not judged, so it was not let through",
                    problem.kind
                ),
                "split it into smaller files or statements",
            );
        }
    }
}
