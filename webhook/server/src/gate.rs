//! What all requests share: the policies of the moment, the limits, the counters, and whether the server is going.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use prometheus_client::registry::Registry;
use tidegate_admission::{Evaluate, PolicyState, PolicyStatus};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Metrics, registry};
use crate::{Readiness, RequestLimits};

/// The handle that requests read and the door writes. A clone is the same gate.
#[derive(Debug)]
pub struct Gate<E>(Arc<Shared<E>>);

#[derive(Debug)]
struct Shared<E> {
    policies: ArcSwapOption<E>,
    limits: RequestLimits,
    readiness: Readiness,
    was_ready: AtomicBool,
    requests: Semaphore,
    bodies: Semaphore,
    metrics: Metrics,
    draining: CancellationToken,
}

impl<E> Clone for Gate<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: Evaluate> Gate<E> {
    /// A gate without policies: every review is answered 503 until [`Self::serve_policies`].
    pub fn new(limits: RequestLimits, readiness: Readiness) -> Self {
        Self::counting(limits, readiness, registry())
    }

    /// The same, which counts beside what others registered with a [`registry`].
    pub fn counting(limits: RequestLimits, readiness: Readiness, registry: Registry) -> Self {
        Self(Arc::new(Shared {
            policies: ArcSwapOption::empty(),
            requests: Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS)),
            bodies: Semaphore::new(
                usize::try_from(limits.bodies.0)
                    .unwrap_or(usize::MAX)
                    .min(Semaphore::MAX_PERMITS),
            ),
            limits,
            readiness,
            was_ready: AtomicBool::new(false),
            metrics: Metrics::register(registry),
            draining: CancellationToken::new(),
        }))
    }

    /// From now on these policies are asked; requests under way end with those that they began with.
    pub fn serve_policies(&self, policies: Arc<E>) {
        if every_policy_ready(&policies.policies()) {
            self.0.was_ready.store(true, Ordering::Relaxed);
        }
        self.0.policies.store(Some(policies));
    }

    /// Whether `/readyz` says yes.
    pub fn is_ready(&self) -> bool {
        self.readiness().is_ok()
    }

    /// The states of the policies, and whether that is ready; none while there is no set.
    pub(crate) fn readiness(&self) -> Result<Vec<PolicyStatus>, NotReady> {
        if self.is_draining() {
            return Err(NotReady::Draining);
        }
        let policies = self.policies().ok_or(NotReady::NoPolicies)?.policies();
        let every_policy = every_policy_ready(&policies);
        if every_policy {
            self.0.was_ready.store(true, Ordering::Relaxed);
        }
        let ready = match self.0.readiness {
            Readiness::EveryPolicy => every_policy,
            Readiness::EveryPolicyOnce => self.0.was_ready.load(Ordering::Relaxed),
            Readiness::SetLoaded => true,
        };
        if ready {
            Ok(policies)
        } else {
            Err(NotReady::Policies(policies))
        }
    }

    pub(crate) fn policies(&self) -> Option<Arc<E>> {
        self.0.policies.load_full()
    }
}

impl<E> Gate<E> {
    pub(crate) fn limits(&self) -> &RequestLimits {
        &self.0.limits
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// One permit for each request under way.
    pub(crate) fn requests(&self) -> &Semaphore {
        &self.0.requests
    }

    /// One permit for each byte of body held.
    pub(crate) fn bodies(&self) -> &Semaphore {
        &self.0.bodies
    }

    /// Cancelled when the server begins to go.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }
}

/// Why `/readyz` says no.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// The server is going.
    Draining,
    /// No set of policies was loaded yet.
    NoPolicies,
    /// Some are not what [`Readiness`] asks.
    Policies(Vec<PolicyStatus>),
}

fn every_policy_ready(policies: &[PolicyStatus]) -> bool {
    policies
        .iter()
        .all(|policy| matches!(policy.state, PolicyState::Ready | PolicyState::Off))
}
