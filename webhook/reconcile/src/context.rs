//! What every reconciliation is given: the API server, the databases, the gate, the claims.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use tidegate_database::Databases;
use tidegate_model::ObjectKey;

use crate::ReconcileSettings;
use crate::claims::Claims;

/// Shared by all workers.
pub(crate) struct Context<G> {
    pub(crate) client: Client,
    pub(crate) databases: Databases,
    pub(crate) gate: G,
    pub(crate) settings: ReconcileSettings,
    claims: Mutex<Claims>,
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
    pub(crate) fn new(client: Client, gate: G, settings: ReconcileSettings) -> Self {
        let databases = Databases::new(settings.databases.clone());
        Self {
            client,
            databases,
            gate,
            settings,
            claims: Mutex::default(),
        }
    }

    /// The objects of the key's kind in the key's namespace.
    pub(crate) fn api(&self, key: &ObjectKey) -> Api<DynamicObject> {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        Api::namespaced_with(self.client.clone(), namespace, &atlas_schemas())
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
}

/// The kind that is reconciled.
pub(crate) fn atlas_schemas() -> ApiResource {
    ApiResource {
        group: "db.atlasgo.io".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "db.atlasgo.io/v1alpha1".to_owned(),
        kind: "AtlasSchema".to_owned(),
        plural: "atlasschemas".to_owned(),
    }
}
