//! On PostgreSQL and MariaDB: where the table of revisions is, what stays after a failure, and what a kill leaves.

use tidegate_kit::mariadb::MariaDb;
use tidegate_kit::postgres::Postgres;

use super::crash::{COMMENT_BYTES, killed_before};
use super::{Place, USERS};

const STATE: &str = "SELECT version, type, applied, total, error IS NULL, error_stmt FROM atlas_schema_revisions ORDER BY version";
const BAD: &str = "CREATE TABLE more (a int);\nINSERT INTO missing VALUES (1);\n";

pub(crate) fn postgres(sql: &str, database: &str) -> String {
    Postgres::shared()
        .unwrap()
        .psql(database, sql)
        .unwrap()
        .ok()
        .unwrap()
        .trim()
        .to_owned()
}

pub(crate) fn mariadb(sql: &str, database: &str) -> String {
    MariaDb::shared()
        .unwrap()
        .sql(database, sql)
        .unwrap()
        .trim()
        .replace('\t', "|")
}

/// A database of MariaDB of this name, and its address.
pub(crate) fn mariadb_database(name: &str) -> String {
    let server = MariaDb::shared().unwrap();
    server.sql("", &format!("CREATE DATABASE {name}")).unwrap();
    server.url(name)
}

#[test]
fn postgres_rolls_a_failed_file_back() {
    let server = Postgres::shared().unwrap();
    let database = server.database().unwrap();
    let url = server.url(&database, "search_path=public");
    let place = Place::new(&[USERS, ("2_bad.sql", BAD)]);
    place.at(&url, &["status"]).fine();
    place.at(&url, &["apply"]).refused("relation \"missing\" does not exist (2_bad.sql, line 2, statement 2 of 2; the whole file was rolled back)");
    assert_eq!(postgres(STATE, &database), "1|2|2|2|t|");
    assert_eq!(
        postgres("SELECT to_regclass('more') IS NULL", &database),
        "t"
    );
    place.write(&[("2_bad.sql", "CREATE TABLE more (a int);\n"), ("3_index.sql", "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY i ON users (id);\nINSERT INTO users VALUES (2);\n")]);
    place.at(&url, &["apply"]).fine();
    assert_eq!(
        postgres(STATE, &database),
        "1|2|2|2|t|\n2|2|1|1|t|\n3|2|2|2|t|"
    );
    assert_eq!(
        postgres(
            "SELECT partial_hashes FROM atlas_schema_revisions WHERE version = '3'",
            &database
        ),
        "null"
    );
    assert_eq!(
        place.at(&url, &["apply"]).fine(),
        "No migration files to execute\n"
    );
}

#[test]
fn postgres_says_which_file_could_not_be_committed() {
    let server = Postgres::shared().unwrap();
    let database = server.database().unwrap();
    let url = server.url(&database, "search_path=public");
    let late = "CREATE TABLE more (a int REFERENCES users DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO more VALUES (7);\n";
    let place = Place::new(&[USERS, ("2_late.sql", late)]);
    place
        .at(&url, &["apply"])
        .refused("2_late.sql could not be committed: ");
    assert_eq!(postgres(STATE, &database), "1|2|2|2|t|");
    place.write(&[("2_late.sql", &late.replace('7', "1"))]);
    place.at(&url, &["apply"]).fine();
    assert_eq!(postgres(STATE, &database), "1|2|2|2|t|\n2|2|2|2|t|");
}

#[test]
fn postgres_without_a_transaction_goes_on_where_it_stopped() {
    let server = Postgres::shared().unwrap();
    let database = server.database().unwrap();
    let url = server.url(&database, "search_path=public");
    let none = format!("-- atlas:txmode none\n\n{BAD}");
    let place = Place::new(&[USERS, ("2_bad.sql", &none)]);
    place
        .at(&url, &["apply"])
        .refused("the statements before it stay");
    assert_eq!(
        postgres(STATE, &database),
        "1|2|2|2|t|\n2|2|1|2|f|INSERT INTO missing VALUES (1);"
    );
    place.write(&[("2_bad.sql", &none.replace("missing", "more"))]);
    place.at(&url, &["apply"]).fine();
    assert_eq!(postgres("SELECT count(*) FROM more", &database), "1");
    assert_eq!(postgres(STATE, &database), "1|2|2|2|t|\n2|2|2|2|t|");
}

#[test]
fn the_whole_database_keeps_its_revisions_in_a_schema_of_their_own() {
    let server = Postgres::shared().unwrap();
    let database = server.database().unwrap();
    let place = Place::new(&[USERS]);
    place.at(&server.url(&database, ""), &["apply"]).fine();
    assert_eq!(
        postgres(
            "SELECT version FROM atlas_schema_revisions.atlas_schema_revisions",
            &database
        ),
        "1"
    );
    place
        .at(&server.url(&database, "search_path=public"), &["status"])
        .error_of(2, "ambiguous revision table");
    let other = server.database().unwrap();
    place
        .at(
            &server.url(&other, "search_path=public"),
            &["apply", "--revisions-schema", "audit"],
        )
        .fine();
    assert_eq!(
        postgres("SELECT version FROM audit.atlas_schema_revisions", &other),
        "1"
    );
    let dirty = server.database().unwrap();
    postgres("CREATE TABLE legacy (a int)", &dirty);
    place
        .at(&server.url(&dirty, ""), &["apply"])
        .refused("connected database is not clean: found table \"legacy\" in schema \"public\"");
}

#[test]
fn somebody_else_migrates_the_same_database() {
    let server = Postgres::shared().unwrap();
    let database = server.database().unwrap();
    // Holds the lock by its number, as the `atlas` command line does, for longer than anybody waits.
    let url = server.url(&database, "search_path=public");
    let place = Place::new(&[USERS]);
    let holder = std::thread::spawn({
        let database = database.clone();
        move || {
            let _ = Postgres::shared().unwrap().psql(
                &database,
                "SELECT pg_advisory_lock(2686470616); SELECT pg_sleep(60)",
            );
        }
    });
    while postgres(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 2686470616 AND granted",
        &database,
    ) == "0"
    {}
    place
        .at(&url, &["apply"])
        .error_of(2, "locked by somebody else");
    postgres(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 2686470616",
        "postgres",
    );
    holder.join().unwrap();
    place.at(&url, &["apply"]).fine();
}

#[test]
fn mariadb_keeps_what_ran_and_goes_on() {
    let url = mariadb_database("goes_on");
    let place = Place::new(&[USERS, ("2_bad.sql", BAD)]);
    place
        .at(&url, &["apply"])
        .refused("(2_bad.sql, line 2, statement 2 of 2; the statements before it stay)");
    assert_eq!(
        mariadb(STATE, "goes_on"),
        "1|2|2|2|1|NULL\n2|2|1|2|0|INSERT INTO missing VALUES (1);"
    );
    place.write(&[("2_bad.sql", "CREATE TABLE more (a int);\nCREATE TABLE missing (a int);\nINSERT INTO missing VALUES (1);\n")]);
    place.at(&url, &["apply"]).fine();
    assert_eq!(mariadb(STATE, "goes_on"), "1|2|2|2|1|NULL\n2|2|3|3|1|NULL");
    assert_eq!(mariadb("SELECT count(*) FROM missing", "goes_on"), "1");
    assert_eq!(
        place.at(&url, &["apply"]).fine(),
        "No migration files to execute\n"
    );
}

/// Statement 0 is a table, every other one a table or a row in turn; `stop` is too long to be said.
fn statements(count: usize, stop: usize) -> String {
    let statement = |number: usize| {
        let comment = "x".repeat(if number == stop { COMMENT_BYTES } else { 1 });
        if number.is_multiple_of(2) {
            format!("CREATE TABLE t{number} (a int) /* {comment} */;\n")
        } else {
            format!(
                "INSERT INTO t{} VALUES ({number}) /* {comment} */;\n",
                number - 1
            )
        }
    };
    (0..count).map(statement).collect()
}

const STATEMENTS: usize = 6;

#[test]
fn mariadb_killed_at_any_statement_runs_each_once() {
    for stop in 0..STATEMENTS {
        let name = format!("killed{stop}");
        let url = mariadb_database(&name);
        let place = Place::new(&[("1_all.sql", &statements(STATEMENTS, stop))]);
        assert!(killed_before(&place, &url, &["apply", "--verbose"], stop));
        place.at(&url, &["apply"]).fine();
        let rows = mariadb(
            "SELECT (SELECT count(*) FROM t0), (SELECT count(*) FROM t2), (SELECT count(*) FROM t4), applied, total, error FROM atlas_schema_revisions",
            &name,
        );
        assert_eq!(rows, "1|1|1|6|6|NULL", "killed before statement {stop}");
    }
}

#[test]
fn postgres_killed_at_any_statement_runs_each_once() {
    let server = Postgres::shared().unwrap();
    for directive in ["", "-- atlas:txmode none\n\n"] {
        for stop in 0..STATEMENTS {
            let database = server.database().unwrap();
            let url = server.url(&database, "search_path=public");
            let place = Place::new(&[(
                "1_all.sql",
                &format!("{directive}{}", statements(STATEMENTS, stop)),
            )]);
            assert!(killed_before(&place, &url, &["apply", "--verbose"], stop));
            place.at(&url, &["apply"]).fine();
            let rows = postgres(
                "SELECT (SELECT count(*) FROM t0), (SELECT count(*) FROM t2), (SELECT count(*) FROM t4), applied, total, error FROM atlas_schema_revisions",
                &database,
            );
            assert_eq!(rows, "1|1|1|6|6|", "killed before statement {stop}");
        }
    }
}

/// The moment between a statement's end and the row that counts it: the client is killed while the server still has the statement before it.
#[test]
fn mariadb_finds_out_whether_a_statement_in_doubt_is_done() {
    for (name, done) in [("doubt_done", true), ("doubt_not", false)] {
        let url = mariadb_database(name);
        let place = Place::new(&[USERS]);
        place.at(&url, &["apply"]).fine();
        place.write(&[(
            "2_age.sql",
            "ALTER TABLE users ADD COLUMN age int;\nINSERT INTO users VALUES (2, 3);\n",
        )]);
        let holder = std::thread::spawn(move || {
            let _ = MariaDb::shared()
                .unwrap()
                .sql(name, "LOCK TABLES users READ; SELECT SLEEP(60)");
        });
        let wait_for = |doing: &str| loop {
            let session = mariadb(
                &format!(
                    "SELECT id FROM information_schema.processlist WHERE db = '{name}' AND {doing}"
                ),
                "",
            );
            if !session.is_empty() {
                return session;
            }
        };
        let holding = wait_for("info LIKE '%SLEEP(60)%'");
        let mut child = place
            .command(&["apply"])
            .env("TIDEGATE_DATABASE_URL", &url)
            .spawn()
            .unwrap();
        let waiting = wait_for("state LIKE 'Waiting for table metadata lock%'");
        child.kill().unwrap();
        child.wait().unwrap();
        if done {
            mariadb(&format!("KILL {holding}"), "");
        } else {
            mariadb(&format!("KILL {waiting}; KILL {holding}"), "");
        }
        holder.join().unwrap();
        let run = place.at(&url, &["apply"]);
        let found_done = run
            .error
            .contains("1 was already done when it was cut off: ALTER TABLE users");
        assert_eq!(found_done, done, "{}{}", run.out, run.error);
        run.fine();
        assert_eq!(
            mariadb("SELECT id, age FROM users ORDER BY id", name),
            "1|NULL\n2|3"
        );
        assert_eq!(
            mariadb(
                "SELECT applied, total, error FROM atlas_schema_revisions WHERE version = '2'",
                name
            ),
            "2|2|NULL"
        );
    }
}
