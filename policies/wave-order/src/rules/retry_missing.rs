//! Automated syncs that leave the retries to a default that few know.

use tidegate_model::application::Application;
use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::info(
    "retry-missing",
    "An Application that syncs by itself says nothing about retries",
    include_str!("retry_missing.md"),
);

/// Where the finding is: the field itself is not there to point at.
pub(crate) const PATH: &str = "/spec/syncPolicy";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if is_missing(subject) {
        findings.push(
            Finding::new(
                &RULE,
                "automated syncs are retried five times, which nothing here says; then this revision is never tried again",
            )
            .at(PATH)
            .suggest("Write retry: {limit: 5, backoff: {duration: 5s, factor: 2, maxDuration: 3m}} in spec.syncPolicy"),
        );
    }
}

/// Whether it syncs by itself and has no retry strategy.
pub(crate) fn is_missing(subject: &Subject) -> bool {
    subject.application().is_some_and(Application::is_automated)
        && subject
            .at("/spec/syncPolicy/retry")
            .is_none_or(Value::is_null)
}
