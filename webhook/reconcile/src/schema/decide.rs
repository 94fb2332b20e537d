//! The decisions about one AtlasSchema. Pure: the same snapshot and time always give the same steps.

use jiff::Timestamp;
use tidegate_model::atlas::{Progress, Reason};
use tidegate_schemaplan::Plan;

use super::drift::{self, Found};
use super::planning::{how_to_approve, is_approved, objection, plan, warned};
use super::snapshot::{Review, Seen, Snapshot, Status, Step, Wish};
use super::{Outcome, response};
use crate::pacing::Pacing;
use crate::problem::{Problem, list};
use crate::settings::Drift;
use crate::standing::{self, condition, is_true};

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
    let Some(sides) = &seen.sides else {
        return ready(snapshot, wish, seen, &Found::InSync, now, pacing);
    };
    let plan = match plan(sides, wish) {
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
    if let Some(problem) = objection(snapshot, wish, sides, &plan, first_run) {
        return not_ready(snapshot, &problem, &found, now, pacing);
    }
    let mut steps = Vec::with_capacity(3);
    if snapshot.standing().begins_anew() {
        let progress = Progress::Reconciling {
            message: RECONCILING.to_owned(),
        };
        let written = status(snapshot, &progress, &found, now);
        write_if_changed(&mut steps, snapshot, written);
    }
    steps.push(Step::Judge {
        statements: drift::texts(&plan),
        is_approved: is_approved(snapshot, &plan),
        warnings_wait: wish.review == Review::Warned,
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
            let dialect = seen.engine.dialect;
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
        (Outcome::Denied { findings }, ..) => {
            let mut message = list("the policies deny the plan", findings);
            if let Some(plan) = planned(snapshot) {
                message.push_str(&how_to_approve(snapshot, &plan));
            }
            let problem = Problem::new(Reason::LintPolicyError, message);
            not_ready(snapshot, &problem, &Found::Unknown, now, pacing)
        }
        (Outcome::Warned { findings }, ..) => {
            let problem = planned(snapshot).map(|plan| warned(snapshot, &plan, findings));
            let steps = problem.map(|it| not_ready(snapshot, &it, &Found::Unknown, now, pacing));
            steps.unwrap_or_default()
        }
        (Outcome::Failed(problem), ..) => {
            not_ready(snapshot, problem, &Found::Unknown, now, pacing)
        }
        // Somebody else was quicker. That is no failure: look again and plan anew.
        (Outcome::Overtaken, ..) => vec![Step::Requeue(pacing.retry(&snapshot.key, 1))],
    }
}

/// The plan that [`decide`] made.
fn planned(snapshot: &Snapshot) -> Option<Plan> {
    let (Ok(wish), Ok(seen)) = (&snapshot.wish, &snapshot.seen) else {
        return None;
    };
    plan(seen.sides.as_ref()?, wish).ok()
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
    let settled =
        before.is_ready() && snapshot.standing().is_current() && before.observed_hash == observed;
    let message = match condition(&before.conditions, "Ready") {
        Some(ready) if settled => ready.message.clone(),
        _ => response::unchanged(),
    };
    let mut written = status(snapshot, &Progress::Ready { message }, found, now);
    written.observed_hash = observed;
    if !settled {
        written.last_applied = now.as_second();
    }
    // Where nobody ever looked for drift, and there is none, nothing is worth a write.
    let known =
        settled && matches!(found, Found::InSync) && !is_true(&before.conditions, "Drifted");
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
    let written = status(snapshot, &standing::not_ready(problem), found, now);
    let wait = snapshot
        .standing()
        .wait(problem.reason, written.failed, pacing);
    let mut steps = Vec::with_capacity(2);
    write_if_changed(&mut steps, snapshot, written);
    steps.push(Step::Requeue(wait));
    steps
}

fn status(snapshot: &Snapshot, progress: &Progress, found: &Found, now: Timestamp) -> Status {
    let update = snapshot.standing().after(progress, now);
    let mut conditions = update.conditions;
    drift::add(&mut conditions, snapshot, found, &standing::written(now));
    Status {
        conditions,
        observed_generation: update.observed_generation,
        failed: update.failed,
        ..snapshot.status.clone()
    }
}

fn write_if_changed(steps: &mut Vec<Step>, snapshot: &Snapshot, written: Status) {
    if written != snapshot.status {
        steps.push(Step::WriteStatus(written));
    }
}

#[cfg(test)]
mod tests;
