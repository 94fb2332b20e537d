//! A wave on something that takes part in no wave.

use tidegate_model::hook::{Role, role};
use tidegate_model::object::{annotation, group, kind};
use tidegate_model::words::SYNC_WAVE;
use tidegate_policy_sdk::prelude::*;

use crate::subject::{Subject, annotation_pointer};

pub(crate) const RULE: Rule = Rule::warning(
    "wave-without-effect",
    "A sync wave is on an object for which waves do nothing",
    include_str!("wave_without_effect.md"),
);

/// Kinds that are read by tools and never applied.
const NEVER_APPLIED: [(&str, &str); 3] = [
    ("kustomize.config.k8s.io", "Kustomization"),
    ("kustomize.config.k8s.io", "Component"),
    ("", "List"),
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let object = subject.object;
    if annotation(object, SYNC_WAVE).is_none() {
        return;
    }
    let (severity, why) = match role(object) {
        Role::AtDeletion(_) => (
            Severity::Warning,
            "hooks that run at deletion have no waves: all of them start together".to_owned(),
        ),
        Role::Skipped => (
            Severity::Warning,
            "the hook Skip keeps it from ever being applied".to_owned(),
        ),
        _ if NEVER_APPLIED.contains(&(group(object), kind(object))) => (
            Severity::Warning,
            format!("a {} is never applied itself; the wave belongs on what it holds", kind(object)),
        ),
        _ if subject.application().is_some() => (
            Severity::Info,
            "Argo CD waits for an Application only with a health customization for argoproj.io/Application in argocd-cm; without it the next wave starts at once".to_owned(),
        ),
        _ => return,
    };
    findings.push(
        Finding::new(&RULE, format!("{SYNC_WAVE} does nothing here: {why}"))
            .severity(severity)
            .at(annotation_pointer(SYNC_WAVE))
            .suggest("Remove it, or put it where it counts"),
    );
}
