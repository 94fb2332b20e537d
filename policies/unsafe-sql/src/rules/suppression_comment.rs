//! See `suppression_comment.md`.

use tidegate_policy_sdk::prelude::Rule;

use super::Entry;
use crate::findings::Findings;
use crate::review::Text;

pub(crate) const RULE: Rule = Rule::warning(
    "suppression-comment",
    "A comment asks for silence",
    include_str!("suppression_comment.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).text(text);

/// What other tools obey.
const WORDS: &[&str] = &[
    "atlas:nolint",
    "squawk-ignore",
    "eugene: ignore",
    "tidegate:ignore",
    "tidegate: ignore",
];

fn text(text: &Text<'_>, findings: &mut Findings) {
    for (position, comment) in text.script.comments() {
        let comment = comment.to_ascii_lowercase();
        let obeyed = |word: &str| word == "atlas:nolint" && text.settings.honour_nolint;
        if let Some(word) = WORDS
            .iter()
            .find(|word| comment.contains(**word) && !obeyed(word))
        {
            let message = format!("`{word}` is not obeyed: who writes the SQL does not approve it");
            findings.push(
                Some(position),
                message,
                "ask the operator to set the rule's action for this object or \
                 namespace",
            );
        }
    }
}
