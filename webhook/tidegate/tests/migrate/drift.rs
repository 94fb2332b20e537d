//! `tidegate migrate drift`: on a SQLite file and on `PostgreSQL`.

use serde_json::json;
use tidegate_kit::Postgres;

use super::Place;

const FILES: [(&str, &str); 2] = [
    (
        "1_users.sql",
        "CREATE TABLE users (id int PRIMARY KEY, name varchar(20));\n",
    ),
    ("2_index.sql", "CREATE INDEX users_name ON users (name);\n"),
];

#[test]
fn what_was_changed_by_hand_is_named_and_may_be_left_out() {
    let place = Place::new(&FILES);
    let none = place.on(&["drift"]);
    assert_eq!(none.code, 2, "{}", none.error);
    assert!(
        none.error.contains("no migration history found"),
        "{}",
        none.error
    );

    place.on(&["apply"]).fine();
    assert_eq!(
        place.on(&["drift"]).fine(),
        "The database is what its migrations up to 2 make.\n"
    );
    let connection = rusqlite::Connection::open(place.path().join("x.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE by_hand (a int); DROP INDEX users_name")
        .unwrap();
    let run = place.on(&["drift"]);
    assert_eq!(
        (run.code, run.out.as_str()),
        (
            1,
            "The database is not what its migrations up to 2 make:\n  index users.users_name: missing\n  table by_hand: extra\nTo make it so again:\n  \
             add index users.users_name\n  drop table by_hand\n"
        )
    );
    let run = place.on(&["drift", "--exclude", "by_*", "-o", "json"]);
    assert_eq!(run.code, 1, "{}", run.error);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        (&report["version"], &report["drifted"], &report["objects"]),
        (
            &json!("2"),
            &json!(true),
            &json!([{"kind": "index", "name": "users.users_name", "how": "missing"}])
        )
    );
    place
        .on(&[
            "drift",
            "--exclude",
            "by_*",
            "--exclude",
            "users.users_name",
        ])
        .fine();
    // Nothing was changed by looking.
    assert_eq!(place.rows("SELECT count(*) FROM by_hand"), ["0"]);
}

#[test]
fn rows_are_no_drift_on_postgres() {
    let server = Postgres::shared().unwrap();
    let database = server.database().unwrap();
    let mut files = FILES;
    files[0].1 = "CREATE TABLE users (id serial PRIMARY KEY, name varchar(20));\n";
    let place = Place::new(&files);
    let url = server.url(&database, "search_path=public");
    place.at(&url, &["apply"]).fine();
    let rows = "INSERT INTO users (name) VALUES ('a'), ('b')";
    server.psql(&database, rows).unwrap().ok().unwrap();
    place.at(&url, &["drift"]).fine();
    let by_hand = "ALTER TABLE users ALTER name TYPE text";
    server.psql(&database, by_hand).unwrap().ok().unwrap();
    let run = place.at(&url, &["drift"]);
    let expected =
        "  table users: modified\nTo make it so again:\n  table users: change column name";
    assert!(run.code == 1 && run.out.contains(expected), "{}", run.out);
}
