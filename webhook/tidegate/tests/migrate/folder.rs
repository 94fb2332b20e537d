//! Commands that need no database.

use std::fs;

use super::{Place, Run};

const USERS: (&str, &str) = ("1_users.sql", "CREATE TABLE users (id int);\n");
const ORDERS: (&str, &str) = ("2_orders.sql", "CREATE TABLE orders (id int);\n");

#[test]
fn hash_writes_what_atlas_writes() {
    let place = Place::new(&[USERS, ORDERS]);
    let sum = fs::read_to_string(place.path().join("migrations/atlas.sum")).unwrap();
    // Computed by a script in another language from the description of the format.
    assert_eq!(
        sum,
        "h1:CqABLfOWHxL3OCoibX3NUHbgED6u5EO+uH7keNymQKY=
1_users.sql h1:U0uypfABsYw0AWpOUeILqtaE7XmiTYT5efEyNB9MRlY=
2_orders.sql h1:27lj+f4wqoU6wtq9aFNSoAZXKDDmeBoMe+Q4MT+OU5g=
"
    );
    assert_eq!(
        place
            .run(&["validate", "--dir", "file://migrations"])
            .fine(),
        "2 migrations, sealed and readable\n"
    );
}

#[test]
fn validate_names_what_is_wrong() {
    let place = Place::new(&[USERS, ORDERS]);
    let file = |name: &str| place.path().join("migrations").join(name);
    fs::write(file("1_users.sql"), "CREATE TABLE users (id bigint);\n").unwrap();
    place
        .run(&["validate"])
        .refused("checksum mismatch: 1_users.sql was edited (atlas.sum, line 2)");
    fs::remove_file(file("1_users.sql")).unwrap();
    place
        .run(&["validate"])
        .refused("checksum mismatch: 1_users.sql was removed (atlas.sum, line 2)");
    place.write(&[("2_more.sql", "SELECT 1;")]);
    place
        .run(&["validate"])
        .refused("2_more.sql and 2_orders.sql have the same version \"2\"");
    let place = Place::new(&[("1_a.sql", "-- atlas:txmode none\nSELECT (1;")]);
    let run = place.run(&["validate", "--dialect", "postgres", "-o", "json"]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.out,
        "{\"problems\":[{\"file\":\"1_a.sql\",\"message\":\"1_a.sql, line 2, column 8: a bracket is never closed\"}],\"warnings\":[{\"file\":\"1_a.sql\",\"message\":\"atlas:txmode means nothing here: an empty line must follow the comments that a file begins with\"}]}\n"
    );
}

#[test]
fn bad_usage_is_not_a_refusal() {
    let place = Place::new(&[]);
    for (arguments, expected) in [
        (
            &["validate", "--dir", "nowhere"][..],
            "cannot read the folder nowhere",
        ),
        (&["validate", "--dir", "s3://x"], "s3:// cannot be read"),
        (
            &["apply", "--url", "sqlite://no/such/x.db"],
            "cannot reach the database file",
        ),
        (&["apply", "--url", "oracle://u:secret@h/x"], "oracle"),
    ] {
        let Run { code, error, .. } = place.run(arguments);
        assert!(
            code == 2 && error.contains(expected),
            "{arguments:?}: {code} {error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_folder_of_another_tool_is_taken_over_and_runs() {
    let place = Place::new(&[]);
    fs::create_dir_all(place.path().join("old/more")).unwrap();
    for (name, text) in [
        ("old/V2__users.sql", "CREATE TABLE users (id int);"),
        (
            "old/more/V10__name.sql",
            "ALTER TABLE users ADD COLUMN name text;",
        ),
        ("old/U2__users.sql", "DROP TABLE users;"),
        (
            "old/R__names.sql",
            "CREATE VIEW names AS SELECT name FROM users;",
        ),
    ] {
        fs::write(place.path().join(name), text).unwrap();
    }
    let imported = place
        .run(&["import", "--from", "file://old?format=flyway"])
        .fine();
    assert!(
        imported.contains("note: U2__users.sql: left out: it is the way back"),
        "{imported}"
    );
    assert!(
        imported.ends_with("3 migrations of flyway are in migrations, sealed\n"),
        "{imported}"
    );
    let status = place.on(&["status", "-o", "json"]).json();
    assert_eq!(
        status["pending"],
        serde_json::json!(["02_users.sql", "10_name.sql", "10r1_names.sql"])
    );
    place.on(&["apply"]).fine();
    assert_eq!(place.rows("SELECT count(*) FROM names"), ["0"]);
    let again = place.run(&["import", "--from", "old"]);
    assert!(
        again.code == 2 && again.error.contains("there are migrations already"),
        "{}",
        again.error
    );
}
