//! The decisions about one AtlasSchema. Pure: the same snapshot and time always give the same steps.

use std::time::Duration;

use jiff::Timestamp;
use tidegate_model::atlas::{Progress, Reason, StatusUpdate};

use super::drift::{self, Found};
use super::planning::{how_to_approve, is_approved, objection, plan};
use super::snapshot::{Seen, Snapshot, Status, Step, Wish};
use super::{Outcome, response};
use crate::pacing::Pacing;
use crate::problem::{Problem, list};
use crate::settings::Drift;

/// The one word that both health scripts of Argo CD take for "in progress".
const RECONCILING: &str = "Reconciling";

/// What to do about an object. An empty list: leave it alone, and do not look again.
pub fn decide(snapshot: &Snapshot, now: Timestamp, pacing: &Pacing) -> Vec<Step> {
    if snapshot.deleting {
        return Vec::new();
    }
    let (wish, seen) = match (&snapshot.wish, &snapshot.seen) {
        (Err(problem), _) | (_, Err(problem)) => {
            return not_ready(snapshot, problem, &Found::Unknown, now, pacing);
        }
        (Ok(wish), Ok(seen)) => (wish, seen),
    };
    let plan = match plan(seen, wish) {
        Err(problem) => return not_ready(snapshot, &problem, &Found::Unknown, now, pacing),
        Ok(plan) if plan.statements.is_empty() => {
            return ready(snapshot, wish, seen, &Found::InSync, now, pacing);
        }
        Ok(plan) => plan,
    };
    let drifted = drift::was_applied(snapshot, wish, seen);
    let found = if drifted {
        Found::drifted(&plan)
    } else {
        Found::Unknown
    };
    if drifted && snapshot.drift == Drift::Report {
        return ready(snapshot, wish, seen, &found, now, pacing);
    }
    let first_run = drift::is_first_run(&snapshot.status, seen);
    if let Some(problem) = objection(snapshot, wish, seen, &plan, first_run) {
        return not_ready(snapshot, &problem, &found, now, pacing);
    }
    let mut steps = Vec::with_capacity(3);
    if begins_anew(snapshot) {
        let progress = Progress::Reconciling {
            message: RECONCILING.to_owned(),
        };
        let written = status(snapshot, &progress, &found, now);
        write_if_changed(&mut steps, snapshot, written);
    }
    steps.push(Step::Judge {
        statements: drift::texts(&plan),
        is_approved: is_approved(snapshot, &plan),
    });
    steps.push(Step::Apply {
        statements: plan.statements,
        transaction: wish.transaction,
    });
    steps
}

/// What to do after the steps of [`decide`] came to an end.
pub fn conclude(
    snapshot: &Snapshot,
    outcome: &Outcome,
    now: Timestamp,
    pacing: &Pacing,
) -> Vec<Step> {
    match (outcome, &snapshot.wish, &snapshot.seen) {
        (
            Outcome::Applied {
                statements,
                started,
                ended,
            },
            Ok(wish),
            Ok(seen),
        ) => {
            let dialect = seen.current.engine.dialect;
            let progress = Progress::Ready {
                message: response::applied(dialect, statements, *started, *ended),
            };
            let found = if drift::was_applied(snapshot, wish, seen) {
                Found::Repaired(statements.clone())
            } else {
                Found::InSync
            };
            let mut written = status(snapshot, &progress, &found, now);
            written.observed_hash = drift::observed(wish, seen);
            written.last_applied = now.as_second();
            vec![
                Step::WriteStatus(written),
                Step::Requeue(pacing.resync(&snapshot.key)),
            ]
        }
        (Outcome::Done | Outcome::Applied { .. }, ..) => Vec::new(),
        (Outcome::Denied { findings }, wish, seen) => not_ready(
            snapshot,
            &Problem::new(Reason::LintPolicyError, {
                let mut message = list("the policies deny the plan", findings);
                if let (Ok(wish), Ok(seen)) = (wish, seen)
                    && let Ok(plan) = plan(seen, wish)
                {
                    message.push_str(&how_to_approve(snapshot, &plan));
                }
                message
            }),
            &Found::Unknown,
            now,
            pacing,
        ),
        (Outcome::Failed(problem), ..) => {
            not_ready(snapshot, problem, &Found::Unknown, now, pacing)
        }
        // Somebody else was quicker. That is no failure: look again and plan anew.
        (Outcome::Overtaken, ..) => vec![Step::Requeue(pacing.retry(&snapshot.key, 1))],
    }
}

/// Whether the status still speaks of something else: of nothing, of an older spec, or of success.
fn begins_anew(snapshot: &Snapshot) -> bool {
    let status = &snapshot.status;
    status.conditions.is_empty()
        || status.observed_generation != snapshot.generation
        || status.is_ready()
}

/// There is nothing to do, or nothing is to be done.
fn ready(
    snapshot: &Snapshot,
    wish: &Wish,
    seen: &Seen,
    found: &Found,
    now: Timestamp,
    pacing: &Pacing,
) -> Vec<Step> {
    let mut steps = Vec::with_capacity(2);
    let before = &snapshot.status;
    let observed = drift::observed(wish, seen);
    let settled = before.is_ready()
        && before.observed_generation == snapshot.generation
        && before.observed_hash == observed;
    let message = match before.condition("Ready") {
        Some(ready) if settled => ready.message.clone(),
        _ => response::unchanged(),
    };
    let mut written = status(snapshot, &Progress::Ready { message }, found, now);
    written.observed_hash = observed;
    if !settled {
        written.last_applied = now.as_second();
    }
    // Where nobody ever looked for drift, and there is none, nothing is worth a write.
    let known = settled && matches!(found, Found::InSync) && !before.is_true("Drifted");
    if !known {
        write_if_changed(&mut steps, snapshot, written);
    }
    steps.push(Step::Requeue(pacing.resync(&snapshot.key)));
    steps
}

fn not_ready(
    snapshot: &Snapshot,
    problem: &Problem,
    found: &Found,
    now: Timestamp,
    pacing: &Pacing,
) -> Vec<Step> {
    let progress = Progress::NotReady {
        reason: problem.reason,
        message: problem.message.clone(),
    };
    let written = status(snapshot, &progress, found, now);
    let wait = wait(snapshot, problem, written.failed, pacing);
    let mut steps = Vec::with_capacity(2);
    write_if_changed(&mut steps, snapshot, written);
    steps.push(Step::Requeue(wait));
    steps
}

/// Waiting for a person, or having failed more often than `backoffLimit` allows, an object is looked at as rarely as one that is as wanted. (The
/// operator never looks again.)
fn wait(snapshot: &Snapshot, problem: &Problem, failed: u32, pacing: &Pacing) -> Duration {
    let limit = match &snapshot.wish {
        Ok(wish) if wish.backoff_limit > 0 => wish.backoff_limit,
        _ => u32::MAX,
    };
    if problem.reason.is_pending() || failed > limit {
        pacing.resync(&snapshot.key)
    } else {
        pacing.failure(&snapshot.key, failed)
    }
}

fn status(snapshot: &Snapshot, progress: &Progress, found: &Found, now: Timestamp) -> Status {
    let before = &snapshot.status;
    // Failures of an older spec do not count against a new one.
    let failed = if before.observed_generation == snapshot.generation {
        before.failed
    } else {
        0
    };
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let update = StatusUpdate::new(
        progress,
        &before.conditions,
        failed,
        snapshot.generation,
        &now,
    );
    let mut conditions = update.conditions;
    drift::add(&mut conditions, snapshot, found, &now);
    Status {
        conditions,
        observed_generation: update.observed_generation,
        failed: update.failed,
        observed_hash: before.observed_hash.clone(),
        last_applied: before.last_applied,
    }
}

fn write_if_changed(steps: &mut Vec<Step>, snapshot: &Snapshot, written: Status) {
    if written != snapshot.status {
        steps.push(Step::WriteStatus(written));
    }
}

#[cfg(test)]
mod tests;
