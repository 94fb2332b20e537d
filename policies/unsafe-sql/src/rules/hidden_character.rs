//! See `hidden_character.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::ProblemKind;

use super::Entry;
use crate::findings::Findings;
use crate::review::Text;

pub(crate) const RULE: Rule = Rule::error(
    "hidden-character",
    "A character that is not seen, or seen as another",
    include_str!("hidden_character.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).text(text);

fn text(text: &Text<'_>, findings: &mut Findings) {
    for problem in text.problems {
        if let ProblemKind::HiddenCharacter { .. } | ProblemKind::EscapedIdentifier = &problem.kind
        {
            findings.push(
                Some(problem.position),
                format!(
                    "{}; what a reader sees is not what the server reads",
                    problem.kind
                ),
                "remove it, or write a plain space, line feed or name",
            );
        }
    }
}
