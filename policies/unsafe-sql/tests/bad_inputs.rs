//! Bypasses and bombs: texts that fool a reader, or break it. Each must be answered, and by the rule that is named.

use serde_json::{Value, json};
use tidegate_policy_sdk::native::{self, wit};
use tidegate_policy_sdk::prelude::Severity;
use tidegate_policy_sdk::testing;
use unsafe_sql::UnsafeSql;

fn migration(dialect: &str, text: &str) -> Value {
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": "AtlasMigration",
        "metadata": {"name": "case", "namespace": "default"},
        "spec": {"url": format!("{dialect}://db"), "dir": {"local": {"1/a.sql": text}}},
    })
}

fn schema(dialect: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": "AtlasSchema",
        "metadata": {"name": "case", "namespace": "default"},
        "spec": {"url": format!("{dialect}://db"), "schema": spec},
    })
}

/// The ids of the rules with an error, each once.
fn errors(verdict: &wit::Verdict) -> Vec<&str> {
    let errors = verdict
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let mut ids: Vec<&str> = errors.map(|finding| finding.rule.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The rules that must deny the text as a migration; none when it must be allowed.
#[track_caller]
fn check(dialect: &str, text: &str, expected: &[&str]) {
    let verdict = testing::review::<UnsafeSql>(&json!({"object": migration(dialect, text)}));
    let shown: String = text.chars().take(80).collect();
    assert_eq!(
        errors(&verdict),
        expected,
        "{dialect}: {shown}: {:?}",
        verdict.findings
    );
    for finding in &verdict.findings {
        assert_eq!(
            finding.path.as_deref(),
            Some("/spec/dir/local/1~1a.sql"),
            "{shown}"
        );
        assert!(
            finding
                .position
                .is_some_and(|position| position.line >= 1 && position.column >= 1),
            "{shown}"
        );
        assert!(
            finding
                .suggestion
                .as_deref()
                .is_some_and(|text| !text.is_empty()),
            "{shown}"
        );
        assert!(finding.message.len() < 600, "{shown}");
    }
}

#[test]
fn the_end_of_a_statement_is_not_hidden() {
    check(
        "postgres",
        "SELECT 1 END; DROP TABLE t;",
        &["drop-table", "parser-disagreement"],
    );
    check(
        "postgres",
        "CREATE TABLE a(i int) END; DROP TABLE t;",
        &["drop-table", "parser-disagreement"],
    );
    check(
        "sqlite",
        "SELECT 1 END; DROP TABLE t;",
        &["drop-table", "parser-disagreement"],
    );
    check(
        "postgres",
        "COPY t FROM STDIN; DROP TABLE t;",
        &["drop-table", "file-access"],
    );
    check(
        "mysql",
        "SET sql_mode='ANSI_QUOTES'; DELETE FROM \"t\"",
        &["delete-without-where", "session-setting"],
    );
    check(
        "postgres",
        "SET standard_conforming_strings=off; SELECT 1",
        &["session-setting"],
    );
    check("mysql", "DELIMITER //\nDROP TABLE t//", &["drop-table"]);
    check(
        "mysql",
        "DELIMITER //\nSELECT 1; DROP TABLE t//",
        &["delimiter-directive", "unparsed"],
    );
    check(
        "postgres",
        "-- atlas:delimiter --x\nSELECT 1 --x DROP TABLE t",
        &["delimiter-directive", "drop-table"],
    );
    check(
        "postgres",
        "-- atlas:nolint\nDROP TABLE t;",
        &["drop-table"],
    );
}

#[test]
fn comments_hide_nothing() {
    check(
        "postgres",
        "/* /* */ DROP TABLE t; -- */",
        &["parser-disagreement"],
    );
    check(
        "mysql",
        "/* /* */ DROP TABLE t; -- */",
        &["drop-table", "parser-disagreement"],
    );
    check(
        "mysql",
        "/*!50000 DROP TABLE t */;",
        &["executable-comment"],
    );
    check(
        "mariadb",
        "/*M!100000 DROP TABLE t */;",
        &["executable-comment"],
    );
    check(
        "mariadb",
        "DELETE FROM t /*!99999 WHERE id=1 */",
        &["delete-without-where", "executable-comment"],
    );
    check(
        "mysql",
        "DELETE FROM t WHERE id=1 /*! OR 1=1 */",
        &["executable-comment"],
    );
    check(
        "mysql",
        "DELETE FROM t WHERE id=5 OR 1--1",
        &["delete-without-where"],
    );
    check("postgres", "DELETE FROM t WHERE id=5 --1", &[]);
    check("postgres", "SELECT 1; /* never", &["unparsed"]);
    check(
        "postgres",
        "-- x\rDROP TABLE t;",
        &["drop-table", "hidden-character"],
    );
    check("mysql", "-- x\rDROP TABLE t;", &["hidden-character"]);
    check(
        "postgres",
        "SELECT 1; -- \u{202e}evil",
        &["hidden-character"],
    );
    check("mysql", "#DROP TABLE t;\nSELECT 1 # x\n;", &[]);
}

#[test]
fn strings_and_names_end_where_the_database_ends_them() {
    let backslash = r"SELECT 'a\'; DROP TABLE t; -- ';";
    check("postgres", backslash, &["drop-table"]);
    check("sqlite", backslash, &["drop-table"]);
    check("mysql", backslash, &[]);
    check("postgres", r"SELECT E'a\'; DROP TABLE t; -- '", &[]);
    check(
        "postgres",
        "SELECT $a$ x $b$ $a$; DELETE FROM t; SELECT $b$ $b$;",
        &["delete-without-where"],
    );
    check("postgres", "SELECT $é$ ; DROP TABLE t; $é$", &[]);
    check(
        "postgres",
        "SELECT 1 AS a$$; DROP TABLE t; SELECT 1 AS b$$",
        &["drop-table"],
    );
    check(
        "mysql",
        r"SELECT `a\`; DROP TABLE t; -- `;",
        &["drop-table"],
    );
    check(
        "sqlite",
        "SELECT [it's]; DROP TABLE t; SELECT [it's];",
        &["drop-table"],
    );
    check("postgres", "SELECT 'x", &["unparsed"]);
    check("postgres", "SELECT 1)", &["unparsed"]);
    check(
        "postgres",
        "DROP TABLE U&\"m\\0065mbers\"",
        &["drop-table", "hidden-character"],
    );
}

#[test]
fn hidden_characters() {
    check(
        "postgres",
        "DROP\0 TABLE t",
        &["drop-table", "hidden-character"],
    );
    check(
        "postgres",
        "DROP\u{a0}TABLE t",
        &["drop-table", "hidden-character"],
    );
    check(
        "postgres",
        "DROP\u{2003}TABLE t",
        &["drop-table", "hidden-character"],
    );
    check("postgres", "\u{feff}SELECT 1;", &[]);
    check("postgres", "SELECT 1;\r\nSELECT 2;\r\n", &[]);
}

#[test]
fn statements_inside_statements() {
    let mut nested = "DELETE FROM t".to_owned();
    for level in 0..20 {
        nested = format!("WITH x{level} AS ({nested}) SELECT 1");
    }
    check("postgres", &nested, &["delete-without-where"]);
    check(
        "postgres",
        "EXPLAIN ANALYZE DELETE FROM t",
        &["delete-without-where"],
    );
    check(
        "postgres",
        "EXPLAIN (ANALYZE, VERBOSE) DELETE FROM t",
        &["delete-without-where"],
    );
    check(
        "postgres",
        "PREPARE p AS DELETE FROM t; EXECUTE p",
        &["delete-without-where"],
    );
    check(
        "postgres",
        "DO $$ BEGIN EXECUTE 'DR'||'OP TABLE t'; END $$",
        &["dynamic-sql"],
    );
    check(
        "postgres",
        "CREATE TABLE a (i int); DROP TABLE a, b",
        &["drop-table"],
    );
    check("postgres", "CREATE TABLE x (i int); DROP TABLE X", &[]);
    check(
        "postgres",
        "CREATE TABLE x (i int); DROP TABLE \"X\"",
        &["drop-table"],
    );
}

#[test]
fn bombs_are_answered() {
    let many = 100_000;
    check(
        "postgres",
        &format!("SELECT {}", "(".repeat(many)),
        &["size-limit"],
    );
    check(
        "postgres",
        &format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        &["size-limit"],
    );
    check(
        "postgres",
        &format!("DELETE FROM t WHERE a=1{}", " OR a=1".repeat(many)),
        &["size-limit"],
    );
    check(
        "postgres",
        &format!("SELECT 1{}", "::int".repeat(many)),
        &["size-limit"],
    );
    check(
        "postgres",
        &format!("SELECT a{}", "[]".repeat(many)),
        &["size-limit"],
    );
    check(
        "postgres",
        &format!("SELECT 1{}", " UNION SELECT 1".repeat(20_000)),
        &["size-limit"],
    );
    check(
        "postgres",
        &format!("INSERT INTO t {}", "(".repeat(20_000)),
        &["size-limit"],
    );
    check(
        "postgres",
        &format!("INSERT INTO t {}", "SELECT * FROM (".repeat(10_000)),
        &["size-limit"],
    );
    check(
        "mysql",
        &format!("DELETE FROM t WHERE a{}", " || a".repeat(many)),
        &["size-limit"],
    );
    check("postgres", &";".repeat(1_000_000), &[]);
    check(
        "postgres",
        &format!("SELECT '{}'", "x".repeat(1_000_000)),
        &["size-limit"],
    );
    check(
        "postgres",
        &"DROP TABLE t;".repeat(60_000),
        &["drop-table", "size-limit"],
    );
    check("postgres", &"x".repeat(1024 * 1024 + 1), &["size-limit"]);
    check(
        "postgres",
        &"/*".repeat(many),
        &["parser-disagreement", "unparsed"],
    );
    let columns: Vec<String> = (0..20_000).map(|column| format!("c{column} int")).collect();
    check(
        "postgres",
        &format!("CREATE TABLE t ({})", columns.join(", ")),
        &[],
    );
    // The longest chain and the deepest brackets that are read must be read without harm.
    check(
        "postgres",
        &format!("SELECT a{} FROM t", " OR a".repeat(1_990)),
        &[],
    );
    check(
        "postgres",
        &format!("DELETE FROM t WHERE a=1{}", " OR a=1".repeat(990)),
        &[],
    );
}

#[test]
fn a_schema_that_is_not_there() {
    for (spec, expected) in [
        (json!({}), "empty-schema"),
        (json!({"sql": null}), "empty-schema"),
        (json!({"sql": ""}), "empty-schema"),
        (
            json!({"sql": "-- CREATE TABLE t (id int);"}),
            "empty-schema",
        ),
        (json!({"sql": 5}), "empty-schema"),
    ] {
        let verdict = testing::review::<UnsafeSql>(&json!({"object": schema("sqlite", &spec)}));
        assert_eq!(errors(&verdict), [expected], "{spec}");
    }
    for (spec, severity) in [
        (json!({"url": "atlas://x"}), Severity::Info),
        (json!({"hcl": "x"}), Severity::Info),
        (
            json!({"configMapKeyRef": {"key": "a.sql", "name": "x"}}),
            Severity::Warning,
        ),
    ] {
        let verdict = testing::review::<UnsafeSql>(&json!({"object": schema("sqlite", &spec)}));
        let seen: Vec<(&str, Severity)> = verdict
            .findings
            .iter()
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect();
        assert_eq!(seen, [("schema-not-visible", severity)], "{spec}");
    }
}

#[test]
fn what_did_not_change_is_not_judged_again() {
    let old = migration("postgres", "DROP TABLE t; THIS IS NO SQL");
    let mut new = old.clone();
    new["metadata"]["labels"] = json!({"a": "b"});
    let verdict = testing::review::<UnsafeSql>(&json!({"object": new, "oldObject": old}));
    assert_eq!(verdict.findings.len(), 0, "{:?}", verdict.findings);

    new["spec"]["dir"]["local"]["2.sql"] = json!("TRUNCATE t");
    let verdict = testing::review::<UnsafeSql>(&json!({"object": new, "oldObject": old}));
    assert_eq!(errors(&verdict), ["truncate"], "only the file that is new");

    // The same text means something else to another database.
    let text = r"SELECT 'a\'; DROP TABLE t; -- ';";
    let verdict = testing::review::<UnsafeSql>(
        &json!({"object": migration("postgres", text), "oldObject": migration("mysql", text)}),
    );
    assert_eq!(errors(&verdict), ["drop-table"]);

    let old = schema("sqlite", &json!({"sql": "NO SQL AT ALL"}));
    let verdict = testing::review::<UnsafeSql>(&json!({"object": old, "oldObject": old}));
    assert_eq!(verdict.findings.len(), 0, "byte for byte the same");
}

#[test]
fn a_plan_is_judged_statement_by_statement() {
    let subject = schema("sqlite", &json!({"sql": "CREATE TABLE t (id int);"}));
    let changes = vec![
        wit::Change::RunStatement("CREATE TABLE t (id int)".to_owned()),
        wit::Change::RunStatement("DROP TABLE t".to_owned()),
        wit::Change::RunStatement("SELECT 1;\n  DELETE FROM users".to_owned()),
        wit::Change::ApplyObject(migration("postgres", "TRUNCATE t").to_string()),
        wit::Change::ApplyObject(json!({"apiVersion": "v1", "kind": "ConfigMap"}).to_string()),
        wit::Change::DeleteObject(migration("postgres", "TRUNCATE t").to_string()),
    ];
    let plan = wit::Plan {
        subject: subject.to_string(),
        changes,
        dialect: Some("sqlite".to_owned()),
        day: "2026-06-01".to_owned(),
        settings: "{}".to_owned(),
    };
    let verdict =
        native::review::<UnsafeSql>(wit::Request::Plan(plan)).expect("the settings are right");
    let seen: Vec<_> = verdict
        .findings
        .iter()
        .map(|finding| {
            let position = finding.position.expect("found in a text");
            (
                finding.rule.as_str(),
                finding.path.as_deref().unwrap_or_default(),
                position.line,
                position.column,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("delete-without-where", "/changes/2", 2, 3),
            ("truncate", "/changes/3/spec/dir/local/1~1a.sql", 1, 1)
        ]
    );
}

#[test]
fn a_plan_that_rebuilds_a_table_of_sqlite_is_one_text() {
    let subject = schema("sqlite", &json!({"sql": "CREATE TABLE t (id int);"}));
    let rules = |statements: &[&str]| {
        let plan = wit::Plan {
            subject: subject.to_string(),
            changes: statements
                .iter()
                .map(|sql| wit::Change::RunStatement((*sql).to_owned()))
                .collect(),
            dialect: Some("sqlite".to_owned()),
            day: "2026-06-01".to_owned(),
            settings: "{}".to_owned(),
        };
        let verdict =
            native::review::<UnsafeSql>(wit::Request::Plan(plan)).expect("the settings are right");
        let rules = verdict.findings.into_iter().map(|finding| finding.rule);
        rules.collect::<Vec<_>>()
    };
    let rebuild = [
        "PRAGMA foreign_keys = off",
        "DROP TRIGGER \"tr\"",
        "DROP VIEW \"v\"",
        "PRAGMA legacy_alter_table = on",
        "CREATE TABLE \"new_t\" (id INTEGER PRIMARY KEY AUTOINCREMENT, a text, b text)",
        "INSERT INTO \"new_t\" (\"id\", \"a\", \"b\") SELECT \"id\", IFNULL(\"a\", ('x')), \"b\" FROM \"t\"",
        "DELETE FROM sqlite_sequence WHERE name = 'new_t'",
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'new_t', seq FROM sqlite_sequence WHERE name = 't'",
        "DROP TABLE \"t\"",
        "ALTER TABLE \"new_t\" RENAME TO \"t\"",
        "PRAGMA legacy_alter_table = off",
        "CREATE UNIQUE INDEX i ON t (a)",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",
        "PRAGMA foreign_keys = on",
    ];
    assert_eq!(rules(&rebuild), Vec::<String>::new());
    assert_eq!(
        rules(&["PRAGMA foreign_keys = off", "DROP TABLE \"t\""]),
        ["session-setting", "drop-table"],
        "what is not copied is lost"
    );
}

#[test]
fn a_password_is_never_shown() {
    let mut object = schema(
        "postgres",
        &json!({"sql": "CREATE USER eve PASSWORD 'hunter2'; SELECT 'hunter2' hunter3;"}),
    );
    object["spec"]["url"] = json!("postgres://app:hunter2@db/shop?password=hunter2");
    object["spec"]["credentials"] = json!({"password": "hunter2"});
    let verdict = testing::review::<UnsafeSql>(&json!({"object": object}));
    assert_eq!(
        verdict
            .findings
            .iter()
            .filter(|finding| finding.rule == "plaintext-password")
            .count(),
        2
    );
    assert!(
        !format!("{:?}", verdict.findings).contains("hunter2"),
        "{:?}",
        verdict.findings
    );
}
