//! Killed at every boundary between two statements, and started again: every statement ran exactly once.
//!
//! The program says each statement before it runs it (`--verbose`). A statement longer than what a pipe holds stops it in the middle of saying so, until
//! somebody reads on: there it is killed. So each kill is exactly between two statements, and nothing waits for a clock.

use std::fmt::Write as _;
use std::io::Read as _;
use std::process::Stdio;

use tidegate_kit::Postgres;

use super::Place;
use super::servers::{mariadb, mariadb_database, postgres};

const FILES: usize = 20;
const STATEMENTS: usize = 3;

/// Longer than the 64 KiB of a pipe.
pub(crate) const COMMENT_BYTES: usize = 70_000;

/// Each file makes a table, says so in a log, and says so again. The statement to stop at, counted over all files from 0, is a long one.
fn files(directive: &str, stop: usize) -> Vec<(String, String)> {
    let file = |number: usize| {
        let mut text = directive.to_owned();
        let first = if number == 1 {
            "CREATE TABLE log (said text)".to_owned()
        } else {
            format!("INSERT INTO log VALUES ('{number}.1')")
        };
        let statements = [
            first,
            format!("CREATE TABLE t{number} (a int)"),
            format!("INSERT INTO log VALUES ('{number}.3')"),
        ];
        for (place, sql) in statements.iter().enumerate() {
            let here = (number - 1) * STATEMENTS + place == stop;
            let comment = "x".repeat(if here { COMMENT_BYTES } else { 1 });
            let _ = writeln!(text, "{sql} /* {comment} */;");
        }
        (format!("{number:02}_file.sql"), text)
    };
    (1..=FILES).map(file).collect()
}

/// Kills the program just before it runs this statement of the whole run, counted from 0. False when it ended before.
pub(crate) fn killed_before(
    place: &Place,
    url: &str,
    arguments: &[&str],
    statement: usize,
) -> bool {
    let mut child = place
        .command(arguments)
        .env("TIDEGATE_DATABASE_URL", url)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = child.stderr.take().unwrap();
    let (mut lines, mut byte) = (0, [0]);
    // One byte of a statement that is too long to be said says that all before it are done.
    while said.read(&mut byte).unwrap() == 1 {
        if lines == statement {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        lines += usize::from(byte == *b"\n");
    }
    child.wait().unwrap();
    false
}

#[track_caller]
fn check(directive: &str, arguments: &[&str]) {
    let mut said: Vec<String> = (1..=FILES)
        .flat_map(|number| [format!("{number}.1"), format!("{number}.3")])
        .filter(|said| said != "1.1")
        .collect();
    said.sort();
    let mut arguments = arguments.to_vec();
    arguments.extend(["apply", "--verbose"]);
    for statement in 0..FILES * STATEMENTS {
        let files = files(directive, statement);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let place = Place::new(&files);
        assert!(
            killed_before(&place, "sqlite://x.db", &arguments, statement),
            "it ended before statement {statement}"
        );
        place.on(&["apply"]).fine();
        let mut found = place.rows("SELECT said FROM log");
        found.sort();
        assert_eq!(found, said, "killed before statement {statement}");
        assert_eq!(
            place.rows("SELECT count(*), sum(applied), sum(total), count(error) FROM atlas_schema_revisions"),
            ["20|60|60|0"],
            "killed before statement {statement}"
        );
    }
}

#[test]
fn with_a_transaction_for_each_file() {
    check("", &[]);
}

#[test]
fn without_transactions() {
    check("-- atlas:txmode none\n\n", &[]);
}

/// One database of a server, killed at every boundary in turn: each run gets one statement further. A file that is one transaction begins anew each time.
#[track_caller]
fn check_server(url: &str, directive: &str, is_rolled_back: bool, ask: impl Fn(&str) -> String) {
    let place = Place::new(&[]);
    let seal = |stop: usize| {
        let files = files(directive, stop);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        place.write(&files);
    };
    for stop in 0..FILES * STATEMENTS {
        // What is long is only what has not run yet.
        seal(stop);
        let runs = match (stop, stop % STATEMENTS) {
            (0, _) => 0,
            (_, 0) if is_rolled_back => STATEMENTS,
            (_, within) if is_rolled_back => within,
            _ => 1,
        };
        assert!(
            killed_before(&place, url, &["apply", "--verbose"], runs),
            "it ended before statement {stop}"
        );
    }
    place.at(url, &["apply"]).fine();
    let rows = 2 * FILES - 1;
    assert_eq!(
        ask("SELECT count(*), count(DISTINCT said) FROM log"),
        format!("{rows}|{rows}")
    );
    assert_eq!(
        ask("SELECT count(*), sum(applied), sum(total), count(error) FROM atlas_schema_revisions"),
        "20|60|60|0"
    );
}

#[test]
fn mariadb_a_statement_at_a_time() {
    let name = "a_statement_at_a_time";
    let url = mariadb_database(name);
    check_server(&url, "", false, |sql| mariadb(sql, name));
}

#[test]
fn postgres_a_statement_at_a_time() {
    let server = Postgres::shared().unwrap();
    for (directive, is_rolled_back) in [("", true), ("-- atlas:txmode none\n\n", false)] {
        let database = server.database().unwrap();
        let url = server.url(&database, "search_path=public");
        check_server(&url, directive, is_rolled_back, |sql| {
            postgres(sql, &database)
        });
    }
}
