//! What the sandbox costs a heavy policy: schemas judged by `unsafe-sql`, as a component in a fresh instance and as a plain function of this
//! program. `cargo bench -p tidegate-load --bench schema`, after `make policies`; `make bench` shows the figures beside their targets.
//!
//! Sizes double, so that a cost that grows faster than the text shows: 250 tables are 0.13 MB, 2,000 are 1 MB. Each of their tables changes, so that
//! each is read, modelled and compared, old against new.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]
#![allow(missing_docs, reason = "criterion's macro")]

mod both;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use both::{natively, sandboxed};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tidegate_admission::{Operation, Review, parse_review};
use tidegate_load::review;
use tokio::runtime::Runtime;

/// Tables of a schema as most have.
const TYPICAL: usize = 20;
const SIZES: [usize; 4] = [250, 500, 1000, 2000];
/// Times that the component is compiled.
const COMPILED: usize = 3;

fn guide() -> Review {
    let text = include_str!("../../../cases/guide/schema.yaml");
    let object: Value = serde_saphyr::from_str(text).unwrap();
    parse_review(&review::around(&object)).unwrap()
}

/// A schema as people write it, with keys, checks and an index to each table.
fn text(tables: usize, name: &str) -> String {
    let mut text = String::new();
    for number in 0..tables {
        let parent = number.saturating_sub(1);
        write!(
            text,
            "CREATE TABLE table_{number} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name {name} NOT NULL DEFAULT 'none',
  email text NOT NULL,
  amount numeric(12,2) NOT NULL DEFAULT 0,
  parent bigint REFERENCES table_{parent} (id) ON DELETE SET NULL,
  status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'done', 'lost')),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (email, name)
);
CREATE INDEX by_status_{number} ON table_{number} (status, created_at DESC);

"
        )
        .unwrap();
    }
    text
}

fn created(text: &str) -> Review {
    let mut object = review::object(&json!({ "sql": text }));
    object["spec"]["url"] = json!("postgres://db");
    object["spec"].as_object_mut().unwrap().remove("urlFrom");
    parse_review(&review::around(&object)).unwrap()
}

/// Each table differs.
fn changed(tables: usize) -> Review {
    let old = created(&text(tables, "varchar(100)"));
    Review {
        operation: Operation::Update,
        old_object: old.object,
        ..created(&text(tables, "varchar(120)"))
    }
}

fn schema(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let host = both::host();
    let set = runtime.block_on(both::load(&host));
    // The peak of the guest's memory for this review. A ratio of two different verdicts would mean nothing.
    let look = |review: &Arc<Review>| {
        let judged = runtime.block_on(sandboxed(&set, review));
        let found = judged.outcome.unwrap().findings;
        assert_eq!(found.len(), natively(review).findings.len(), "{found:?}");
        judged.memory_bytes
    };

    let mut group = criterion.benchmark_group("schema");
    let review = Arc::new(guide());
    look(&review);
    group.bench_function("sandbox", |bencher| {
        bencher.to_async(&runtime).iter(|| sandboxed(&set, &review));
    });
    group.bench_function("native", |bencher| bencher.iter(|| natively(&review)));
    let review = Arc::new(created(&text(TYPICAL, "varchar(100)")));
    look(&review);
    group.bench_function("typical", |bencher| {
        bencher.to_async(&runtime).iter(|| sandboxed(&set, &review));
    });
    let mut memory = 0;
    for tables in SIZES {
        let review = Arc::new(changed(tables));
        memory = look(&review);
        group.sample_size(10);
        group.bench_with_input(
            BenchmarkId::new("sandbox", tables),
            &review,
            |bencher, review| {
                bencher.to_async(&runtime).iter(|| sandboxed(&set, review));
            },
        );
        group.bench_with_input(
            BenchmarkId::new("native", tables),
            &review,
            |bencher, review| bencher.iter(|| natively(review)),
        );
    }
    group.finish();
    keep_figures(&runtime, memory);
}

/// What criterion does not measure, beside what it does.
fn keep_figures(runtime: &Runtime, memory: u64) {
    let compiled: Vec<f64> = (0..COMPILED)
        .map(|_| {
            let host = both::host();
            let from = Instant::now();
            runtime.block_on(both::load(&host));
            from.elapsed().as_secs_f64()
        })
        .collect();
    let figures = json!({
        "memory_bytes": memory,
        "component_bytes": std::fs::metadata(both::component()).unwrap().len(),
        "compiled_cold_seconds": compiled,
    });
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let folder = target.join("criterion/schema");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("figures.json"), figures.to_string()).unwrap();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = schema
}
criterion_main!(benches);
