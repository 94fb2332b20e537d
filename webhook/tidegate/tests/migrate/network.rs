//! The network goes away while a statement runs: every statement ran exactly once, or was rolled back, and the lock is free.

use tidegate_kit::Wire;
use tidegate_kit::mariadb::MariaDb;
use tidegate_kit::postgres::Postgres;

use super::Place;
use super::servers::{mariadb, mariadb_database, postgres};

const USERS: (&str, &str) = (
    "1_users.sql",
    "CREATE TABLE users (id int PRIMARY KEY);\nINSERT INTO users VALUES (1);\n",
);

/// Three statements; the second waits for whoever holds the table `users`.
const MORE: &str =
    "CREATE TABLE more (a int);\nINSERT INTO users VALUES (2);\nINSERT INTO more VALUES (3);\n";

/// Cuts the program off in the middle of the second statement, while `hold` keeps the table; then runs it again without a proxy.
fn check(
    place: &Place,
    direct: &str,
    server: u16,
    hold: impl FnOnce() + Send + 'static,
    is_held: impl Fn() -> bool,
    is_waiting: impl Fn() -> bool,
    release: impl Fn(),
) {
    let wire = Wire::to(server).unwrap();
    let through = direct.replace(&format!(":{server}/"), &format!(":{}/", wire.port()));
    assert_ne!(through, direct);
    let holder = std::thread::spawn(hold);
    while !is_held() {}
    let child = place
        .command(&["apply"])
        .env("TIDEGATE_DATABASE_URL", &through)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while !is_waiting() {}
    wire.cut();
    // It ends by itself, before anybody lets the table go.
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "{said}");
    // It says what it was at, not that it could not even write that down.
    let at = "executing statement \"INSERT INTO users VALUES (2);\" from version \"2\"";
    assert!(said.contains(at), "{said}");
    release();
    holder.join().unwrap();
    place.at(direct, &["apply"]).fine();
    place.at(direct, &["status"]).fine();
}

#[test]
fn postgres_with_and_without_a_transaction() {
    let server = Postgres::shared().unwrap();
    for directive in ["", "-- atlas:txmode none\n\n"] {
        let database = server.database().unwrap();
        let url = server.url(&database, "search_path=public");
        let place = Place::new(&[USERS]);
        place.at(&url, &["apply"]).fine();
        place.write(&[("2_more.sql", &format!("{directive}{MORE}"))]);
        let asked = |what: &str| {
            let query = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND {what}"
            );
            postgres(&query, "postgres") != "0"
        };
        let held = database.clone();
        check(
            &place,
            &url,
            server.port(),
            move || {
                let hold = "BEGIN; LOCK TABLE users; SELECT pg_sleep(300)";
                let _ = Postgres::shared().unwrap().psql(&held, hold);
            },
            || asked("wait_event = 'PgSleep'"),
            || asked("wait_event_type = 'Lock' AND query LIKE 'INSERT INTO users%'"),
            || {
                postgres(
                    &format!(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event = 'PgSleep'"
                    ),
                    "postgres",
                );
            },
        );
        assert_eq!(
            postgres(
                "SELECT (SELECT string_agg(id::text, ',' ORDER BY id) FROM users), (SELECT string_agg(a::text, ',') FROM more)",
                &database
            ),
            "1,2|3",
            "{directive:?}"
        );
        assert_eq!(
            postgres(
                "SELECT applied, total, error FROM atlas_schema_revisions WHERE version = '2'",
                &database
            ),
            "3|3|"
        );
    }
}

#[test]
fn mariadb_statement_by_statement() {
    let url = mariadb_database("cut_off");
    let place = Place::new(&[USERS]);
    place.at(&url, &["apply"]).fine();
    place.write(&[("2_more.sql", MORE)]);
    let session = |what: &str| {
        mariadb(
            &format!(
                "SELECT id FROM information_schema.processlist WHERE db = 'cut_off' AND {what}"
            ),
            "",
        )
    };
    let sleeping = "info LIKE '%SLEEP(300)%'";
    check(
        &place,
        &url,
        MariaDb::shared().unwrap().port(),
        || {
            let hold = "LOCK TABLES users READ; SELECT SLEEP(300)";
            let _ = MariaDb::shared().unwrap().sql("cut_off", hold);
        },
        || !session(sleeping).is_empty(),
        || {
            !session("state LIKE 'Waiting for table%' AND info LIKE 'INSERT INTO users%'")
                .is_empty()
        },
        || {
            mariadb(&format!("KILL {}", session(sleeping)), "");
        },
    );
    assert_eq!(
        mariadb(
            "SELECT (SELECT group_concat(id ORDER BY id) FROM users), (SELECT group_concat(a) FROM more)",
            "cut_off"
        ),
        "1,2|3"
    );
    assert_eq!(
        mariadb(
            "SELECT applied, total, error FROM atlas_schema_revisions WHERE version = '2'",
            "cut_off"
        ),
        "3|3|NULL"
    );
}
