//! Watches of the Secrets and `ConfigMaps` that objects read: one for each namespace in which something is read, for as long as something is. Metadata
//! only: a Secret's values come here only when an object that names it has its turn.
//!
//! Where watching is not granted, that is said once, and a change is found with the next look at the object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ObjectMeta, PartialObjectMeta};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

use crate::references::{Source, SourceKind};

/// How many changes may wait to be looked at before the watches wait.
const WAITING: usize = 256;

/// A Secret or `ConfigMap` that was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) source: Source,
    /// Its resource version; none where it is gone.
    pub(crate) version: Option<String>,
}

/// The watches under way.
pub(crate) struct Watches {
    client: Client,
    running: BTreeMap<(SourceKind, String), AbortHandle>,
    /// Ends with this.
    tasks: JoinSet<()>,
    sender: mpsc::Sender<Seen>,
    receiver: mpsc::Receiver<Seen>,
}

impl Watches {
    /// None yet.
    pub(crate) fn new(client: Client) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self {
            client,
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            sender,
            receiver,
        }
    }

    /// Watches these places and no others.
    pub(crate) fn follow(&mut self, places: &BTreeSet<(SourceKind, String)>) {
        self.running.retain(|place, watch| {
            let wanted = places.contains(place);
            if !wanted {
                watch.abort();
            }
            wanted
        });
        // What has ended is taken out of the set.
        while self.tasks.try_join_next().is_some() {}
        for place in places {
            if !self.running.contains_key(place) {
                let watch = self.start(place.0, &place.1);
                self.running.insert(place.clone(), watch);
            }
        }
    }

    /// The next one that was seen.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        self.receiver.recv().await
    }

    fn start(&mut self, kind: SourceKind, namespace: &str) -> AbortHandle {
        let (client, sender) = (self.client.clone(), self.sender.clone());
        match kind {
            SourceKind::Secret => {
                let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(client, namespace);
                self.tasks.spawn(watch(api, kind, sender))
            }
            SourceKind::ConfigMap => {
                let api: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client, namespace);
                self.tasks.spawn(watch(api, kind, sender))
            }
        }
    }
}

async fn watch<K>(api: Api<PartialObjectMeta<K>>, kind: SourceKind, sender: mpsc::Sender<Seen>)
where
    PartialObjectMeta<K>: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = watcher(api, watcher::Config::default())
        .default_backoff()
        .boxed();
    let mut refused = false;
    while let Some(event) = events.next().await {
        let seen = match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => seen(
                kind,
                &object.metadata,
                object.metadata.resource_version.clone(),
            ),
            Ok(Event::Delete(object)) => seen(kind, &object.metadata, None),
            Ok(Event::Init | Event::InitDone) => continue,
            Err(problem) => {
                if refused {
                    debug!(%kind, %problem, "watching is still refused");
                } else {
                    warn!(%kind, %problem, "watching what objects read failed; it is tried again, and until then changes are found later");
                }
                refused = true;
                continue;
            }
        };
        refused = false;
        if let Some(seen) = seen
            && sender.send(seen).await.is_err()
        {
            return;
        }
    }
}

fn seen(kind: SourceKind, metadata: &ObjectMeta, version: Option<String>) -> Option<Seen> {
    Some(Seen {
        source: Source {
            kind,
            namespace: metadata.namespace.clone()?,
            name: metadata.name.clone()?,
        },
        version,
    })
}
