//! A hook word that Argo CD does not know.

use tidegate_model::hook::{HELM_HOOKS, HELM_HOOKS_PASSED_OVER, HOOKS, Hook, Role, role};
use tidegate_model::object::{annotation, words};
use tidegate_model::words::{HELM_HOOK, HOOK};
use tidegate_policy_sdk::prelude::*;

use crate::nearest::nearest;
use crate::rules::MOST;
use crate::subject::{Subject, annotation_pointer, quote};

pub(crate) const RULE: Rule = Rule::error(
    "hook-unknown",
    "A hook word is unknown, so Argo CD does not run it",
    include_str!("hook_unknown.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let consequence = match role(subject.object) {
        Role::Ignored => "the object is never created, and Argo CD does not say so",
        _ => "Argo CD does not run it there, and does not say so",
    };
    let own = HOOKS.iter().map(|(word, _)| *word);
    let helm = HELM_HOOKS
        .iter()
        .map(|(word, _)| *word)
        .chain(HELM_HOOKS_PASSED_OVER);
    report(subject, HOOK, &own, consequence, findings);
    report(subject, HELM_HOOK, &helm, consequence, findings);
    let words = annotation(subject.object, HOOK)
        .map(words)
        .unwrap_or_default();
    if words.len() > 1 && words.contains(&"Skip") {
        findings.push(
            Finding::new(
                &RULE,
                format!("{HOOK} says Skip and more: Skip counts only alone, so the hook does run"),
            )
            .severity(Severity::Warning)
            .at(annotation_pointer(HOOK))
            .suggest("Write Skip alone, or remove it"),
        );
    }
}

fn report(
    subject: &Subject,
    key: &str,
    known: &(impl Iterator<Item = &'static str> + Clone),
    consequence: &str,
    findings: &mut Vec<Finding>,
) {
    let Some(text) = annotation(subject.object, key) else {
        return;
    };
    let finding = |message: String| Finding::new(&RULE, message).at(annotation_pointer(key));
    let listed = known.clone().collect::<Vec<_>>().join(", ");
    if words(text).is_empty() {
        findings.push(
            finding(format!("{key} names no hook: {consequence}"))
                .suggest(format!("Remove it, or write one of {listed}")),
        );
    }
    for word in words(text).into_iter().take(MOST) {
        if known.clone().any(|known| known == word) {
            continue;
        }
        let suggestion = match nearest(word, known.clone()).or_else(|| translated(key, word)) {
            Some(meant) => format!("Write {meant}"),
            None => format!("Write one of {listed}"),
        };
        findings.push(
            finding(format!(
                "{key} has the unknown word {}: {consequence}",
                quote(word)
            ))
            .suggest(suggestion),
        );
    }
}

/// Argo CD's word for a word of Helm's in Argo CD's annotation.
fn translated(key: &str, word: &str) -> Option<&'static str> {
    if key != HOOK {
        return None;
    }
    let (_, meant): &(&str, Hook) = HELM_HOOKS
        .iter()
        .find(|(helm, _)| helm.eq_ignore_ascii_case(word))?;
    HOOKS
        .iter()
        .find(|(_, hook)| hook == meant)
        .map(|(own, _)| *own)
}
