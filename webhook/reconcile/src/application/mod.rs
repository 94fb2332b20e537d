//! Application: bring manifests from their source into the cluster, in phases and waves, and keep them there.
//!
//! ```text
//! gather (API server, renderer)       ->  Snapshot        plain data, serializable: a bug report is a file
//! look   (Snapshot, now)              ->  Found           pure: what is in sync, how well everything is
//! decide (Snapshot, Found, now)       ->  a sync, or why not; pure
//! run    (Snapshot, operation)        ->  turns of `syncplan`, done to the cluster by `steps`
//! status (Snapshot, Found, operation) ->  the smallest patch; pure
//! ```
//!
//! What `syncplan` says about phases, waves, hooks, pruning, retries and words holds here; this module adds the cluster. What is promised:
//!
//! - the gate is asked about the whole rendered set before the first object is written; its silence stops the sync;
//! - nothing is pruned unless every kind that matters was listed to its end and every manifest was rendered;
//! - an operation is in the status before its first object is in the cluster, and a hook that ran is there before anything else is done: a process
//!   that is killed at any moment is gone on with by the next one;
//! - nothing is written to the API server when nothing changed.
//!
//! Fields, words and messages of the status are Argo CD's (`pkg/apis/application/v1alpha1/types.go`), so that whatever reads them there reads them here.

use std::time::Duration;

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::object::{at, text};
use tidegate_syncplan::operation::{OperationPhase, Progress};

mod control_plane;
mod decide;
mod declared;
mod deletion;
mod events;
mod excluded;
mod finalizers;
mod gather;
mod global;
mod health;
mod look;
mod memory;
mod migrate;
mod operation;
mod orphans;
mod project;
mod respect;
mod round;
mod run;
mod shrink;
mod snapshot;
mod status;
mod steps;
mod trust;
mod urls;
mod windows;
pub(crate) mod wish;

pub(crate) use control_plane::SETTINGS;
pub(crate) use control_plane::{ControlPlane, SERVERS};
pub(crate) use memory::Memory;
pub(crate) use orphans::orphans_of;
pub use snapshot::{Condition, Live, Problem, Snapshot};
pub use windows::refusal_of_manual_sync;

use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::Gate;
use crate::kinds::Kind;
use gather::gather;
use look::Lens;
use operation::Running;
use round::Round;

/// One look at one Application, and what follows from it.
///
/// # Errors
/// The API server failed.
pub(crate) async fn reconcile<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
) -> Result<Next, ApiError> {
    let api = context.api(Kind::Application, key);
    let Some(mut object) = context
        .ask("read the Application", api.get_opt(&key.name))
        .await?
    else {
        return Ok(Next::Gone);
    };
    object.metadata.managed_fields = None;
    let application = serde_json::to_value(&object).unwrap_or_default();
    if wish::is_skipped(&application) {
        return Ok(Next::Rest);
    }
    if at(&application, "/metadata/deletionTimestamp").is_some() {
        return deletion::reconcile(context, key, &application).await;
    }
    let now = Timestamp::now();
    let mut running = Running::of(&application, now);
    let mut is_taken_over = false;
    if let Some(running) = &mut running {
        if let Some(wait) = wait_for_next_try(running, now) {
            return Ok(Next::After(wait));
        }
        let is_known = context.with_memory(key, |memory| memory.restore(running));
        is_taken_over = !is_known && !running.is_new();
    }
    let snapshot = gather(context, key, application.clone(), running.as_ref()).await?;
    if let (Some(running), true, Ok(live)) = (&mut running, is_taken_over, &snapshot.live) {
        let tracking = Lens::new(&snapshot).tracking;
        if let (true, Ok(rendered)) = (running.revisions.is_empty(), &snapshot.rendered) {
            running.revisions.clone_from(&rendered.revisions);
        }
        running.adopt_hooks(&live.objects, &tracking, &application);
    }
    // While a sync runs as well: after it nobody may look for minutes, and who deletes the Application then must not pass its hooks over.
    if let (true, Ok(rendered)) = (
        running.as_ref().is_none_or(Running::is_of_spec),
        &snapshot.rendered,
    ) && let Some(wanted) = finalizers::wanted(&application, &rendered.manifests)
    {
        hold(context, key, &application, &wanted).await?;
    }
    let mut round = Round::new(context, key, application, snapshot, now);
    let next = round.go(running).await?;
    let desired = round.snapshot().rendered.as_ref();
    let desired = desired.map_or(&[][..], |rendered| &rendered.manifests);
    if let Ok(live) = &round.snapshot().live {
        context.saw(key, &live.objects, desired);
    }
    Ok(next)
}

/// Writes the finalizers without which hooks of a deletion would not run, unless somebody wrote the Application meanwhile: then this is looked at again.
async fn hold<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    finalizers: &[String],
) -> Result<(), ApiError> {
    let patch = json!({"metadata": {
        "finalizers": finalizers,
        "uid": text(application, "/metadata/uid"),
        "resourceVersion": text(application, "/metadata/resourceVersion"),
    }});
    let api = context.api(Kind::Application, key);
    let parameters = PatchParams::default();
    let patch = Patch::Merge(&patch);
    let written = api.patch(&key.name, &parameters, &patch);
    let written = context.ask("write the finalizers", written).await?;
    let version = written.metadata.resource_version;
    context.wrote(key, version.as_deref().unwrap_or_default());
    Ok(())
}

/// A failed operation that is to be tried again: how long it waits still. When its time has come it begins anew.
fn wait_for_next_try(running: &mut Running, now: Timestamp) -> Option<Duration> {
    let failed_at = running.failed_at?;
    if running.state.phase == OperationPhase::Terminating {
        return None;
    }
    let wait = running
        .retry()
        .unwrap_or_default()
        .wait(running.retries.saturating_sub(1));
    let due = failed_at.checked_add(wait).unwrap_or(now);
    let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
    if !left.is_zero() {
        return Some(left);
    }
    running.failed_at = None;
    running.progress = Progress::default();
    if running.refreshes() {
        running.revisions.clear();
    }
    None
}
