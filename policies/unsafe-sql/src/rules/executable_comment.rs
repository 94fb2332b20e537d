//! See `executable_comment.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::ProblemKind;

use super::Entry;
use crate::findings::Findings;
use crate::review::Text;

pub(crate) const RULE: Rule = Rule::error(
    "executable-comment",
    "A comment that some servers run",
    include_str!("executable_comment.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).text(text);

fn text(text: &Text<'_>, findings: &mut Findings) {
    for problem in text.problems {
        if let ProblemKind::ExecutableComment = &problem.kind {
            findings.push(
                Some(problem.position),
                "`/*!` starts a comment that MySQL or MariaDB run, depending \
                 on their version; what it does cannot be judged",
                "write the statement without the comment around it",
            );
        }
    }
}
