//! `DELETE`, `UPDATE`, `INSERT`, `MERGE`: which table, and which of its rows.

use crate::condition;
use crate::copies;
use crate::cursor::{Cursor, Name};
use crate::effect::{Bound, Effect, Found};

/// `DELETE`, `UPDATE`, `INSERT`, `MERGE` right here.
pub(crate) fn head(cursor: Cursor<'_>, effects: &mut Vec<Found>) {
    let offset = cursor.offset();
    let mut cursor = cursor;
    if cursor.accept("delete") {
        while cursor.accept_any(&["low_priority", "quick", "ignore"]) {}
        if cursor.accept("history") {
            cursor.accept("from");
            if let Some(table) = cursor.name() {
                effects.push(Found {
                    effect: Effect::Delete {
                        table,
                        bound: Bound::Missing,
                    },
                    offset,
                    nested: false,
                });
            }
            return;
        }
        // `DELETE a, b FROM ..` of MySQL names the tables first.
        let mut table = None;
        if !cursor.is_word(0, "from") {
            table = cursor.name();
            while !cursor.is_done()
                && !cursor.is_any(&["from", "where"])
                && !cursor.is_symbol(0, ')')
            {
                cursor.advance();
            }
        }
        if cursor.accept("from") {
            cursor.accept("only");
            table = table.or_else(|| cursor.name());
        }
        if let Some(table) = table {
            effects.push(Found {
                effect: Effect::Delete {
                    bound: bound(cursor, &table),
                    table,
                },
                offset,
                nested: false,
            });
        }
    } else if cursor.accept("update") {
        while cursor.accept_any(&[
            "low_priority",
            "ignore",
            "only",
            "or rollback",
            "or abort",
            "or replace",
            "or fail",
            "or ignore",
        ]) {}
        // `DO UPDATE SET` of an upsert, `FOR UPDATE` of a query.
        if cursor.is_any(&["set", "of", "nowait", "skip"]) && !cursor.is_word(1, "set") {
            return;
        }
        let Some(table) = cursor.name() else { return };
        if has_at_this_depth(cursor, "set").is_some() {
            effects.push(Found {
                effect: Effect::Update {
                    bound: bound(cursor, &table),
                    table,
                },
                offset,
                nested: false,
            });
        }
    } else {
        insert(cursor, effects);
    }
}

/// `INSERT`, `REPLACE`, `MERGE` right here.
fn insert(mut cursor: Cursor<'_>, effects: &mut Vec<Found>) {
    let offset = cursor.offset();
    let mut push = |effect: Effect, offset: usize| {
        effects.push(Found {
            effect,
            offset,
            nested: false,
        });
    };
    let replace = cursor.is_word(0, "replace") && !cursor.is_symbol(1, '(');
    let merge = cursor.is_word(0, "merge");
    if !replace && !merge && !cursor.is_word(0, "insert") {
        return;
    }
    cursor.advance();
    let replaces = replace || cursor.sees("or replace");
    while cursor.accept_any(&[
        "low_priority",
        "delayed",
        "high_priority",
        "ignore",
        "or replace",
        "or ignore",
        "or abort",
        "or fail",
        "or rollback",
    ]) {}
    cursor.accept("into");
    let Some(table) = cursor.name() else { return };
    if let Some(index) = merge_delete(cursor) {
        let mut delete = cursor;
        delete.move_to(index);
        let bound = merge_bound(cursor, index);
        push(
            Effect::Delete {
                table: table.clone(),
                bound,
            },
            delete.offset(),
        );
    }
    if !merge && let Some(copy) = copies::into(cursor, &table, replaces, false) {
        push(copy, offset);
    }
    push(
        Effect::Insert {
            table,
            copies: copied(cursor),
        },
        offset,
    );
}

/// The table of `SELECT .. FROM table` and nothing behind it.
fn copied(cursor: Cursor<'_>) -> Option<Name> {
    let from = has_at_this_depth(cursor, "from")?;
    let mut cursor = cursor;
    cursor.move_to(from + 1);
    let name = cursor.name()?;
    (cursor.is_done() || cursor.is_delimiter()).then_some(name)
}

/// The DELETE of `MERGE .. WHEN .. THEN DELETE`.
fn merge_delete(cursor: Cursor<'_>) -> Option<usize> {
    let mut probe = cursor;
    while !probe.is_done() {
        if probe.sees("then delete") {
            return Some(probe.index() + 1);
        }
        probe.advance();
    }
    None
}

/// `WHEN NOT MATCHED BY SOURCE THEN DELETE` and `ON true` delete without a choice.
fn merge_bound(cursor: Cursor<'_>, delete: usize) -> Bound {
    if cursor.contains("by source then delete") {
        return Bound::Missing;
    }
    let Some(on) = has_at_this_depth(cursor, "on") else {
        return Bound::Missing;
    };
    let end = has_at_this_depth(cursor, "when").unwrap_or(delete);
    let choice = cursor.range(on + 1, end);
    if condition::is_always_true(&choice) {
        Bound::AlwaysTrue
    } else {
        Bound::Condition
    }
}

/// The index of a word outside brackets, before the statement or the brackets around it end.
fn has_at_this_depth(cursor: Cursor<'_>, word: &str) -> Option<usize> {
    let mut probe = cursor;
    while !probe.is_done() && !probe.is_symbol(0, ')') && !probe.is_delimiter() {
        if probe.is_word(0, word) {
            return Some(probe.index());
        }
        probe.skip_one();
    }
    None
}

fn bound(cursor: Cursor<'_>, table: &Name) -> Bound {
    let Some(index) = has_at_this_depth(cursor, "where") else {
        // The first rows in an order, so many and no more; LIMIT alone takes any.
        let mut limit = cursor;
        let some = has_at_this_depth(cursor, "order").is_some()
            && has_at_this_depth(cursor, "limit").is_some_and(|index| {
                limit.move_to(index);
                limit.limits()
            });
        return if some {
            Bound::Condition
        } else {
            Bound::Missing
        };
    };
    let mut end = cursor;
    end.move_to(index + 1);
    while !end.is_done()
        && !end.is_symbol(0, ')')
        && !end.is_delimiter()
        && !end.is_any(&["returning", "order", "limit"])
    {
        end.skip_one();
    }
    let condition = cursor.range(index + 1, end.index());
    if is_always_true(condition) || is_in_itself(condition, table, cursor) {
        Bound::AlwaysTrue
    } else {
        Bound::Condition
    }
}

fn is_always_true(condition: Cursor<'_>) -> bool {
    // MySQL's `||` is OR, and the parser takes it for the other databases' operator.
    let mut rest = condition;
    if condition.dialect().is_mysql_like() {
        let mut probe = condition;
        while !probe.is_done() {
            if probe.is_symbol(0, '|') && probe.is_symbol(1, '|') {
                let term = rest.range(rest.index(), probe.index());
                if condition::is_always_true(&term) {
                    return true;
                }
                probe.move_to(probe.index() + 2);
                rest.move_to(probe.index());
            } else {
                probe.skip_one();
            }
        }
    }
    let condition = rest.remaining();
    condition::is_always_true(&condition) || is_same_on_both_sides(condition)
}

/// `now() = now()`, and a pattern that every text has: `name GLOB '*'`.
fn is_same_on_both_sides(condition: Cursor<'_>) -> bool {
    let mut probe = condition;
    while !probe.is_done() {
        if probe.is_any(&["and", "or", "not", "between"]) {
            return false;
        }
        if probe.is_word(0, "glob") {
            return probe.source(1) == "'*'" && probe.peek(2).is_none();
        }
        if probe.is_symbol(0, '=') {
            let (left, right) = (condition.range(0, probe.index()), probe.index() + 1);
            let mut rest = condition;
            rest.move_to(right);
            let left = left.canonical();
            return !left.is_empty() && left == rest.canonical();
        }
        probe.skip_one();
    }
    false
}

/// `id IN (SELECT id FROM the_same_table)`, also by way of a CTE of the statement.
fn is_in_itself(mut condition: Cursor<'_>, table: &Name, statement: Cursor<'_>) -> bool {
    let dialect = condition.dialect();
    let Some(column) = condition.name() else {
        return false;
    };
    let any = condition.is_symbol(0, '=')
        && (condition.is_word(1, "any") || condition.is_word(1, "some"));
    if any {
        condition.advance();
        condition.advance();
    } else if !condition.accept("in") {
        return false;
    }
    let Some(query) = condition.group() else {
        return false;
    };
    let is_column =
        |name: &Name| dialect.column_key(&name.name) == dialect.column_key(&column.name);
    let Some((chosen, from)) = whole_column(query).filter(|_| condition.is_done()) else {
        return false;
    };
    let same = |name: &Name| name.key(dialect) == table.key(dialect);
    is_column(&chosen)
        && (same(&from)
            || cte(statement, &from)
                .and_then(whole_column)
                .is_some_and(|(chosen, from)| is_column(&chosen) && same(&from)))
}

/// Column and table of `SELECT column FROM table` with nothing that leaves a row out.
fn whole_column(mut query: Cursor<'_>) -> Option<(Name, Name)> {
    query.accept("select");
    query.accept("distinct");
    let column = query.name()?;
    if !query.accept("from") {
        return None;
    }
    let table = query.name()?;
    query.accept("as");
    if !query.is_any(&["where", "limit", "join", "order", "group"]) {
        query.part();
    }
    query.is_done().then_some((column, table))
}

/// The query behind `WITH name AS`, wherever in the statement.
fn cte<'a>(statement: Cursor<'a>, wanted: &Name) -> Option<Cursor<'a>> {
    let mut probe = statement;
    probe.move_to(0);
    if !probe.accept("with") {
        return None;
    }
    probe.accept("recursive");
    loop {
        let name = probe.name()?;
        let is_wanted = name.key(probe.dialect()) == wanted.key(probe.dialect());
        // Columns of other names than the query's are not followed.
        let renamed = probe.group().is_some();
        if !probe.accept("as") {
            return None;
        }
        probe.accept_any(&["materialized", "not materialized"]);
        let query = probe.group()?;
        if is_wanted {
            return (!renamed).then_some(query);
        }
        if !probe.accept_symbol(',') {
            return None;
        }
    }
}
