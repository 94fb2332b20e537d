//! The decisions about one AtlasDriftCheck. Pure: the same snapshot and time always give the same steps.
//!
//! Conditions, messages and events are those of the Atlas operator 0.8, word for word, so that whoever waits for one finds it. `Drifted` stands beside the three
//! that all kinds have; `differences` in the status is ours, and says what the counts do not.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tidegate_database::Drift;
use tidegate_model::atlas::{AtlasDriftCheckStatus, Condition, DriftSummary};
use tidegate_schemaplan::How;

use super::snapshot::{Failure, Seen, Snapshot, Step, Wish, Word};
use crate::events::Told;
use crate::pacing::apart;
use crate::problem::shown;
use crate::standing::{condition, written};

/// Where somebody else is at work: as soon as the operator looks again.
const WHILE_BUSY: Duration = Duration::from_secs(30);

/// After a check that could not be made: no later than this.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// What to do about an object.
pub fn decide(snapshot: &Snapshot, now: Timestamp) -> Vec<Step> {
    if snapshot.deleting {
        return Vec::new();
    }
    let now = written(now);
    let (status, wait) = match (&snapshot.wish, &snapshot.seen) {
        (Err(failure), _) => (failed(snapshot, failure, &now), Some(AFTER_FAILURE)),
        (Ok(_), None) => {
            let said = (Word::Suspended, "checks are suspended");
            (reconciling(snapshot, "False", said, &now), None)
        }
        (Ok(_), Some(Seen::Locked)) => (snapshot.status.clone(), Some(WHILE_BUSY)),
        (Ok(_), Some(Seen::Migrating)) => {
            let said = (Word::TargetNotReady, "migration apply in progress");
            (reconciling(snapshot, "True", said, &now), Some(WHILE_BUSY))
        }
        (Ok(wish), Some(Seen::Failed(failure))) => (
            failed(snapshot, failure, &now),
            Some(AFTER_FAILURE.min(wish.interval)),
        ),
        (Ok(wish), Some(Seen::Checked(drift))) => {
            (checked(snapshot, wish, drift, &now), Some(wish.interval))
        }
    };
    let told = told(&snapshot.status, &status).map(Step::Tell);
    let written = (status != snapshot.status).then(|| Step::WriteStatus(Box::new(status)));
    let wait = wait.map(|wait| Step::Requeue(apart(&snapshot.key, wait)));
    written.into_iter().chain(told).chain(wait).collect()
}

/// The status after a check that came to its end.
fn checked(snapshot: &Snapshot, wish: &Wish, drift: &Drift, now: &str) -> AtlasDriftCheckStatus {
    let has_drifted = !drift.words.is_empty();
    let before = snapshot.status.summary.as_ref();
    let summary = has_drifted.then(|| summary(drift, before));
    let message = match &summary {
        Some(summary) => in_words(summary, &drift.version),
        None => format!("no drift detected at version {}", drift.version),
    };
    let is_stalled = has_drifted && wish.fails;
    let outcome = if is_stalled {
        Word::DriftDetected
    } else {
        Word::Checked
    };
    let drifted = if has_drifted {
        Word::DriftDetected
    } else {
        Word::NoDrift
    };
    let conditions = [
        ("Ready", truth(!is_stalled), outcome),
        ("Reconciling", "False", outcome),
        ("Stalled", truth(is_stalled), outcome),
        ("Drifted", truth(has_drifted), drifted),
    ];
    AtlasDriftCheckStatus {
        observed_generation: snapshot.generation,
        conditions: conditions
            .into_iter()
            .map(|(kind, status, word)| said(snapshot, kind, status, (word, &message), now))
            .collect(),
        version: Some(drift.version.clone()),
        fingerprint: has_drifted.then(|| drift.fingerprint.clone()),
        mode: Some("local".to_owned()),
        differences: summary.is_some().then(|| shown(&drift.words)),
        summary,
        last_check_time: Some(now.to_owned()),
    }
}

/// The status after one that did not. What the last one found stays.
fn failed(snapshot: &Snapshot, failure: &Failure, now: &str) -> AtlasDriftCheckStatus {
    let conditions = [
        ("Ready", "False"),
        ("Reconciling", truth(!failure.is_permanent)),
        ("Stalled", truth(failure.is_permanent)),
        ("Drifted", "Unknown"),
    ];
    let why = (failure.word, failure.message.as_str());
    AtlasDriftCheckStatus {
        observed_generation: snapshot.generation,
        conditions: conditions
            .into_iter()
            .map(|(kind, status)| said(snapshot, kind, status, why, now))
            .collect(),
        ..snapshot.status.clone()
    }
}

/// The status where nothing was checked: only that is said.
fn reconciling(
    snapshot: &Snapshot,
    status: &str,
    why: (Word, &str),
    now: &str,
) -> AtlasDriftCheckStatus {
    let mut conditions = snapshot.status.conditions.clone();
    let written = said(snapshot, "Reconciling", status, why, now);
    match conditions.iter_mut().find(|it| it.kind == written.kind) {
        Some(before) => *before = written,
        None => conditions.push(written),
    }
    AtlasDriftCheckStatus {
        observed_generation: snapshot.generation,
        conditions,
        ..snapshot.status.clone()
    }
}

fn said(
    snapshot: &Snapshot,
    kind: &str,
    status: &str,
    (word, message): (Word, &str),
    now: &str,
) -> Condition {
    let previous = &snapshot.status.conditions;
    let why = (word.as_str(), message);
    Condition::after(previous, (kind, status), why, snapshot.generation, now)
}

const fn truth(is_true: bool) -> &'static str {
    if is_true { "True" } else { "False" }
}

/// How many objects differ. A kind that only `before` has is taken out of the status by a null.
fn summary(drift: &Drift, before: Option<&DriftSummary>) -> DriftSummary {
    let count = |how: How| {
        let objects = drift.objects.iter();
        let number = objects.filter(|object| object.how == how).count();
        u32::try_from(number).ok().filter(|number| *number > 0)
    };
    let gone = before.into_iter().flat_map(|before| before.types.keys());
    let mut types: BTreeMap<String, Option<u32>> = gone.map(|kind| (kind.clone(), None)).collect();
    for object in &drift.objects {
        let number = types.entry(object.kind.to_owned()).or_default();
        *number = Some(number.unwrap_or_default().saturating_add(1));
    }
    DriftSummary {
        total: u32::try_from(drift.objects.len()).unwrap_or(u32::MAX),
        extra: count(How::Extra),
        missing: count(How::Missing),
        modified: count(How::Modified),
        types,
    }
}

/// As the operator says it: `2 drifted objects (extra 1, modified 1) at version 3: index 1, table 1`.
fn in_words(summary: &DriftSummary, version: &str) -> String {
    if summary.total == 0 {
        return format!("drift detected at version {version}");
    }
    let list = |counts: Vec<(&str, Option<u32>)>| {
        let counts = counts.into_iter();
        let counts = counts.filter_map(|(name, count)| Some(format!("{name} {}", count?)));
        counts.collect::<Vec<_>>().join(", ")
    };
    let ways = list(vec![
        (How::Extra.as_str(), summary.extra),
        (How::Missing.as_str(), summary.missing),
        (How::Modified.as_str(), summary.modified),
    ]);
    let types = summary.types.iter();
    let types = list(types.map(|(kind, count)| (kind.as_str(), *count)).collect());
    let total = summary.total;
    let plural = if total == 1 { "" } else { "s" };
    format!("{total} drifted object{plural} ({ways}) at version {version}: {types}")
}

/// What there is to say about a status that was `before` and is `after`.
fn told(before: &AtlasDriftCheckStatus, after: &AtlasDriftCheckStatus) -> Option<Told> {
    let drifted =
        |status: &AtlasDriftCheckStatus| condition(&status.conditions, "Drifted").cloned();
    let is = |condition: &Option<Condition>, status: &str| {
        condition.as_ref().is_some_and(|it| it.status == status)
    };
    let (was, now) = (drifted(before), drifted(after));
    let message = now.as_ref().map_or("", |now| now.message.as_str());
    let with_differences = || {
        let differences = after.differences.iter().flatten();
        let lines = differences.map(|it| format!("\n- {it}"));
        format!("{message}{}", lines.collect::<String>())
    };
    match (is(&was, "True"), is(&now, "True")) {
        (false, true) => return Some(Told::warning("DriftDetected", with_differences())),
        (true, true) if before.fingerprint != after.fingerprint => {
            return Some(Told::warning("DriftChanged", with_differences()));
        }
        (true, false) if is(&now, "False") => {
            return Some(Told::normal("DriftResolved", message));
        }
        _ => {}
    }
    let (was, now) = (
        condition(&before.conditions, "Ready"),
        condition(&after.conditions, "Ready")?,
    );
    let is_old = was.is_some_and(|was| now.says_as(was));
    let is_failure = now.status == "False" && now.reason != Word::DriftDetected.as_str();
    (is_failure && !is_old).then(|| Told::warning("CheckFailed", &*now.message))
}

#[cfg(test)]
mod tests;
