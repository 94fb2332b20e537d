//! The loop: watch, queue, workers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::select_all;
use kube::Client;
use kube::api::{Api, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use tidegate_model::ObjectKey;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::context::{ApiError, Context};
use crate::gate::Gate;
use crate::kinds::Kind;
use crate::live_watches::MOST_EVENTS;
use crate::metrics::{Ended, Metrics};
use crate::news::LiveEvent;
use crate::ours::Ours;
use crate::queue::Queue;
use crate::watches::{Seen, Watches};
use crate::{
    ReconcileError, ReconcileSettings, Render, application, drift_check, migration, schema,
};

/// Reconciles until `shutdown` is ready; then takes nothing new, lets the work under way end within [`ReconcileSettings::grace`], and returns.
///
/// An API server that cannot be reached, or that does not know a kind yet, is asked again for ever, with growing pauses; a kind that is not there
/// holds up no other.
///
/// # Errors
/// [`ReconcileError::NoWorkers`], [`ReconcileError::NoKinds`]. Whatever happens later is retried, not returned.
pub async fn run<G: Gate>(
    settings: ReconcileSettings,
    client: Client,
    gate: G,
    renderer: Arc<dyn Render>,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ReconcileError> {
    if settings.workers == 0 || settings.queue == 0 {
        return Err(ReconcileError::NoWorkers);
    }
    if settings.kinds.is_empty() {
        return Err(ReconcileError::NoKinds);
    }
    let of_labels = watcher::Config {
        label_selector: settings.scope.labels.text(),
        ..watcher::Config::default()
    };
    let watch = |(kind, namespace): (Kind, Option<&str>)| {
        let resource = kind.resource();
        let api: Api<PartialObjectMeta<DynamicObject>> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        info!(kind = kind.name(), namespace, "reconciling");
        watcher::watcher(api, of_labels.clone())
            .default_backoff()
            .map(move |event| (kind, event))
            .boxed()
    };
    let places = settings.scope.places();
    let kinds = settings.kinds.iter().copied();
    let watched = kinds.flat_map(|kind| places.iter().map(move |&place| (kind, place)));
    let mut events = select_all(watched.map(watch));
    let (live_events, mut live) = mpsc::channel(MOST_EVENTS);
    let leases = settings.leases.clone();
    let context = Context::new(client.clone(), gate, renderer, settings, live_events);
    let (ours, member) = Ours::take_part(leases, client);
    let mut control = Control::new(context, ours, metrics);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        control.start_workers();
        control.count();
        let idle = control.idle();
        let expires = control.ours.expires(under_way(&control.working_on));
        tokio::select! {
            () = &mut shutdown => break,
            () = control.ours.changed() => control.share(),
            () = tokio::time::sleep_until(expires.into()) => control.abort(),
            Some((kind, event)) = events.next() => control.note(kind, event),
            Some(event) = live.recv() => control.wake(event),
            Some(seen) = control.watches.next() => control.look_again(&seen),
            Some(ended) = control.workers.join_next_with_id() => control.end(ended),
            () = tokio::time::sleep(idle) => {}
        }
    }
    drop(events);
    control.stop().await;
    member.leave().await;
    Ok(())
}

struct Control<G> {
    context: Arc<Context<G>>,
    ours: Ours,
    metrics: Metrics,
    begun: Instant,
    queue: Queue,
    workers: JoinSet<Next>,
    working_on: HashMap<Id, Turn>,
    /// What happened to objects while they were worked on: only afterwards it is known which of it was our own doing.
    meanwhile: BTreeMap<ObjectKey, Meanwhile>,
    /// Of what objects read.
    watches: Watches,
    /// Kinds that the API server does not know, so that it is said once.
    unknown: BTreeSet<Kind>,
    /// A digest of the metadata that was queued last, to tell an event about a status, mostly our own, from one about a wish.
    seen: BTreeMap<ObjectKey, u64>,
    /// How often in a row the API server failed an object. Failures of the object itself are counted in its status.
    failed: BTreeMap<ObjectKey, u32>,
}

/// An object that is worked on.
#[derive(Debug)]
struct Turn {
    key: ObjectKey,
    begun: Instant,
}

/// What happened to an object, and to what it has, while it was worked on.
#[derive(Debug, Default)]
struct Meanwhile {
    noted: Vec<Noted>,
    live: Vec<LiveEvent>,
}

/// An event, as far as it matters.
#[derive(Debug)]
struct Noted {
    resource_version: String,
    digest: u64,
}

/// Changes that come together are looked at together.
const TOGETHER: Duration = Duration::from_millis(20);

/// More events than this about one object while it is worked on are not told apart.
const MOST_NOTED: usize = 32;

/// How one reconciliation ended.
#[derive(Debug)]
pub(crate) enum Next {
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
    fn new(context: Context<G>, ours: Ours, metrics: Metrics) -> Self {
        Self {
            ours,
            metrics,
            queue: Queue::new(context.settings.queue),
            watches: Watches::new(context.client.clone()),
            context: Arc::new(context),
            begun: Instant::now(),
            workers: JoinSet::new(),
            working_on: HashMap::new(),
            meanwhile: BTreeMap::new(),
            unknown: BTreeSet::new(),
            seen: BTreeMap::new(),
            failed: BTreeMap::new(),
        }
    }

    fn note(
        &mut self,
        kind: Kind,
        event: watcher::Result<Event<PartialObjectMeta<DynamicObject>>>,
    ) {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let Some(key) = key_of(kind, &object.metadata) else {
                    return;
                };
                let noted = Noted {
                    resource_version: object.metadata.resource_version.clone().unwrap_or_default(),
                    digest: digest(&object.metadata),
                };
                match self.meanwhile.get_mut(&key) {
                    Some(meanwhile) => note_meanwhile(&mut meanwhile.noted, noted),
                    None => self.wish(&key, &noted),
                }
            }
            Ok(Event::Delete(object)) => {
                if let Some(key) = key_of(kind, &object.metadata) {
                    self.forget(&key);
                }
            }
            Ok(Event::Init) => debug!(kind = kind.name(), "listing objects"),
            Ok(Event::InitDone) => {
                if self.unknown.remove(&kind) {
                    info!(kind = kind.name(), "the API server knows the kind now");
                }
                debug!(
                    kind = kind.name(),
                    waiting = self.queue.len(),
                    "objects listed"
                );
            }
            Err(problem) if is_unknown(&problem) => {
                if self.unknown.insert(kind) {
                    info!(
                        kind = kind.name(),
                        "the API server does not know the kind; it is asked again"
                    );
                }
            }
            Err(problem) => {
                warn!(kind = kind.name(), %problem, "watching failed; it is begun again");
            }
        }
    }

    /// Queues an Application because of what happened to an object of it, unless it knows.
    fn wake(&mut self, event: LiveEvent) {
        if let Some(meanwhile) = self.meanwhile.get_mut(&event.application) {
            // Beyond the limit: looked at again when it has had its turn, if only for the last of them.
            meanwhile.live.truncate(MOST_EVENTS - 1);
            meanwhile.live.push(event);
            return;
        }
        if self.context.is_news(&event) {
            debug!(application = %event.application, object = %event.object, "something happened to an object");
            self.push(&event.application, TOGETHER);
        }
    }

    /// Queues an object unless the event is an echo of our own write, or of nothing that a person or a tool asked for.
    fn wish(&mut self, key: &ObjectKey, noted: &Noted) {
        if self.context.is_own_write(key, &noted.resource_version) {
            self.seen.insert(key.clone(), noted.digest);
            return;
        }
        if self.seen.get(key) != Some(&noted.digest) && self.push(key, Duration::ZERO) {
            self.seen.insert(key.clone(), noted.digest);
        }
    }

    fn start_workers(&mut self) {
        while self.workers.len() < self.context.settings.workers {
            let Some(key) = self.queue.pop(self.begun.elapsed()) else {
                break;
            };
            if !self.ours.take(&key) {
                self.queue.finish(&key);
                self.context.forget(&key);
                continue;
            }
            let context = Arc::clone(&self.context);
            let span = info_span!("reconcile", object = %key);
            let object = key.clone();
            let work = async move { reconcile(&context, &object).await };
            let worker = self.workers.spawn(work.instrument(span));
            self.meanwhile.insert(key.clone(), Meanwhile::default());
            let turn = Turn {
                key,
                begun: Instant::now(),
            };
            self.working_on.insert(worker.id(), turn);
        }
        self.ours.drained(under_way(&self.working_on));
    }

    /// What is to be done now.
    fn count(&self) {
        self.metrics.now(self.queue.len(), self.working_on.len());
    }

    /// The objects are shared anew among the replicas: what came to us is looked at, what went is forgotten.
    fn share(&mut self) {
        let (come, gone) = self.ours.share();
        for key in gone {
            self.queue.remove(&key);
            if !self.meanwhile.contains_key(&key) {
                self.context.forget(&key);
            }
        }
        for key in come {
            self.push(&key, Duration::ZERO);
        }
    }

    /// Others may take our objects from now on: what is under way ends here.
    fn abort(&mut self) {
        warn!(
            under_way = self.workers.len(),
            "the Lease has run out; unfinished work is given up, and gone on with by whoever has the object next"
        );
        self.workers.abort_all();
    }

    fn end(&mut self, ended: Result<(Id, Next), tokio::task::JoinError>) {
        let (id, next) = match ended {
            Ok(ended) => ended,
            Err(problem) => {
                if !problem.is_cancelled() {
                    error!(%problem, "a reconciliation ended early; it is tried again");
                }
                (problem.id(), Next::Retry)
            }
        };
        let Some(Turn { key, begun }) = self.working_on.remove(&id) else {
            return;
        };
        let how = match next {
            Next::After(_) | Next::Rest => Ended::Done,
            Next::Gone => Ended::Gone,
            Next::Retry => Ended::Retry,
        };
        self.metrics.ended(Kind::of(&key), how, begun.elapsed());
        self.queue.finish(&key);
        self.watches.follow(&self.context.input_places());
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
                self.failed.insert(key.clone(), failed);
            }
        }
        let meanwhile = self.meanwhile.remove(&key).unwrap_or_default();
        for noted in meanwhile.noted {
            self.wish(&key, &noted);
        }
        for event in meanwhile.live {
            self.wake(event);
        }
    }

    /// Queues who read another version of a Secret or a `ConfigMap` than there is now.
    fn look_again(&mut self, seen: &Seen) {
        for key in self.context.outdated(&seen.source, seen.version.as_deref()) {
            debug!(object = %key, kind = %seen.source.kind, "something that the object reads has changed");
            self.push(&key, Duration::ZERO);
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
        self.ours.forget(key);
        self.seen.remove(key);
        self.failed.remove(key);
        self.context.forget(key);
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

/// The objects that are worked on.
fn under_way(turns: &HashMap<Id, Turn>) -> impl Iterator<Item = &ObjectKey> {
    turns.values().map(|turn| &turn.key)
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
    match Kind::of(key) {
        Some(Kind::AtlasSchema) => schema::reconcile(context, key).await,
        Some(Kind::AtlasMigration) => migration::reconcile(context, key).await,
        Some(Kind::AtlasDriftCheck) => drift_check::reconcile(context, key).await,
        Some(Kind::Application) => application::reconcile(context, key).await,
        None => Ok(Next::Rest),
    }
}

/// Beyond the limit, one event that is nobody's own write stands for all later ones.
fn note_meanwhile(events: &mut Vec<Noted>, noted: Noted) {
    if events.len() >= MOST_NOTED {
        events.pop();
        events.push(Noted {
            resource_version: String::new(),
            ..noted
        });
        return;
    }
    events.push(noted);
}

/// The API server answers so while a definition is not there, and for a moment after it came.
fn is_unknown(problem: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(source) | watcher::Error::WatchStartFailed(source)) =
        problem
    else {
        return false;
    };
    matches!(source, kube::Error::Api(status) if status.code == 404)
}

fn key_of(kind: Kind, metadata: &ObjectMeta) -> Option<ObjectKey> {
    let kind = kind.resource();
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
