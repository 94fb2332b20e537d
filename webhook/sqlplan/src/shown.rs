//! What the parser is shown of a statement: its text with spaces where a comment is, and with what the parser lacks left out or said otherwise.
//!
//! People write more than the parser's grammar has, and what is not parsed is not let through. Where the difference is a word or two, it is made up for here
//! rather than by taking the statement on trust: the rest is still parsed. Nothing is hidden by it, because what a statement does is read from
//! all of its tokens, never from this text, but for conditions that are always true, which are looked for in this one. Every character keeps its place, so that a
//! complaint points to where it was written.

mod constructs;
mod phrases;

use constructs::{
    analyzed, bracketed_tables, bracketed_union, columns_of_record, comparison, dynamic_column,
    element, in_view, listed_values, operator, portion, search_or_cycle, updated_tables,
};

use crate::cursor::Cursor;
use crate::dialect::Dialect;
use crate::split::Script;
use crate::token::{Token, TokenKind};

/// A stretch of the script, and what the parser sees in its place.
type Edit = (usize, usize, &'static str);

/// The script from the first of these tokens to the last, as the parser is to see it.
pub(crate) fn shown(script: &Script<'_>, tokens: &[Token]) -> String {
    let code: Vec<Token> = tokens
        .iter()
        .copied()
        .filter(|token| token.kind != TokenKind::Comment)
        .collect();
    let (Some(first), Some(last)) = (code.first(), tokens.last()) else {
        return String::new();
    };
    let whole = Cursor::new(script.text, script.dialect, &code);
    let mut edits = edits(whole);
    in_view(whole, &mut edits);
    if script.dialect.is_mysql_like() {
        analyzed(whole, &mut edits);
        updated_tables(whole, &mut edits);
    }
    edits.extend(
        tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Comment && token.start >= first.start)
            .map(|comment| (comment.start, comment.end, "")),
    );
    let source = script.text.get(first.start..last.end).unwrap_or_default();
    edited(source, first.start, edits)
}

/// The same of an expression; none where the parser lacks nothing of it.
pub(crate) fn expression(whole: Cursor<'_>) -> Option<String> {
    let edits = edits(whole);
    let start = whole.tokens().first()?.start;
    (!edits.is_empty()).then(|| edited(whole.source_between(0, usize::MAX), start, edits))
}

/// What is said otherwise, wherever it stands.
fn edits(whole: Cursor<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let phrases = phrases::of(whole.dialect());
    let mut place = whole;
    while !place.is_done() {
        phrases::stand_ins(place, &phrases, &mut edits);
        bracketed_tables(place, &mut edits);
        bracketed_union(place, &mut edits);
        match whole.dialect() {
            Dialect::Sqlite => comparison(place, &mut edits),
            Dialect::Postgres => {
                element(place, &mut edits);
                columns_of_record(place, &mut edits);
                listed_values(place, &mut edits);
                search_or_cycle(place, &mut edits);
            }
            Dialect::Mysql | Dialect::Mariadb => {
                operator(place, &mut edits);
                dynamic_column(place, &mut edits);
                portion(place, &mut edits);
            }
        }
        place.advance();
    }
    edits
}

/// The tokens from one index to before another, said otherwise.
fn edit_of(place: Cursor<'_>, from: usize, to: usize, instead: &'static str) -> Option<Edit> {
    let tokens = place.tokens();
    let first = tokens.get(from)?;
    let last = tokens.get(to.checked_sub(1)?)?;
    (first.start < last.end).then_some((first.start, last.end, instead))
}
/// The text with its edits, which count from the byte `start`: as many characters, with line ends where they were.
fn edited(source: &str, start: usize, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.0, usize::MAX - edit.1));
    let mut shown = String::with_capacity(source.len());
    let mut at = start;
    let part = |from: usize, to: usize| source.get(from - start..to - start).unwrap_or_default();
    for (from, to, instead) in edits {
        if from < at {
            continue;
        }
        shown.push_str(part(at, from));
        let mut instead = instead.chars();
        shown.extend(part(from, to).chars().map(|next| {
            let other = instead.next();
            if next == '\n' {
                '\n'
            } else {
                other.unwrap_or(' ')
            }
        }));
        // What is longer than what it stands for moves the rest of its line.
        shown.extend(instead);
        at = to;
    }
    shown.push_str(part(at, start + source.len()));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect::{Mysql, Postgres, Sqlite};

    /// Each parses.
    #[track_caller]
    fn check(dialect: Dialect, statements: &[&str]) {
        for text in statements {
            let script = Script::new(text, dialect);
            for statement in script.statements() {
                assert_eq!(statement.parse(), Ok(()), "{text}");
            }
        }
    }

    #[test]
    fn what_people_write_and_the_parser_lacks_is_made_up_for() {
        check(
            Sqlite,
            &[
                "SELECT a IS b, a IS NOT b, a IS NULL, a IS NOT NULL FROM t WHERE c IS ?",
                "SELECT a << 2 | b >> 1 FROM t",
                "SELECT sum(x) OVER (ORDER BY y ROWS 1 PRECEDING EXCLUDE CURRENT ROW) FROM t",
                "WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 2) SELECT * FROM a, b",
                "SELECT * FROM t NOT INDEXED",
                "SELECT * FROM t INDEXED BY i WHERE a = 1",
                "INSERT INTO t AS n (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = n.a + 1",
                "SELECT * FROM (t1, t2)",
                "SELECT * FROM (t)",
            ],
        );
        check(
            Postgres,
            &[
                "SELECT 2 BETWEEN SYMMETRIC 3 AND 1",
                "SELECT ts AT LOCAL FROM t",
                "UPDATE t SET a[1] = 2, b[2:3] = '{}' WHERE id = 1",
                "UPDATE ONLY t SET a = 1 WHERE id = 1",
                "DELETE FROM ONLY t AS a USING b WHERE a.id = b.id",
                "SELECT (c).*, (c).a FROM t",
                "SELECT * FROM json_to_record('{}') AS (a int, b varchar(20))",
                "WITH a (b) AS (SELECT 1) SELECT * FROM a WHERE b = ANY (VALUES (1), (2))",
                "SELECT f(a, VARIADIC ARRAY[1, 2])",
                "SELECT a::text COLLATE \"C\" FROM t ORDER BY b COLLATE pg_catalog.\"default\"",
                "SELECT * FROM t WHERE a = ((SELECT 1) UNION (SELECT 2))",
                "WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM r) SEARCH DEPTH FIRST BY id SET o CYCLE id SET c USING p SELECT * FROM r",
                "SELECT json_value(a, '$.b' RETURNING bigint NULL ON EMPTY ERROR ON ERROR) FROM t",
            ],
        );
        check(
            Mysql,
            &[
                "UPDATE t AS a, u AS b SET a.x = b.x WHERE a.id = b.id",
                "UPDATE a, (SELECT 1 AS id) b SET a.x = 1 WHERE a.id = b.id",
                "SELECT * FROM t WHERE id = 1 LOCK IN SHARE MODE",
                "SELECT CAST(a AS CHAR CHARACTER SET utf8mb4), CAST(a AS CHAR(4) CHARSET utf8) FROM t",
                "SELECT !a, a MOD 2, MOD(a, 2) FROM t WHERE a != 3",
                "SELECT date_add(a, INTERVAL '1:1' MINUTE_SECOND), extract(DAY_HOUR FROM a) FROM t",
                "SELECT DISTINCTROW a FROM t",
                "SELECT column_get(a, 'b' AS char(20)), column_create('c', 1 AS int, 'd', f(2, 3) AS double) FROM t",
                "SELECT * FROM t LEFT JOIN (u, v) ON u.a = v.a",
                "INSERT INTO t PARTITION (p0, p1) (a) VALUES (1)",
                "ALTER ALGORITHM=MERGE VIEW v AS SELECT 1 WITH CASCADED CHECK OPTION",
            ],
        );
    }

    #[test]
    fn every_character_keeps_its_place() {
        let text = "/* é */ SELECT 2 BETWEEN -- ü\n SYMMETRIC 3 AND 'ä'";
        let script = Script::new(text, Postgres);
        let shown = shown(&script, &script.tokens);
        assert_eq!(shown, "SELECT 2 BETWEEN     \n           3 AND 'ä'");
    }

    #[test]
    fn nonsense_stays_nonsense() {
        for (dialect, text) in [
            (Sqlite, "SELECT a IS"),
            (Postgres, "SELECT 2 BETWEEN SYMMETRIC"),
            (Mysql, "UPDATE t AS a, u AS b WHERE a.id = b.id"),
            (Mysql, "SELECT FROM (a, b) WHERE"),
        ] {
            let script = Script::new(text, dialect);
            assert!(
                script
                    .statements()
                    .all(|statement| statement.parse().is_err()),
                "{text}"
            );
        }
    }
}
