//! Everything that is counted, under the names that dashboards and alerts use.
//!
//! No label holds what a user can choose freely: kinds that nobody judges are `other`, policies are those of the policies file, and objects and
//! users have no label at all. So the number of series is bounded by the configuration.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tidegate_admission::{Action, Decision, Evaluated, PolicyStatus, Review, Stage};

use crate::labels::{
    DecisionLabels, PartLabels, PolicyLabels, PolicyName, PortLabels, ReasonLabels, RequestLabels,
    StageLabels, StateLabels, WhyLabels, kind_label, state_label,
};

/// 50 us to 10 s: a small policy answers in less than the first, the API server gives up soon after the last.
const SECONDS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Allowed, unchanged.
    Allowed,
    /// Allowed with a patch.
    Patched,
    /// Denied by a rule or because a policy could not judge.
    Denied,
    /// Allowed without asking: nothing that policies judge changes.
    Passed,
    /// Denied without asking: not a review that can be judged.
    Unreadable,
    /// 503: the API server may try again.
    Unavailable,
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Patched => "patched",
            Self::Denied => "denied",
            Self::Passed => "passed",
            Self::Unreadable => "unreadable",
            Self::Unavailable => "unavailable",
        }
    }
}

type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

fn seconds<L: Clone + std::hash::Hash + Eq>() -> Seconds<L> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}

/// All counters; a clone counts into the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Seconds<StageLabels>,
    decisions: Family<DecisionLabels, Counter>,
    policy_seconds: Seconds<PartLabels>,
    policy_memory: Family<PolicyLabels, Gauge>,
    failures: Family<ReasonLabels, Counter>,
    states: Family<StateLabels, Gauge>,
    in_flight: Gauge,
    body_bytes: Gauge,
    rejected: Family<WhyLabels, Counter>,
    connections: Family<PortLabels, Gauge>,
    connections_ended: Family<WhyLabels, Counter>,
    certificate_not_after: Gauge,
    certificates_refused: Counter,
}

/// For everything that the program counts: nothing yet, under the program's name. Other rooms register what they count before a gate takes it.
pub fn registry() -> Registry {
    Registry::with_prefix("tidegate")
}

impl Metrics {
    /// All at zero, beside what is registered already.
    pub(crate) fn register(mut registry: Registry) -> Self {
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let counters = Counters {
            requests: Family::default(),
            request_seconds: seconds(),
            decisions: Family::default(),
            policy_seconds: seconds(),
            policy_memory: Family::default(),
            failures: Family::default(),
            states: Family::default(),
            in_flight: Gauge::default(),
            body_bytes: Gauge::default(),
            rejected: Family::default(),
            connections: Family::default(),
            connections_ended: Family::default(),
            certificate_not_after: Gauge::default(),
            certificates_refused: Counter::default(),
            registry,
        };
        Self(Arc::new(counters.registered()))
    }

    /// One review was answered, or turned away.
    pub(crate) fn review_answered(
        &self,
        stage: Stage,
        review: Option<&Review>,
        outcome: Outcome,
        took: Duration,
    ) {
        let labels = RequestLabels {
            stage: stage.as_str(),
            kind: review.map_or("unknown", |review| kind_label(&review.kind.kind)),
            operation: review.map_or("unknown", |review| review.operation.as_str()),
            outcome: outcome.as_str(),
            dry_run: review.is_some_and(|review| review.dry_run),
        };
        self.0.requests.get_or_create(&labels).inc();
        self.0
            .request_seconds
            .get_or_create(&StageLabels {
                stage: stage.as_str(),
            })
            .observe(took.as_secs_f64());
    }

    /// What each policy did in one review, and what came of it.
    pub(crate) fn policies_answered(
        &self,
        evaluated: &[Evaluated],
        outcome: Outcome,
        decision: &Decision,
    ) {
        for one in evaluated {
            let policy = PolicyName(Arc::clone(&one.policy));
            let timing = one.timing;
            for (part, took) in [
                ("queue", timing.queue),
                ("instantiate", timing.instantiate),
                ("guest", timing.guest.saturating_sub(timing.host)),
                ("host", timing.host),
            ] {
                let labels = PartLabels {
                    policy: policy.clone(),
                    part,
                };
                self.0
                    .policy_seconds
                    .get_or_create(&labels)
                    .observe(took.as_secs_f64());
            }
            let labels = PolicyLabels {
                policy: policy.clone(),
            };
            let peak = self.0.policy_memory.get_or_create(&labels);
            let bytes = i64::try_from(one.memory_bytes).unwrap_or(i64::MAX);
            if bytes > peak.get() {
                peak.set(bytes);
            }
            if let Err(failure) = &one.outcome {
                let labels = ReasonLabels {
                    policy: policy.clone(),
                    reason: failure.reason(),
                };
                self.0.failures.get_or_create(&labels).inc();
            }
            if outcome != Outcome::Unavailable {
                let action = strongest(one, decision).map_or("allow", Action::as_str);
                self.0
                    .decisions
                    .get_or_create(&DecisionLabels { policy, action })
                    .inc();
            }
        }
    }

    /// A request begins; it ends when the guard is dropped.
    pub(crate) fn request_begins(&self) -> Counted {
        Counted::new(self.0.in_flight.clone(), 1)
    }

    /// Bytes of bodies held; given back when the guard is dropped.
    pub(crate) fn body_held(&self) -> Counted {
        Counted::new(self.0.body_bytes.clone(), 0)
    }

    /// A request was turned away with 503.
    pub(crate) fn rejected(&self, reason: &'static str) {
        self.0.rejected.get_or_create(&WhyLabels { reason }).inc();
    }

    /// A connection opens; it closes when the guard is dropped.
    pub(crate) fn connection_opens(&self, port: &'static str) -> Counted {
        Counted::new(
            self.0.connections.get_or_create_owned(&PortLabels { port }),
            1,
        )
    }

    /// Why a connection ended that did not end by itself, or could not be accepted.
    pub(crate) fn connection_ended(&self, reason: &'static str) {
        self.0
            .connections_ended
            .get_or_create(&WhyLabels { reason })
            .inc();
    }

    /// A new certificate is served.
    pub(crate) fn certificate_served(&self, not_after: SystemTime) {
        let seconds = not_after
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        self.0
            .certificate_not_after
            .set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    /// A new certificate is not fit to be served.
    pub(crate) fn certificate_refused(&self) {
        self.0.certificates_refused.inc();
    }

    /// `OpenMetrics` text, with the states of these policies.
    pub(crate) fn text(&self, policies: &[PolicyStatus]) -> Result<String, std::fmt::Error> {
        self.0.states.clear();
        for status in policies {
            let labels = StateLabels {
                policy: PolicyName(Arc::clone(&status.name)),
                state: state_label(&status.state),
            };
            self.0.states.get_or_create(&labels).set(1);
        }
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl Counters {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "admission_requests",
            "Reviews by how they ended",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "admission_duration",
            "From the request's header to its answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register(
            "policy_decisions",
            "The strongest thing that a policy did to a review",
            self.decisions.clone(),
        );
        registry.register_with_unit(
            "policy_duration",
            "Where the time of a policy's call went",
            Unit::Seconds,
            self.policy_seconds.clone(),
        );
        registry.register_with_unit(
            "policy_memory_peak",
            "The most memory that one call of a policy has used",
            Unit::Bytes,
            self.policy_memory.clone(),
        );
        registry.register(
            "policy_failures",
            "Calls without a verdict",
            self.failures.clone(),
        );
        registry.register(
            "policy_state",
            "1 for the state that a policy is in",
            self.states.clone(),
        );
        registry.register(
            "admission_inflight",
            "Reviews being answered",
            self.in_flight.clone(),
        );
        registry.register_with_unit(
            "admission_body_held",
            "Request bodies being read or judged",
            Unit::Bytes,
            self.body_bytes.clone(),
        );
        registry.register(
            "admission_rejected_overload",
            "Reviews answered 503, to be sent again",
            self.rejected.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "connections_ended",
            "Connections that the server closed early or could not take",
            self.connections_ended.clone(),
        );
        registry.register_with_unit(
            "certificate_not_after_timestamp",
            "When the served certificate ends",
            Unit::Seconds,
            self.certificate_not_after.clone(),
        );
        registry.register(
            "certificates_refused",
            "New certificates that could not be served; the one before stayed",
            self.certificates_refused.clone(),
        );
        self
    }
}

/// An amount of a gauge that is taken back when this is dropped, whichever way that comes about.
#[derive(Debug)]
pub(crate) struct Counted {
    gauge: Gauge,
    amount: i64,
}

impl Counted {
    fn new(gauge: Gauge, amount: i64) -> Self {
        gauge.inc_by(amount);
        Self { gauge, amount }
    }

    pub(crate) fn add(&mut self, amount: usize) {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        self.gauge.inc_by(amount);
        self.amount = self.amount.saturating_add(amount);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge.dec_by(self.amount);
    }
}

/// The strongest action that the decision took for this policy; none when it had nothing to say.
fn strongest(one: &Evaluated, decision: &Decision) -> Option<Action> {
    let findings = decision
        .findings
        .iter()
        .filter(|finding| finding.policy == one.policy)
        .map(|finding| finding.action);
    let failures = decision
        .failures
        .iter()
        .filter(|(policy, ..)| *policy == one.policy)
        .map(|(.., action)| *action);
    findings.chain(failures).min()
}
