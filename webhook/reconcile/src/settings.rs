//! What an operator decides, and what keeps a reconciler from starting.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_model::words::ARGO_CD_NAMESPACE;

use crate::kinds::Kind;
use crate::leases::LeaseSettings;
use crate::pacing::Pacing;
use crate::scope::Scope;

/// The settings of [`crate::run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileSettings {
    /// What is reconciled. A kind that the API server does not know is waited for.
    pub kinds: BTreeSet<Kind>,
    /// Which objects of these kinds.
    pub scope: Scope,
    /// Where `AppProjects`, `argocd-cm` and the Secrets of repositories are, and the Applications whose objects are marked with their bare name.
    pub control_namespace: String,
    /// How several replicas share the objects; none where there is one only, ever.
    pub leases: Option<LeaseSettings>,
    /// How many objects are worked on at once.
    pub workers: usize,
    /// How many objects may wait. More are turned away until a later listing.
    pub queue: usize,
    /// Retries and resync.
    pub pacing: Pacing,
    /// For one answer of the API server.
    pub api_timeout: Duration,
    /// For one answer of the gate.
    pub gate_timeout: Duration,
    /// For one rendering of all sources of an Application.
    pub render_timeout: Duration,
    /// For work under way when the process is asked to stop. What is not done then is rolled back.
    pub grace: Duration,
    /// Where databases may be, and their limits.
    pub databases: tidegate_database::Settings,
    /// What is done about a database that somebody else changed, where its object does not say (`gate.tidegate.dev/drift`).
    pub drift: Drift,
}

/// What is done about a database that somebody else changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drift {
    /// It is brought back. What would lose data by it is only reported, as in any plan.
    #[default]
    Repair,
    /// A condition says so, and the object stays ready.
    Report,
}

impl Drift {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repair => "repair",
            Self::Report => "report",
        }
    }

    /// By its word; none for any other.
    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Repair, Self::Report]
            .into_iter()
            .find(|drift| drift.as_str() == word)
    }
}

impl Default for ReconcileSettings {
    fn default() -> Self {
        Self {
            kinds: BTreeSet::from([
                Kind::AtlasSchema,
                Kind::AtlasMigration,
                Kind::AtlasDriftCheck,
            ]),
            scope: Scope::default(),
            control_namespace: ARGO_CD_NAMESPACE.to_owned(),
            leases: None,
            workers: 4,
            queue: 100_000,
            pacing: Pacing::default(),
            api_timeout: Duration::from_secs(20),
            gate_timeout: Duration::from_secs(20),
            render_timeout: Duration::from_mins(2),
            grace: Duration::from_secs(25),
            databases: tidegate_database::Settings::default(),
            drift: Drift::default(),
        }
    }
}

/// Why the reconciler cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The kubeconfig file.
    #[error("cannot use the kubeconfig {}: {source}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<kube::config::KubeconfigError>,
    },
    /// Neither a kubeconfig nor a service account.
    #[error("found neither a kubeconfig nor a pod's service account: {source}")]
    NoCluster {
        /// What was tried.
        source: Box<kube::config::InferConfigError>,
    },
    /// The client, mostly its certificates.
    #[error("cannot make a client for the API server: {source}")]
    Client {
        /// What is wrong.
        source: Box<kube::Error>,
    },
    /// A setting that makes no sense.
    #[error("the reconciler needs at least one worker and room for one object in its queue")]
    NoWorkers,
    /// Nothing to do.
    #[error("the reconciler was given no kind to reconcile")]
    NoKinds,
}
