//! What a call costs: `cargo bench -p tidegate-host --bench call`, after `make policies`. `make bench` shows its medians beside their targets, by
//! the names that the benchmarks have here.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails by panicking"
)]
#![allow(missing_docs, reason = "criterion's macro")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tidegate_admission::{
    Call, Date, Evaluate as _, Evaluated, GroupVersionKind, GroupVersionResource, Operation,
    Review, Selection, Stage, UserInfo,
};
use tidegate_host::{Host, HostSettings, PolicySet, PolicySpec};

/// A compiled policy of `make policies`.
fn policy(name: &str) -> PathBuf {
    let folder = std::env::var("TIDEGATE_POLICIES").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies"),
        PathBuf::from,
    );
    let path = folder.join(format!("{name}.wasm"));
    assert!(
        path.exists(),
        "{} is missing: run `make policies`",
        path.display()
    );
    path
}

fn review(group: &str, kind: &str, object: &str) -> Arc<Review> {
    Arc::new(Review {
        uid: "705ab4f5-6393-11e8-b7cc-42010a800002".into(),
        operation: Operation::Create,
        kind: GroupVersionKind {
            group: group.into(),
            version: "v1alpha1".into(),
            kind: kind.into(),
        },
        resource: GroupVersionResource::default(),
        sub_resource: None,
        name: "shop".into(),
        namespace: Some("default".into()),
        user: UserInfo {
            username: "ada".into(),
            groups: vec!["system:authenticated".into()],
            ..UserInfo::default()
        },
        dry_run: false,
        object: Some(object.into()),
        old_object: None,
    })
}

async fn evaluate(set: &PolicySet, review: &Arc<Review>) -> Vec<Evaluated> {
    let call = Call {
        stage: Stage::Validate,
        selection: Selection::Matching,
        review: Arc::clone(review),
        budget: Duration::from_secs(10),
        day: Date::constant(2026, 6, 1),
    };
    let evaluated = set.evaluate(call).await;
    assert!(
        !evaluated.is_empty() && evaluated.iter().all(|one| one.outcome.is_ok()),
        "{evaluated:?}"
    );
    evaluated
}

/// An Application of 3.5 kB, as in the figures of the issue.
fn application() -> String {
    let parameters: Vec<_> =
        (0..45).map(|n| serde_json::json!({"name": format!("parameter-{n}"), "value": "a value of some length"})).collect();
    serde_json::json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd", "labels": {"owner": "team-shop"}, "annotations": {"owner": "team-shop"}},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example/shop.git", "path": "deploy", "helm": {"parameters": parameters}},
            "destination": {"namespace": "shop", "server": "https://kubernetes.default.svc"},
        },
    })
    .to_string()
}

fn calls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let host = Host::new(HostSettings::default()).unwrap();
    let small = |name: &str| PolicySpec::new(name, policy("require-owner"));
    let one = runtime.block_on(host.load(vec![small("one")], None));
    let ten = runtime.block_on(host.load(
        (0..10).map(|n| small(&format!("policy-{n}"))).collect(),
        None,
    ));
    let review = review("argoproj.io", "Application", &application());
    println!("memory of instances: {:?}", host.allocation());
    criterion.bench_function("fresh_instance", |bencher| {
        bencher.iter_custom(|calls| {
            let timed = async |mut total: Duration| {
                for _ in 0..calls {
                    total += evaluate(&one, &review)
                        .await
                        .iter()
                        .map(|one| one.timing.instantiate)
                        .sum::<Duration>();
                }
                total
            };
            runtime.block_on(timed(Duration::ZERO))
        });
    });
    criterion.bench_function("whole_call", |bencher| {
        bencher.to_async(&runtime).iter(|| evaluate(&one, &review));
    });
    criterion.bench_function("ten_calls_at_once", |bencher| {
        bencher.to_async(&runtime).iter(|| evaluate(&ten, &review));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = calls
}
criterion_main!(benches);
