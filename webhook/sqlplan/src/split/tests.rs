use proptest::prelude::*;

use super::*;
use crate::dialect::Dialect::{Mysql, Postgres, Sqlite};

#[track_caller]
fn check(dialect: Dialect, text: &str, expected: &[&str]) {
    let script = Script::new(text, dialect);
    let seen: Vec<&str> = script
        .statements()
        .map(|statement| statement.sql())
        .collect();
    assert_eq!(seen, expected, "{dialect}: {text}");
}

#[track_caller]
fn check_problem(dialect: Dialect, text: &str, expected: &str) {
    let problems = Script::new(text, dialect).problems();
    assert!(
        problems
            .iter()
            .any(|problem| problem.to_string().contains(expected)),
        "{expected}: {problems:?}"
    );
}

#[test]
fn statements_without_delimiters_and_comments_around() {
    check(Postgres, "", &[]);
    check(Postgres, ";;\n-- nothing\n;", &[]);
    check(
        Postgres,
        "-- first\nSELECT 1 ; SELECT 2 -- last",
        &["SELECT 1", "SELECT 2"],
    );
    check(
        Mysql,
        "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\nDELIMITER ;\nSELECT 2;",
        &["CREATE PROCEDURE p() BEGIN SELECT 1; END", "SELECT 2"],
    );
}

#[test]
fn bodies_keep_their_semicolons() {
    check(
        Mysql,
        "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN IF 1 THEN SET @x = CASE 1 WHEN 1 THEN 2 END; END IF; END; SELECT 1",
        &[
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN IF 1 THEN SET @x = CASE 1 WHEN 1 THEN 2 END; END IF; END",
            "SELECT 1",
        ],
    );
    check(
        Sqlite,
        "CREATE TRIGGER a AFTER UPDATE ON t BEGIN UPDATE t SET a = 1; END; SELECT 1;",
        &[
            "CREATE TRIGGER a AFTER UPDATE ON t BEGIN UPDATE t SET a = 1; END",
            "SELECT 1",
        ],
    );
    check(
        Postgres,
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3",
        &[
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
            "SELECT 3",
        ],
    );
    check(
        Postgres,
        "BEGIN; SELECT 1; END; SELECT 2",
        &["BEGIN", "SELECT 1", "END", "SELECT 2"],
    );
}

#[test]
fn limits_are_problems_with_a_place() {
    check_problem(
        Postgres,
        &"x".repeat(limits::TEXT + 1),
        "line 1, column 1: the text has 1048577 bytes",
    );
    check_problem(
        Postgres,
        &format!("SELECT '{}'", "x".repeat(limits::STATEMENT)),
        "the statement has 262153 bytes",
    );
    check_problem(
        Postgres,
        &"SELECT 1;\n".repeat(limits::STATEMENTS + 1),
        "line 5000, column 10: the text has more than 5000 statements",
    );
    check_problem(
        Postgres,
        &format!("SELECT {}1", "(".repeat(10_000)),
        "line 1, column 72: more than 64 brackets",
    );
    check_problem(
        Postgres,
        &format!("DELETE FROM t WHERE a=1{}", " OR a=1".repeat(100_000)),
        "chains more than 2000 operators",
    );
    check_problem(
        Postgres,
        &format!("SELECT 1{}", "::int".repeat(100_000)),
        "chains more than 2000 operators",
    );
    check_problem(
        Postgres,
        &format!("SELECT a{}", "[1]".repeat(100_000)),
        "chains more than 2000 operators",
    );
    check_problem(
        Postgres,
        &format!("SELECT 1{}", " UNION SELECT 1".repeat(20_000)),
        "chains more than 2000 operators",
    );
    check_problem(Postgres, "SELECT 1)", "`)` closes nothing");
    check_problem(
        Postgres,
        "SELECT (1; DROP TABLE t",
        "a bracket is never closed",
    );
    check_problem(
        Mysql,
        "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SELECT 1;",
        "a BEGIN block is never closed",
    );
    let rows = ", (1, -5)".repeat(5_000);
    assert_eq!(
        Script::new(&format!("INSERT INTO t VALUES (0, 0){rows};"), Postgres).problems(),
        []
    );
    let semicolons = ";".repeat(1_000_000);
    let script = Script::new(&semicolons, Postgres);
    assert_eq!((script.pieces().len(), script.problems().len()), (1, 0));
}

proptest! {
    /// Nothing is lost and nothing is read twice, whatever the text.
    #[test]
    fn pieces_concatenate_to_the_text(text in r#"([a-z;'"`/*#$ \n()\[\]\\-]|BEGIN |END |CREATE TRIGGER |DELIMITER //\n|\$a\$|é|\x00|-- ){0,60}"#, which in 0..4_usize) {
        let script = Script::new(&text, Dialect::ALL[which]);
        let mut joined = String::new();
        for piece in script.pieces() {
            prop_assert_eq!(piece.start, joined.len());
            joined.push_str(text.get(piece.start..piece.end).unwrap());
        }
        prop_assert_eq!(joined, text.clone());
        for statement in script.statements() {
            let _ = statement.sql();
        }
    }
}
