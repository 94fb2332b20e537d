//! `DELETE`, `UPDATE`, `INSERT`, `MERGE`: which table, and which of its rows.

use crate::condition;
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
                    table,
                    bound: bound(cursor),
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
                    table,
                    bound: bound(cursor),
                },
                offset,
                nested: false,
            });
        }
    } else if cursor.accept("insert")
        || (cursor.is_word(0, "replace") && !cursor.is_symbol(1, '(') && cursor.accept("replace"))
        || cursor.accept("merge")
    {
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
            effects.push(Found {
                effect: Effect::Delete {
                    table: table.clone(),
                    bound: merge_bound(cursor, index),
                },
                offset: delete.offset(),
                nested: false,
            });
        }
        effects.push(Found {
            effect: Effect::Insert {
                table,
                copies: copied(cursor),
            },
            offset,
            nested: false,
        });
    }
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

fn bound(cursor: Cursor<'_>) -> Bound {
    let Some(index) = has_at_this_depth(cursor, "where") else {
        return Bound::Missing;
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
    if condition::is_always_true(&cursor.range(index + 1, end.index())) {
        Bound::AlwaysTrue
    } else {
        Bound::Condition
    }
}
