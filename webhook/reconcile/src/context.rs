//! What every reconciliation is given: the API server, the databases, the gate, the renderer, the claims.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, DynamicObject};
use tidegate_database::Databases;
use tidegate_model::ObjectKey;

use crate::claims::Claims;
use crate::kinds::Kind;
use crate::writes::Writes;
use crate::{ReconcileSettings, Render};

/// Shared by all workers.
pub(crate) struct Context<G> {
    pub(crate) client: Client,
    pub(crate) databases: Databases,
    pub(crate) gate: G,
    #[expect(
        dead_code,
        reason = "the Application's module, which asks it, lands next"
    )]
    pub(crate) renderer: Arc<dyn Render>,
    pub(crate) settings: ReconcileSettings,
    claims: Mutex<Claims>,
    writes: Mutex<Writes>,
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
    ) -> Self {
        let databases = Databases::new(settings.databases.clone());
        Self {
            client,
            databases,
            gate,
            renderer,
            settings,
            claims: Mutex::default(),
            writes: Mutex::default(),
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

    /// The object is gone: nothing is remembered of it.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.release(key);
        self.writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(key);
    }
}
