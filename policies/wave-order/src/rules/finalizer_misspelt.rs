//! A finalizer that was meant for Argo CD and that nobody removes.

use tidegate_policy_sdk::prelude::*;

use crate::rules::MOST;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::error(
    "finalizer-misspelt",
    "A finalizer of an Application is misspelt, so nobody ever removes it",
    include_str!("finalizer_misspelt.md"),
);

/// The finalizer by which deleting an Application deletes its resources.
pub(crate) const FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// What Argo CD puts there or acts on (argo-cd `pkg/apis/application/v1alpha1/application_annotations.go`).
const KNOWN: [&str; 8] = [
    FINALIZER,
    "resources-finalizer.argocd.argoproj.io/foreground",
    "resources-finalizer.argocd.argoproj.io/background",
    "pre-delete-finalizer.argocd.argoproj.io",
    "pre-delete-finalizer.argocd.argoproj.io/cleanup",
    "post-delete-finalizer.argocd.argoproj.io",
    "post-delete-finalizer.argocd.argoproj.io/cleanup",
    "argocd.argoproj.io/hook-finalizer",
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.application().is_none() && subject.project().is_none() {
        return;
    }
    let finalizers = subject.at("/metadata/finalizers").and_then(Value::as_array);
    for (index, finalizer) in finalizers.into_iter().flatten().enumerate().take(MOST) {
        let Some(text) = finalizer.as_str() else {
            continue;
        };
        let lower = text.to_ascii_lowercase();
        let meant = ["argo", "resource-finalizer", "resources-finalizer"]
            .iter()
            .any(|part| lower.contains(part));
        if !meant || KNOWN.contains(&text) {
            continue;
        }
        let message = format!(
            "finalizer {} is not one that Argo CD knows: it deletes no resources, and nobody removes it, so the object can never be deleted",
            quote(text)
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(format!("/metadata/finalizers/{index}"))
                .suggest(format!("Write {FINALIZER}")),
        );
    }
}
