//! What a spinning policy takes from a good one: `cargo bench -p tidegate-host --bench isolation`, after `make policies`.
//!
//! Eight clients keep calling a policy that never ends; two keep calling a good one. The good one's throughput and its slowest hundredth are
//! compared with what they are alone, in the same run.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tidegate_admission::{
    Call, Date, Evaluate as _, GroupVersionKind, GroupVersionResource, Operation, Review,
    Selection, Stage, UserInfo,
};
use tidegate_host::{Host, HostSettings, PolicySet, PolicySpec};

const SPINNERS: usize = 8;
const CLIENTS: usize = 2;
const ROUND: Duration = Duration::from_secs(4);
const OBJECT: &str =
    r#"{"metadata":{"name":"shop","annotations":{"owner":"ada","misbehave":"spin"}},"spec":{}}"#;

fn policy(path: &str) -> PathBuf {
    let folder = std::env::var("TIDEGATE_POLICIES").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies"),
        PathBuf::from,
    );
    let path = folder.join(path);
    assert!(
        path.exists(),
        "{} is missing: run `make policies`",
        path.display()
    );
    path
}

fn call() -> Call {
    Call {
        stage: Stage::Validate,
        selection: Selection::Matching,
        review: Arc::new(Review {
            uid: "u".into(),
            operation: Operation::Create,
            kind: GroupVersionKind {
                group: "argoproj.io".into(),
                version: "v1alpha1".into(),
                kind: "Application".into(),
            },
            resource: GroupVersionResource::default(),
            sub_resource: None,
            name: "shop".into(),
            namespace: None,
            user: UserInfo::default(),
            dry_run: false,
            object: Some(OBJECT.into()),
            old_object: None,
        }),
        budget: Duration::from_secs(10),
        day: Date::constant(2026, 6, 1),
    }
}

/// Calls in a round, and the latency that one in a hundred is above.
async fn round(good: &Arc<PolicySet>) -> (usize, Duration) {
    let clients = (0..CLIENTS).map(|_| {
        let good = Arc::clone(good);
        tokio::spawn(async move {
            let (end, mut latencies) = (Instant::now() + ROUND, Vec::new());
            while Instant::now() < end {
                let start = Instant::now();
                let outcome = good.evaluate(call()).await.remove(0).outcome;
                assert!(outcome.is_ok(), "{outcome:?}");
                latencies.push(start.elapsed());
                // As a server does between two requests: others get their turn.
                tokio::task::yield_now().await;
            }
            latencies
        })
    });
    let mut latencies: Vec<_> = futures::future::join_all(clients)
        .await
        .into_iter()
        .flat_map(|client| client.expect("a client ends"))
        .collect();
    latencies.sort_unstable();
    let slow = latencies
        .get(latencies.len() * 99 / 100)
        .copied()
        .unwrap_or_default();
    (latencies.len(), slow)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let host = Host::new(HostSettings::default()).expect("a host");
        let good = Arc::new(host.load(vec![PolicySpec::new("good", policy("require-owner.wasm"))], None).await);
        let spin = Arc::new(host.load(vec![PolicySpec::new("spin", policy("guests/misbehaving.wasm"))], None).await);
        round(&good).await;
        for _ in 0..3 {
            let (alone, alone_slow) = round(&good).await;
            let done = Arc::new(AtomicBool::new(false));
            let spinners: Vec<_> = (0..SPINNERS)
                .map(|_| {
                    let (spin, done) = (Arc::clone(&spin), Arc::clone(&done));
                    tokio::spawn(async move {
                        let mut ended = 0;
                        while !done.load(Ordering::Relaxed) {
                            let outcome = spin.evaluate(call()).await.remove(0).outcome;
                            assert!(outcome.is_err(), "{outcome:?}");
                            ended += 1;
                            tokio::task::yield_now().await;
                        }
                        ended
                    })
                })
                .collect();
            let (beside, beside_slow) = round(&good).await;
            done.store(true, Ordering::Relaxed);
            let ended: usize = futures::future::join_all(spinners).await.into_iter().flatten().sum();
            let second = |calls: usize| calls as f64 / ROUND.as_secs_f64();
            println!(
                "alone {:.0}/s p99 {alone_slow:?}; beside {SPINNERS} spinning clients ({ended} calls stopped) {:.0}/s p99 {beside_slow:?}: {}% of the throughput, p99 x{:.1}",
                second(alone),
                second(beside),
                100 * beside / alone.max(1),
                beside_slow.as_secs_f64() / alone_slow.as_secs_f64(),
            );
        }
    });
}
