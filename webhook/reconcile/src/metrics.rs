//! What the reconciler counts, under the names that dashboards and alerts use.
//!
//! No label holds what a user can choose: objects have none, so the number of series is that of the kinds times that of the outcomes. What an object is
//! said to be is in its status, and its events; these figures tell whether the reconciler gets its work done.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::kinds::Kind;

/// 5 ms to 10 minutes: a look that finds nothing takes about the first, a large migration more than most of them.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 180.0, 600.0,
];

/// The counters; a clone counts into the same ones.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    waiting: Gauge,
    under_way: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    outcome: &'static str,
}

/// How a reconciliation ended, as far as the reconciler itself is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was looked at, and whatever came of it is in its status.
    Done,
    /// It is gone.
    Gone,
    /// The API server failed, or the work ended early; it is tried again.
    Retry,
}

impl Metrics {
    /// All at zero, and part of what `registry` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let counters = Counters {
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            waiting: Gauge::default(),
            under_way: Gauge::default(),
        };
        registry.register_with_unit(
            "reconcile_duration",
            "From an object's turn to its end",
            Unit::Seconds,
            counters.seconds.clone(),
        );
        registry.register(
            "reconcile_waiting",
            "Objects that wait for their turn, also for one in an hour",
            counters.waiting.clone(),
        );
        registry.register(
            "reconcile_inflight",
            "Objects that are worked on",
            counters.under_way.clone(),
        );
        Self(Arc::new(counters))
    }

    /// An object's turn has ended.
    pub(crate) fn ended(&self, kind: Option<Kind>, how: Ended, took: Duration) {
        let labels = Labels {
            kind: kind.map_or("other", Kind::name),
            outcome: match how {
                Ended::Done => "done",
                Ended::Gone => "gone",
                Ended::Retry => "retry",
            },
        };
        let seconds = self.0.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// How many objects there are now.
    pub(crate) fn now(&self, waiting: usize, under_way: usize) {
        let most = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.0.waiting.set(most(waiting));
        self.0.under_way.set(most(under_way));
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn what_ended_is_counted_by_kind_and_outcome() {
        let mut registry = Registry::with_prefix("tidegate");
        let metrics = Metrics::register(&mut registry);
        metrics.now(7, 2);
        for how in [Ended::Done, Ended::Done, Ended::Retry] {
            metrics.ended(Some(Kind::AtlasSchema), how, Duration::from_millis(20));
        }
        metrics.ended(Some(Kind::Application), Ended::Gone, Duration::from_secs(2));
        let mut shown = String::new();
        text::encode(&mut shown, &registry).expect("it fits into memory");
        for line in [
            r#"tidegate_reconcile_duration_seconds_count{kind="AtlasSchema",outcome="done"} 2"#,
            r#"tidegate_reconcile_duration_seconds_bucket{le="0.01",kind="AtlasSchema",outcome="done"} 0"#,
            r#"tidegate_reconcile_duration_seconds_count{kind="AtlasSchema",outcome="retry"} 1"#,
            r#"tidegate_reconcile_duration_seconds_count{kind="Application",outcome="gone"} 1"#,
            "tidegate_reconcile_waiting 7",
            "tidegate_reconcile_inflight 2",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        }
    }
}
