//! What the sandbox costs a heavy policy: the guide's AtlasSchema judged by `unsafe-sql`, as a component in a fresh instance and as a plain function of
//! this program. `cargo bench -p tidegate-load --bench schema`, after `make policies`.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![allow(missing_docs, reason = "criterion's macro")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::Value;
use tidegate_admission::{
    Call, Date, Evaluate as _, Evaluated, Review, Selection, Stage, parse_review,
};
use tidegate_host::{Host, HostSettings, PolicySet, PolicySpec};
use tidegate_load::review;
use tidegate_policy_sdk::native::{self, wit};
use unsafe_sql::UnsafeSql;

/// `make policies` puts it there.
fn component() -> PathBuf {
    let folder = std::env::var("TIDEGATE_POLICIES").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies"),
        PathBuf::from,
    );
    folder.join("unsafe-sql.wasm")
}

fn guide() -> Review {
    let text = include_str!("../../cases/guide/schema.yaml");
    let object: Value = serde_saphyr::from_str(text).unwrap();
    parse_review(&review::around(&object)).unwrap()
}

async fn sandboxed(set: &PolicySet, review: &Arc<Review>) -> Vec<Evaluated> {
    let call = Call {
        stage: Stage::Validate,
        selection: Selection::Matching,
        review: Arc::clone(review),
        budget: Duration::from_secs(10),
        day: Date::constant(2026, 6, 1),
    };
    set.evaluate(call).await
}

/// With the copies of the texts that the host makes into the guest's memory.
fn natively(review: &Review) -> wit::Verdict {
    let request = wit::Admission {
        operation: wit::Operation::Create,
        key: wit::ObjectKey {
            group: review.kind.group.clone(),
            version: review.kind.version.clone(),
            kind: review.kind.kind.clone(),
            namespace: review.namespace.clone(),
            name: review.name.clone(),
        },
        user: wit::UserInfo {
            username: review.user.username.clone(),
            uid: review.user.uid.clone(),
            groups: review.user.groups.clone(),
        },
        dry_run: review.dry_run,
        day: "2026-06-01".to_owned(),
        object: review.object.as_deref().map(str::to_owned),
        old_object: None,
        settings: "{}".to_owned(),
    };
    native::review::<UnsafeSql>(wit::Request::Admission(request)).unwrap()
}

fn schema(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let host = Host::new(HostSettings::default()).unwrap();
    let spec = PolicySpec::new("unsafe-sql", component());
    let set = runtime.block_on(host.load(vec![spec], None));
    let review = Arc::new(guide());

    // A ratio of two different verdicts would mean nothing.
    let judged = runtime.block_on(sandboxed(&set, &review)).remove(0);
    let found = judged.outcome.unwrap().findings;
    assert_eq!(found.len(), natively(&review).findings.len(), "{found:?}");

    let mut group = criterion.benchmark_group("schema");
    group.bench_function("sandbox", |bencher| {
        bencher.to_async(&runtime).iter(|| sandboxed(&set, &review));
    });
    group.bench_function("native", |bencher| bencher.iter(|| natively(&review)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = schema
}
criterion_main!(benches);
