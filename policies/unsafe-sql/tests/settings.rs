//! What the operator sets, and the exceptions that he lets others make.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidegate_policy_sdk::native::wit;
use tidegate_policy_sdk::prelude::Severity;
use tidegate_policy_sdk::testing;
use unsafe_sql::UnsafeSql;

const DROP: &str = "ALTER TABLE users DROP COLUMN fax";

fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

fn migration(text: &str, waivers: Option<&Value>) -> Value {
    migration_on("postgres", text, waivers)
}

fn migration_on(dialect: &str, text: &str, waivers: Option<&Value>) -> Value {
    let annotations =
        waivers.map(|waivers| json!({"gate.tidegate.dev/waive": waivers.to_string()}));
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": "AtlasMigration",
        "metadata": {"name": "case", "namespace": "default", "annotations": annotations},
        "spec": {"url": format!("{dialect}://db"), "dir": {"local": {"1.sql": text}}},
    })
}

fn waiver(rule: &str, text: &str) -> Value {
    waiver_with(rule, text, &json!({}))
}

/// A waiver that holds, with some fields as given.
fn waiver_with(rule: &str, text: &str, fields: &Value) -> Value {
    let mut waiver = json!({"rule": rule, "object": "users", "sha256": sha256(text), "until": "2026-12-01", "reason": "unused since release 3"});
    json_patch::merge(&mut waiver, fields);
    json!([waiver])
}

/// Each finding as `error rule`, in the order in which they are told.
fn told(verdict: &wit::Verdict) -> Vec<String> {
    let severity = |severity| match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    verdict
        .findings
        .iter()
        .map(|finding| format!("{} {}", severity(finding.severity), finding.rule))
        .collect()
}

fn review(object: &Value, settings: &Value) -> wit::Verdict {
    testing::review::<UnsafeSql>(&json!({"object": object, "settings": settings}))
}

#[track_caller]
fn check(text: &str, waivers: Option<&Value>, settings: &Value, expected: &[&str]) {
    let verdict = review(&migration(text, waivers), settings);
    assert_eq!(told(&verdict), expected, "{text}: {:?}", verdict.findings);
}

#[test]
fn a_waiver_covers_what_was_looked_at_and_no_edit_of_it() {
    let by_tester = json!({"waivers": {"by": ["tester"]}});
    let text = format!("-- unused\n{DROP};\n");
    let good = waiver("drop-column", DROP);
    check(&text, Some(&good), &by_tester, &["info drop-column"]);
    check(
        &text,
        Some(&waiver("drop-column", &text)),
        &by_tester,
        &["info drop-column"],
    );
    check(
        &text,
        Some(&waiver("*", DROP)),
        &by_tester,
        &["info drop-column"],
    );
    let edited = format!("{DROP} CASCADE;");
    check(
        &edited,
        Some(&good),
        &by_tester,
        &["error drop-column", "warning waiver"],
    );
    check(
        &text,
        Some(&waiver("drop-table", DROP)),
        &by_tester,
        &["error drop-column"],
    );
    let second = format!("{text}DROP TABLE users;");
    check(
        &second,
        Some(&good),
        &by_tester,
        &["error drop-table", "info drop-column"],
    );
    let other = waiver_with("drop-column", DROP, &json!({"object": "orders"}));
    check(&text, Some(&other), &by_tester, &["error drop-column"]);
}

#[test]
fn what_hides_is_waived_by_name_only() {
    let by_tester = json!({"waivers": {"by": ["tester"]}});
    let text = "DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE users'; END $$";
    let waivers = waiver_with("*", text, &json!({"object": ""}));
    check(text, Some(&waivers), &by_tester, &["error dynamic-sql"]);
    let waivers = waiver_with("dynamic-sql", text, &json!({"object": ""}));
    check(text, Some(&waivers), &by_tester, &["info dynamic-sql"]);
}

#[test]
fn a_waiver_needs_somebody_who_may_a_reason_and_a_day() {
    let text = format!("{DROP};");
    let good = waiver("drop-column", DROP);
    for settings in [
        json!({}),
        json!({"waivers": {"by": ["somebody-else"]}}),
        json!({"waivers": {"by": ["group:testers-of-another-team"]}}),
    ] {
        check(
            &text,
            Some(&good),
            &settings,
            &["error waiver", "error drop-column"],
        );
    }
    let by_tester = json!({"waivers": {"by": ["tester"]}});
    for fields in [
        json!({"reason": ""}),
        json!({"until": "some day"}),
        json!({"until": "2026-13-01"}),
        json!({"sha256": "abc"}),
        json!({"rule": "waiver"}),
        json!({"approved": true}),
    ] {
        let waivers = waiver_with("drop-column", DROP, &fields);
        check(
            &text,
            Some(&waivers),
            &by_tester,
            &["error waiver", "error drop-column"],
        );
    }
}

#[test]
fn a_denial_says_what_an_exception_would_need() {
    let by_tester = json!({"waivers": {"by": ["tester"]}});
    let help = |settings: &Value| {
        let verdict = review(&migration(&format!("{DROP};"), None), settings);
        verdict
            .findings
            .first()
            .and_then(|it| it.suggestion.clone())
    };
    let said = help(&by_tester).unwrap();
    let needed = format!("; for an exception, the sha256 is {}", sha256(DROP));
    assert!(said.ends_with(&needed), "{said}");
    assert!(!help(&json!({})).unwrap().contains("sha256"));
}

#[test]
fn a_waiver_for_nothing_covers_nothing() {
    let text = "SELECT 1; -- \u{202e}";
    let fields = json!({"object": "", "sha256": sha256("")});
    check(
        text,
        Some(&waiver_with("hidden-character", text, &fields)),
        &json!({"waivers": {"by": ["tester"]}}),
        &["error hidden-character", "warning waiver"],
    );
}

#[test]
fn a_used_waiver_stands_in_the_audit_log() {
    let settings = json!({"waivers": {"by": ["tester"]}});
    let verdict = review(
        &migration(DROP, Some(&waiver("drop-column", DROP))),
        &settings,
    );
    let audit: Vec<(&str, &str)> = verdict
        .audit_annotations
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
        .collect();
    let hash: String = sha256(DROP).chars().take(12).collect();
    let expected = format!("drop-column {hash} until 2026-12-01: unused since release 3");
    assert_eq!(audit, [("waivers", expected.as_str())]);
    assert!(
        review(&migration(DROP, None), &settings)
            .audit_annotations
            .is_empty()
    );
}

#[test]
fn profiles() {
    let lax = "SAVEPOINT a; DROP TABLE users; /*!50000 SELECT 1 */;";
    for (profile, expected) in [
        (
            "strict",
            [
                "error executable-comment",
                "error transaction-control",
                "error drop-table",
            ],
        ),
        (
            "standard",
            [
                "error executable-comment",
                "error drop-table",
                "warning transaction-control",
            ],
        ),
        (
            "advisory",
            [
                "error executable-comment",
                "warning transaction-control",
                "warning drop-table",
            ],
        ),
    ] {
        let verdict = review(
            &migration_on("mysql", lax, None),
            &json!({"profile": profile}),
        );
        assert_eq!(told(&verdict), expected, "{profile}");
    }
}

#[test]
fn a_comment_is_obeyed_only_where_the_operator_says_so() {
    let honour = json!({"honourNolint": true});
    let text = "-- atlas:nolint destructive\nDROP TABLE users;\nDROP TABLE orders;";
    check(
        text,
        None,
        &honour,
        &["error drop-table", "info drop-table"],
    );
    check(
        text,
        None,
        &json!({}),
        &[
            "error drop-table",
            "error drop-table",
            "warning suppression-comment",
        ],
    );
    check(
        "-- atlas:nolint\nDROP TABLE users;",
        None,
        &honour,
        &["info drop-table"],
    );
    check(
        "-- atlas:nolint incompatible\nDROP TABLE users;",
        None,
        &honour,
        &["error drop-table"],
    );
    check(
        "-- atlas:nolint\nDO $$ BEGIN EXECUTE a; END $$;",
        None,
        &honour,
        &["error dynamic-sql"],
    );
    check(
        "SELECT 'atlas:nolint';\nDROP TABLE users;",
        None,
        &honour,
        &["error drop-table"],
    );
}

#[test]
fn engine_facts() {
    let large = json!({"largeTables": ["orders", "billing.invoices"]});
    let index = "CREATE INDEX i ON users (a)";
    check(index, None, &json!({}), &["error index-blocks-writes"]);
    check(index, None, &large, &["warning index-blocks-writes"]);
    check(
        "CREATE INDEX i ON orders (a)",
        None,
        &large,
        &["error index-blocks-writes"],
    );
    check(
        "CREATE INDEX i ON billing.invoices (a)",
        None,
        &large,
        &["error index-blocks-writes"],
    );
    check("DROP TABLE users", None, &large, &["error drop-table"]);
    let assume = json!({"assumeInTransaction": true});
    let online = "CREATE INDEX CONCURRENTLY i ON users (a)";
    check(online, None, &json!({}), &[]);
    check(online, None, &assume, &["error concurrent-in-transaction"]);
    check(
        &format!("-- atlas:txmode none\n\n{online};"),
        None,
        &assume,
        &[],
    );
    let column = "ALTER TABLE users ADD COLUMN a int DEFAULT 0";
    check(
        column,
        None,
        &json!({"postgres": 10}),
        &["error volatile-default"],
    );
    check(column, None, &json!({"postgres": 11}), &[]);
}

#[test]
fn mysql_5_copies_more_and_checks_nothing() {
    let old = json!({"mysql": 5});
    let column = "ALTER TABLE users ADD COLUMN a int";
    let constraint = "ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0)";
    for (dialect, text, settings, expected) in [
        ("mysql", column, &old, &["warning table-rebuild"][..]),
        ("mysql", column, &json!({"mysql": 8}), &[]),
        ("mariadb", column, &old, &[]),
        ("mysql", constraint, &old, &["warning add-check"]),
        ("mysql", constraint, &json!({}), &["error add-check"]),
        ("mariadb", constraint, &old, &["error add-check"]),
    ] {
        let verdict = review(&migration_on(dialect, text, None), settings);
        assert_eq!(told(&verdict), expected, "{dialect}, {settings}: {text}");
    }
}

/// What is told is cut after twenty of a kind; what is harmless must not use up the places.
#[test]
fn many_warnings_hide_no_error() {
    let text = format!("{}COMMIT;", "SAVEPOINT a;".repeat(30));
    let verdict = review(&migration(&text, None), &json!({}));
    assert_eq!(
        told(&verdict).first().map(String::as_str),
        Some("error transaction-control")
    );
}

/// The file that the component carries in place of the code that would make it.
#[test]
fn the_schema_of_the_settings_is_fresh() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/settings.schema.json");
    let schema: Value =
        serde_json::from_str(&tidegate_policy_sdk::native::settings_schema::<UnsafeSql>())
            .expect("a schema is JSON");
    let expected = format!("{schema:#}\n");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &expected).expect("the file is writable");
    }
    assert_eq!(
        std::fs::read_to_string(file).expect("the file is readable"),
        expected,
        "run `UPDATE=1 cargo test -p unsafe-sql --test settings`"
    );
}
