//! Statements as an engineer would label them: an unsafe one is denied, a safe one is not.
//!
//! One a line in `labelled/DIALECT.txt`, and those of desired schemas in `labelled/schema_DIALECT.txt`; `\n` is a line break. The rules' pages
//! say which rule denies what and why; this says only whether, over many statements that look alike. MariaDB is given MySQL's too.

use serde_json::{Value, json};
use tidegate_policy_sdk::prelude::Severity;
use tidegate_policy_sdk::testing;
use unsafe_sql::UnsafeSql;

#[test]
fn mysql() {
    check("mysql", include_str!("labelled/mysql.txt"));
    check_schemas("mysql", include_str!("labelled/schema_mysql.txt"));
}

#[test]
fn mariadb() {
    check("mariadb", include_str!("labelled/mysql.txt"));
    check("mariadb", include_str!("labelled/mariadb.txt"));
    check_schemas("mariadb", include_str!("labelled/schema_mysql.txt"));
}

#[test]
fn postgres() {
    check("postgres", include_str!("labelled/postgres.txt"));
    check_schemas("postgres", include_str!("labelled/schema_postgres.txt"));
}

#[test]
fn sqlite() {
    check("sqlite", include_str!("labelled/sqlite.txt"));
    check_schemas("sqlite", include_str!("labelled/schema_sqlite.txt"));
}

/// As migrations.
#[track_caller]
fn check(dialect: &str, cases: &str) {
    check_as(dialect, cases, &|text| {
        ("AtlasMigration", json!({"dir": {"local": {"1.sql": text}}}))
    });
}

/// As desired schemas.
#[track_caller]
fn check_schemas(dialect: &str, cases: &str) {
    check_as(dialect, cases, &|text| {
        ("AtlasSchema", json!({"schema": {"sql": text}}))
    });
}

#[track_caller]
fn check_as(dialect: &str, cases: &str, holder: &dyn Fn(&str) -> (&'static str, Value)) {
    let mut wrong = Vec::new();
    let cases = cases
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    for case in cases {
        let (label, text) = case.split_once(' ').expect("a label and a statement");
        let text = text.replace("\\n", "\n");
        let (kind, mut spec) = holder(&text);
        if let Some(spec) = spec.as_object_mut() {
            spec.insert("url".to_owned(), json!(format!("{dialect}://db")));
        }
        let object = json!({
            "apiVersion": "db.atlasgo.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": "case", "namespace": "default"},
            "spec": spec,
        });
        let verdict = testing::review::<UnsafeSql>(&json!({ "object": object }));
        let errors: Vec<String> = verdict
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| format!("{}: {}", finding.rule, finding.message))
            .collect();
        assert!(["unsafe", "safe"].contains(&label), "{label} is no label");
        let expected = label == "unsafe";
        if errors.is_empty() == expected {
            wrong.push(format!("{case}\n      {errors:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{dialect}: {} are judged wrongly:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
