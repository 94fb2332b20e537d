//! A compare option that Argo CD passes over.

use tidegate_model::object::annotation_words;
use tidegate_model::words::COMPARE_OPTIONS;
use tidegate_policy_sdk::prelude::*;

use crate::nearest::nearest;
use crate::rules::MOST;
use crate::subject::{Subject, annotation_pointer, quote};

pub(crate) const RULE: Rule = Rule::warning(
    "compare-option-unknown",
    "A compare option is written so that Argo CD passes over it",
    include_str!("compare_option_unknown.md"),
);

/// The words that mean something. `true` or `false` after `=`, nothing else.
const WORDS: [&str; 5] = [
    "IgnoreExtraneous",
    "ServerSideDiff=true",
    "ServerSideDiff=false",
    "IncludeMutationWebhook=true",
    "IncludeMutationWebhook=false",
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let unknown = annotation_words(subject.object, COMPARE_OPTIONS)
        .into_iter()
        .filter(|word| !word.is_empty() && !WORDS.contains(word));
    for word in unknown.take(MOST) {
        let message = format!(
            "compare option {} does not exist: Argo CD passes over it",
            quote(word)
        );
        let suggestion = nearest(word, WORDS.into_iter())
            .map_or_else(|| "Remove it".to_owned(), |meant| format!("Write {meant}"));
        findings.push(
            Finding::new(&RULE, message)
                .at(annotation_pointer(COMPARE_OPTIONS))
                .suggest(suggestion),
        );
    }
}
