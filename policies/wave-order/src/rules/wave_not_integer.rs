//! A wave that is no integer is wave 0, silently.

use tidegate_model::object::annotation;
use tidegate_model::wave::{self, WaveError};
use tidegate_model::words::{HELM_HOOK, HELM_HOOK_WEIGHT, SYNC_WAVE};
use tidegate_policy_sdk::prelude::*;

use crate::subject::{Subject, annotation_pointer, quote};

pub(crate) const RULE: Rule = Rule::error(
    "wave-not-integer",
    "A sync wave is not an integer, so Argo CD takes another one",
    include_str!("wave_not_integer.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let is_helm_hook = annotation(subject.object, HELM_HOOK).is_some();
    for (key, counts) in [(SYNC_WAVE, true), (HELM_HOOK_WEIGHT, is_helm_hook)] {
        let Some(text) = annotation(subject.object, key).filter(|_| counts) else {
            continue;
        };
        if wave::parse(text) != Err(WaveError::NotAnInteger) {
            continue;
        }
        let message = format!(
            "{key} is {}, which is not an integer: Argo CD silently uses wave {} instead",
            quote(text),
            wave::of(subject.object)
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(annotation_pointer(key))
                .suggest(suggestion(key, text)),
        );
    }
}

/// The integer that is in the text, if there is one and no doubt.
fn suggestion(key: &str, text: &str) -> String {
    let trimmed = text.trim().trim_end_matches(".0");
    match wave::parse(trimmed) {
        Ok(wave) => format!("Write {key}: \"{wave}\""),
        Err(_) => format!(
            "Write an integer in quotes, such as {key}: \"1\"; lower waves come first, negative ones are allowed"
        ),
    }
}
