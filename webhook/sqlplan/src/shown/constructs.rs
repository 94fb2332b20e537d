//! What the parser lacks and more than a few words tell: each construct is a function, which edits what stands at a place.

use super::{Edit, edit_of};
use crate::cursor::Cursor;

/// Tokens between the columns of a `CYCLE` clause and its last part.
const CYCLE: usize = 12;
/// How a view is kept, at its end, and how it is worked, at its start.
pub(super) fn in_view(whole: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn analyzed(whole: Cursor<'_>, edits: &mut Vec<Edit>) {
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

/// MariaDB's `DELETE FROM t FOR PORTION OF period FROM a TO b`: which part of a row goes, beside which rows.
pub(super) fn portion(mut place: Cursor<'_>, edits: &mut Vec<Edit>) {
    let from = place.index();
    if !place.accept("for portion of") {
        return;
    }
    while !place.is_done()
        && !place.is_delimiter()
        && !place.is_any(&["set", "where", "order", "limit", "returning"])
    {
        place.skip_one();
    }
    edits.extend(edit_of(place, from, place.index(), ""));
}

/// MariaDB's dynamic columns have types: `COLUMN_GET(options, 'size' AS int)`.
pub(super) fn dynamic_column(mut place: Cursor<'_>, edits: &mut Vec<Edit>) {
    let named = place.is_any(&["column_get", "column_create", "column_add"]);
    if !named || !place.is_symbol(1, '(') {
        return;
    }
    place.advance();
    place.advance();
    while !place.is_done() && !place.is_symbol(0, ')') {
        let from = place.index();
        if place.accept("as") {
            while !place.is_done() && !place.is_symbol(0, ',') && !place.is_symbol(0, ')') {
                place.skip_one();
            }
            edits.extend(edit_of(place, from, place.index(), ""));
        } else {
            place.skip_one();
        }
    }
}

/// `UPDATE a, b SET ..`: the parser takes one table, and joins.
pub(super) fn updated_tables(whole: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn bracketed_tables(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn bracketed_union(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn comparison(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn element(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn columns_of_record(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn listed_values(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn search_or_cycle(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
pub(super) fn operator(place: Cursor<'_>, edits: &mut Vec<Edit>) {
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
