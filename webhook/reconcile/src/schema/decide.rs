//! The decisions about one AtlasSchema. Pure: the same snapshot and time always give the same steps.

use jiff::Timestamp;
use tidegate_model::atlas::{Progress, StatusUpdate};

use super::planning::{list, plan};
use super::snapshot::{Cause, Problem, Snapshot, Status, Step};
use super::{Outcome, response};
use crate::pacing::Pacing;

/// The one word that both health scripts of Argo CD take for "in progress".
const RECONCILING: &str = "Reconciling";

/// What to do about an object. An empty list: leave it alone, and do not look again.
pub fn decide(snapshot: &Snapshot, now: Timestamp, pacing: &Pacing) -> Vec<Step> {
    if snapshot.deleting {
        return Vec::new();
    }
    let planned = match (&snapshot.wanted, &snapshot.present) {
        (Err(problem), _) | (_, Err(problem)) => Err(problem.clone()),
        (Ok(wanted), Ok(present)) => plan(wanted, present, snapshot.status.last_applied == 0),
    };
    match planned {
        Err(problem) => not_ready(snapshot, &problem, now, pacing),
        Ok(plan) if plan.statements.is_empty() => nothing_to_do(snapshot, plan.hash, now, pacing),
        Ok(plan) => {
            let mut steps = Vec::with_capacity(3);
            if begins_anew(snapshot) {
                let progress = Progress::Reconciling {
                    message: RECONCILING.to_owned(),
                };
                write_if_changed(&mut steps, snapshot, status(snapshot, &progress, now));
            }
            steps.push(Step::Judge {
                statements: plan.statements.clone(),
            });
            steps.push(Step::Apply {
                statements: plan.statements,
                hash: plan.hash,
            });
            steps
        }
    }
}

/// What to do after the steps of [`decide`] came to an end.
pub fn conclude(
    snapshot: &Snapshot,
    outcome: &Outcome,
    now: Timestamp,
    pacing: &Pacing,
) -> Vec<Step> {
    match outcome {
        Outcome::Done => Vec::new(),
        Outcome::Applied {
            statements,
            hash,
            started,
            ended,
        } => {
            let progress = Progress::Ready {
                message: response::applied(statements, *started, *ended),
            };
            let mut written = status(snapshot, &progress, now);
            written.observed_hash.clone_from(hash);
            written.last_applied = now.as_second();
            vec![
                Step::WriteStatus(written),
                Step::Requeue(pacing.resync(&snapshot.key)),
            ]
        }
        Outcome::Denied { findings } => not_ready(
            snapshot,
            &Problem::new(
                Cause::LintPolicyError,
                list("the policies deny the plan; nothing was changed", findings),
            ),
            now,
            pacing,
        ),
        Outcome::Failed(problem) => not_ready(snapshot, problem, now, pacing),
        // Somebody else was quicker. That is no failure: look again and plan anew.
        Outcome::Overtaken => vec![Step::Requeue(pacing.retry(&snapshot.key, 1))],
    }
}

/// Whether the status still speaks of something else: of nothing, of an older spec, or of success.
fn begins_anew(snapshot: &Snapshot) -> bool {
    let status = &snapshot.status;
    status.conditions.is_empty()
        || status.observed_generation != snapshot.generation
        || status.is_ready()
}

fn nothing_to_do(snapshot: &Snapshot, hash: String, now: Timestamp, pacing: &Pacing) -> Vec<Step> {
    let mut steps = Vec::with_capacity(2);
    let known = snapshot.status.is_ready()
        && snapshot.status.observed_generation == snapshot.generation
        && snapshot.status.observed_hash == hash;
    if !known {
        let mut written = status(
            snapshot,
            &Progress::Ready {
                message: response::unchanged(),
            },
            now,
        );
        written.observed_hash = hash;
        written.last_applied = now.as_second();
        write_if_changed(&mut steps, snapshot, written);
    }
    steps.push(Step::Requeue(pacing.resync(&snapshot.key)));
    steps
}

fn not_ready(snapshot: &Snapshot, problem: &Problem, now: Timestamp, pacing: &Pacing) -> Vec<Step> {
    let progress = Progress::NotReady {
        reason: problem.cause.reason(),
        message: problem.message.clone(),
    };
    let written = status(snapshot, &progress, now);
    let wait = pacing.retry(&snapshot.key, written.failed);
    vec![Step::WriteStatus(written), Step::Requeue(wait)]
}

fn status(snapshot: &Snapshot, progress: &Progress, now: Timestamp) -> Status {
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
    Status {
        conditions: update.conditions,
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
