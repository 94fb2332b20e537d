//! Back to an earlier version, on every engine: what runs, what is refused, and what is left.

use tidegate_kit::mariadb::MariaDb;
use tidegate_kit::postgres::Postgres;

use super::Place;

const FILES: [(&str, &str); 3] = [
    (
        "1_users.sql",
        "CREATE TABLE users (id int PRIMARY KEY, name varchar(20));\nINSERT INTO users VALUES (1, 'a');\n",
    ),
    (
        "2_age.sql",
        "ALTER TABLE users ADD COLUMN age int;\nUPDATE users SET age = 7 WHERE id = 1;\n",
    ),
    (
        "3_orders.sql",
        "CREATE TABLE orders (id int PRIMARY KEY);\nCREATE INDEX users_name ON users (name);\n",
    ),
];

/// The same story on an engine: one version back by its hash, one more by a flag, and forward again.
#[track_caller]
fn there_and_back(place: &Place, url: &str) {
    place.at(url, &["apply"]).fine();
    let plan = place.at(url, &["down", "--dry-run", "-o", "json"]).json();
    assert_eq!(plan["undone"], serde_json::json!(["3"]), "{plan}");
    assert_eq!(plan["applied"], false);
    place
        .at(url, &["down"])
        .refused("nobody approved it; nothing was changed");
    place
        .at(url, &["down", "--approve", "0123456789abcdef"])
        .refused("is not the one that was approved");
    let status = place.at(url, &["status", "-o", "json"]).json();
    assert_eq!(status["current"], "3", "nothing was changed");

    let hash = plan["hash"].as_str().unwrap();
    place.at(url, &["down", "--approve", hash]).fine();
    let status = place.at(url, &["status", "-o", "json"]).json();
    assert_eq!(
        (&status["current"], &status["next"]),
        (&"2".into(), &"3".into())
    );

    let lost = place
        .at(
            url,
            &["down", "--to-version", "1", "--auto-approve", "-o", "json"],
        )
        .json();
    assert_eq!(lost["lost"][0]["column"], "age", "{lost}");
    assert_eq!(
        (&lost["lost"][0]["rows"], &lost["applied"]),
        (&1.into(), &true.into())
    );
    // Forward again, from what is left; the rows of the first version stayed.
    place.at(url, &["apply"]).fine();
    let status = place.at(url, &["status", "-o", "json"]).json();
    assert_eq!(
        (&status["current"], &status["status"]),
        (&"3".into(), &"OK".into())
    );
}

#[test]
fn sqlite_goes_back() {
    let place = Place::new(&FILES);
    there_and_back(&place, "sqlite://x.db");
    assert_eq!(place.rows("SELECT name, age FROM users"), ["a|7"]);
    assert_eq!(
        place.rows("SELECT version FROM atlas_schema_revisions"),
        ["1", "2", "3"]
    );
}

#[test]
fn postgres_goes_back() {
    let server = Postgres::shared().unwrap();
    let database = server.database().unwrap();
    let mut files = FILES;
    files[2].1 = "-- atlas:txmode none\n\nCREATE TABLE orders (id int PRIMARY KEY);\nCREATE INDEX CONCURRENTLY users_name ON users (name);\n";
    let place = Place::new(&files);
    there_and_back(&place, &server.url(&database, "search_path=public"));
}

#[test]
fn mariadb_goes_back() {
    let server = MariaDb::shared().unwrap();
    server.sql("", "CREATE DATABASE goes_back").unwrap();
    there_and_back(&Place::new(&FILES), &server.url("goes_back"));
}

#[test]
fn what_was_changed_by_hand_is_not_undone_with_the_rest() {
    let place = Place::new(&FILES);
    place.on(&["apply"]).fine();
    let connection = rusqlite::Connection::open(place.path().join("x.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE by_hand (a int); DROP INDEX users_name;")
        .unwrap();
    let run = place.on(&["down", "--auto-approve"]);
    assert!(
        run.error.contains("by_hand") && run.error.contains("users_name"),
        "{}",
        run.error
    );
    run.refused("the database is not what its migrations made");
    assert_eq!(place.rows("SELECT count(*) FROM by_hand"), ["0"]);
    connection
        .execute_batch("DROP TABLE by_hand; CREATE INDEX users_name ON users (name);")
        .unwrap();
    place.on(&["down", "--auto-approve"]).fine();
}

#[test]
fn there_is_no_way_behind_a_baseline_or_without_files() {
    let place = Place::new(&FILES);
    place
        .on(&["down", "--auto-approve"])
        .refused("no migration that could be undone");
    let connection = rusqlite::Connection::open(place.path().join("x.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE users (id int PRIMARY KEY, name varchar(20));")
        .unwrap();
    place.on(&["apply", "--baseline", "1"]).fine();
    place
        .on(&["down", "9", "--auto-approve"])
        .refused("version 1 is the baseline");
    place
        .on(&["down", "--to-version", "8", "--auto-approve"])
        .refused("no version \"8\"");
    std::fs::remove_file(place.path().join("migrations/2_age.sql")).unwrap();
    place.write(&[]);
    place
        .on(&["down", "--auto-approve"])
        .refused("no file of version 2, which is to stay");
    // What is given up may be gone: then nobody can say what was changed by hand, and that is said.
    std::fs::remove_file(place.path().join("migrations/3_orders.sql")).unwrap();
    place.write(&[]);
    let plan = place.on(&["down", "2", "--dry-run"]).fine();
    assert!(
        plan.contains("the folder has lost files of what is undone"),
        "{plan}"
    );
    place.on(&["down", "2", "--auto-approve"]).fine();
    assert_eq!(
        place.rows("SELECT version FROM atlas_schema_revisions"),
        ["1"]
    );
}
