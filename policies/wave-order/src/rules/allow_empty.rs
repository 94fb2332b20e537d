//! Automated pruning of everything, by permission.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "allow-empty",
    "An Application may prune everything it has when its source renders nothing",
    include_str!("allow_empty.md"),
);

const ALLOW_EMPTY: &str = "/spec/syncPolicy/automated/allowEmpty";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    if subject.at(ALLOW_EMPTY).and_then(Value::as_bool) != Some(true) {
        return;
    }
    let (severity, message) = if application.prunes() {
        (
            Severity::Warning,
            "with prune and allowEmpty, a path that is moved or renders nothing deletes everything this Application has",
        )
    } else {
        (
            Severity::Info,
            "spec.syncPolicy.automated.allowEmpty does nothing without prune, and everything once somebody adds it",
        )
    };
    findings.push(
        Finding::new(&RULE, message)
            .severity(severity)
            .at(ALLOW_EMPTY)
            .suggest("Remove allowEmpty; Argo CD then stops instead of wiping out all resources"),
    );
}
