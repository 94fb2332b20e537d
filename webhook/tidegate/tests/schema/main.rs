//! `tidegate schema` as its users run it: the real program on real SQLite files.
#![expect(
    clippy::panic,
    reason = "all of this is a test; clippy's own exception knows only functions marked so"
)]

mod disk;
#[path = "../held/mod.rs"]
mod held;
mod kills;
mod middle;
mod servers;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;

/// A folder with a database and files.
struct Place(tempfile::TempDir);

/// What the program said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    /// A database that `script` made.
    fn with(script: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        place
            .database()
            .execute_batch(script)
            .expect("the test's own script");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn database(&self) -> Connection {
        Connection::open(self.path("app.db")).expect("a file")
    }

    fn file(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.path(name), text).expect("a new file");
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .arg("schema")
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("TIDEGATE_POLICIES")
            .env_remove("TIDEGATE_DEV_URL")
            .env("TIDEGATE_DATABASE_URL", "sqlite://app.db")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::of(
            &self
                .command(arguments)
                .output()
                .expect("the program starts"),
        )
    }

    /// Brings `wanted.sql` about, whatever it loses.
    fn bring_about(&self, mode: &str) -> Command {
        self.command(&[
            "apply",
            "--auto-approve",
            "--to",
            "wanted.sql",
            "--tx-mode",
            mode,
        ])
    }

    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let said = self.run(&[arguments, &["-o", "json"]].concat());
        let value = serde_json::from_str(&said.out);
        (
            said.code,
            value.unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err)),
        )
    }

    fn rows(&self, query: &str) -> i64 {
        self.database()
            .query_row(query, [], |row| row.get(0))
            .expect(query)
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn is(&self, code: i32, out: &str, err: &str) {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        assert_eq!(self.out, out);
        assert!(self.err.contains(err), "{}", self.err);
    }
}

const FIRST: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, old TEXT);\nINSERT INTO users VALUES (1, 'a@b', 'x');";
const WANTED: &str =
    "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, name TEXT NOT NULL DEFAULT '');\n";

#[test]
fn a_plan_that_loses_nothing_is_applied_and_is_empty_then() {
    let place = Place::with(FIRST);
    place.file("schema.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, old TEXT, name TEXT);\nCREATE TABLE orgs (id INTEGER PRIMARY KEY);");
    let plan = place.run(&["plan", "--to", "file://schema.sql"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    let lines: Vec<&str> = plan.out.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "-- create table orgs",
            "CREATE TABLE orgs (id INTEGER PRIMARY KEY);",
            "-- add column users.name",
            "ALTER TABLE \"users\" ADD COLUMN name TEXT;",
        ]
    );
    assert!(
        lines[4].starts_with("-- 2 statements, none of which loses data; plan "),
        "{}",
        plan.out
    );
    let applied = place.run(&["apply", "--to", "file://schema.sql"]);
    applied.is(0, &plan.out, "applied 2 statements");
    place.run(&["apply", "--to", "file://schema.sql"]).is(
        0,
        "Schemas are synced, no changes to be made.\n",
        "",
    );
    assert_eq!(
        place.rows("SELECT count(*) FROM users WHERE name IS NULL AND old = 'x'"),
        1
    );
}

#[test]
fn a_plan_that_loses_data_is_refused_until_it_is_approved() {
    let place = Place::with(FIRST);
    place.file("schema.sql", WANTED);
    let (code, plan) = place.json(&["plan", "--to", "schema.sql"]);
    assert_eq!(code, 0);
    let hash = plan["hash"].as_str().expect("a hash").to_owned();
    let statements: Vec<(&str, bool)> = plan["statements"]
        .as_array()
        .expect("statements")
        .iter()
        .map(|it| (it["sql"].as_str().expect("text"), it["destructive"] == true))
        .collect();
    assert_eq!(
        statements,
        [
            (
                "ALTER TABLE \"users\" ADD COLUMN name TEXT NOT NULL DEFAULT ''",
                false
            ),
            ("ALTER TABLE \"users\" DROP COLUMN \"old\"", true)
        ]
    );
    assert_eq!(plan["findings"], serde_json::json!([]));

    let apply = ["apply", "--to", "schema.sql"];
    let refused = place.run(&apply);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(
        refused.out.contains("-- LOSES DATA: drop column users.old"),
        "{}",
        refused.out
    );
    assert!(
        refused
            .out
            .contains("-- lost: column users.old, which 1 row has a value in"),
        "{}",
        refused.out
    );
    assert_eq!(
        plan["losses"],
        serde_json::json!([{"schema": "", "table": "users", "column": "old", "rows": 1}])
    );
    assert!(
        refused.err.contains(&format!("--approve {hash}")),
        "{}",
        refused.err
    );
    assert_eq!(
        place.rows("SELECT count(old) FROM users"),
        1,
        "nothing was changed"
    );

    let other = place.run(&[&apply[..], &["--approve", &"0".repeat(64)]].concat());
    assert_eq!(
        (
            other.code,
            other.err.contains("is not the one that was approved")
        ),
        (1, true),
        "{}",
        other.err
    );

    let (code, dry) = place.json(&[&apply[..], &["--auto-approve", "--dry-run"]].concat());
    assert_eq!((code, &dry), (0, &plan), "a dry run is the plan");

    let applied = place.run(&[&apply[..], &["--approve", &hash]].concat());
    assert_eq!(
        (applied.code, applied.err.contains("applied 2 statements")),
        (0, true),
        "{}",
        applied.err
    );
    assert_eq!(
        place.rows("SELECT count(*) FROM users WHERE email = 'a@b' AND name = ''"),
        1
    );
    place
        .run(&apply)
        .is(0, "Schemas are synced, no changes to be made.\n", "");
}

#[test]
fn everything_is_applied_where_it_was_approved_beforehand() {
    let place = Place::with(FIRST);
    place.file("schema.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY);");
    let (code, applied) = place.json(&["apply", "--to", "file://schema.sql", "--auto-approve"]);
    assert_eq!(
        (code, &applied["applied"]),
        (0, &Value::Bool(true)),
        "{applied}"
    );
    assert_eq!(
        place.rows("SELECT count(*) FROM sqlite_schema WHERE name = 'users'"),
        0
    );
    let (code, again) = place.json(&["plan", "--to", "schema.sql"]);
    assert_eq!((code, &again["statements"]), (0, &serde_json::json!([])));
}

#[test]
fn a_failing_statement_changes_nothing_and_is_named() {
    let place = Place::with("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (1);");
    place.file(
        "schema.sql",
        "CREATE TABLE t (a INT, b INT);\nCREATE UNIQUE INDEX once ON t (a);",
    );
    let said = place.run(&["apply", "--to", "schema.sql"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("statement 2 of 2 failed: UNIQUE constraint failed: t.a; nothing was changed: CREATE UNIQUE INDEX once"), "{}", said.err);
    assert_eq!(place.rows("SELECT count(*) FROM pragma_table_info('t')"), 1);
    let said = place.run(&["apply", "--to", "schema.sql", "--tx-mode", "none"]);
    assert_eq!(
        (
            said.code,
            said.err.contains("the statement before it stays")
        ),
        (1, true),
        "{}",
        said.err
    );
    assert_eq!(place.rows("SELECT count(*) FROM pragma_table_info('t')"), 2);
}

#[test]
fn what_is_wanted_may_be_many_files_a_folder_or_another_database() {
    let place = Place::with("");
    std::fs::create_dir(place.path("schema")).expect("a new folder");
    place
        .file(
            "schema/1_tables.sql",
            "CREATE TABLE a (id INTEGER PRIMARY KEY);",
        )
        .file("schema/2_views.sql", "CREATE VIEW v AS SELECT id FROM a;")
        .file("schema/notes.txt", "not SQL")
        .file("one.sql", "CREATE TABLE b (id INTEGER PRIMARY KEY);");
    let said = place.run(&["apply", "--to", "file://schema", "--to", "one.sql"]);
    assert_eq!(said.code, 0, "{}", said.err);
    place
        .run(&["diff", "--from", "sqlite://app.db", "--to", "sqlite://other.db", "-o", "sql"])
        .is(0, "PRAGMA foreign_keys = off;\nDROP VIEW \"v\";\nDROP TABLE \"a\";\nDROP TABLE \"b\";\nPRAGMA foreign_keys = on;\n", "");
    place
        .run(&[
            "diff",
            "--from",
            "sqlite://other.db",
            "--to",
            "sqlite://app.db",
            "--exclude",
            "b,*[type=view]",
            "-o",
            "sql",
        ])
        .is(0, "CREATE TABLE a (id INTEGER PRIMARY KEY);\n", "");
    assert!(!place.path("other.db").exists(), "looking makes no file");
    place
        .run(&["diff", "--from", "one.sql", "--to", "schema", "--dev-url", "sqlite://dev?mode=memory", "-o", "sql"])
        .is(
            0,
            "PRAGMA foreign_keys = off;\nCREATE TABLE a (id INTEGER PRIMARY KEY);\nDROP TABLE \"b\";\nCREATE VIEW v AS SELECT id FROM a;\nPRAGMA foreign_keys = on;\n",
            "",
        );
    place
        .run(&["diff", "--from", "one.sql", "--to", "schema"])
        .is(
            2,
            "",
            "name an empty database of their engine with --dev-url",
        );
}

#[test]
fn what_is_inspected_makes_the_same_again() {
    let place = Place::with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT UNIQUE, g AS (lower(a))) STRICT;".replace("g AS", "g TEXT AS").as_str(),
    );
    place
        .database()
        .execute_batch(
            "CREATE INDEX i ON t (a) WHERE a > ''; CREATE VIRTUAL TABLE words USING fts5 (word);",
        )
        .expect("good");
    let inspected = place.run(&["inspect"]);
    assert_eq!(inspected.code, 0, "{}", inspected.err);
    assert!(
        inspected
            .out
            .contains("\nCREATE VIRTUAL TABLE words USING fts5 (word);\n"),
        "{}",
        inspected.out
    );
    place.file("again.sql", &inspected.out);
    place
        .run(&["plan", "--to", "again.sql", "-o", "sql"])
        .is(0, "", "");
    let (_, catalog) = place.json(&["inspect"]);
    assert_eq!(
        catalog["schemas"][""]["tables"]["t"]["columns"]["g"]["generated"]["expression"],
        "lower(a)"
    );
}

#[test]
fn a_wanted_text_that_is_no_schema_is_refused_with_its_place() {
    let place = Place::with("");
    for (text, expected) in [
        (
            "CREATE TABLE t (a);\nINSERT INTO t VALUES (1);",
            "bad.sql:2:1: `INSERT INTO t VALUES ..` changes rows",
        ),
        ("ATTACH 'x.db' AS x;", "reaches outside the database"),
        ("CREATE TABLE t (a", "bad.sql:1:"),
        (
            "CREATE TABLE t (a);\nCREATE TABLE t (a);",
            "bad.sql: statement 2 of the wanted schema: table t already exists",
        ),
    ] {
        place.file("bad.sql", text);
        place
            .run(&["apply", "--to", "bad.sql", "--auto-approve"])
            .is(2, "", expected);
    }
    assert_eq!(place.rows("SELECT count(*) FROM sqlite_schema"), 0);
    place.file("schema.hcl", "table {}");
    place
        .run(&["plan", "--to", "file://schema.hcl"])
        .is(2, "", "is HCL, which is not read here");
    place
        .run(&["plan", "--to", "gone.sql"])
        .is(2, "", "cannot read gone.sql");
}

#[test]
fn a_url_comes_from_a_file_too_and_its_password_is_never_shown() {
    let place = Place::with("CREATE TABLE t (a);");
    place
        .file("url", "sqlite://app.db\n")
        .file("secret", "sqlserver://sa:hunter2@db/app");
    let without = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env_remove("TIDEGATE_DATABASE_URL");
        Said::of(&command.output().expect("the program starts"))
    };
    without(&["inspect", "--url-file", "url", "-o", "sql"]).is(0, "CREATE TABLE t (a);\n", "");
    without(&["inspect"]).is(2, "", "no database: give --url");
    let said = without(&["inspect", "--url-file", "secret"]);
    assert_eq!(
        (said.code, said.err.contains("hunter2")),
        (2, false),
        "{}",
        said.err
    );
    let help = Said::of(
        &place
            .command(&["apply", "--help"])
            .output()
            .expect("the program starts"),
    );
    assert!(
        !help.out.contains("app.db?") && !help.out.contains("[env: TIDEGATE_DATABASE_URL=sqlite"),
        "{}",
        help.out
    );
}
