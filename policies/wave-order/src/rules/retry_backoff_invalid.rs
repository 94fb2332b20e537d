//! A duration that Argo CD cannot read.

use tidegate_policy_sdk::prelude::*;

use crate::duration;
use crate::fields::dotted;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::error(
    "retry-backoff-invalid",
    "A duration of the retry backoff cannot be read",
    include_str!("retry_backoff_invalid.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.application().is_none() {
        return;
    }
    for pointer in [
        "/spec/syncPolicy/retry/backoff/duration",
        "/spec/syncPolicy/retry/backoff/maxDuration",
    ] {
        // An empty text is the default.
        let text = subject
            .at(pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        let Some(text) = text.filter(|text| duration::parse(text).is_none()) else {
            continue;
        };
        let message = format!(
            "{} is {}, which is no duration: the sync fails instead of being retried",
            dotted(pointer),
            quote(text)
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(pointer)
                .suggest("Write a number with a unit, such as 5s, 3m or 1m30s"),
        );
    }
}
