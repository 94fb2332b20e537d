//! What schemas cost natively: `cargo bench -p unsafe-sql`. The sandbox's own share is measured by `cargo bench -p tidegate-host`.
//!
//! Sizes double, so that a cost that grows faster than the text shows as a falling rate: 250 tables are 0.12 MB, 2,000 are 0.95 MB.

#![allow(missing_docs, reason = "criterion's macro")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tidegate_policy_sdk::testing;
use unsafe_sql::UnsafeSql;

/// A schema as people write it, with keys, checks and an index to each table.
fn schema(tables: usize, name: &str) -> String {
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
        .expect("a String takes it");
    }
    text
}

fn object(text: &str) -> Value {
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": "AtlasSchema",
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"url": "postgres://db", "schema": {"sql": text}},
    })
}

fn review(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("review");
    group.sample_size(10);
    for tables in [20, 250, 500, 1000, 2000] {
        let old = schema(tables, "varchar(100)");
        let created = json!({"object": object(&old)});
        // Each table differs, so that each is read, checked and compared.
        let new = schema(tables, "varchar(120)");
        let updated = json!({"object": object(&new), "oldObject": object(&old)});
        let one = old.replacen("varchar(100)", "varchar(120)", 1);
        let one_updated = json!({"object": object(&one), "oldObject": object(&old)});
        group.throughput(Throughput::Bytes(
            u64::try_from(old.len()).unwrap_or(u64::MAX),
        ));
        for (name, request) in [
            ("create", &created),
            ("update", &updated),
            ("update-of-one-table", &one_updated),
        ] {
            group.bench_with_input(
                BenchmarkId::new(name, tables),
                request,
                |bencher, request| {
                    bencher.iter(|| black_box(testing::review::<UnsafeSql>(request)));
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, review);
criterion_main!(benches);
