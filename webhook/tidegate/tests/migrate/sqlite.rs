//! On SQLite: what runs, what is refused, and what the table of revisions says.

use super::Place;

const USERS: (&str, &str) = (
    "1_users.sql",
    "CREATE TABLE users (id integer PRIMARY KEY, name text);\nINSERT INTO users VALUES (1, 'a;b');\n",
);
const AGE: (&str, &str) = ("2_age.sql", "ALTER TABLE users ADD COLUMN age int;\n");
const STATE: &str = "SELECT version, description, type, applied, total, error IS NULL, error_stmt, partial_hashes FROM atlas_schema_revisions ORDER BY version";

#[test]
fn pending_files_run_once() {
    let place = Place::new(&[USERS, AGE, ("3_view.sql", "CREATE VIEW v AS SELECT 1;")]);
    let status = place.on(&["status"]).fine();
    assert!(status.starts_with("Migration Status: PENDING\n  -- Current Version: No migration applied yet\n  -- Next Version:    1\n  -- Executed Files:  0\n  -- Pending Files:   3\n"), "{status}");
    let planned = place.on(&["apply", "--dry-run"]).fine();
    assert!(
        planned.contains("-- 2_age.sql\nALTER TABLE users ADD COLUMN age int;\n"),
        "{planned}"
    );
    assert!(
        !place.path().join("x.db").exists(),
        "looking made a database"
    );
    assert_eq!(
        place.on(&["apply", "1"]).fine(),
        "1_users.sql: 2 statements\n1 of 1 migrations applied\n"
    );
    place.on(&["apply", "--to-version", "2"]).fine();
    assert_eq!(
        place.rows(STATE),
        ["1|users|2|2|2|1|NULL|null", "2|age|2|1|1|1|NULL|null"]
    );
    let run = place.on(&["apply", "-o", "json"]).json();
    assert_eq!(
        run["applied"],
        serde_json::json!([{"file": "3_view.sql", "statements": 1, "done": true}])
    );
    assert_eq!(
        place.on(&["apply"]).fine(),
        "No migration files to execute\n"
    );
    assert_eq!(place.on(&["status", "-o", "json"]).json()["current"], "3");
    assert_eq!(place.rows("SELECT name FROM users"), ["a;b"]);
}

#[test]
fn a_failed_file_is_rolled_back_whole() {
    let place = Place::new(&[
        USERS,
        (
            "2_bad.sql",
            "CREATE TABLE more (a int);\nINSERT INTO missing VALUES (1);\n",
        ),
    ]);
    place.on(&["apply"]).refused(
        "executing statement \"INSERT INTO missing VALUES (1);\" from version \"2\": no such table: missing (2_bad.sql, line 2, statement 2 of 2; the whole file was rolled back)",
    );
    assert_eq!(
        place.rows("SELECT version FROM atlas_schema_revisions"),
        ["1"]
    );
    assert_eq!(
        place.rows("SELECT name FROM sqlite_master WHERE name = 'more'"),
        [""; 0]
    );
    place.write(&[(
        "2_bad.sql",
        "CREATE TABLE more (a int);\nINSERT INTO more VALUES (1);\n",
    )]);
    place.on(&["apply"]).fine();
    assert_eq!(place.rows("SELECT a FROM more"), ["1"]);
}

#[test]
fn all_files_are_one_transaction_when_asked() {
    let place = Place::new(&[USERS, ("2_bad.sql", "INSERT INTO missing VALUES (1);\n")]);
    place
        .on(&["apply", "--tx-mode", "all"])
        .refused("no such table: missing");
    assert_eq!(
        place.rows("SELECT name FROM sqlite_master WHERE name = 'users'"),
        [""; 0]
    );
    place.write(&[("2_bad.sql", "-- atlas:txmode none\n\nSELECT 1;\n")]);
    place
        .on(&["apply", "--tx-mode", "all"])
        .refused("2_bad.sql: atlas:txmode none contradicts --tx-mode all");
}

#[test]
fn without_a_transaction_a_file_is_gone_on_with() {
    let bad = "-- atlas:txmode none\n\nCREATE TABLE a (a int);\nINSERT INTO missing VALUES (1);\n";
    let place = Place::new(&[("1_a.sql", bad)]);
    place
        .on(&["apply"])
        .refused("statement 2 of 2; the statements before it stay");
    let rows = place.rows(STATE);
    assert!(
        rows[0].starts_with("1|a|2|1|2|0|INSERT INTO missing VALUES (1);|[\"h1:"),
        "{rows:?}"
    );
    let status = place.on(&["status"]).fine();
    assert!(
        status.contains("-- Current Version: 1 (1 statements applied)")
            && status.contains("-- ERROR: no such table: missing"),
        "{status}"
    );
    // What ran may not change.
    place.write(&[("1_a.sql", &bad.replace("TABLE a", "TABLE b"))]);
    place
        .on(&["apply"])
        .refused("history changed: statement 1 from file \"1_a.sql\" changed");
    // Mended by one statement more than there were.
    place.write(&[(
        "1_a.sql",
        &bad.replace(
            "INSERT INTO missing",
            "CREATE TABLE missing (a int);\nINSERT INTO missing",
        ),
    )]);
    place.on(&["apply"]).fine();
    assert_eq!(place.rows(STATE), ["1|a|2|3|3|1|NULL|null"]);
    assert_eq!(
        place.on(&["apply"]).fine(),
        "No migration files to execute\n"
    );
}

#[test]
fn a_database_with_tables_says_where_to_begin() {
    let place = Place::new(&[USERS, AGE]);
    let connection = rusqlite::Connection::open(place.path().join("x.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE users (id integer PRIMARY KEY, name text)")
        .unwrap();
    drop(connection);
    place.on(&["apply"]).refused("connected database is not clean: found table \"users\" in schema \"main\". baseline version or allow-dirty is required");
    place
        .on(&["apply", "--baseline", "9"])
        .refused("baseline version \"9\" not found");
    let status = place
        .on(&["status", "--baseline", "1", "-o", "json"])
        .json();
    assert_eq!(status["pending"], serde_json::json!(["2_age.sql"]));
    place.on(&["apply", "--baseline", "1"]).fine();
    assert_eq!(
        place.rows(STATE),
        ["1|users|1|0|0|1|NULL|null", "2|age|2|1|1|1|NULL|null"]
    );
    // Said once is enough.
    assert_eq!(
        place.on(&["apply"]).fine(),
        "No migration files to execute\n"
    );
}

#[test]
fn files_out_of_order_and_edited_ones_are_seen() {
    let place = Place::new(&[USERS, ("3_c.sql", "CREATE TABLE c (a int);")]);
    place.on(&["apply"]).fine();
    place.write(&[AGE]);
    place.on(&["apply"]).refused("migration file 2_age.sql was added out of order. See: https://atlasgo.io/versioned/apply#non-linear-error");
    place
        .on(&["status"])
        .refused("2_age.sql was added out of order");
    assert_eq!(
        place.on(&["apply", "--exec-order", "linear-skip"]).fine(),
        "No migration files to execute\n"
    );
    place.on(&["apply", "--exec-order", "non-linear"]).fine();
    assert_eq!(
        place.rows("SELECT version FROM atlas_schema_revisions ORDER BY executed_at"),
        ["1", "3", "2"]
    );
    assert_eq!(
        place.on(&["apply"]).fine(),
        "No migration files to execute\n"
    );
    place.write(&[
        ("3_c.sql", "CREATE TABLE c (a int, b int);"),
        ("4_d.sql", "CREATE TABLE d (a int);"),
    ]);
    place
        .on(&["apply"])
        .refused("3_c.sql was edited after it was applied");
    place.on(&["apply", "--allow-edited"]).fine();
    assert_eq!(
        place.rows("SELECT name FROM sqlite_master WHERE name = 'd'"),
        ["d"]
    );
}

#[test]
fn checks_are_asked_and_heard() {
    let drop = |check: &str| {
        format!(
            "-- atlas:txtar\n\n-- checks.sql --\n{check}\n-- migration.sql --\nDROP TABLE users;\n"
        )
    };
    for (check, answer) in [
        (
            "SELECT NOT EXISTS (SELECT * FROM users);",
            "the answer is \"0\"",
        ),
        (
            "SELECT id FROM users WHERE id = 9;",
            "the answer has 0 rows",
        ),
        ("SELECT 1, 1;", "the answer has 2 columns"),
        ("SELECT x FROM users;", "no such column: x"),
        ("DELETE FROM users;", "it is no query"),
    ] {
        let place = Place::new(&[USERS, ("2_drop.sql", &drop(check))]);
        place.on(&["apply"]).refused(&format!("2_drop.sql, line 4: the check checks.sql does not hold ({answer}); no statement of this file was run"));
        assert_eq!(place.rows("SELECT count(*) FROM users"), ["1"], "{check}");
    }
    let one = "-- atlas:assert oneof\nSELECT 0;\nSELECT EXISTS (SELECT * FROM users);";
    let place = Place::new(&[USERS, ("2_drop.sql", &drop(one))]);
    place.on(&["apply"]).fine();
    assert_eq!(
        place.rows("SELECT name FROM sqlite_master WHERE name = 'users'"),
        [""; 0]
    );
}

#[test]
fn rebuilt_tables_keep_the_rows_that_refer_to_them() {
    let place = Place::new(&[
        (
            "1_a.sql",
            "CREATE TABLE p (id integer PRIMARY KEY);\nCREATE TABLE c (p integer REFERENCES p (id) ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n",
        ),
        (
            "2_rebuild.sql",
            "PRAGMA foreign_keys = off;\nCREATE TABLE new_p (id integer PRIMARY KEY, a int);\nINSERT INTO new_p (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE new_p RENAME TO p;\nPRAGMA foreign_keys = on;\n",
        ),
    ]);
    place.on(&["apply"]).fine();
    assert_eq!(place.rows("SELECT p FROM c"), ["1"]);
    place.write(&[("3_loses.sql", "DELETE FROM p;\n")]);
    place.on(&["apply"]).refused("3_loses.sql: 1 row(s) would refer to a row that does not exist (foreign keys); the file was rolled back");
    assert_eq!(place.rows("SELECT id FROM p"), ["1"]);
}

#[test]
fn a_transaction_within_the_transaction_is_refused() {
    let place = Place::new(&[(
        "1_a.sql",
        "CREATE TABLE a (a int);\nCOMMIT;\nCREATE TABLE b (a int);\n",
    )]);
    place
        .on(&["apply"])
        .refused("1_a.sql, line 2: `COMMIT` would end the transaction that the file runs in");
    assert!(!place.path().join("x.db").exists());
    place.write(&[(
        "1_a.sql",
        "-- atlas:txmode none\n\nBEGIN;\nCREATE TABLE a (a int);\nCOMMIT;\n",
    )]);
    place.on(&["apply"]).fine();
    assert_eq!(
        place.rows("SELECT applied, total FROM atlas_schema_revisions"),
        ["3|3"]
    );
}

#[test]
fn rows_that_atlas_wrote_are_read() {
    let place = Place::new(&[USERS, AGE]);
    place.on(&["apply", "1"]).fine();
    let connection = rusqlite::Connection::open(place.path().join("x.db")).unwrap();
    connection
        .execute_batch(
            "UPDATE atlas_schema_revisions SET executed_at = '2026-11-21 18:43:03.989123456 +0000 UTC', operator_version = 'Atlas CLI v1.2.3';
             INSERT INTO atlas_schema_revisions (version, description, executed_at, execution_time, hash, operator_version) VALUES ('.atlas_cloud_identifier', 'x', '2026-11-21 18:43:03', 0, '', '')",
        )
        .unwrap();
    drop(connection);
    let status = place.on(&["status", "-o", "json"]).json();
    assert_eq!(status["applied"].as_array().unwrap().len(), 1);
    assert_eq!(status["pending"], serde_json::json!(["2_age.sql"]));
    place.on(&["apply"]).fine();
}
