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
fn a_client_goes_to_a_database_line_by_line() {
    check(
        Mysql,
        "USE shop # here\n\nCREATE TABLE t (a int);\nuse `a b`\r\nDELIMITER //\nSELECT 1; SELECT 2//",
        &[
            "USE shop",
            "CREATE TABLE t (a int)",
            "use `a b`",
            "SELECT 1; SELECT 2",
        ],
    );
    check(Mysql, "USE shop\n ; SELECT 1", &["USE shop", "SELECT 1"]);
    check(Mysql, "USE shop; SELECT 1", &["USE shop", "SELECT 1"]);
    check(Mysql, "USE shop .\nt", &["USE shop .\nt"]);
    check(Mysql, "users\nSELECT 1", &["users\nSELECT 1"]);
    check(Postgres, "USE shop\nSELECT 1", &["USE shop\nSELECT 1"]);
}

#[test]
fn remarks_that_only_atlas_knows() {
    check(
        Mysql,
        "SELECT 1;\n--atlas:nolint\n-- more\nSELECT 2;",
        &["SELECT 1", "SELECT 2"],
    );
    check(
        Postgres,
        "SELECT 1;\n# it's short\nSELECT 2 # 3;",
        &["SELECT 1", "SELECT 2 # 3"],
    );
    // For other tools what stands behind the delimiter is a statement.
    check(Postgres, "# a; DROP TABLE t", &["# a", "DROP TABLE t"]);
    check(Mysql, "--a; DROP TABLE t", &["--a", "DROP TABLE t"]);
}

#[test]
fn a_dollar_quote_that_is_never_closed_ends_with_a_delimiter_of_ones_own() {
    check(
        Postgres,
        "-- atlas:delimiter \\n\\n\n\nSELECT $$ a; $b$\n\nDROP TABLE t\n\n",
        &["SELECT $$ a; $b$", "DROP TABLE t"],
    );
    check_problem(Postgres, "SELECT $$ a; DROP TABLE t", "never closed");
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

/// As Atlas' executor gets them.
#[track_caller]
fn check_written(dialect: Dialect, text: &str, expected: &[&str]) {
    let script = Script::new(text, dialect);
    let seen: Vec<&str> = script
        .statements()
        .map(|statement| statement.written())
        .collect();
    assert_eq!(seen, expected, "{dialect}: {text}");
}

#[test]
fn written_statements_keep_their_semicolon() {
    check_written(
        Postgres,
        "-- a\nSELECT 1 -- b\n;\nSELECT 2 /* c */",
        &["SELECT 1 -- b\n;", "SELECT 2 /* c */"],
    );
    check_written(
        Mysql,
        "DELIMITER $$\nCREATE FUNCTION f() RETURNS int\nBEGIN RETURN 1; END;$$\nDELIMITER ;\nSELECT f();",
        &[
            "CREATE FUNCTION f() RETURNS int\nBEGIN RETURN 1; END;",
            "SELECT f();",
        ],
    );
}

#[test]
fn delimiters_of_ones_own() {
    check_written(
        Mysql,
        "delimiter //\nSELECT 1 //\n\ndelimiter ;\ndelimiter //\nSELECT 2//\ndelimiter ;\nSELECT 3;",
        &["SELECT 1", "SELECT 2", "SELECT 3;"],
    );
    check_written(
        Mysql,
        "delimiter 'stop'\nSELECT * FROM tstop\ndelimiter delimiter\nSELECT * FROM udelimiter\ndelimiter ;\nSELECT 3",
        &["SELECT * FROM t", "SELECT * FROM u", "SELECT 3"],
    );
    check_written(
        Mysql,
        "delimiter \\n\\n\nSELECT 1\nFROM t\n\nSELECT 2\n\ndelimiter :;\nSELECT ';' :;",
        &["SELECT 1\nFROM t", "SELECT 2", "SELECT ';'"],
    );
    check_written(
        Mysql,
        "delimiter $$ -- for bodies\nSELECT 1; SELECT 2$$\ndelimiter \"x;\"\nSELECT 3x;\ndelimiter ;\nSELECT 4",
        &["SELECT 1; SELECT 2", "SELECT 3", "SELECT 4"],
    );
    check_written(
        Postgres,
        "-- atlas:delimiter -- end\n\nCREATE TABLE t (a int);\nSELECT 1;\n-- end\nSELECT 2\n",
        &["CREATE TABLE t (a int);\nSELECT 1;", "SELECT 2"],
    );
    check_written(
        Sqlite,
        "-- atlas:delimiter \\n\\n\nSELECT 1;\nSELECT 2;\n\nSELECT (3\n\n);\n",
        &["SELECT 1;\nSELECT 2;", "SELECT (3\n\n);"],
    );
    check_written(
        Postgres,
        "SELECT 1;\n-- atlas:delimiter //\nSELECT 2;",
        &["SELECT 1;", "SELECT 2;"],
    );
    check_problem(Mysql, "delimiter 'x'\n1x", "`DELIMITER 'x'` changes");
    check_problem(Mysql, "delimiter // x\n1// x", "`DELIMITER // x` changes");
    check_problem(
        Postgres,
        "-- atlas:delimiter //\nSELECT 1//",
        "`atlas:delimiter //` changes",
    );
}

#[test]
fn blocks_outside_and_inside_routines() {
    check(
        Mysql,
        "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END; SELECT 3",
        &["BEGIN NOT ATOMIC SELECT 1; SELECT 2; END", "SELECT 3"],
    );
    check(
        Mysql,
        "CREATE PROCEDURE p() BEGIN FOR i IN 1..9 DO SELECT i; END FOR; b: BEGIN SELECT 1; END; END; SELECT 3",
        &[
            "CREATE PROCEDURE p() BEGIN FOR i IN 1..9 DO SELECT i; END FOR; b: BEGIN SELECT 1; END; END",
            "SELECT 3",
        ],
    );
    check(
        Mysql,
        "CREATE FUNCTION f(a int) RETURNS int RETURN a + 1; SELECT 1",
        &[
            "CREATE FUNCTION f(a int) RETURNS int RETURN a + 1",
            "SELECT 1",
        ],
    );
    check(
        Sqlite,
        "CREATE TRIGGER t AFTER DELETE ON x BEGIN INSERT INTO u SELECT 'a (b' || old.c || ');'; SELECT CASE WHEN 1 THEN 2 END; END; SELECT 1",
        &[
            "CREATE TRIGGER t AFTER DELETE ON x BEGIN INSERT INTO u SELECT 'a (b' || old.c || ');'; SELECT CASE WHEN 1 THEN 2 END; END",
            "SELECT 1",
        ],
    );
}

#[test]
fn words_of_blocks_are_names_and_functions_elsewhere() {
    for (dialect, body) in [
        (Mysql, "CREATE TABLE event (id int, begin datetime)"),
        (
            Postgres,
            "CREATE TABLE event (begin timestamptz, kind text)",
        ),
        (
            Sqlite,
            "CREATE TABLE trigger_log (trigger TEXT, begin TEXT)",
        ),
        (Sqlite, "CREATE VIEW v AS SELECT event, begin FROM log"),
        (
            Postgres,
            "CREATE FUNCTION f(begin int) RETURNS int LANGUAGE sql RETURN begin + 1",
        ),
        (
            Mysql,
            "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.end = 1; SET NEW.begin = OLD.begin; END",
        ),
        (
            Mysql,
            "CREATE DEFINER = event@begin TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.a = IF(begin, 1, 2)",
        ),
        (
            Sqlite,
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET end = new.end, begin = CASE WHEN begin THEN end END; END",
        ),
        (
            Mysql,
            "CREATE PROCEDURE p () BEGIN DROP TABLE IF EXISTS t; SELECT IF(a, 1, 2), REPEAT('x', 3) FROM u; END",
        ),
        (
            Mysql,
            "CREATE FUNCTION `if` () RETURNS int RETURN IF(1, 2, 3)",
        ),
    ] {
        check(dialect, &format!("{body}; SELECT 1"), &[body, "SELECT 1"]);
    }
}

#[test]
fn bodies_need_no_begin() {
    for body in [
        "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW FOLLOWS q IF NEW.a > 1 THEN SET NEW.a = 1; ELSE SET NEW.b = 2; END IF",
        "CREATE PROCEDURE p () WHILE @a > 0 DO SET @a = @a - 1; END /* of */ WHILE",
        "CREATE PROCEDURE IF NOT EXISTS p () COMMENT 'x' l: LOOP SET @a = 1; LEAVE l; END LOOP l",
        "CREATE FUNCTION f (a int) RETURNS int CASE a WHEN 1 THEN RETURN 1; ELSE RETURN CASE a WHEN 2 THEN 3 END; END CASE",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO REPEAT SET @a = 1; UNTIL @a END REPEAT",
        "ALTER EVENT e DO BEGIN DELETE FROM t; DELETE FROM u; END",
        "IF @a THEN SELECT 1; ELSEIF @b THEN SELECT 2; END IF",
        "l: WHILE @a DO SET @a = 0; END WHILE l",
        "CREATE PROCEDURE p () BEGIN DECLARE EXIT HANDLER FOR NOT FOUND BEGIN ROLLBACK; END; START TRANSACTION; END",
        "CREATE PROCEDURE p (x IN int) AS y int := 1; BEGIN SELECT x + y; END",
        "CREATE PACKAGE k AS FUNCTION f RETURN int; PROCEDURE q; END",
        "CREATE PACKAGE BODY k AS FUNCTION f RETURN int AS z int; BEGIN RETURN 1; END; END",
    ] {
        check(Mysql, &format!("{body}; SELECT 1"), &[body, "SELECT 1"]);
    }
    let explained = "EXPLAIN QUERY PLAN CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END";
    check(
        Sqlite,
        &format!("{explained}; SELECT 1"),
        &[explained, "SELECT 1"],
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
