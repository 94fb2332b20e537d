//! The policies of the moment: loaded once, and again whenever the policies file or a component changes.
//!
//! A file that does not read keeps the old set serving and says so in the log. The folder is looked at once a second rather than watched:
//! Kubernetes swaps a link when a `ConfigMap` changes, which ends a watch, and a second is soon enough.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use arc_swap::ArcSwap;
use tidegate_admission::{Evaluate as _, PolicyState};
use tidegate_host::{Host, PolicySet, PolicySpec, Source};
use tidegate_server::Gate;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::planned::{Admission, Plans};
use crate::policies;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Shared by the server's gate and the reconciler's.
#[derive(Clone)]
pub(crate) struct LivePolicies {
    host: Arc<Host>,
    file: PathBuf,
    gate: Gate<Admission>,
    plans: Option<Plans>,
    set: Arc<ArcSwap<PolicySet>>,
}

impl LivePolicies {
    /// Loads the set for the first time; an unreadable policies file is an error then.
    pub(crate) async fn start(
        host: Arc<Host>,
        file: PathBuf,
        gate: Gate<Admission>,
        plans: Option<Plans>,
    ) -> Result<Self> {
        let specs = policies::specs(&file, &policies::read(&file)?);
        let set = Arc::new(host.load(specs, None).await);
        report(&set);
        gate.serve_policies(Arc::new(Admission::new(set.clone(), plans.clone())));
        Ok(Self {
            host,
            file,
            gate,
            plans,
            set: Arc::new(ArcSwap::new(set)),
        })
    }

    /// The set of this moment.
    pub(crate) fn set(&self) -> Arc<PolicySet> {
        self.set.load_full()
    }

    /// Loads again whenever something changed.
    pub(crate) async fn follow(self, shutdown: CancellationToken) {
        let mut seen = self.look();
        while shutdown
            .run_until_cancelled(tokio::time::sleep(LOOK_EVERY))
            .await
            .is_some()
        {
            let now = self.look();
            if now == seen {
                continue;
            }
            seen = now;
            match self.reload().await {
                Ok(set) => {
                    report(&set);
                    let admission = Admission::new(set.clone(), self.plans.clone());
                    self.gate.serve_policies(Arc::new(admission));
                    self.set.store(set);
                }
                Err(error) => error!(
                    error = format!("{error:#}"),
                    "the policies file cannot be used; the policies stay as they were"
                ),
            }
        }
    }

    async fn reload(&self) -> Result<Arc<PolicySet>> {
        let specs = policies::specs(&self.file, &policies::read(&self.file)?);
        Ok(Arc::new(self.host.load(specs, Some(&self.set())).await))
    }

    /// What a change would change: the policies file's text, and each component's size and time.
    fn look(&self) -> Look {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let specs = policies::read(&self.file)
            .map(|file| policies::specs(&self.file, &file))
            .unwrap_or_default();
        let components = specs.iter().map(stamp).collect();
        Look { text, components }
    }
}

#[derive(PartialEq)]
struct Look {
    text: String,
    components: Vec<Option<(u64, SystemTime)>>,
}

fn stamp(spec: &PolicySpec) -> Option<(u64, SystemTime)> {
    let Source::File { path, .. } = &spec.source else {
        return None;
    };
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn report(set: &PolicySet) {
    for policy in set.policies() {
        let digest = policy.digest.as_deref().unwrap_or_default();
        match &policy.state {
            PolicyState::Ready => info!(policy = %policy.name, digest, "policy ready"),
            PolicyState::Off => info!(policy = %policy.name, "policy off"),
            PolicyState::Failed(reason) => {
                warn!(policy = %policy.name, digest, reason, "policy failed; its failurePolicy decides");
            }
        }
    }
}
