//! What a statement does, read from its tokens.
//!
//! A grammar of what is dangerous rather than of SQL: it reads each statement's head, and every place inside at which another statement can
//! start (a CTE, a trigger's body, a DO block). It also serves where the parser gives up, which is where the dangerous statements are: one to
//! three in a hundred real statements do not parse. What neither understands is for the caller to refuse.

use crate::access;
use crate::alter::{self, AlterAction};
use crate::body::{body, is_plain_sql, literal_sql};
use crate::copies;
use crate::cursor::Cursor;
use crate::dialect::Dialect;
use crate::dml;
use crate::effect::{Effect, Found, Reading};
use crate::made::{create, drop_statement};
use crate::object;
use crate::token::TokenKind;

/// Bodies in bodies that are looked into.
const BODIES: usize = 3;

pub(crate) fn read(cursor: Cursor<'_>) -> Reading {
    let mut reading = Reading::default();
    read_into(cursor, &mut reading, BODIES);
    // What makes a routine does one thing; the rest is what the routine does.
    let own = reading
        .effects
        .iter()
        .position(|found| matches!(found.effect, Effect::Create { .. }))
        .filter(|_| cursor.is_word(0, "create"));
    if own.is_some() || cursor.is_word(0, "do") {
        let own = own.map_or(0, |index| index + 1);
        for found in reading.effects.iter_mut().skip(own) {
            found.nested = true;
        }
    }
    reading
}

pub(crate) fn read_into(mut cursor: Cursor<'_>, reading: &mut Reading, bodies: usize) {
    if cursor.is_any(&["explain", "describe", "desc"])
        || (cursor.dialect() == Dialect::Mariadb
            && cursor.is_word(0, "analyze")
            && !cursor.is_word(1, "table"))
    {
        let runs = cursor.is_word(0, "analyze") || explains_by_running(&cursor);
        if !runs {
            reading.known = true;
            return;
        }
        while !cursor.is_done()
            && !cursor.is_any(&[
                "select", "insert", "update", "delete", "merge", "with", "values", "create",
                "execute", "replace",
            ])
        {
            cursor.skip_one();
        }
    }
    if let Some(literal) = literal_sql(&cursor) {
        let judged = bodies > 0 && is_plain_sql(&literal);
        if judged {
            body(&literal, reading, bodies);
        } else {
            reading.effects.push(Found {
                effect: Effect::DynamicSql {
                    what: cursor.source(0).to_uppercase(),
                },
                offset: cursor.offset(),
                nested: false,
            });
        }
        reading.known = true;
        return;
    }
    if cursor.is_word(0, "do") && cursor.dialect() == Dialect::Postgres {
        reading.known = !cursor.contains("language") || cursor.contains("language plpgsql");
    } else if let Some(known) = head(cursor, &mut reading.effects) {
        reading.known = known;
    } else if let Some(known) = access::head(cursor, &mut reading.effects) {
        reading.known = known;
    }
    reading.known |= object::is_plain(&cursor) || cursor.is_word(0, "show");
    if !cursor.is_any(&["grant", "revoke", "comment"]) {
        inside(cursor, reading, bodies);
    }
}

/// `EXPLAIN ANALYZE` runs the statement.
fn explains_by_running(cursor: &Cursor<'_>) -> bool {
    let mut options = *cursor;
    options.advance();
    options.accept("extended");
    if options.is_symbol(0, '(') {
        let Some(group) = options.group() else {
            return false;
        };
        return group.items().iter().any(|item| {
            item.is_word(0, "analyze") && !item.is_word(1, "false") && !item.is_word(1, "off")
        });
    }
    options.accept("verbose");
    options.is_word(0, "analyze")
}

/// Reads the head of a statement; none when it is not one of these, else whether it was recognised entirely.
fn head(cursor: Cursor<'_>, effects: &mut Vec<Found>) -> Option<bool> {
    let offset = cursor.offset();
    let mut push = |effect: Effect| {
        effects.push(Found {
            effect,
            offset,
            nested: false,
        });
    };
    match cursor.word_at(0)?.to_ascii_lowercase().as_str() {
        "create" => create(cursor, &mut push),
        "alter" => {
            if let Some(alter) = alter::alter_table(cursor) {
                let known = alter
                    .actions
                    .iter()
                    .all(|(_, action)| is_recognised(action));
                for (offset, action) in alter.actions {
                    effects.push(Found {
                        effect: Effect::AlterTable {
                            table: alter.table.clone(),
                            action,
                        },
                        offset,
                        nested: false,
                    });
                }
                return Some(known);
            }
            object::alter(cursor, &mut push)
        }
        "select" => {
            if let Some(copy) = copies::select_into(cursor) {
                push(copy);
            }
            None
        }
        "drop" => drop_statement(cursor, &mut push),
        "rename" => {
            let mut cursor = cursor;
            cursor.accept("rename");
            cursor.accept_any(&["table", "tables"]).then_some(())?;
            cursor.accept("if exists");
            for mut item in cursor.remaining().items() {
                let table = item.name()?;
                // MariaDB's `WAIT n` and `NOWAIT`.
                if item.accept("wait") {
                    item.advance();
                }
                item.accept("nowait");
                item.accept("to").then_some(())?;
                let to = item.name()?;
                push(Effect::AlterTable {
                    table,
                    action: AlterAction::RenameTable { to },
                });
            }
            Some(true)
        }
        "truncate" if !cursor.is_symbol(1, '(') => {
            let mut cursor = cursor;
            cursor.advance();
            cursor.accept("table");
            cursor.accept("if exists");
            cursor.accept("only");
            let names = cursor.names();
            let cascade = cursor.contains("cascade");
            for table in &names {
                push(Effect::Truncate {
                    table: table.clone(),
                    cascade,
                });
            }
            Some(!names.is_empty())
        }
        _ => None,
    }
}

/// What an action is made of was read to the last word.
fn is_recognised(action: &AlterAction) -> bool {
    match action {
        AlterAction::AddColumn(definition) | AlterAction::ModifyColumn { definition, .. } => {
            definition.complete
        }
        AlterAction::Other { .. } => false,
        _ => true,
    }
}

/// Every place inside a statement where another can start.
fn inside(cursor: Cursor<'_>, reading: &mut Reading, bodies: usize) {
    let with = cursor.is_word(0, "with");
    let postgres = cursor.dialect() == Dialect::Postgres;
    let routine = cursor.is_any(&["create", "do", "begin", "declare"])
        || cursor.sees("alter event") && !postgres;
    let mut probe = cursor;
    let mut before = Before::Start;
    while !probe.is_done() {
        let opens = match before {
            Before::Start | Before::Open => true,
            Before::Close => with,
            Before::Word => false,
        };
        if opens {
            let so_far = reading.effects.len();
            dml::head(probe, &mut reading.effects);
            if with {
                for found in reading.effects.iter_mut().skip(so_far) {
                    chosen_before(&cursor, &mut found.effect);
                }
            }
            // Inside bodies other heads count too; the statement's own head was read before.
            if routine && probe.index() > 0 && before == Before::Open {
                let _ = head_of_body(probe, &mut reading.effects);
            }
        }
        access::call(probe, &mut reading.effects);
        // Elsewhere it is a string and nothing more.
        let is_body = match probe.kind() {
            Some(TokenKind::Body) => routine,
            Some(TokenKind::Text) => {
                routine && postgres && (before == Before::Open || cursor.is_word(0, "do"))
            }
            _ => false,
        };
        if is_body && bodies > 0 {
            body(&probe, reading, bodies);
        }
        before = match probe.kind() {
            Some(TokenKind::Symbol('(' | ';') | TokenKind::Delimiter) => Before::Open,
            Some(TokenKind::Symbol(')')) => Before::Close,
            Some(TokenKind::Word) if probe.is_any(OPENING) => Before::Open,
            _ => Before::Word,
        };
        probe.advance();
    }
}

/// Rows of a CTE are those that the CTE chose.
fn chosen_before(whole: &Cursor<'_>, effect: &mut Effect) {
    let Effect::CopyRows { from, bounded, .. } = effect else {
        return;
    };
    let mut probe = *whole;
    while !probe.is_done() {
        let Some(name) = probe.part() else {
            probe.advance();
            continue;
        };
        if name != from.name {
            continue;
        }
        // Its columns.
        probe.group();
        if probe.accept("as") {
            probe.accept_any(&["materialized", "not materialized"]);
            *bounded |= probe.group().is_some_and(copies::is_bounded_query);
            return;
        }
    }
}

#[derive(PartialEq, Clone, Copy)]
enum Before {
    Start,
    Open,
    Close,
    Word,
}

/// Words behind which a statement can start.
const OPENING: &[&str] = &[
    "as",
    "begin",
    "then",
    "else",
    "loop",
    "do",
    "row",
    "instead",
    "also",
    "atomic",
    "repeat",
    "statement",
    "handler",
    "immediately",
    "sqlexception",
    "sqlwarning",
    "found",
];

fn head_of_body(cursor: Cursor<'_>, effects: &mut Vec<Found>) -> Option<bool> {
    if cursor.is_any(&["drop", "truncate", "alter", "rename"]) {
        head(cursor, effects)
    } else if cursor.is_any(&["execute", "prepare", "grant", "revoke", "copy", "load"])
        || cursor.sees("set password")
    {
        access::head(cursor, effects)
    } else {
        None
    }
}
