//! In the middle of a statement of a plan the server falls over, or the network goes away, or the table is not to be had: what is wrong is said, no row is lost,
//! and the next time the plan is done.

use tidegate_kit::{MariaDb, Postgres};

use super::held::{Server, crashed, cut_off, kept_waiting};
use super::servers::{PRESENT, WANTED, is_done, run};
use super::{Place, Said};

/// What may happen in the middle of a statement of a plan, and what is said then.
type Mishaps<'a> = [(&'a str, &'a [&'a str]); 3];

#[track_caller]
fn check(server: &mut impl Server, mode: &str, mishaps: Mishaps<'_>) {
    let place = Place::with("");
    place.file("wanted.sql", WANTED);
    for (mishap, words) in mishaps {
        let database = format!("{mode}_{mishap}");
        server.make(&database);
        server.ask(&database, PRESENT);
        let program = place.bring_about(mode);
        let output = match mishap {
            "crash" => crashed(server, &database, program),
            "cut" => cut_off(server, &database, program),
            _ => kept_waiting(server, &database, program),
        };
        let said = Said::of(&output);
        assert_eq!(said.code, 1, "{mishap}: {}{}", said.out, said.err);
        for words in words {
            assert!(said.err.contains(words), "{mishap}: {}", said.err);
        }
        // The lock is free again, or it would give up.
        let again = run(server, &database, place.bring_about(mode));
        assert_eq!(again.code, 0, "{mishap}: {}{}", again.out, again.err);
        is_done(&place, server, &database, mishap);
    }
}

#[test]
fn postgres() {
    let mut server = Postgres::start().expect("a server");
    let held = "error: statement 2 of 6 failed: canceling statement due to lock timeout: somebody else holds a lock on it; try again; ";
    let (all, one) = (
        "; nothing was changed: ",
        "; statement 1 had been committed and stays",
    );
    let file: Mishaps<'_> = [
        ("crash", &["error: statement 2 of 6 failed: ", all]),
        // The server answers many statements at once: it is not known which of them it was at.
        (
            "cut",
            &[
                " of 6 failed: the connection to the server was lost, at this statement or one of those behind it",
                all,
            ],
        ),
        ("wait", &[held, all]),
    ];
    check(&mut server, "file", file);
    let none: Mishaps<'_> = [
        ("crash", &["error: statement 2 of 6 failed: ", one]),
        (
            "cut",
            &[
                "error: statement 2 of 6 failed: the connection to the server was lost; the server may still be at it, or have done it, which the next plan sees; ",
                one,
            ],
        ),
        ("wait", &[held, one]),
    ];
    check(&mut server, "none", none);
}

#[test]
fn mariadb() {
    let mut server = MariaDb::start().expect("a server");
    let lost = "error: statement 2 of 4 failed: the connection to the server was lost; the server may still be at it, or have done it, which the next plan sees; ";
    let held = "error: statement 2 of 4 failed: Lock wait timeout exceeded: somebody else holds a lock on it; try again; ";
    let stays = "; the statement before it stays, as this server commits each change of the schema by itself: ALTER TABLE `users` ";
    let mishaps: Mishaps<'_> = [
        ("crash", &[lost, stays]),
        ("cut", &[lost, stays]),
        ("wait", &[held, stays]),
    ];
    check(&mut server, "file", mishaps);
}
