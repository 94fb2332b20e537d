//! Automated syncs that leave the retries to a default that few know.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::info(
    "retry-missing",
    "An Application that syncs by itself says nothing about retries",
    include_str!("retry_missing.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    if application.is_automated()
        && subject
            .at("/spec/syncPolicy/retry")
            .is_none_or(Value::is_null)
    {
        findings.push(
            Finding::new(
                &RULE,
                "automated syncs are retried five times, which nothing here says; then this revision is never tried again",
            )
            .at("/spec/syncPolicy")
            .suggest("Write retry: {limit: 5, backoff: {duration: 5s, factor: 2, maxDuration: 3m}} in spec.syncPolicy"),
        );
    }
}
