//! A duration that Argo CD cannot read, or two that contradict each other.

use tidegate_model::duration;
use tidegate_policy_sdk::prelude::*;

use crate::fields::dotted;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::error(
    "retry-backoff-invalid",
    "A duration of the retry backoff cannot be read, or contradicts the other",
    include_str!("retry_backoff_invalid.md"),
);

const FIRST: &str = "/spec/syncPolicy/retry/backoff/duration";
const LONGEST: &str = "/spec/syncPolicy/retry/backoff/maxDuration";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.application().is_none() {
        return;
    }
    // An empty text is the default.
    let written = |pointer: &str| {
        let text = subject.at(pointer).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let read = |pointer: &str| duration::parse(written(pointer)?);
    if let (Some(first), Some(longest)) = (read(FIRST), read(LONGEST))
        && !longest.is_zero()
        && longest < first
    {
        let message = format!(
            "{} is shorter than the first wait, {first:?}: every wait is {longest:?}, and factor does nothing",
            dotted(LONGEST)
        );
        findings.push(
            Finding::new(&RULE, message)
                .severity(Severity::Warning)
                .at(LONGEST)
                .suggest("Write the longest wait that you want, such as 3m"),
        );
    }
    for pointer in [FIRST, LONGEST] {
        let Some(text) = written(pointer).filter(|text| duration::parse(text).is_none()) else {
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
