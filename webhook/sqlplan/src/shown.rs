//! What the parser is shown of a statement: its text with spaces where a comment is, and with what the parser lacks left out or said otherwise.
//!
//! People write more than the parser's grammar has, and what is not parsed is not let through. Where the difference is a word or two, it is made up for here
//! rather than by taking the statement on trust: the rest is still parsed. Nothing is hidden by it, because what a statement does is read from
//! all of its tokens, never from this text, but for conditions that are always true, which are looked for in this one. Every character keeps its place, so that a
//! complaint points to where it was written.

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
    let phrases: Vec<_> = STAND_INS
        .iter()
        .filter(|(dialects, _)| dialects.contains(&whole.dialect()))
        .collect();
    let mut place = whole;
    while !place.is_done() {
        if place.word_at(0).is_some() || SIGNS.iter().any(|sign| place.is_symbol(0, *sign)) {
            for (_, parts) in &phrases {
                stand_in(place, parts, &mut edits);
            }
        }
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
            Dialect::Mysql | Dialect::Mariadb => operator(place, &mut edits),
        }
        place.advance();
    }
    edits
}

/// Signs with which a phrase may begin.
const SIGNS: [char; 3] = ['(', ')', ','];

/// Tokens between the columns of a `CYCLE` clause and its last part.
const CYCLE: usize = 12;

/// One part of a phrase.
#[derive(Clone, Copy)]
enum Part {
    /// A word that stays.
    Stays(&'static str),
    /// A word that goes.
    Goes(&'static str),
    /// A word that the parser knows by another, no longer one.
    Becomes(&'static str, &'static str),
    /// A sign that stays.
    Sign(char),
    /// A sign that goes.
    NoSign(char),
    /// A name that stays.
    Name,
    /// A name that goes.
    NoName,
    /// Brackets that go, with all inside.
    NoGroup,
}

use Part::{Becomes, Goes, Name, NoGroup, NoName, NoSign, Sign, Stays};

const ALL: &[Dialect] = &Dialect::ALL;
const POSTGRES: &[Dialect] = &[Dialect::Postgres];
const SQLITE: &[Dialect] = &[Dialect::Sqlite];
const MYSQL: &[Dialect] = &[Dialect::Mysql, Dialect::Mariadb];

/// Phrases that the parser lacks, wherever they stand. One line each; what needs more than words is a function below.
const STAND_INS: &[(&[Dialect], &[Part])] = &[
    (ALL, &[Goes("exclude"), Goes("current"), Goes("row")]),
    (ALL, &[Goes("exclude"), Goes("no"), Goes("others")]),
    (ALL, &[Goes("exclude"), Goes("group")]),
    (ALL, &[Goes("exclude"), Goes("ties")]),
    (POSTGRES, &[Stays("between"), Goes("symmetric")]),
    (POSTGRES, &[Stays("between"), Goes("asymmetric")]),
    (POSTGRES, &[Goes("at"), Goes("local")]),
    (POSTGRES, &[Goes("current"), Goes("of"), Name]),
    (POSTGRES, &[Sign('('), Goes("variadic")]),
    (POSTGRES, &[Sign(','), Goes("variadic")]),
    (POSTGRES, &[Stays("update"), Goes("only"), Name]),
    (POSTGRES, &[Stays("from"), Goes("only"), Name]),
    (POSTGRES, &[Goes("collate"), NoName]),
    (POSTGRES, &[Sign(')'), NoSign('.'), NoSign('*')]),
    (POSTGRES, &[Stays("xmlelement"), Sign('('), Goes("name")]),
    (POSTGRES, &[Goes("format"), Goes("json")]),
    (POSTGRES, &[Goes("null"), Goes("on"), Goes("empty")]),
    (POSTGRES, &[Goes("error"), Goes("on"), Goes("empty")]),
    (POSTGRES, &[Goes("null"), Goes("on"), Goes("error")]),
    (POSTGRES, &[Goes("error"), Goes("on"), Goes("error")]),
    (POSTGRES, &[Goes("false"), Goes("on"), Goes("error")]),
    (POSTGRES, &[Goes("with"), Goes("unique"), Goes("keys")]),
    (POSTGRES, &[Goes("without"), Goes("unique"), Goes("keys")]),
    (POSTGRES, &[Goes("with"), Goes("wrapper")]),
    (POSTGRES, &[Goes("without"), Goes("wrapper")]),
    (POSTGRES, &[Goes("with"), Goes("array"), Goes("wrapper")]),
    (
        SQLITE,
        &[Stays("as"), Goes("not"), Goes("materialized"), Sign('(')],
    ),
    (SQLITE, &[Stays("as"), Goes("materialized"), Sign('(')]),
    (SQLITE, &[Goes("not"), Goes("indexed")]),
    (SQLITE, &[Goes("indexed"), Goes("by"), NoName]),
    (SQLITE, &[Stays("into"), Name, Goes("as"), NoName]),
    (
        MYSQL,
        &[Goes("lock"), Goes("in"), Goes("share"), Goes("mode")],
    ),
    (
        MYSQL,
        &[
            Stays("as"),
            Stays("char"),
            Goes("character"),
            Goes("set"),
            NoName,
        ],
    ),
    (
        MYSQL,
        &[Stays("as"), Stays("char"), Goes("charset"), NoName],
    ),
    (
        MYSQL,
        &[
            Stays("as"),
            Stays("char"),
            NoGroup,
            Goes("character"),
            Goes("set"),
            NoName,
        ],
    ),
    (
        MYSQL,
        &[Stays("as"), Stays("char"), NoGroup, Goes("charset"), NoName],
    ),
    (MYSQL, &[Stays("as"), Stays("signed"), Goes("int")]),
    (MYSQL, &[Stays("as"), Stays("unsigned"), Goes("int")]),
    (MYSQL, &[Goes("next"), Goes("value"), Goes("for"), Name]),
    (MYSQL, &[Goes("previous"), Goes("value"), Goes("for"), Name]),
    (MYSQL, &[Goes("sounds"), Stays("like")]),
    (MYSQL, &[Becomes("distinctrow", "distinct")]),
    (MYSQL, &[Stays("into"), Name, Goes("partition"), NoGroup]),
    (MYSQL, &[Stays("from"), Name, Goes("partition"), NoGroup]),
    (MYSQL, &[Stays("update"), Name, Goes("partition"), NoGroup]),
    (MYSQL, &[Stays("analyze"), Goes("local"), Stays("table")]),
    (
        MYSQL,
        &[Stays("analyze"), Goes("no_write_to_binlog"), Stays("table")],
    ),
    (MYSQL, &[Becomes("second_microsecond", "second")]),
    (MYSQL, &[Becomes("minute_microsecond", "minute")]),
    (MYSQL, &[Becomes("minute_second", "minute")]),
    (MYSQL, &[Becomes("hour_microsecond", "hour")]),
    (MYSQL, &[Becomes("hour_second", "hour")]),
    (MYSQL, &[Becomes("hour_minute", "hour")]),
    (MYSQL, &[Becomes("day_microsecond", "day")]),
    (MYSQL, &[Becomes("day_second", "day")]),
    (MYSQL, &[Becomes("day_minute", "day")]),
    (MYSQL, &[Becomes("day_hour", "day")]),
    (MYSQL, &[Becomes("year_month", "year")]),
];

/// The phrase, if it stands here.
fn stand_in(mut place: Cursor<'_>, parts: &[Part], edits: &mut Vec<Edit>) {
    let mut found: Vec<Edit> = Vec::new();
    for part in parts {
        let from = place.index();
        let (matches, edit) = match *part {
            Stays(word) => (place.accept(word), None),
            Goes(word) => (place.accept(word), Some("")),
            Becomes(word, other) => (place.accept(word), Some(other)),
            Sign(sign) => (place.accept_symbol(sign), None),
            NoSign(sign) => (place.accept_symbol(sign), Some("")),
            Name => (place.name().is_some(), None),
            NoName => (place.name().is_some(), Some("")),
            NoGroup => (place.group().is_some(), Some("")),
        };
        if !matches {
            return;
        }
        if let Some(instead) = edit {
            found.extend(edit_of(place, from, place.index(), instead));
        }
    }
    edits.extend(found);
}

/// The tokens from one index to before another, said otherwise.
fn edit_of(place: Cursor<'_>, from: usize, to: usize, instead: &'static str) -> Option<Edit> {
    let tokens = place.tokens();
    let first = tokens.get(from)?;
    let last = tokens.get(to.checked_sub(1)?)?;
    (first.start < last.end).then_some((first.start, last.end, instead))
}

/// How a view is kept, at its end, and how it is worked, at its start.
fn in_view(whole: Cursor<'_>, edits: &mut Vec<Edit>) {
    const ENDS: &[&str] = &[
        "with no data",
        "with data",
        "with check option",
        "with local check option",
        "with cascaded check option",
    ];
    let mut start = whole;
    if !start.accept_any(&["create", "alter"]) {
        return;
    }
    let begins = start.index();
    while !start.is_any(&["view", "materialized"]) {
        if start.is_done() || start.index() > 12 {
            return;
        }
        start.advance();
    }
    if whole.is_word(0, "alter") {
        edits.extend(edit_of(whole, begins, start.index(), ""));
    }
    let count = whole.tokens().len();
    for words in ENDS {
        let Some(from) = count.checked_sub(words.split(' ').count()) else {
            continue;
        };
        let mut end = whole;
        end.move_to(from);
        if end.sees(words) {
            edits.extend(edit_of(whole, from, count, ""));
            return;
        }
    }
}

/// MariaDB: `ANALYZE FORMAT=JSON SELECT ..` runs what is behind it.
fn analyzed(whole: Cursor<'_>, edits: &mut Vec<Edit>) {
    let mut rest = whole;
    if !rest.accept("analyze") {
        return;
    }
    if rest.accept("format") {
        rest.accept_symbol('=');
        rest.advance();
    }
    let runs = [
        "select", "with", "values", "insert", "replace", "update", "delete",
    ];
    if rest.is_any(&runs) {
        edits.extend(edit_of(whole, 0, rest.index(), ""));
    }
}

/// `UPDATE a, b SET ..`: the parser takes one table, and joins.
fn updated_tables(whole: Cursor<'_>, edits: &mut Vec<Edit>) {
    let mut place = whole;
    while !place.is_done() && !place.is_word(0, "update") {
        if place.index() > 0 && !whole.is_any(&["with", "analyze"]) {
            return;
        }
        place.skip_one();
    }
    let mut comma = None;
    while !place.is_done() && !place.is_word(0, "set") {
        if place.is_symbol(0, ',') && comma.is_none() {
            comma = Some(place.index());
        }
        place.skip_one();
    }
    if let Some(comma) = comma.filter(|_| !place.is_done()) {
        edits.extend(edit_of(whole, comma, place.index(), ""));
    }
}

/// `FROM (a, b)`, `FROM (a)`: of tables in brackets the first is shown, without them.
fn bracketed_tables(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    if !place.is_any(&["from", "join"]) {
        return;
    }
    let mut rest = place;
    rest.advance();
    let open = rest.index();
    let Some(mut inside) = rest.group() else {
        return;
    };
    let close = rest.index();
    if inside.is_any(&["select", "values", "with", "table"]) || inside.is_symbol(0, '(') {
        return;
    }
    let mut comma = None;
    let mut joins = false;
    while !inside.is_done() && comma.is_none() {
        joins |= inside.is_word(0, "join");
        if inside.is_symbol(0, ',') {
            comma = Some(open + 1 + inside.index());
        } else {
            inside.skip_one();
        }
    }
    if comma.is_none() && joins {
        return;
    }
    edits.extend(edit_of(place, open, open + 1, ""));
    edits.extend(edit_of(place, comma.unwrap_or(close - 1), close, ""));
}

/// `((SELECT ..) UNION SELECT ..)`: where an expression may stand, the parser wants the bracket to close behind the first query.
fn bracketed_union(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    if !place.is_symbol(0, '(') || !place.is_symbol(1, '(') {
        return;
    }
    let mut rest = place;
    rest.advance();
    if rest.group().is_none() || !rest.is_any(&["union", "intersect", "except"]) {
        return;
    }
    let from = rest.index();
    let mut whole = place;
    if whole.group().is_some() {
        edits.extend(edit_of(place, from, whole.index() - 1, ""));
    }
}

/// SQLite: `a IS b`, `a IS NOT b`, `a << b`.
fn comparison(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    const KNOWN: &[&str] = &["null", "true", "false", "distinct", "json", "unknown"];
    let at = place.index();
    for sign in ['<', '>'] {
        if place.is_symbol(0, sign) && place.is_symbol(1, sign) && touches(place) {
            edits.extend(edit_of(place, at, at + 2, "+"));
        }
    }
    let before = |words: &[&str]| {
        let mut before = place;
        at.checked_sub(1).is_some_and(|index| {
            before.move_to(index);
            before.is_any(words)
        })
    };
    if !place.is_word(0, "is") || at == 0 || before(&["as", "select"]) {
        return;
    }
    if place.is_word(1, "not") {
        if !place.is_any_at(2, KNOWN) {
            edits.extend(edit_of(place, at, at + 2, "<>"));
        }
    } else if !place.is_any_at(1, KNOWN) {
        edits.extend(edit_of(place, at, at + 1, "="));
    }
}

/// PostgreSQL: `SET a[1] = ..`.
fn element(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    let mut rest = place;
    if !rest.accept("set") && !rest.accept_symbol(',') {
        return;
    }
    if rest.name().is_none() || !rest.is_symbol(0, '[') {
        return;
    }
    let from = rest.index();
    while !rest.is_done() && !rest.is_any(&["from", "where"]) {
        if rest.is_symbol(0, ']') && rest.is_symbol(1, '=') {
            edits.extend(edit_of(place, from, rest.index() + 1, ""));
            return;
        }
        if rest.is_symbol(0, '=') || rest.is_symbol(0, ',') {
            return;
        }
        rest.advance();
    }
}

/// PostgreSQL: the columns in `FROM f() AS (a int, b text)`, where no query is.
fn columns_of_record(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    const QUERIES: &[&str] = &[
        "select", "with", "values", "table", "insert", "update", "delete", "merge",
    ];
    let mut rest = place;
    if !rest.accept_symbol(')') || !rest.is_word(0, "as") {
        return;
    }
    let from = rest.index();
    rest.advance();
    let is_column = |group: &Cursor<'_>| {
        let mut group = *group;
        group.name().is_some() && group.name().is_some()
    };
    if let Some(group) = rest.group()
        && !group.is_any(QUERIES)
        && is_column(&group)
    {
        edits.extend(edit_of(place, from, rest.index(), ""));
    }
}

/// PostgreSQL: `= ANY (VALUES (1), (2))`.
fn listed_values(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    let mut rest = place;
    if !rest.accept_any(&["any", "some", "all"]) {
        return;
    }
    let open = rest.index();
    if rest.group().is_some_and(|group| group.is_word(0, "values")) {
        edits.extend(edit_of(place, open + 1, rest.index() - 1, "1"));
    }
}

/// PostgreSQL: `SEARCH DEPTH FIRST BY a SET b` and `CYCLE a SET b USING c` behind a recursive query.
fn search_or_cycle(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    if !place.is_symbol(0, ')') {
        return;
    }
    let mut rest = place;
    rest.advance();
    let from = rest.index();
    if rest.accept_any(&["search depth first by", "search breadth first by"]) {
        rest.names();
        if rest.accept("set") && rest.name().is_some() {
            edits.extend(edit_of(place, from, rest.index(), ""));
        }
    }
    let from = rest.index();
    if rest.accept("cycle") {
        rest.names();
        for _ in 0..CYCLE {
            if !rest.is_word(0, "using") {
                rest.advance();
            }
        }
        if rest.accept("using") && rest.name().is_some() {
            edits.extend(edit_of(place, from, rest.index(), ""));
        }
    }
}

/// MySQL: `!a`, `a MOD b`.
fn operator(place: Cursor<'_>, edits: &mut Vec<Edit>) {
    let at = place.index();
    if place.is_symbol(0, '!') && !place.is_symbol(1, '=') {
        edits.extend(edit_of(place, at, at + 1, " NOT "));
    }
    if at > 0 && place.is_word(0, "mod") && !place.is_symbol(1, '(') {
        edits.extend(edit_of(place, at, at + 1, "%"));
    }
}

/// Whether nothing is between this token and the next.
fn touches(place: Cursor<'_>) -> bool {
    place.peek(0).map(|token| token.end) == place.peek(1).map(|token| token.start)
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
