//! Killed at any question to a server, while a plan is made and while it runs, and started again: no row is lost, nothing is left over, and the wanted schema is
//! there.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidegate_kit::{MariaDb, Postgres, Wire};

use super::held::{Server, through};
use super::{Place, Said};

/// Two tables with rows, one of which refers to the other.
pub(crate) const PRESENT: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name varchar(40), note varchar(40));
    CREATE TABLE orders (id int PRIMARY KEY, buyer int, note varchar(40));
    INSERT INTO users VALUES (1, 'ann', 'a'), (2, 'ben', 'b');
    INSERT INTO orders VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 2, 'c')";

/// Each of them changes in several ways, and a third one comes.
pub(crate) const WANTED: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name varchar(40) NOT NULL, note varchar(80), age int CHECK (age > 0));
    CREATE TABLE orders (id int PRIMARY KEY, buyer int NOT NULL REFERENCES users (id), note varchar(40));
    CREATE TABLE logs (said varchar(40));
    CREATE INDEX users_name ON users (name);
    CREATE INDEX orders_buyer ON orders (buyer);
    CREATE VIEW buyers AS SELECT users.name FROM users JOIN orders ON orders.buyer = users.id;";

/// The run of the plan is among the last messages; of those before it, some are tried.
const LAST: usize = 16;
const STEP: usize = 11;

/// Applies until this message to the server, and kills the program there; how many there were where it ended before.
fn killed_at(
    place: &Place,
    server: &impl Server,
    database: &str,
    mode: &str,
    message: usize,
) -> Option<usize> {
    let counted = Arc::new(AtomicUsize::new(0));
    let counts = counted.clone();
    let stop = move |_: &[u8]| counts.fetch_add(1, Ordering::AcqRel) == message;
    let wire = Wire::until(server.port(), stop).expect("a port");
    let mut child = place
        .bring_about(mode)
        .env("TIDEGATE_DATABASE_URL", through(&wire, server, database))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    loop {
        if wire.is_held() {
            child.kill().expect("it runs");
            child.wait().expect("it is gone");
            return None;
        }
        if let Some(status) = child.try_wait().expect("it is ours") {
            assert!(status.success(), "{mode}, {message}");
            return Some(counted.load(Ordering::Acquire));
        }
        std::thread::yield_now();
    }
}

/// Runs a command on a database.
pub(crate) fn run(server: &impl Server, database: &str, mut command: Command) -> Said {
    command.env("TIDEGATE_DATABASE_URL", server.address(database));
    Said::of(&command.output().expect("the program starts"))
}

/// No row is lost, nothing is left over, and the wanted schema is there.
#[track_caller]
pub(crate) fn is_done(place: &Place, server: &impl Server, database: &str, context: &str) {
    for (query, expected) in [
        (
            "SELECT count(*) FROM users WHERE name IN ('ann', 'ben') AND note IN ('a', 'b') AND age IS NULL",
            "2",
        ),
        (
            "SELECT count(*) FROM orders JOIN users ON buyer = users.id",
            "3",
        ),
        ("SELECT count(*) FROM buyers", "3"),
    ] {
        let found = server.ask(database, query);
        assert_eq!(found, expected, "{context}: {query}");
    }
    assert_eq!(server.left_over(), "0", "{context}");
    let synced = place.command(&["apply", "--to", "wanted.sql"]);
    let synced = run(server, database, synced);
    assert_eq!(
        (synced.code, synced.out.as_str()),
        (0, "Schemas are synced, no changes to be made.\n"),
        "{context}: {}",
        synced.err
    );
}

#[track_caller]
fn check(server: &impl Server, mode: &str) {
    let place = Place::with("");
    place.file("wanted.sql", WANTED);
    let made = |name: String| {
        server.make(&name);
        server.ask(&name, PRESENT);
        name
    };
    let whole = made(format!("whole_{mode}"));
    let all = killed_at(&place, server, &whole, mode, usize::MAX).expect("nobody kills it");
    // Each message of the run of the plan and what comes behind it, and some of the many questions before.
    let last = all.saturating_sub(LAST);
    let messages: Vec<usize> = (0..last).step_by(STEP).chain(last..all).collect();
    let mut kills = 0;
    for message in messages.iter().copied() {
        let database = made(format!("killed_{mode}_{message}"));
        kills += usize::from(killed_at(&place, server, &database, mode, message).is_none());
        let context = format!("{mode}, killed at message {message}");
        let again = run(server, &database, place.bring_about(mode));
        assert_eq!(again.code, 0, "{context}: {}{}", again.out, again.err);
        is_done(&place, server, &database, &context);
    }
    // Nobody waits for the answer to a goodbye.
    assert!(kills + 3 >= messages.len(), "{kills} kills, {messages:?}");
}

#[test]
fn a_plan_on_postgres_that_was_killed_at_any_message_is_done_the_next_time() {
    let server = Postgres::start().expect("a server");
    for mode in ["file", "none"] {
        check(&server, mode);
    }
}

#[test]
fn a_plan_on_mariadb_that_was_killed_at_any_message_is_done_the_next_time() {
    check(&MariaDb::start().expect("a server"), "file");
}
