//! Whether an Application is synced now. Pure: the same snapshot, the same findings and the same time give the same decision.

use jiff::Timestamp;
use serde_json::Value;
use tidegate_model::application::Application;
use tidegate_model::object::{at, text};
use tidegate_syncplan::automated::{Attempt, Automated, Decision, HealBackoff, Situation, decide};
use tidegate_syncplan::compare::SyncStatus;

use super::look::Found;
use super::operation::{self, Running, time};
use super::snapshot::Snapshot;
use super::wish;

/// Decides, by the guards of `syncplan`.
pub(super) fn automated(snapshot: &Snapshot, found: &Found, now: Timestamp) -> Decision {
    let application = &snapshot.application;
    let revisions = snapshot
        .rendered
        .as_ref()
        .map(|rendered| rendered.revisions.clone())
        .unwrap_or_default();
    let revision = shown_revision(&revisions);
    let last = last_attempt(application);
    let compared: Vec<_> = found
        .resources
        .iter()
        .filter(|resource| resource.status.is_some())
        .cloned()
        .collect();
    decide(&Situation {
        automated: Automated::of(application),
        has_operation: Running::of(application, now).is_some(),
        is_deleting: at(application, "/metadata/deletionTimestamp").is_some(),
        status: if compared
            .iter()
            .any(|resource| resource.status == Some(SyncStatus::OutOfSync))
            || wish::has_changed_namespace(application)
        {
            found.status
        } else {
            SyncStatus::Synced
        },
        resources: &compared,
        revision: &revision,
        last: last.as_ref(),
        now,
        backoff: HealBackoff::default(),
    })
}

/// The operation before, as far as a decision needs it.
fn last_attempt(application: &Value) -> Option<Attempt> {
    let state = at(application, "/status/operationState")?;
    let revisions = match at(state, "/syncResult/revisions").and_then(Value::as_array) {
        Some(revisions) if !revisions.is_empty() => revisions
            .iter()
            .map(|revision| revision.as_str().unwrap_or_default().to_owned())
            .collect(),
        _ => vec![
            text(state, "/syncResult/revision")
                .unwrap_or_default()
                .to_owned(),
        ],
    };
    let heals = at(state, "/operation/sync/autoHealAttemptsCount").and_then(Value::as_u64);
    let sources: Vec<&Value> = Application(application)
        .sources()
        .into_iter()
        .map(|(_, source)| source)
        .collect();
    let same_source = if wish::is_multi_source(application) {
        at(state, "/syncResult/sources")
            .and_then(Value::as_array)
            .is_some_and(|synced| synced.iter().eq(sources))
    } else {
        at(state, "/syncResult/source") == sources.first().copied()
    };
    Some(Attempt {
        revision: shown_revision(&revisions),
        same_source,
        phase: text(state, "/phase").and_then(operation::phase)?,
        message: text(state, "/message").unwrap_or_default().to_owned(),
        finished_at: time(state, "/finishedAt"),
        heals: heals
            .and_then(|heals| heals.try_into().ok())
            .unwrap_or_default(),
    })
}

/// One text for the revisions of all sources.
fn shown_revision(revisions: &[String]) -> String {
    revisions.join(", ")
}
