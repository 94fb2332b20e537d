//! In the middle of a statement the server falls over, or the network goes away, or the table is not to be had: every statement ran exactly once, or was rolled
//! back, and what is wrong is said.

use tidegate_kit::{MariaDb, Postgres};

use super::held::{Server, crashed, cut_off, kept_waiting};
use super::{MORE, Place, Run, USERS};

/// Runs three statements, of which the second waits and does not come to its end, and then once more.
#[track_caller]
fn check(server: &mut impl Server, directive: &str) {
    for (mishap, said) in [("crash", ""), ("cut", ""), ("wait", "timeout")] {
        let database = format!("{mishap}_{}", directive.len());
        server.make(&database);
        let url = server.address(&database);
        let place = Place::new(&[USERS]);
        place.at(&url, &["apply"]).fine();
        place.write(&[("2_more.sql", &format!("{directive}{MORE}"))]);
        let program = place.command(&["apply"]);
        let output = match mishap {
            "crash" => crashed(server, &database, program),
            "cut" => cut_off(server, &database, program),
            _ => kept_waiting(server, &database, program),
        };
        let run = Run::of(&output);
        let all = format!("{}{}", run.out, run.error).to_lowercase();
        assert!(all.contains(said), "{mishap}: {all}");
        // It says what it was at, not that it could not even write that down.
        run.refused("executing statement \"INSERT INTO users VALUES (2);\" from version \"2\"");
        place.at(&url, &["apply"]).fine();
        place.at(&url, &["status"]).fine();
        let rows = "SELECT (SELECT count(*) FROM users), (SELECT max(id) FROM users), (SELECT count(*) FROM more), (SELECT max(a) FROM more)";
        assert_eq!(server.ask(&database, rows), "2|2|1|3", "{mishap}");
        let revision = "SELECT applied, total, coalesce(error, 'none') FROM atlas_schema_revisions WHERE version = '2'";
        assert_eq!(server.ask(&database, revision), "3|3|none", "{mishap}");
        assert_eq!(server.left_over(), "0", "{mishap}");
    }
}

#[test]
fn postgres() {
    let mut server = Postgres::start().unwrap();
    check(&mut server, "");
    check(&mut server, "-- atlas:txmode none\n\n");
}

#[test]
fn mariadb() {
    let mut server = MariaDb::start().unwrap();
    check(&mut server, "");
}

/// A statement that the server ends by itself is told from one that did nothing by what the database holds; rows that an application writes meanwhile are no sign.
#[test]
fn mariadb_while_an_application_writes() {
    let mut server = MariaDb::start().unwrap();
    server.make("shop");
    let url = server.address("shop");
    let users = "CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY);\n";
    let place = Place::new(&[("1_users.sql", users)]);
    place.at(&url, &["apply"]).fine();
    let note = "ALTER TABLE users ADD COLUMN note text;\n";
    place.write(&[("2_note.sql", note)]);
    let output = crashed(&mut server, "shop", place.command(&["apply"]));
    Run::of(&output).refused("ALTER TABLE users ADD COLUMN note text");
    let doubt = "SELECT error LIKE 'Tidegate began this statement%' FROM atlas_schema_revisions WHERE version = '2'";
    assert_eq!(server.ask("shop", doubt), "1");
    server.ask("shop", "INSERT INTO users VALUES (), ()");
    place.at(&url, &["apply"]).fine();
    let rows = "SELECT count(*), count(note) FROM users";
    assert_eq!(server.ask("shop", rows), "2|0");
}
