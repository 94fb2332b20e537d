//! The decisions about one AtlasMigration. Pure: the same snapshot and time always give the same steps.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use tidegate_model::atlas::{Progress, Reason};
use tidegate_model::words::APPROVE;

use super::Outcome;
use super::snapshot::{Seen, Snapshot, Status, Step, WayBack};
use crate::gate::GateFinding;
use crate::pacing::Pacing;
use crate::problem::{Problem, list};
use crate::standing;

/// What to do about an object. An empty list: leave it alone, and do not look again.
pub fn decide(snapshot: &Snapshot, now: Timestamp, pacing: &Pacing) -> Vec<Step> {
    if snapshot.deleting {
        return Vec::new();
    }
    let seen = match (&snapshot.wish, &snapshot.seen) {
        (Err(problem), _) | (_, Err(problem)) => {
            return not_ready(snapshot, problem, None, now, pacing);
        }
        (Ok(_), Ok(seen)) => seen,
    };
    if seen.pending.is_empty() && seen.baseline.is_none() && seen.down.is_none() && !seen.settles {
        return match &seen.beyond {
            Some(version) => not_ready(snapshot, &beyond(version), Some(seen), now, pacing),
            None => nothing_to_do(snapshot, seen, now, pacing),
        };
    }
    if let (Ok(wish), false) = (&snapshot.wish, seen.drifted.is_empty())
        && wish.drift.as_ref().is_some_and(|check| !check.goes_on)
    {
        return not_ready(snapshot, &drifted(seen), Some(seen), now, pacing);
    }
    let mut steps = Vec::with_capacity(3);
    if snapshot.standing().begins_anew() {
        // Argo CD's health script looks at the reason, which is the same for both.
        let message = if snapshot.status.is_ready() {
            "Current migration data has changed"
        } else {
            "Reconciling"
        };
        let progress = Progress::Reconciling {
            message: message.to_owned(),
        };
        let mut written = status(snapshot, &progress, now);
        written.last_applied_version.clone_from(&seen.last);
        write_if_changed(&mut steps, snapshot, written);
    }
    if let Some(down) = &seen.down {
        steps.push(Step::Judge {
            texts: down.statements.clone(),
            is_approved: is_approved(snapshot, down),
        });
        steps.push(Step::GoDown);
        return steps;
    }
    if !seen.pending.is_empty() {
        steps.push(Step::Judge {
            texts: seen.pending.iter().map(|file| file.text.clone()).collect(),
            is_approved: false,
        });
    }
    steps.push(Step::Migrate);
    steps
}

/// Whether somebody approved exactly this way back.
fn is_approved(snapshot: &Snapshot, down: &WayBack) -> bool {
    let approved = snapshot.approved.as_deref().map(str::trim);
    approved.is_some_and(|approved| tidegate_schemaplan::approves(approved, &down.hash))
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
        Outcome::Migrated { last } => {
            let Ok(seen) = &snapshot.seen else {
                return Vec::new();
            };
            let written = ready(snapshot, seen, last, now);
            vec![
                Step::WriteStatus(written),
                Step::Requeue(at_rest(snapshot, pacing)),
            ]
        }
        Outcome::Denied { findings } => {
            let files = |finding: &GateFinding| named(snapshot, finding);
            let mut message = list(
                "the policies deny what is pending; nothing was run",
                findings.iter().map(files),
            );
            let down = snapshot.seen.as_ref().ok().and_then(|it| it.down.as_ref());
            if let Some(down) = down {
                let _ = write!(
                    message,
                    "\nThis is the way back behind {}. When exactly this is meant, annotate the object with {APPROVE}: {}",
                    down.undone.join(", "),
                    down.hash
                );
            }
            let problem = Problem::new(Reason::PlanRejected, message);
            not_ready(snapshot, &problem, None, now, pacing)
        }
        Outcome::Failed { problem, last } => {
            let mut steps = not_ready(snapshot, problem, None, now, pacing);
            for step in &mut steps {
                if let (Step::WriteStatus(written), Some(last)) = (step, last) {
                    written.last_applied_version.clone_from(last);
                }
            }
            steps
        }
        // Somebody else was quicker. That is no failure: look again.
        Outcome::Overtaken => vec![Step::Requeue(pacing.retry(&snapshot.key, 1))],
    }
}

/// A finding with the file that it is about.
fn named(snapshot: &Snapshot, finding: &GateFinding) -> String {
    let pending = snapshot.seen.as_ref().map(|seen| seen.pending.as_slice());
    let change = finding.change.and_then(|change| pending.ok()?.get(change));
    match change {
        Some(file) => format!("{}: {finding}", file.name),
        None => finding.to_string(),
    }
}

/// The database has a version that the folder does not reach.
fn beyond(version: &str) -> Problem {
    Problem::new(
        Reason::ProtectedFlowError,
        format!(
            "migrate down is not allowed, set `migrateDown.allow` to true to allow downgrade: the database has version {version} and the folder ends before it"
        ),
    )
}

/// Somebody changed the database beside the files.
fn drifted(seen: &Seen) -> Problem {
    let title = format!(
        "database state does not match expected state at version {}; nothing was run. To make it so again",
        seen.last
    );
    Problem::new(
        Reason::DriftDetected,
        format!(
            "{}\nUndo it, write a migration of it, or leave it out with spec.policy.drift.exclude; onError: CONTINUE runs what is pending all the same",
            list(&title, &seen.drifted)
        ),
    )
}

/// How long an object that is as wanted is left alone.
fn at_rest(snapshot: &Snapshot, pacing: &Pacing) -> Duration {
    let follows = snapshot.wish.as_ref().is_ok_and(|wish| wish.follows);
    if follows {
        pacing.follow(&snapshot.key)
    } else {
        pacing.resync(&snapshot.key)
    }
}

fn nothing_to_do(snapshot: &Snapshot, seen: &Seen, now: Timestamp, pacing: &Pacing) -> Vec<Step> {
    let mut steps = Vec::with_capacity(2);
    let before = &snapshot.status;
    let known = before.is_ready()
        && snapshot.standing().is_current()
        && before.observed_hash == seen.hash
        && before.last_applied_version == seen.last;
    if !known {
        let written = ready(snapshot, seen, &seen.last, now);
        write_if_changed(&mut steps, snapshot, written);
    }
    steps.push(Step::Requeue(at_rest(snapshot, pacing)));
    steps
}

fn ready(snapshot: &Snapshot, seen: &Seen, last: &str, now: Timestamp) -> Status {
    let progress = Progress::Ready {
        message: String::new(),
    };
    let mut written = status(snapshot, &progress, now);
    written.observed_hash.clone_from(&seen.hash);
    last.clone_into(&mut written.last_applied_version);
    written.last_applied = now.as_second();
    written
}

fn not_ready(
    snapshot: &Snapshot,
    problem: &Problem,
    seen: Option<&Seen>,
    now: Timestamp,
    pacing: &Pacing,
) -> Vec<Step> {
    let mut written = status(snapshot, &standing::not_ready(problem), now);
    if let Some(seen) = seen {
        written.last_applied_version.clone_from(&seen.last);
    }
    let wait = snapshot
        .standing()
        .wait(problem.reason, written.failed, pacing);
    vec![Step::WriteStatus(written), Step::Requeue(wait)]
}

fn status(snapshot: &Snapshot, progress: &Progress, now: Timestamp) -> Status {
    let update = snapshot.standing().after(progress, now);
    Status {
        conditions: update.conditions,
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
