//! Watches of the kinds that Applications have objects of: one a kind, of metadata only, as long as somebody has such objects.
//!
//! Nothing is stored here. An event names its Application by the object's mark, and the Application is looked at again; what it is like then is read by that look.
//! An event that is lost (the queue between is bounded) costs the time until the next look that would have come anyway.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject, PartialObjectMeta};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use tidegate_model::ObjectKey;
use tidegate_model::words::{APPLICATION, ARGO_GROUP, INSTANCE_LABEL, TRACKING_ID};
use tidegate_syncplan::tracking::TrackingId;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::debug;

use crate::cluster::KnownKind;
use crate::news::LiveEvent;

/// What is watched: API version, kind, and the namespace where only one may be.
pub(crate) type Place = (String, String, Option<String>);

/// Events on their way to the loop. More are dropped.
pub(crate) const MOST_EVENTS: usize = 10_000;

/// The watches, and who needs them.
pub(crate) struct LiveWatches {
    client: Client,
    control_namespace: String,
    events: mpsc::Sender<LiveEvent>,
    running: BTreeMap<Place, AbortHandle>,
    needed: BTreeMap<ObjectKey, BTreeSet<Place>>,
}

impl LiveWatches {
    pub(crate) fn new(
        client: Client,
        control_namespace: String,
        events: mpsc::Sender<LiveEvent>,
    ) -> Self {
        Self {
            client,
            control_namespace,
            events,
            running: BTreeMap::new(),
            needed: BTreeMap::new(),
        }
    }

    /// The Application needs these from now on, and no others.
    pub(crate) fn need(&mut self, application: &ObjectKey, kinds: Vec<(Place, KnownKind)>) {
        for (place, known) in &kinds {
            if !self.running.contains_key(place) {
                let work = follow(
                    self.client.clone(),
                    known.clone(),
                    place.2.clone(),
                    self.control_namespace.clone(),
                    self.events.clone(),
                );
                self.running
                    .insert(place.clone(), tokio::spawn(work).abort_handle());
            }
        }
        let places: BTreeSet<Place> = kinds.into_iter().map(|(place, _)| place).collect();
        if self.needed.get(application) != Some(&places) {
            self.needed.insert(application.clone(), places);
            self.end_unneeded();
        }
    }

    /// The Application is gone.
    pub(crate) fn forget(&mut self, application: &ObjectKey) {
        if self.needed.remove(application).is_some() {
            self.end_unneeded();
        }
    }

    fn end_unneeded(&mut self) {
        let needed: BTreeSet<&Place> = self.needed.values().flatten().collect();
        self.running.retain(|place, watch| {
            let is_needed = needed.contains(place);
            if !is_needed {
                watch.abort();
            }
            is_needed
        });
    }
}

impl Drop for LiveWatches {
    fn drop(&mut self) {
        for watch in self.running.values() {
            watch.abort();
        }
    }
}

/// Watches one kind for ever.
async fn follow(
    client: Client,
    known: KnownKind,
    namespace: Option<String>,
    control_namespace: String,
    events: mpsc::Sender<LiveEvent>,
) {
    let api: Api<PartialObjectMeta<DynamicObject>> = match namespace.filter(|_| known.is_namespaced)
    {
        Some(namespace) => Api::namespaced_with(client, &namespace, &known.resource),
        None => Api::all_with(client, &known.resource),
    };
    let mut stream = watcher::watcher(api, watcher::Config::default())
        .default_backoff()
        .boxed();
    while let Some(event) = stream.next().await {
        let (object, is_gone) = match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => (object, false),
            Ok(Event::Delete(object)) => (object, true),
            Ok(Event::Init | Event::InitDone) => continue,
            Err(problem) => {
                // Rights that are missing, a kind that is gone: each Application says so at its next look.
                debug!(kind = known.resource.kind, %problem, "watching live objects failed; it is begun again");
                continue;
            }
        };
        if let Some(event) = live_event(&known, &object, is_gone, &control_namespace) {
            let _ = events.try_send(event);
        }
    }
}

/// The event of an object that carries an Application's mark.
fn live_event(
    known: &KnownKind,
    object: &PartialObjectMeta<DynamicObject>,
    is_gone: bool,
    control_namespace: &str,
) -> Option<LiveEvent> {
    let metadata = &object.metadata;
    let by_annotation = metadata
        .annotations
        .as_ref()
        .and_then(|annotations| TrackingId::parse(annotations.get(TRACKING_ID)?))
        .map(|id| id.application);
    let labels = metadata.labels.as_ref();
    let mark = by_annotation.or_else(|| labels?.get(INSTANCE_LABEL).cloned())?;
    // Neither names nor namespaces hold an underscore.
    let (namespace, name) = mark.split_once('_').unwrap_or((control_namespace, &mark));
    Some(LiveEvent {
        application: ObjectKey {
            group: ARGO_GROUP.to_owned(),
            kind: APPLICATION.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        },
        object: ObjectKey {
            group: known.resource.group.clone(),
            kind: known.resource.kind.clone(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone()?,
        },
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
        is_gone,
    })
}
