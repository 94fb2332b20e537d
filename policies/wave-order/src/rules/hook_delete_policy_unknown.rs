//! A delete policy that Argo CD does not know.

use tidegate_model::hook::{DELETE_POLICIES, DeletePolicy, HELM_DELETE_POLICIES, delete_policies};
use tidegate_model::object::annotation_words;
use tidegate_model::words::{HELM_HOOK_DELETE_POLICY, HOOK_DELETE_POLICY};
use tidegate_policy_sdk::prelude::*;

use crate::nearest::nearest;
use crate::rules::MOST;
use crate::subject::{Subject, annotation_pointer, quote};

pub(crate) const RULE: Rule = Rule::warning(
    "hook-delete-policy-unknown",
    "A delete policy of a hook is unknown, so Argo CD takes another one",
    include_str!("hook_delete_policy_unknown.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    for (key, table) in [
        (HOOK_DELETE_POLICY, &DELETE_POLICIES[..]),
        (HELM_HOOK_DELETE_POLICY, &HELM_DELETE_POLICIES[..]),
    ] {
        let known = || table.iter().map(|(word, _)| *word);
        for word in annotation_words(subject.object, key).into_iter().take(MOST) {
            if known().any(|known| known == word) {
                continue;
            }
            let message = format!(
                "{key} has the unknown word {}: {}",
                quote(word),
                consequence(subject)
            );
            let suggestion = match nearest(word, table.iter().map(|(word, _)| *word)) {
                Some(meant) => format!("Write {meant}"),
                None => format!("Write one of {}", known().collect::<Vec<_>>().join(", ")),
            };
            findings.push(
                Finding::new(&RULE, message)
                    .at(annotation_pointer(key))
                    .suggest(suggestion),
            );
        }
    }
}

/// What happens instead.
fn consequence(subject: &Subject) -> String {
    let used: Vec<&str> = DELETE_POLICIES
        .iter()
        .filter(|(_, policy): &&(&str, DeletePolicy)| {
            delete_policies(subject.object).contains(policy)
        })
        .map(|(word, _)| *word)
        .collect();
    format!("Argo CD silently uses {}", used.join(" and "))
}
