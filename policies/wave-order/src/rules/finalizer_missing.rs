//! An Application that prunes what Git drops, but leaves everything when it is itself dropped.

use tidegate_policy_sdk::prelude::*;

use crate::rules::finalizer_misspelt::FINALIZER;
use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::info(
    "finalizer-missing",
    "An Application prunes automatically, but its own deletion leaves its resources",
    include_str!("finalizer_missing.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    let has_one = subject
        .at("/metadata/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|finalizers| {
            finalizers
                .iter()
                .filter_map(Value::as_str)
                .any(|finalizer| finalizer.starts_with(FINALIZER))
        });
    if application.prunes() && !has_one {
        findings.push(
            Finding::new(
                &RULE,
                "this Application prunes automatically and has no resources finalizer: when it is deleted, all its resources stay, managed by nobody",
            )
            .at("/metadata")
            .suggest(format!("Write metadata.finalizers: [{FINALIZER}], if deleting the Application should delete what it brought")),
        );
    }
}
