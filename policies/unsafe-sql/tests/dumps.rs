//! What the databases' own tools write must be read to the last statement: `pg_dump --schema-only`, `mariadb-dump --no-data --routines --events`
//! and `sqlite3 .schema`, of schemas with one of most things.

use serde_json::json;
use tidegate_policy_sdk::prelude::Severity;
use tidegate_policy_sdk::testing;
use unsafe_sql::UnsafeSql;

/// The dump as an AtlasSchema: which rules find something in it, and that it is the same as itself with other line ends.
#[track_caller]
fn check(dialect: &str, text: &str, expected: &[&str]) {
    let schema = |text: &str| {
        json!({
            "apiVersion": "db.atlasgo.io/v1alpha1",
            "kind": "AtlasSchema",
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {"url": format!("{dialect}://db"), "schema": {"sql": text}},
        })
    };
    let verdict = testing::review::<UnsafeSql>(&json!({"object": schema(text)}));
    let unread: Vec<String> = verdict
        .findings
        .iter()
        .filter(|finding| ["unparsed", "parser-disagreement"].contains(&finding.rule.as_str()))
        .map(|finding| format!("{:?}: {}", finding.position, finding.message))
        .collect();
    assert!(unread.is_empty(), "{dialect}: {unread:#?}");
    let mut rules: Vec<&str> = verdict
        .findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let found: Vec<String> = verdict
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{:?} {}: {}",
                finding.position, finding.rule, finding.message
            )
        })
        .collect();
    assert_eq!(rules, expected, "{found:#?}");
}

#[test]
fn pg_dump() {
    check("postgres", include_str!("dumps/postgres.sql"), &[]);
}

#[test]
fn mariadb_dump() {
    check(
        "mariadb",
        include_str!("dumps/mariadb.sql"),
        &["drop-table", "executable-comment"],
    );
}

#[test]
fn sqlite_schema() {
    check("sqlite", include_str!("dumps/sqlite.sql"), &[]);
}

/// What a person wrote, and what the database's tool makes of it: no difference is an error, nor the other way round.
#[track_caller]
fn check_same(dialect: &str, written: &str, dumped: &str, beside: &[&str]) {
    let schema = |text: &str| {
        json!({
            "apiVersion": "db.atlasgo.io/v1alpha1",
            "kind": "AtlasSchema",
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {"url": format!("{dialect}://db"), "schema": {"sql": text}},
        })
    };
    for (old, new) in [(written, dumped), (dumped, written)] {
        let verdict =
            testing::review::<UnsafeSql>(&json!({"object": schema(new), "oldObject": schema(old)}));
        let found: Vec<String> = verdict
            .findings
            .iter()
            .filter(|finding| {
                finding.severity == Severity::Error && !beside.contains(&finding.rule.as_str())
            })
            .map(|finding| {
                format!(
                    "{:?} {}: {}",
                    finding.position, finding.rule, finding.message
                )
            })
            .collect();
        assert!(found.is_empty(), "{dialect}: {found:#?}");
    }
}

#[test]
fn a_dump_means_what_was_written() {
    check_same(
        "postgres",
        include_str!("dumps/postgres-written.sql"),
        include_str!("dumps/postgres.sql"),
        &[],
    );
    check_same(
        "sqlite",
        include_str!("dumps/sqlite-written.sql"),
        include_str!("dumps/sqlite.sql"),
        &[],
    );
    // A dump that was the old text is "not understood" for its executable comments.
    check_same(
        "mariadb",
        include_str!("dumps/mariadb-written.sql"),
        include_str!("dumps/mariadb.sql"),
        &["executable-comment", "drop-table", "unparsed"],
    );
}
