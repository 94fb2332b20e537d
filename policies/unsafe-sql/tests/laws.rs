//! What holds for every text, whoever wrote it: the policy answers, the same each time, about places that are in the text; and a schema that
//! does not change is not judged again.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p unsafe-sql --test laws` is the long run.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tidegate_policy_sdk::prelude::Severity;
use tidegate_policy_sdk::testing;
use unsafe_sql::UnsafeSql;

const DIALECTS: &[&str] = &["mysql", "mariadb", "postgres", "sqlite"];

/// Words and signs from which statements, and nearly statements, come about by chance.
const PARTS: &[&str] = &[
    "CREATE ",
    "TABLE ",
    "t ",
    "users ",
    "(",
    ")",
    "(a int, b text)",
    ", ",
    ";",
    ";\n",
    "DROP ",
    "COLUMN ",
    "ALTER ",
    "ADD ",
    "INDEX ",
    "UNIQUE ",
    "i ON ",
    "SELECT 1 ",
    "DELETE FROM ",
    "UPDATE ",
    "SET a = 1 ",
    "WHERE ",
    "1 = 1 ",
    "a > 0 ",
    "AND ",
    "OR ",
    "NOT ",
    "NULL ",
    "DEFAULT ",
    "now() ",
    "PRIMARY KEY ",
    "REFERENCES ",
    "FOREIGN KEY ",
    "CHECK ",
    "CONSTRAINT ",
    "ON DELETE CASCADE ",
    "varchar(20) ",
    "enum('a','b') ",
    "numeric(10,2) ",
    "timestamp with time zone ",
    "TYPE ",
    "AS ENUM ",
    "('x', 'y') ",
    "VIEW ",
    "v AS ",
    "FUNCTION ",
    "TRIGGER ",
    "BEGIN ",
    "END ",
    "END; ",
    "CASE ",
    "DO ",
    "$$ ",
    "$a$",
    "$a$ ",
    "'",
    "''",
    "\"",
    "`",
    "[",
    "]",
    "\\",
    "\\'",
    "--",
    "-- ",
    "\n",
    "\r\n",
    "\r",
    "#",
    "/*",
    "*/",
    "/*!50000 ",
    "/*M! ",
    "DELIMITER //\n",
    "//",
    "-- atlas:delimiter x\n",
    "E'",
    "U&\"",
    "::",
    "int4 ",
    "é",
    "\u{200b}",
    "\u{202e}",
    "\u{a0}",
    "\0",
    "\u{feff}",
    "COPY t FROM STDIN;",
    "WITH x AS (",
    "EXECUTE ",
    "PREPARE ",
    "GENERATED ALWAYS AS ",
    "STORED ",
    "IDENTITY ",
    "PARTITION BY ",
    "ENGINE=InnoDB ",
    "CHARSET utf8 ",
    "COLLATE ",
    "STRICT ",
    "WITHOUT ROWID ",
    "MODIFY ",
    "CHANGE ",
    "RENAME ",
    "TO ",
    "COMMENT ",
    "GRANT ",
    "0x1F ",
    "1e9 ",
    "-1 ",
    ".5 ",
    "@x := ",
    "EXPLAIN ANALYZE ",
    "INSERT INTO ",
    "VALUES (1) ",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PARTS), 0..40).prop_map(|parts| parts.concat())
}

fn object(kind: &str, dialect: &str, text: &str) -> Value {
    let spec = if kind == "AtlasSchema" {
        json!({"url": format!("{dialect}://db"), "schema": {"sql": text}})
    } else {
        json!({"url": format!("{dialect}://db"), "dir": {"local": {"1.sql": text}}})
    };
    json!({"apiVersion": "db.atlasgo.io/v1alpha1", "kind": kind, "metadata": {"name": "case", "namespace": "default"}, "spec": spec})
}

proptest! {
    #[test]
    fn every_text_is_answered(text in text(), old in text(), dialect in select(DIALECTS), kind in 0..3_usize) {
        let request = match kind {
            0 => json!({"object": object("AtlasMigration", dialect, &text)}),
            1 => json!({"object": object("AtlasSchema", dialect, &text)}),
            _ => json!({"object": object("AtlasSchema", dialect, &text), "oldObject": object("AtlasSchema", dialect, &old)}),
        };
        let verdict = testing::review::<UnsafeSql>(&request);
        let again = testing::review::<UnsafeSql>(&request);
        prop_assert_eq!(format!("{verdict:?}"), format!("{again:?}"));
        let lines = u32::try_from(text.split(['\n', '\r']).count()).unwrap();
        for finding in &verdict.findings {
            prop_assert!(!finding.message.is_empty());
            if let Some(position) = finding.position {
                prop_assert!(position.line >= 1 && position.line <= lines && position.column >= 1, "{finding:?} in {lines} lines");
            }
        }
    }

    #[test]
    fn what_stays_is_not_judged_again(text in text(), dialect in select(DIALECTS)) {
        let same = object("AtlasSchema", dialect, &text);
        let verdict = testing::review::<UnsafeSql>(&json!({"object": same, "oldObject": same}));
        prop_assert!(verdict.findings.iter().all(|finding| finding.severity != Severity::Error), "{:?}", verdict.findings);
    }
}
