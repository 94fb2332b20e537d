//! A retry strategy without an end, without a beginning, or with waits that nobody waits for.

use std::time::Duration;

use tidegate_model::duration;
use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "retry-without-limit",
    "A failed sync is retried without limit, or not at all",
    include_str!("retry_without_limit.md"),
);

const RETRY: &str = "/spec/syncPolicy/retry";

/// What Argo CD takes where the strategy says nothing.
const DEFAULT_DURATION: Duration = Duration::from_secs(5);
const DEFAULT_FACTOR: i64 = 2;

/// The wait from which on a retry helps nobody.
const LONG: Duration = Duration::from_hours(1);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(retry) = subject
        .application()
        .and_then(|_| subject.at(RETRY)?.as_object())
    else {
        return;
    };
    let finding = |message: &str, pointer: String| Finding::new(&RULE, message).at(pointer);
    match retry.get("limit") {
        None | Some(Value::Null) => findings.push(
            finding("spec.syncPolicy.retry has no limit: Argo CD takes 0 and never retries a failed sync", RETRY.to_owned())
                .suggest("Write limit: 5 in spec.syncPolicy.retry, or remove retry for the default of 5"),
        ),
        Some(limit) if limit.as_i64().is_some_and(|limit| limit < 0) => findings.push(
            finding(
                "spec.syncPolicy.retry.limit is negative: a failing sync is retried for ever, and new commits wait behind it",
                format!("{RETRY}/limit"),
            )
            .suggest("Write a limit such as 5"),
        ),
        Some(limit) if is_uncapped(retry) && last_wait(retry, limit) > LONG => findings.push(
            finding(
                "spec.syncPolicy.retry.backoff.maxDuration is 0, so waits have no cap: the last one takes over an hour, new commits wait",
                format!("{RETRY}/backoff/maxDuration"),
            )
            .suggest("Write a maxDuration such as 3m"),
        ),
        Some(_) => {}
    }
}

/// A cap of zero is none; a missing one is three minutes.
fn is_uncapped(retry: &serde_json::Map<String, Value>) -> bool {
    backoff(retry, "maxDuration")
        .and_then(Value::as_str)
        .and_then(duration::parse)
        .is_some_and(|cap| cap.is_zero())
}

/// `duration * factor ^ limit`, as Argo CD computes it, saturating.
fn last_wait(retry: &serde_json::Map<String, Value>, limit: &Value) -> Duration {
    let first = backoff(retry, "duration")
        .and_then(Value::as_str)
        .and_then(duration::parse)
        .unwrap_or(DEFAULT_DURATION);
    let factor = backoff(retry, "factor")
        .and_then(Value::as_i64)
        .unwrap_or(DEFAULT_FACTOR)
        .max(1);
    let factor = u32::try_from(factor).unwrap_or(u32::MAX);
    let times = u32::try_from(limit.as_i64().unwrap_or_default()).unwrap_or(u32::MAX);
    first.saturating_mul(factor.saturating_pow(times))
}

fn backoff<'a>(retry: &'a serde_json::Map<String, Value>, field: &str) -> Option<&'a Value> {
    retry.get("backoff")?.get(field)
}
