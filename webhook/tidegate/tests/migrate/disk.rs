//! The disk is full while a statement runs: every statement ran exactly once, or was rolled back, and what is wrong is said.
//!
//! The disks are small ones, which only the server sees, or the program where the database is a file.

use std::path::Path;

use tidegate_kit::{MariaDb, Postgres, on_small_disk};

use super::{MORE, Place, Run, USERS};

const REVISION: &str =
    "SELECT applied, total, error FROM atlas_schema_revisions WHERE version = '2'";

/// An empty database of PostgreSQL takes a third of it. What stands beside the tables that matter fills the rest until somebody clears it away.
const DISK_BYTES: u64 = 24 << 20;

fn asked(server: &Postgres, database: &str, sql: &str) -> String {
    let said = server.psql(database, sql).unwrap().ok().unwrap();
    said.trim().to_owned()
}

#[test]
fn postgres() {
    let server = Postgres::start_with_small_disk(DISK_BYTES).unwrap();
    for (directive, kept) in [
        ("", "the whole file was rolled back"),
        ("-- atlas:txmode none\n\n", "the statements before it stay"),
    ] {
        let database = server.small_database().unwrap();
        let url = server.url(&database, "search_path=public");
        let place = Place::new(&[USERS]);
        place.at(&url, &["apply"]).fine();
        let ballast = "CREATE SCHEMA other; CREATE TABLE other.ballast AS SELECT g, repeat('x', 200) FROM generate_series(1, 55000) g";
        asked(&server, &database, ballast);
        let many = MORE.replace("VALUES (2)", "SELECT generate_series(2, 100000)");
        place.write(&[("2_more.sql", &format!("{directive}{many}"))]);
        let failed = place.at(&url, &["apply"]);
        let said = format!("{}{}", failed.out, failed.error);
        assert!(said.contains(kept), "{said}");
        failed.refused("No space left on device");
        assert_eq!(asked(&server, &database, "SELECT count(*) FROM users"), "1");
        asked(&server, &database, "DROP TABLE other.ballast");
        place.at(&url, &["apply"]).fine();
        place.at(&url, &["status"]).fine();
        let rows =
            "SELECT (SELECT count(*) FROM users), (SELECT string_agg(a::text, ',') FROM more)";
        assert_eq!(asked(&server, &database, rows), "100000|3", "{directive:?}");
        assert_eq!(asked(&server, &database, REVISION), "3|3|");
        asked(&server, "postgres", &format!("DROP DATABASE {database}"));
    }
}

#[test]
fn mariadb() {
    let server = MariaDb::start_with_small_disk(40 << 20).unwrap();
    server.sql("", "CREATE DATABASE shop").unwrap();
    let url = server.url("shop");
    let there = format!("DATA DIRECTORY = '{}'", server.small_disk().display());
    let users = USERS
        .1
        .replace(");\nINSERT", &format!(") {there};\nINSERT"));
    let place = Place::new(&[(USERS.0, &users)]);
    place.at(&url, &["apply"]).fine();
    let fill = format!(
        "INSERT INTO users SELECT seq FROM seq_2_to_200000; CREATE DATABASE other; USE other;
         CREATE TABLE ballast (filler char(200)) {there} SELECT repeat('x', 200) AS filler FROM seq_1_to_75000"
    );
    server.sql("shop", &fill).unwrap();
    // A copy of the table: rolling many rows back where there is no room is more than the server itself survives each time.
    let copy = MORE.replace(
        "INSERT INTO users VALUES (2)",
        "ALTER TABLE users MODIFY id bigint NOT NULL, ALGORITHM=COPY",
    );
    place.write(&[("2_more.sql", &copy)]);
    place.at(&url, &["apply"]).refused(" is full");
    let state = "SELECT (SELECT count(*) FROM users), (SELECT group_concat(a) FROM more),
        (SELECT column_type FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'users')";
    assert_eq!(
        server.sql("shop", state).unwrap(),
        "200000\tNULL\tint(11)\n"
    );
    server.sql("", "DROP DATABASE other").unwrap();
    place.at(&url, &["apply"]).fine();
    place.at(&url, &["status"]).fine();
    assert_eq!(
        server.sql("shop", state).unwrap(),
        "200000\t3\tbigint(20)\n"
    );
    assert_eq!(server.sql("shop", REVISION).unwrap(), "3\t3\tNULL\n");
}

/// The program and what comes before and after it see the same disk only where all of them run in one shell.
#[test]
fn sqlite() {
    for directive in ["", "-- atlas:txmode none\n\n"] {
        let many = MORE.replace(
            "VALUES (2)",
            "WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n",
        );
        let place = Place::new(&[USERS]);
        std::fs::create_dir(place.path().join("disk")).unwrap();
        let script = "
            \"$1\" migrate apply || exit 10
            mv later.sql migrations/2_more.sql; \"$1\" migrate hash || exit 11
            head -c 7M /dev/zero > disk/ballast || exit 12
            if \"$1\" migrate apply 2> said; then exit 13; fi
            rm disk/ballast
            \"$1\" migrate apply || exit 14
            \"$1\" migrate status || exit 15
            cp disk/x.db x.db";
        std::fs::write(place.path().join("later.sql"), format!("{directive}{many}")).unwrap();
        let mut shell = on_small_disk(&place.path().join("disk"), 8 << 20, Path::new("/bin/sh"));
        let shell = shell
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_tidegate")])
            .current_dir(place.path())
            .env("TMPDIR", place.path())
            .env("TIDEGATE_DATABASE_URL", "sqlite://disk/x.db");
        Run::of(&shell.output().unwrap()).fine();
        let said = std::fs::read_to_string(place.path().join("said")).unwrap();
        assert!(
            said.contains("there is no room left for the database"),
            "{said}"
        );
        assert_eq!(
            place.rows("SELECT (SELECT count(*) FROM users), (SELECT group_concat(a) FROM more)"),
            ["200000|3"]
        );
        assert_eq!(place.rows(REVISION), ["3|3|NULL"]);
    }
}
