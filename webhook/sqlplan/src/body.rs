//! Code inside strings: bodies of routines and blocks, and dynamic SQL whose text is written out.

use crate::access;
use crate::cursor::{Cursor, unquote};
use crate::dialect::Dialect;
use crate::effect::{Effect, Found, Reading};
use crate::read::read_into;
use crate::token::{self, TokenKind};

/// The string of `EXECUTE 'x'`, `EXECUTE IMMEDIATE 'x'` and `PREPARE p FROM 'x'`, where it is one string and no more: it is what runs.
pub(crate) fn literal_sql<'a>(cursor: &Cursor<'a>) -> Option<Cursor<'a>> {
    let mut probe = *cursor;
    if probe.accept("prepare") {
        probe.part()?;
        probe.accept("from").then_some(())?;
    } else if probe.accept("execute") {
        let immediate = probe.accept("immediate");
        (immediate || cursor.dialect() == Dialect::Postgres).then_some(())?;
    } else {
        return None;
    }
    let literal = probe;
    matches!(probe.kind(), Some(TokenKind::Text | TokenKind::Body)).then_some(())?;
    probe.advance();
    let ends = probe.is_done() || probe.is_delimiter() || probe.is_any(&["using", "into"]);
    ends.then_some(literal)
}

/// Whether a string is read as the server will read it: no escapes, and statements whose words are looked for in bodies.
pub(crate) fn is_plain_sql(literal: &Cursor<'_>) -> bool {
    let source = literal.source(0);
    let inner = source.trim_start_matches(['\'', '"', '$']).trim_start();
    let first: String = inner
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    !source.contains('\\')
        && STATEMENTS.contains(&first.to_ascii_lowercase().as_str())
        && !source.contains(';')
}

/// The words of which a statement in a body starts with one.
const STATEMENTS: &[&str] = &[
    "drop", "truncate", "alter", "grant", "revoke", "execute", "copy", "create", "delete",
    "update", "insert", "set", "perform", "reassign", "with", "select", "lock", "cluster",
    "vacuum", "reindex", "refresh", "load", "import", "merge", "replace", "rename", "optimize",
];

/// The text between dollar quotes, as the code it usually is.
pub(crate) fn body(cursor: &Cursor<'_>, reading: &mut Reading, bodies: usize) {
    let source = cursor.source(0);
    let unquoted;
    let (inner, start) = if cursor.kind() == Some(TokenKind::Body) {
        let tag = source
            .get(1..)
            .and_then(|rest| rest.find('$'))
            .map_or(0, |index| index + 2);
        let inner = source
            .get(tag..source.len().saturating_sub(tag))
            .unwrap_or_default();
        (inner, cursor.offset() + tag)
    } else {
        // Doubled quotes make places inside it inexact: all are where the string starts.
        unquoted = unquote(source);
        (unquoted.as_str(), cursor.offset())
    };
    let exact = cursor.kind() == Some(TokenKind::Body);
    let (tokens, _) = token::tokens(inner, cursor.dialect());
    let tokens: Vec<_> = tokens
        .into_iter()
        .filter(|token| token.kind != TokenKind::Comment)
        .collect();
    let mut found = Reading::default();
    let mut from = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Delimiter || index + 1 == tokens.len() {
            body_statement(
                Cursor::new(
                    inner,
                    cursor.dialect(),
                    tokens.get(from..=index).unwrap_or_default(),
                ),
                &mut found,
                bodies - 1,
            );
            from = index + 1;
        }
    }
    reading
        .effects
        .extend(found.effects.into_iter().map(|found| Found {
            offset: if exact { found.offset + start } else { start },
            ..found
        }));
}

/// One statement of a body, behind the words of the procedural language.
fn body_statement(cursor: Cursor<'_>, found: &mut Reading, bodies: usize) {
    let mut probe = cursor;
    let mut starts = true;
    while !probe.is_done() {
        if starts && probe.is_any(STATEMENTS) {
            let one = probe.remaining();
            // In a body EXECUTE runs a text; a call behind it makes the text.
            let makes_text = one.is_word(0, "execute") && one.is_symbol(2, '(');
            if makes_text && one.dialect() == Dialect::Postgres {
                found.effects.push(Found {
                    effect: Effect::DynamicSql {
                        what: "EXECUTE".to_owned(),
                    },
                    offset: one.offset(),
                    nested: false,
                });
            }
            read_into(one, found, bodies);
            return;
        }
        starts = probe.is_any(&["begin", "then", "else", "loop"]) || probe.is_symbol(0, '>');
        access::call(probe, &mut found.effects);
        probe.advance();
    }
}
