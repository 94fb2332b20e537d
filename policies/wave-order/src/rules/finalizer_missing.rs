//! An Application that prunes what Git drops, but leaves everything when it is itself dropped.

use tidegate_model::application::Application;
use tidegate_policy_sdk::prelude::*;

use crate::rules::finalizer_misspelt::FINALIZER;
use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::info(
    "finalizer-missing",
    "An Application prunes automatically, but its own deletion leaves its resources",
    include_str!("finalizer_missing.md"),
);

/// Where the finding is: the list itself may not be there to point at.
pub(crate) const PATH: &str = "/metadata";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if is_missing(subject) {
        findings.push(
            Finding::new(
                &RULE,
                "this Application prunes automatically and has no resources finalizer: when it is deleted, all its resources stay, managed by nobody",
            )
            .at(PATH)
            .suggest(format!("Write metadata.finalizers: [{FINALIZER}], if deleting the Application should delete what it brought")),
        );
    }
}

/// Whether it prunes and has none of Argo CD's resources finalizers.
pub(crate) fn is_missing(subject: &Subject) -> bool {
    let has_one = subject
        .at("/metadata/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|finalizers| {
            finalizers
                .iter()
                .filter_map(Value::as_str)
                .any(|finalizer| finalizer.starts_with(FINALIZER))
        });
    !has_one && subject.application().is_some_and(Application::prunes)
}
