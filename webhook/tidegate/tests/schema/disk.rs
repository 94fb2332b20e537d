//! A plan for which the disk has no room: what was there stays, nothing of the trial is left, and the same plan runs when there is room again.
//!
//! The disks are small ones, which only the server sees, or the program where the database is a file.

use std::path::Path;

use tidegate_kit::{MariaDb, Postgres, on_small_disk};

use super::{Place, Said};

/// A table that is written anew as a whole when its key grows.
const USERS: &str = "CREATE TABLE users (id int NOT NULL PRIMARY KEY, name varchar(40))";

/// An empty database of PostgreSQL takes a third of it. What stands beside the table fills the rest until somebody clears it away.
const DISK_BYTES: u64 = 24 << 20;

fn wanted(place: &Place) {
    place.file("wanted.sql", &USERS.replace("int", "bigint"));
}

fn apply(place: &Place, url: &str) -> Said {
    let mut command = place.bring_about("file");
    Said::of(
        &command
            .env("TIDEGATE_DATABASE_URL", url)
            .output()
            .expect("the program runs"),
    )
}

#[track_caller]
fn holds(said: &str, expected: &str) {
    assert_eq!(said.trim(), expected);
}

#[test]
fn postgres() {
    let server = Postgres::start_with_small_disk(DISK_BYTES).expect("a server");
    let database = server.small_database().expect("a database");
    let ask = |sql: &str| {
        let said = server
            .psql(&database, sql)
            .and_then(tidegate_kit::Output::ok);
        said.expect(sql)
    };
    ask(USERS);
    ask("INSERT INTO users SELECT generate_series(1, 60000), 'n'");
    ask(
        "CREATE SCHEMA other; CREATE TABLE other.ballast AS SELECT repeat('x', 200) FROM generate_series(1, 48000)",
    );
    let place = Place::with("");
    wanted(&place);
    let url = server.url(&database, "search_path=public");
    let said = apply(&place, &url);
    let message = "No space left on device";
    assert!(said.code == 1 && said.err.contains(message), "{}", said.err);
    let state = "SELECT count(*), max(pg_typeof(id)::text), (SELECT count(*) FROM pg_database WHERE datname LIKE 'tidegate%') FROM users";
    holds(&ask(state), "60000|integer|0");
    ask("DROP TABLE other.ballast");
    assert_eq!(apply(&place, &url).code, 0);
    holds(&ask(state), "60000|bigint|0");
}

#[test]
fn mariadb() {
    let server = MariaDb::start_with_small_disk(40 << 20).expect("a server");
    let there = format!("DATA DIRECTORY = '{}'", server.small_disk().display());
    let ask = |sql: &str| server.sql("", sql).expect(sql);
    ask(&format!(
        "CREATE DATABASE shop; USE shop; {USERS} {there}; INSERT INTO users SELECT seq, 'n' FROM seq_1_to_200000;
         CREATE DATABASE other; USE other; CREATE TABLE ballast (filler char(200)) {there} SELECT repeat('x', 200) AS filler FROM seq_1_to_75000"
    ));
    let place = Place::with("");
    wanted(&place);
    let said = apply(&place, &server.url("shop"));
    let message = "is full";
    assert!(said.code == 1 && said.err.contains(message), "{}", said.err);
    let state = "SELECT (SELECT count(*) FROM shop.users), (SELECT column_type FROM information_schema.columns WHERE table_schema = 'shop' AND column_name = 'id'), \
                 (SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'tidegate%')";
    holds(&ask(state), "200000\tint(11)\t0");
    ask("DROP DATABASE other");
    assert_eq!(apply(&place, &server.url("shop")).code, 0);
    holds(&ask(state), "200000\tbigint(20)\t0");
}

/// The program and what comes before and after it see the same disk only where all of them run in one shell.
#[test]
fn sqlite() {
    let place = Place::with(&format!(
        "{USERS}; WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO users SELECT i, 'n' FROM n"
    ));
    wanted(&place);
    std::fs::create_dir(place.path("disk")).expect("a folder");
    let script = "
        cp app.db disk; head -c 5M /dev/zero > disk/ballast || exit 10
        if \"$1\" schema apply --auto-approve --to wanted.sql; then exit 11; fi
        cp disk/app.db before.db; rm disk/ballast
        \"$1\" schema apply --auto-approve --to wanted.sql || exit 12
        cp disk/app.db app.db";
    let mut shell = on_small_disk(&place.path("disk"), 8 << 20, Path::new("/bin/sh"));
    let shell = shell
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_tidegate")])
        .current_dir(place.path(""))
        .env("TMPDIR", place.path(""))
        .env("TIDEGATE_DATABASE_URL", "sqlite://disk/app.db");
    let said = Said::of(&shell.output().expect("the shell runs"));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("there is no room left for the database"),
        "{}",
        said.err
    );
    let state = |file: &str| {
        let database = rusqlite::Connection::open(place.path(file)).expect("a file");
        let sql = "SELECT (SELECT count(*) FROM users) || ' ' || type FROM pragma_table_info('users') WHERE name = 'id'";
        database
            .query_row(sql, [], |row| row.get::<_, String>(0))
            .expect(sql)
    };
    assert_eq!(state("before.db"), "100000 INT");
    assert_eq!(state("app.db"), "100000 bigint");
}
