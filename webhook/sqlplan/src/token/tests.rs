use super::*;
use crate::dialect::Dialect::{Mysql, Postgres, Sqlite};

/// The words and delimiters that are code, joined by a space.
#[track_caller]
fn check(dialect: Dialect, text: &str, expected: &str) {
    let (tokens, _) = tokens(text, dialect);
    let seen: Vec<&str> = tokens
        .iter()
        .filter(|token| {
            matches!(
                token.kind,
                TokenKind::Word | TokenKind::Delimiter | TokenKind::QuotedName
            )
        })
        .map(|token| text.get(token.start..token.end).unwrap())
        .collect();
    assert_eq!(seen.join(" "), expected, "{dialect}: {text}");
}

#[test]
fn strings_end_where_the_server_ends_them() {
    check(
        Postgres,
        r"SELECT 'a\'; DROP TABLE t; -- ';",
        "SELECT ; DROP TABLE t ;",
    );
    check(
        Sqlite,
        r"SELECT 'a\'; DROP TABLE t; -- ';",
        "SELECT ; DROP TABLE t ;",
    );
    check(Mysql, r"SELECT 'a\'; DROP TABLE t; -- ';", "SELECT ;");
    check(Postgres, r"SELECT E'a\'; DROP TABLE t; -- '", "SELECT");
    check(Mysql, "SELECT \"a;\"\"b\\\";\"; x", "SELECT ; x");
    check(
        Postgres,
        "SELECT $a$ x $b$ $a$; DELETE FROM t; SELECT $b$ $b$;",
        "SELECT ; DELETE FROM t ; SELECT ;",
    );
    check(Postgres, "SELECT $é$ ; DROP TABLE t; $é$", "SELECT");
    check(
        Postgres,
        "SELECT 1 AS a$$; DROP TABLE t; SELECT 1 AS b$$",
        "SELECT AS a$$ ; DROP TABLE t ; SELECT AS b$$",
    );
    check(Postgres, "SELECT $1; x", "SELECT ; x");
    // A string that goes on in the next line is escaped there as well.
    check(
        Postgres,
        "SELECT E'a' -- b\n  -- c\n 'd\\'; DROP TABLE t; -- '; x",
        "SELECT ; x",
    );
    check(
        Postgres,
        "SELECT E'a' 'd\\'; DROP TABLE t; -- ';",
        "SELECT ; DROP TABLE t ;",
    );
}

#[test]
fn names_end_where_the_server_ends_them() {
    check(
        Mysql,
        r"SELECT `a\`; DROP TABLE t; -- `;",
        r"SELECT `a\` ; DROP TABLE t ;",
    );
    check(
        Sqlite,
        "SELECT [it's]; DROP TABLE t; SELECT [it's];",
        "SELECT [it's] ; DROP TABLE t ; SELECT [it's] ;",
    );
    check(Postgres, "SELECT a[1];", "SELECT a ;");
}

#[test]
fn comments_end_where_the_server_ends_them() {
    check(Postgres, "/* /* */ DROP TABLE t; -- */", "");
    check(Mysql, "/* /* */ DROP TABLE t; -- */", "DROP TABLE t ;");
    check(Mysql, "SELECT 1--1 # x\n; y", "SELECT ; y");
    check(
        Postgres,
        "DELETE FROM t WHERE id=5 OR 1--1",
        "DELETE FROM t WHERE id OR",
    );
    check(
        Mysql,
        "DELETE FROM t WHERE id=5 OR 1--1",
        "DELETE FROM t WHERE id OR",
    );
    for dialect in [Mysql, Sqlite] {
        check(dialect, "/*/ DROP TABLE t; /*/ SELECT 1", "SELECT");
    }
    check(
        Postgres,
        "/*/ */ DROP TABLE t; /*/ SELECT 1 /**/ */ */",
        "DROP TABLE t ;",
    );
    check(Postgres, "-- x\rDROP TABLE t;", "DROP TABLE t ;");
    check(Sqlite, "-- x\rDROP TABLE t;", "");
}

#[test]
fn delimiters_of_the_mysql_client() {
    check(
        Mysql,
        "DELIMITER //\nBEGIN; END//\nDELIMITER ;\nx;",
        "BEGIN END // x ;",
    );
    check(Mysql, "delimiter $$\nEND$$ x", "END $$ x");
    check(Postgres, "DELIMITER //\nx;", "DELIMITER x ;");
}

#[test]
fn complaints_name_the_trick() {
    for (dialect, text, expected) in [
        (Mysql, "/*!50000 DROP TABLE t */;", "executable"),
        (Mysql, "/*M!100000 DROP TABLE t */;", "executable"),
        (Postgres, "/* /* */ */", "opens inside"),
        (Postgres, "DROP\0TABLE", "U+0000"),
        (Postgres, "DROP\u{a0}TABLE", "U+00A0"),
        (Sqlite, "-- \u{202e} x", "U+202E"),
        (Sqlite, "-- x\rDROP TABLE t;", "U+000D"),
        (Postgres, "-- x\rDROP TABLE t;", "U+000D"),
        (Postgres, "U&\"m\\0065mbers\"", "Unicode escapes"),
        (
            Postgres,
            "-- atlas:delimiter --x\nSELECT 1",
            "atlas:delimiter --x",
        ),
        (Postgres, "/* x", "a comment is never closed"),
        (Mysql, "SELECT 'x", "a quote is never closed"),
        (Postgres, "SELECT $a$ x", "a dollar quote is never closed"),
    ] {
        let (_, complaints) = tokens(text, dialect);
        assert!(
            complaints
                .iter()
                .any(|(_, kind)| kind.to_string().contains(expected)),
            "{text:?}: {complaints:?}"
        );
    }
    for (dialect, text) in [
        (Postgres, "\u{feff}SELECT 1;"),
        (Postgres, "-- x\r\nSELECT 1;"),
        (Mysql, "-- x\r\nSELECT 'é\u{a0}';"),
        (Sqlite, "/*! x */"),
    ] {
        assert_eq!(tokens(text, dialect).1, [], "{text:?}");
    }
}
