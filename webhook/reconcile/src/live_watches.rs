//! Watches of the kinds that Applications have objects of: one a kind, of metadata only, as long as somebody has such objects.
//!
//! Nothing is stored here. An event names its Application by the object's mark, and the Application is looked at again; what it is like then is read by that look.
//! An event that is lost (the queue between is bounded) costs the time until the next look that would have come anyway.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
    let mut owners = Owners::default();
    while let Some(event) = stream.next().await {
        let (object, is_gone) = match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => (object, false),
            Ok(Event::Delete(object)) => (object, true),
            Ok(Event::Init) => {
                owners.listed = Some(HashSet::new());
                continue;
            }
            Ok(Event::InitDone) => {
                owners.forget_unlisted();
                continue;
            }
            Err(problem) => {
                // Rights that are missing, a kind that is gone: each Application says so at its next look.
                debug!(kind = known.resource.kind, %problem, "watching live objects failed; it is begun again");
                continue;
            }
        };
        let event = live_event(&known, &object, is_gone, &control_namespace);
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let owner = event.as_ref().map(|event| event.application.clone());
        if let Some(before) = owners.passed_on(uid, owner.filter(|_| !is_gone))
            && let Some(told) = event_of(&known, &object, is_gone, before)
            && event.as_ref() != Some(&told)
        {
            let _ = events.try_send(told);
        }
        if let Some(event) = event {
            let _ = events.try_send(event);
        }
    }
}

/// Whose mark each object carried last. An object that is marked by another Application, or no more, is news to the one that had it.
#[derive(Debug, Default)]
struct Owners {
    /// By uid.
    known: HashMap<String, ObjectKey>,
    /// Those of the listing under way.
    listed: Option<HashSet<String>>,
}

impl Owners {
    /// Notes an object's Application; the one that had it before, where that is another.
    fn passed_on(&mut self, uid: String, owner: Option<ObjectKey>) -> Option<ObjectKey> {
        if let (Some(listed), true) = (&mut self.listed, owner.is_some()) {
            listed.insert(uid.clone());
        }
        let Some(owner) = owner else {
            return self.known.remove(&uid);
        };
        let before = self.known.insert(uid, owner.clone());
        before.filter(|before| *before != owner)
    }

    /// A listing is complete: what it did not have is gone.
    fn forget_unlisted(&mut self) {
        if let Some(listed) = self.listed.take() {
            self.known.retain(|uid, _| listed.contains(uid));
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
    let application = ObjectKey {
        group: ARGO_GROUP.to_owned(),
        kind: APPLICATION.to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    event_of(known, object, is_gone, application)
}

fn event_of(
    known: &KnownKind,
    object: &PartialObjectMeta<DynamicObject>,
    is_gone: bool,
    application: ObjectKey,
) -> Option<LiveEvent> {
    let metadata = &object.metadata;
    Some(LiveEvent {
        application,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_loses_an_object_is_told() {
        let application = |name: &str| ObjectKey {
            group: ARGO_GROUP.to_owned(),
            kind: APPLICATION.to_owned(),
            namespace: Some("argocd".to_owned()),
            name: name.to_owned(),
        };
        let (one, other) = (application("one"), application("other"));
        let mut owners = Owners::default();
        let mut saw = |owner: Option<&ObjectKey>| owners.passed_on("u".to_owned(), owner.cloned());
        assert_eq!(saw(Some(&one)), None, "it is new");
        assert_eq!(saw(Some(&one)), None, "it is the same");
        assert_eq!(saw(Some(&other)), Some(one), "another took it");
        assert_eq!(saw(None), Some(other), "nobody has it");
        assert_eq!(saw(None), None, "nobody had it");
    }

    #[test]
    fn what_a_new_listing_does_not_have_is_forgotten() {
        let one = ObjectKey {
            group: String::new(),
            kind: String::new(),
            namespace: None,
            name: "one".to_owned(),
        };
        let mut owners = Owners::default();
        owners.passed_on("stays".to_owned(), Some(one.clone()));
        owners.passed_on("goes".to_owned(), Some(one.clone()));
        owners.listed = Some(HashSet::new());
        owners.passed_on("stays".to_owned(), Some(one));
        owners.forget_unlisted();
        assert_eq!(owners.known.keys().collect::<Vec<_>>(), ["stays"]);
    }
}
