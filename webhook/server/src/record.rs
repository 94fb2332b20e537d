//! One decision record for each review: the line that answers "why was this refused, and by what" a month later.
//!
//! It goes to the tracing target `decision`, so that it can be filtered and routed on its own. It names rules, never messages: messages may quote
//! objects, and objects may hold secrets.

use std::fmt::Write as _;
use std::time::Duration;

use tidegate_admission::{Decision, Evaluated, Review, Stage};
use tracing::info;

use crate::metrics::Outcome;

/// The tracing target of decision records.
pub(crate) const TARGET: &str = "decision";

/// Writes the record of one review that was read.
pub(crate) fn record(
    stage: Stage,
    review: &Review,
    outcome: Outcome,
    evaluated: &[Evaluated],
    decision: &Decision,
    took: Duration,
) {
    if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
        return;
    }
    info!(
        target: TARGET,
        uid = review.uid,
        stage = stage.as_str(),
        operation = review.operation.as_str(),
        group = review.kind.group,
        kind = review.kind.kind,
        sub_resource = review.sub_resource.as_deref(),
        namespace = review.namespace.as_deref(),
        name = review.name,
        user = review.user.username,
        dry_run = review.dry_run,
        allowed = decision.allowed() && outcome != Outcome::Unavailable,
        outcome = outcome.as_str(),
        rules = rules(decision),
        policies = policies(evaluated),
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "decided"
    );
}

/// `unsafe-sql/drop-column=deny,wave-order/bad-wave=warn`
fn rules(decision: &Decision) -> String {
    let mut text = String::new();
    for finding in &decision.findings {
        separate(&mut text);
        // Writing to a String cannot fail.
        let _ = write!(text, "{}={}", finding.id(), finding.action.as_str());
    }
    text
}

/// `unsafe-sql,wave-order!trap`: those asked, with the reason of those that had no verdict.
fn policies(evaluated: &[Evaluated]) -> String {
    let mut text = String::new();
    for one in evaluated {
        separate(&mut text);
        text.push_str(&one.policy);
        if let Err(failure) = &one.outcome {
            text.push('!');
            text.push_str(failure.reason());
        }
    }
    text
}

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push(',');
    }
}
