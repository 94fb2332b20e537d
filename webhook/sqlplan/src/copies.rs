//! Rows that go from one table into another.
//!
//! A copy without WHERE or LIMIT is as long as the table is large, in one transaction, and keeps its locks all the while.

use crate::condition;
use crate::cursor::{Cursor, Name};
use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::token::TokenKind;

/// Queries in queries that are looked into; texts come from strangers, and each costs stack.
const NESTED: usize = 16;

/// From the table that is written to on: the copy that a `SELECT` behind it makes.
pub(crate) fn into(cursor: Cursor<'_>, into: &Name, replaces: bool, makes: bool) -> Option<Effect> {
    let (from, bounded) = source(cursor, NESTED)?;
    Some(Effect::CopyRows {
        from,
        into: into.clone(),
        bounded,
        replaces,
        makes,
    })
}

/// Whether a query, as a CTE is one, reads no table or chooses among its rows. What deletes or updates there is judged as such.
pub(crate) fn is_bounded_query(cursor: Cursor<'_>) -> bool {
    source(cursor, NESTED).is_none_or(|(_, bounded)| bounded)
}

/// `SELECT .. INTO new FROM old` of PostgreSQL.
pub(crate) fn select_into(cursor: Cursor<'_>) -> Option<Effect> {
    if cursor.dialect() != Dialect::Postgres || !cursor.is_word(0, "select") {
        return None;
    }
    let mut target = cursor;
    target.move_to(at_this_depth(cursor, "into")? + 1);
    let temporary = target.accept_any(&["temporary", "temp"]);
    target.accept_any(&["unlogged", "table"]);
    let name = target.name()?;
    if temporary {
        return None;
    }
    // Of no table: its rows are few.
    let few = Effect::CopyRows {
        from: name.clone(),
        into: name.clone(),
        bounded: true,
        replaces: false,
        makes: true,
    };
    Some(into(cursor, &name, false, true).unwrap_or(few))
}

/// The table whose rows are read, and whether something chooses among them.
fn source(cursor: Cursor<'_>, nested: usize) -> Option<(Name, bool)> {
    let nested = nested.checked_sub(1)?;
    let mut cursor = cursor;
    // `CREATE TABLE a AS TABLE b`.
    if let Some(index) = at_this_depth(cursor, "as") {
        let mut table = cursor;
        table.move_to(index + 1);
        if table.accept("table") {
            return Some((table.name()?, cursor.contains("with no data")));
        }
    }
    // `INSERT INTO a TABLE b` of MySQL.
    let mut table = cursor;
    table.group();
    if table.accept("table") {
        return Some((table.name()?, is_limited(cursor)));
    }
    let chosen_before = at_this_depth(cursor, "with").is_some()
        && (cursor.contains("where") || cursor.contains("limit"));
    let Some(select) = at_this_depth(cursor, "select") else {
        // The SELECT may stand in brackets.
        let mut probe = cursor;
        while !probe.is_done() && !ends(&probe) {
            if probe.is_symbol(0, '(') && probe.is_word(1, "select") {
                return probe.group().and_then(|inner| source(inner, nested));
            }
            probe.skip_one();
        }
        return None;
    };
    cursor.move_to(select);
    let mut from = cursor;
    from.move_to(at_this_depth(cursor, "from")? + 1);
    if from.is_symbol(0, '(') {
        let (name, bounded) = from.group().and_then(|inner| source(inner, nested))?;
        return Some((name, bounded || is_bounded(cursor)));
    }
    from.accept_any(&["only", "lateral"]);
    let name = from.name()?;
    // A function's rows, or none's.
    let no_table = from.is_symbol(0, '(') || name.name.eq_ignore_ascii_case("dual");
    (!no_table).then(|| (name, chosen_before || is_bounded(cursor)))
}

fn is_bounded(cursor: Cursor<'_>) -> bool {
    if is_limited(cursor) || cursor.contains("with no data") {
        return true;
    }
    let Some(choice) = at_this_depth(cursor, "where") else {
        return false;
    };
    let mut end = cursor;
    end.move_to(choice + 1);
    while !end.is_done() && !ends(&end) && !end.is_any(&["order", "group", "having", "union", "on"])
    {
        end.skip_one();
    }
    !condition::is_always_true(&cursor.range(choice + 1, end.index()))
}

fn is_limited(cursor: Cursor<'_>) -> bool {
    let mut at = cursor;
    ["limit", "fetch", "tablesample"].iter().any(|word| {
        at_this_depth(cursor, word).is_some_and(|index| {
            at.move_to(index);
            at.limits()
        })
    })
}

fn ends(cursor: &Cursor<'_>) -> bool {
    cursor.is_symbol(0, ')') || cursor.is_delimiter()
}

/// The index of a word outside brackets, before the statement or the brackets around it end.
fn at_this_depth(cursor: Cursor<'_>, word: &str) -> Option<usize> {
    let mut probe = cursor;
    while !probe.is_done() && !ends(&probe) {
        if probe.kind() == Some(TokenKind::Word) && probe.is_word(0, word) {
            return Some(probe.index());
        }
        probe.skip_one();
    }
    None
}
