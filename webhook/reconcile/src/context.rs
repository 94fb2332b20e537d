//! What every reconciliation is given: the API server, the databases, the gate, the renderer, the claims.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, DynamicObject};
use serde_json::Value;
use tidegate_database::Databases;
use tidegate_model::ObjectKey;
use tidegate_model::object::namespace;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::application::{ControlPlane, Memory};
use crate::claims::{Claim, Claims};
use crate::cluster::{Kinds, KnownKind, type_of};
use crate::gate::{Gate, GateVerdict, PlanReview};
use crate::kinds::Kind;
use crate::live_watches::{LiveWatches, Place};
use crate::news::{LiveEvent, News};
use crate::references::{References, Source, SourceKind};
use crate::schema::remembered::{Desired, Question, Remembered};
use crate::schema::settled::{Matter, Settled};
use crate::schema::text::{Gist, Gists, TextDigest};
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
    references: Mutex<References>,
    remembered: Mutex<Remembered>,
    settled: Mutex<Settled>,
    gists: Mutex<Gists>,
    writes: Mutex<Writes>,
    pub(crate) kinds: Mutex<Option<Arc<Kinds>>>,
    pub(crate) control: Mutex<Option<Arc<ControlPlane>>>,
    memories: Mutex<BTreeMap<ObjectKey, Memory>>,
    news: Mutex<News>,
    watches: Mutex<LiveWatches>,
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

    /// Whether the object has grown beyond what the API server, or etcd behind it, takes.
    pub(crate) fn is_too_large(&self) -> bool {
        self.code() == Some(413)
            || (self.code().is_some() && self.words().contains("request is too large"))
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether the object is fine but cannot become so from what is there: a field that may not change, or one that somebody else changed.
    pub(crate) fn is_unchangeable(&self) -> bool {
        matches!(self.code(), Some(409 | 422))
    }

    /// Whether a server-side apply names a field that the kind's schema does not have. The API server has no code of its own for it; these are the words of
    /// structured-merge-diff.
    pub(crate) fn is_undeclared(&self) -> bool {
        self.words().contains("field not declared in schema")
    }

    /// Whether the question went astray and may be asked again: a connection that was cut, a proxy without its server. (What asks for patience itself, 429 and
    /// 503, the client already asks again.)
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => matches!(status.code, 502 | 504),
                kube::Error::HyperError(_) | kube::Error::Service(_) => true,
                _ => false,
            },
            Self::TimedOut { .. } => false,
        }
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
        let watches = LiveWatches::new(client.clone(), settings.control_namespace.clone(), events);
        let databases = Databases::new(settings.databases.clone());
        Self {
            client,
            databases,
            gate,
            renderer,
            settings,
            claims: Mutex::default(),
            references: Mutex::default(),
            remembered: Mutex::default(),
            settled: Mutex::default(),
            gists: Mutex::default(),
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
    pub(crate) fn claim(&self, key: &ObjectKey, created: i64, claim: &Claim) -> Option<ObjectKey> {
        held(&self.claims).claim(key, created, claim)
    }

    /// See [`Claims::release`].
    pub(crate) fn release(&self, key: &ObjectKey) {
        held(&self.claims).release(key);
    }

    /// See [`References::expect`].
    pub(crate) fn expect_input(&self, key: &ObjectKey, source: &Source) {
        held(&self.references).expect(key, source);
    }

    /// See [`References::note`].
    pub(crate) fn note_inputs(&self, key: &ObjectKey, read: BTreeMap<Source, Option<String>>) {
        held(&self.references).note(key, read);
    }

    /// See [`References::outdated`].
    pub(crate) fn outdated(&self, source: &Source, version: Option<&str>) -> Vec<ObjectKey> {
        held(&self.references).outdated(source, version)
    }

    /// See [`References::places`].
    pub(crate) fn input_places(&self) -> BTreeSet<(SourceKind, String)> {
        held(&self.references).places()
    }

    /// See [`Remembered::get`].
    pub(crate) fn remembered(&self, question: &Question) -> Option<Desired> {
        held(&self.remembered).get(question)
    }

    /// See [`Remembered::put`].
    pub(crate) fn remember(&self, question: Question, bytes: usize, desired: Desired) {
        held(&self.remembered).put(question, bytes, desired);
    }

    /// See [`Settled::is`].
    pub(crate) fn is_settled(&self, key: &ObjectKey, matter: Matter) -> bool {
        held(&self.settled).is(key, matter)
    }

    /// See [`Settled::note`].
    pub(crate) fn settle(&self, key: &ObjectKey, matter: Matter) {
        held(&self.settled).note(key, matter);
    }

    /// See [`Gists::get`].
    pub(crate) fn gist(&self, key: &ObjectKey, text: TextDigest) -> Option<Gist> {
        held(&self.gists).get(key, text)
    }

    /// See [`Gists::note`].
    pub(crate) fn note_gist(&self, key: &ObjectKey, text: TextDigest, gist: Gist) {
        held(&self.gists).note(key, text, gist);
    }

    /// See [`Writes::note`].
    pub(crate) fn wrote(&self, key: &ObjectKey, resource_version: &str) {
        held(&self.writes).note(key, resource_version);
    }

    /// See [`Writes::is_own`].
    pub(crate) fn is_own_write(&self, key: &ObjectKey, resource_version: &str) -> bool {
        held(&self.writes).is_own(key, resource_version)
    }

    /// See [`News::saw`]; and watches the kinds of what is there and what is desired.
    pub(crate) fn saw(&self, application: &ObjectKey, live: &[Value], desired: &[Value]) {
        held(&self.news).saw(application, live);
        let Some(known) = self.known_kinds() else {
            return; // a definition was just written; the next look knows more
        };
        let is_narrow = !self.settings.scope.namespaces.is_empty();
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
        held(&self.watches).need(application, kinds.into_iter().collect());
    }

    /// See [`News::is_news`].
    pub(crate) fn is_news(&self, event: &LiveEvent) -> bool {
        held(&self.news).is_news(event)
    }

    /// What is remembered of an Application.
    pub(crate) fn with_memory<T>(
        &self,
        key: &ObjectKey,
        change: impl FnOnce(&mut Memory) -> T,
    ) -> T {
        change(held(&self.memories).entry(key.clone()).or_default())
    }

    /// The object is gone: nothing is remembered of it.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.release(key);
        held(&self.memories).remove(key);
        held(&self.references).forget(key);
        held(&self.settled).forget(key);
        held(&self.gists).forget(key);
        held(&self.writes).forget(key);
        held(&self.news).forget(key);
        held(&self.watches).forget(key);
    }
}

impl<G: Gate> Context<G> {
    /// What the gate says, within the time that the settings give it. Its silence is [`GateVerdict::Unavailable`], with a message for a condition.
    pub(crate) async fn judge(&self, key: &ObjectKey, plan: &PlanReview) -> GateVerdict {
        let limit = self.settings.gate_timeout;
        let verdict = tokio::time::timeout(limit, self.gate.judge(plan)).await;
        let verdict = verdict.unwrap_or_else(|_| GateVerdict::Unavailable {
            message: format!("no answer within {limit:?}"),
        });
        match verdict {
            GateVerdict::Allowed { warnings } => {
                for finding in &warnings {
                    warn!(object = %key, policy = finding.policy, rule = finding.rule, message = finding.message, "the gate warns about a plan");
                }
                GateVerdict::Allowed { warnings }
            }
            GateVerdict::Denied { findings } => {
                let rules: Vec<_> = findings
                    .iter()
                    .map(|finding| format!("{}/{}", finding.policy, finding.rule))
                    .collect();
                info!(object = %key, ?rules, "the gate denied a plan");
                GateVerdict::Denied { findings }
            }
            GateVerdict::Unavailable { message } => GateVerdict::Unavailable {
                message: format!(
                    "the policies could not be asked about the plan, so nothing was changed: {message}"
                ),
            },
        }
    }
}

/// A poisoned book is a book: nothing that can panic happens while it is held.
fn held<T>(book: &Mutex<T>) -> MutexGuard<'_, T> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
