//! The loop: watch, queue, workers.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use tidegate_model::ObjectKey;
use tokio::task::{Id, JoinSet};
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::context::{ApiError, Context, atlas_schemas};
use crate::gate::Gate;
use crate::queue::Queue;
use crate::{ReconcileError, ReconcileSettings, schema};

/// Reconciles until `shutdown` is ready; then takes nothing new, lets the work under way end within [`ReconcileSettings::grace`], and returns.
///
/// An API server that cannot be reached, or that does not know the kind yet, is asked again for ever, with growing pauses.
///
/// # Errors
/// [`ReconcileError::NoWorkers`]. Whatever happens later is retried, not returned.
pub async fn run<G: Gate>(
    settings: ReconcileSettings,
    client: Client,
    gate: G,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ReconcileError> {
    if settings.workers == 0 || settings.queue == 0 {
        return Err(ReconcileError::NoWorkers);
    }
    let kind = atlas_schemas();
    let api: Api<PartialObjectMeta<DynamicObject>> = match &settings.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    let mut events = watcher::watcher(api, watcher::Config::default())
        .default_backoff()
        .boxed();
    let mut control = Control::new(Context::new(client, gate, settings));
    let mut shutdown = std::pin::pin!(shutdown);
    info!(kind = kind.kind, "reconciling");
    loop {
        control.start_workers();
        let idle = control.idle();
        tokio::select! {
            () = &mut shutdown => break,
            Some(event) = events.next() => control.note(event),
            Some(ended) = control.workers.join_next_with_id() => control.end(ended),
            () = tokio::time::sleep(idle) => {}
        }
    }
    drop(events);
    control.stop().await;
    Ok(())
}

struct Control<G> {
    context: Arc<Context<G>>,
    begun: Instant,
    queue: Queue,
    workers: JoinSet<Next>,
    working_on: HashMap<Id, ObjectKey>,
    /// A digest of the metadata that was queued last, to tell an event about a status, mostly our own, from one about a wish.
    seen: BTreeMap<ObjectKey, u64>,
    /// How often in a row the API server failed an object. Failures of the object itself are counted in its status.
    failed: BTreeMap<ObjectKey, u32>,
}

/// How one reconciliation ended.
enum Next {
    /// Look again after this time.
    After(Duration),
    /// Nothing more to do until an event says otherwise.
    Rest,
    /// The object is gone.
    Gone,
    /// The API server failed; look again soon.
    Retry,
}

impl<G: Gate> Control<G> {
    fn new(context: Context<G>) -> Self {
        Self {
            queue: Queue::new(context.settings.queue),
            context: Arc::new(context),
            begun: Instant::now(),
            workers: JoinSet::new(),
            working_on: HashMap::new(),
            seen: BTreeMap::new(),
            failed: BTreeMap::new(),
        }
    }

    fn note(&mut self, event: watcher::Result<Event<PartialObjectMeta<DynamicObject>>>) {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let Some(key) = key_of(&object.metadata) else {
                    return;
                };
                let digest = digest(&object.metadata);
                if self.seen.get(&key) != Some(&digest) && self.push(&key, Duration::ZERO) {
                    self.seen.insert(key, digest);
                }
            }
            Ok(Event::Delete(object)) => {
                if let Some(key) = key_of(&object.metadata) {
                    self.forget(&key);
                }
            }
            Ok(Event::Init) => debug!("listing objects"),
            Ok(Event::InitDone) => debug!(waiting = self.queue.len(), "objects listed"),
            Err(problem) => warn!(%problem, "watching failed; it is begun again"),
        }
    }

    fn start_workers(&mut self) {
        while self.workers.len() < self.context.settings.workers {
            let Some(key) = self.queue.pop(self.begun.elapsed()) else {
                return;
            };
            let context = Arc::clone(&self.context);
            let span = info_span!("reconcile", object = %key);
            let object = key.clone();
            let work = async move { reconcile(&context, &object).await };
            let worker = self.workers.spawn(work.instrument(span));
            self.working_on.insert(worker.id(), key);
        }
    }

    fn end(&mut self, ended: Result<(Id, Next), tokio::task::JoinError>) {
        let (id, next) = match ended {
            Ok(ended) => ended,
            Err(problem) => {
                error!(%problem, "a reconciliation ended early; it is tried again");
                (problem.id(), Next::Retry)
            }
        };
        let Some(key) = self.working_on.remove(&id) else {
            return;
        };
        self.queue.finish(&key);
        let failed = match next {
            Next::Retry => self
                .failed
                .get(&key)
                .copied()
                .unwrap_or_default()
                .saturating_add(1),
            _ => 0,
        };
        self.failed.remove(&key);
        match next {
            Next::After(wait) => {
                self.push(&key, wait);
            }
            Next::Rest => {}
            Next::Gone => self.forget(&key),
            Next::Retry => {
                let wait = self.context.settings.pacing.retry(&key, failed);
                self.push(&key, wait);
                self.failed.insert(key, failed);
            }
        }
    }

    fn push(&mut self, key: &ObjectKey, wait: Duration) -> bool {
        let taken = self
            .queue
            .push(key.clone(), self.begun.elapsed().saturating_add(wait));
        if !taken {
            warn!(object = %key, limit = self.context.settings.queue, "the queue is full; the object waits for its next event");
        }
        taken
    }

    /// An object of the same name that comes later is another object.
    fn forget(&mut self, key: &ObjectKey) {
        self.queue.remove(key);
        self.seen.remove(key);
        self.failed.remove(key);
        self.context.release(key);
    }

    /// How long nothing will be due.
    fn idle(&self) -> Duration {
        const LONG: Duration = Duration::from_hours(1);
        if self.workers.len() >= self.context.settings.workers {
            return LONG;
        }
        self.queue
            .next_due()
            .map_or(LONG, |due| due.saturating_sub(self.begun.elapsed()))
    }

    async fn stop(mut self) {
        let grace = self.context.settings.grace;
        info!(under_way = self.workers.len(), "stopping");
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            warn!(
                ?grace,
                under_way = self.workers.len(),
                "stopping without waiting any longer; unfinished transactions are rolled back"
            );
            self.workers.abort_all();
        }
    }
}

async fn reconcile<G: Gate>(context: &Context<G>, key: &ObjectKey) -> Next {
    match try_reconcile(context, key).await {
        Ok(next) => next,
        Err(problem) if problem.is_not_found() => Next::Gone,
        Err(problem) => {
            warn!(%problem, "asking the API server failed");
            Next::Retry
        }
    }
}

async fn try_reconcile<G: Gate>(context: &Context<G>, key: &ObjectKey) -> Result<Next, ApiError> {
    let Some(mut gathered) = schema::gather(context, key).await? else {
        return Ok(Next::Gone);
    };
    let pacing = context.settings.pacing.clone();
    let snapshot = gathered.snapshot.clone();
    // Reading SQL takes time in proportion to its length: not on a thread that answers others.
    let deciding =
        tokio::task::spawn_blocking(move || schema::decide(&snapshot, Timestamp::now(), &pacing));
    let steps = match deciding.await {
        Ok(steps) => steps,
        Err(problem) => {
            error!(%problem, "deciding ended early; it is tried again");
            return Ok(Next::Retry);
        }
    };
    let (outcome, requeue) = schema::act(context, &mut gathered, steps).await?;
    let steps = schema::conclude(
        &gathered.snapshot,
        &outcome,
        Timestamp::now(),
        &context.settings.pacing,
    );
    let (_, later) = schema::act(context, &mut gathered, steps).await?;
    Ok(requeue.or(later).map_or(Next::Rest, Next::After))
}

fn key_of(metadata: &ObjectMeta) -> Option<ObjectKey> {
    let kind = atlas_schemas();
    Some(ObjectKey {
        group: kind.group,
        kind: kind.kind,
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone()?,
    })
}

/// What of the metadata changes when a person or a tool asks for something. A status write changes none of it.
fn digest(metadata: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    metadata.uid.hash(&mut hasher);
    metadata.generation.hash(&mut hasher);
    metadata.deletion_timestamp.is_some().hash(&mut hasher);
    metadata.annotations.hash(&mut hasher);
    metadata.labels.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_write_is_not_a_wish() {
        let object = ObjectMeta {
            uid: Some("u".into()),
            generation: Some(1),
            ..ObjectMeta::default()
        };
        let written = ObjectMeta {
            resource_version: Some("2".into()),
            ..object.clone()
        };
        assert_eq!(digest(&object), digest(&written));
        let annotated = ObjectMeta {
            annotations: Some([("a".into(), "b".into())].into()),
            ..object.clone()
        };
        for changed in [
            ObjectMeta {
                generation: Some(2),
                ..object.clone()
            },
            ObjectMeta {
                uid: Some("v".into()),
                ..object.clone()
            },
            annotated,
        ] {
            assert_ne!(digest(&object), digest(&changed), "{changed:?}");
        }
    }
}
