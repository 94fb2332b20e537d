//! Killed while a plan runs, wherever that may be, and started again: no row is lost, nothing is left over, and the wanted schema is there.
//!
//! On SQLite the system kills: a process that would write beyond the largest size of a file that it was given gets a signal (`RLIMIT_FSIZE`). One limit after the
//! other, from the first page to where the plan ends, is each write that a plan makes to its journal and to its file, with nobody waiting for a clock.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::{Place, Said};

const SIGXFSZ: i32 = 25;
const PAGE_KIB: usize = 4;
/// More than the plan takes.
const MOST_PAGES: usize = 100;
const ROWS: i64 = 60;

/// Two tables with some pages of rows, one of which refers to the other.
const PRESENT: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, note TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer INTEGER REFERENCES users (id), note TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
    INSERT INTO users SELECT i, 'user ' || i, hex(zeroblob(100)) FROM n;
    INSERT INTO orders SELECT id, id, note FROM users;";

/// Both are made anew, something is added to them, and a third one comes.
const WANTED: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, note TEXT, age INTEGER CHECK (age > 0));
    CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, note TEXT);
    CREATE TABLE logs (said TEXT);
    CREATE INDEX users_name ON users (name);
    CREATE INDEX orders_buyer ON orders (buyer);
    CREATE TRIGGER noted AFTER INSERT ON users BEGIN INSERT INTO logs VALUES (new.name); END;";

/// Applies with files of no more than this size. False when it was killed.
fn ends(place: &Place, mode: &str, most_kib: usize) -> bool {
    let program = place.bring_about(mode);
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "ulimit -c 0 && ulimit -f \"$0\" && exec \"$@\""])
        .arg(most_kib.to_string())
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(place.path(""))
        .env_remove("TIDEGATE_POLICIES")
        .env("TIDEGATE_DATABASE_URL", "sqlite://app.db");
    let output = limited.output().expect("bash starts");
    if output.status.signal() == Some(SIGXFSZ) {
        return false;
    }
    let said = Said::of(&output);
    assert_eq!(
        said.code, 0,
        "{most_kib} KiB, {mode}: {}{}",
        said.out, said.err
    );
    true
}

#[test]
fn a_plan_on_sqlite_that_was_killed_at_any_write_loses_nothing_and_is_done_the_next_time() {
    for mode in ["file", "none"] {
        let mut kills = 0;
        for pages in 0..MOST_PAGES {
            let place = Place::with(PRESENT);
            place.file("wanted.sql", WANTED);
            if ends(&place, mode, pages * PAGE_KIB) {
                break;
            }
            kills += 1;
            let context = format!("{mode}, killed at page {pages}");
            // The rows have a name at any time, or the next plan would begin with an empty table.
            assert_eq!(place.rows("SELECT count(*) FROM users"), ROWS, "{context}");
            assert_eq!(place.rows("SELECT count(*) FROM orders"), ROWS, "{context}");
            let again = place
                .bring_about(mode)
                .output()
                .expect("the program starts");
            let again = Said::of(&again);
            assert_eq!(again.code, 0, "{context}: {}{}", again.out, again.err);
            assert!(
                !again.out.contains("DROP TABLE \"new_"),
                "{context}: {}",
                again.out
            );
            for (query, expected) in [
                (
                    "SELECT count(*) FROM users WHERE name = 'user ' || id AND length(note) = 200",
                    ROWS,
                ),
                (
                    "SELECT count(*) FROM orders JOIN users ON buyer = users.id",
                    ROWS,
                ),
                ("SELECT count(*) FROM pragma_foreign_key_check", 0),
                ("SELECT seq FROM sqlite_sequence WHERE name = 'users'", ROWS),
                (
                    "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'",
                    6,
                ),
                (
                    "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'",
                    1,
                ),
            ] {
                assert_eq!(place.rows(query), expected, "{context}: {query}");
            }
            place.run(&["apply", "--to", "wanted.sql"]).is(
                0,
                "Schemas are synced, no changes to be made.\n",
                "",
            );
        }
        assert!(
            (5..MOST_PAGES - 1).contains(&kills),
            "{mode}: {kills} kills"
        );
    }
}
