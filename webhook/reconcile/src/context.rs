//! What every reconciliation is given: the API server, the databases, the gate, the renderer, the claims.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, DynamicObject};
use serde_json::Value;
use tidegate_database::Databases;
use tidegate_model::ObjectKey;
use tidegate_model::object::namespace;
use tokio::sync::mpsc;

use crate::application::{ControlPlane, Memory};
use crate::claims::Claims;
use crate::cluster::{Kinds, KnownKind, type_of};
use crate::kinds::Kind;
use crate::news::{LiveEvent, News};
use crate::watches::{Place, Watches};
use crate::writes::Writes;
use crate::{ReconcileSettings, Render};

/// Shared by all workers.
pub(crate) struct Context<G> {
    pub(crate) client: Client,
    pub(crate) databases: Databases,
    pub(crate) gate: G,
    pub(crate) renderer: Arc<dyn Render>,
    pub(crate) settings: ReconcileSettings,
    claims: Mutex<Claims>,
    writes: Mutex<Writes>,
    pub(crate) kinds: Mutex<Option<Arc<Kinds>>>,
    pub(crate) control: Mutex<Option<Arc<ControlPlane>>>,
    memories: Mutex<BTreeMap<ObjectKey, Memory>>,
    news: Mutex<News>,
    watches: Mutex<Watches>,
}

/// The API server could not be asked, or said no. The message names no value of an object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("cannot {doing}: {source}")]
    Refused {
        doing: &'static str,
        source: Box<kube::Error>,
    },
    #[error("cannot {doing}: no answer within {limit:?}")]
    TimedOut {
        doing: &'static str,
        limit: Duration,
    },
}

impl ApiError {
    fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            Self::TimedOut { .. } => None,
        }
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether the object is fine but cannot become so from what is there: a field that may not change, or one that somebody else changed.
    pub(crate) fn is_unchangeable(&self) -> bool {
        matches!(self.code(), Some(409 | 422))
    }

    /// The API server's own words where it said no, as kubectl would show them.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Refused { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => status.message.clone(),
                _ => self.to_string(),
            },
            Self::TimedOut { .. } => self.to_string(),
        }
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }
}

impl<G> Context<G> {
    pub(crate) fn new(
        client: Client,
        gate: G,
        renderer: Arc<dyn Render>,
        settings: ReconcileSettings,
        events: mpsc::Sender<LiveEvent>,
    ) -> Self {
        let watches = Watches::new(client.clone(), settings.control_namespace.clone(), events);
        let databases = Databases::new(settings.databases.clone());
        Self {
            client,
            databases,
            gate,
            renderer,
            settings,
            claims: Mutex::default(),
            writes: Mutex::default(),
            kinds: Mutex::default(),
            control: Mutex::default(),
            memories: Mutex::default(),
            news: Mutex::default(),
            watches: Mutex::new(watches),
        }
    }

    /// The reconciled objects of a kind in the key's namespace.
    pub(crate) fn api(&self, kind: Kind, key: &ObjectKey) -> Api<DynamicObject> {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        Api::namespaced_with(self.client.clone(), namespace, &kind.resource())
    }

    /// Asks the API server, for no longer than the settings allow.
    pub(crate) async fn ask<T>(
        &self,
        doing: &'static str,
        answer: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApiError> {
        let limit = self.settings.api_timeout;
        tokio::time::timeout(limit, answer)
            .await
            .map_err(|_| ApiError::TimedOut { doing, limit })?
            .map_err(|source| ApiError::Refused {
                doing,
                source: Box::new(source),
            })
    }

    /// See [`Claims::claim`].
    pub(crate) fn claim(
        &self,
        key: &ObjectKey,
        created: i64,
        database: &Path,
    ) -> Option<ObjectKey> {
        self.claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .claim(key, created, database)
    }

    /// See [`Claims::release`].
    pub(crate) fn release(&self, key: &ObjectKey) {
        self.claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .release(key);
    }

    /// See [`Writes::note`].
    pub(crate) fn wrote(&self, key: &ObjectKey, resource_version: &str) {
        self.writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(key, resource_version);
    }

    /// See [`Writes::is_own`].
    pub(crate) fn is_own_write(&self, key: &ObjectKey, resource_version: &str) -> bool {
        self.writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_own(key, resource_version)
    }

    /// See [`News::saw`]; and watches the kinds of what is there and what is desired.
    pub(crate) fn saw(&self, application: &ObjectKey, live: &[Value], desired: &[Value]) {
        self.news
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .saw(application, live);
        let Some(known) = self.known_kinds() else {
            return; // a definition was just written; the next look knows more
        };
        let is_narrow = self.settings.namespace.is_some();
        let mut kinds: BTreeMap<Place, KnownKind> = BTreeMap::new();
        for object in live.iter().chain(desired) {
            let (version, kind) = type_of(object);
            let namespace = namespace(object).filter(|_| is_narrow).map(str::to_owned);
            if let Some(known) = known.exact(version, kind) {
                kinds.insert(
                    (version.to_owned(), kind.to_owned(), namespace),
                    known.clone(),
                );
            }
        }
        self.watches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .need(application, kinds.into_iter().collect());
    }

    /// See [`News::is_news`].
    pub(crate) fn is_news(&self, event: &LiveEvent) -> bool {
        self.news
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_news(event)
    }

    /// What is remembered of an Application.
    pub(crate) fn with_memory<T>(
        &self,
        key: &ObjectKey,
        change: impl FnOnce(&mut Memory) -> T,
    ) -> T {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        change(memories.entry(key.clone()).or_default())
    }

    /// The object is gone: nothing is remembered of it.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.release(key);
        self.news
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(key);
        self.watches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(key);
        self.memories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        self.writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(key);
    }
}
