//! Expressions in one spelling, as far as that takes no grammar.
//!
//! Servers print expressions otherwise than people write them: `((price > (0)::numeric))` for `price > 0`, `= ANY (ARRAY['a'::text])` for
//! `IN ('a')`. Brackets that group nothing, PostgreSQL's casts and a few words are brought to one form here. A bracket is only taken away where
//! precedence cannot matter; two texts that differ may still mean the same, never the other way round (but for casts, which the types of the
//! columns imply).

use crate::cursor::Cursor;
use crate::dialect::Dialect;
use crate::token::{Token, TokenKind};

/// How often brackets are looked for; a server adds two or three layers.
const PASSES: usize = 4;
/// Above this many tokens an expression is compared as it stands.
const LONGEST: usize = 2_000;

pub(crate) fn canonical(cursor: Cursor<'_>) -> String {
    let cursor = cursor.remaining();
    // A default or a name, mostly: nothing to bring to one form.
    if cursor.tokens().len() > LONGEST || cursor.tokens().len() == 1 {
        return cursor.canonical();
    }
    let mut tokens = cursor.tokens().to_vec();
    if cursor.dialect() == Dialect::Postgres {
        tokens = without_casts(&cursor, &tokens);
    }
    for _ in 0..PASSES {
        let fewer = without_brackets(&cursor, &tokens);
        if fewer.len() == tokens.len() {
            break;
        }
        tokens = fewer;
    }
    respelled(&cursor.with(&tokens).canonical())
}

/// Without `::type`.
fn without_casts(cursor: &Cursor<'_>, tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = cursor.with(tokens);
    while let Some(token) = rest.peek(0) {
        if rest.is_symbol(0, ':') && rest.is_symbol(1, ':') {
            rest.advance();
            rest.advance();
            rest.name();
            rest.accept_any(&["varying", "precision"]);
            if rest.is_symbol(0, '(') {
                rest.skip_one();
            }
            rest.accept_any(&["without time zone", "with time zone"]);
            while rest.is_symbol(0, '[') {
                rest.skip_one();
            }
        } else {
            kept.push(*token);
            rest.advance();
        }
    }
    kept
}

/// One layer of brackets less, where they group nothing.
fn without_brackets(cursor: &Cursor<'_>, tokens: &[Token]) -> Vec<Token> {
    let mut open = Vec::new();
    let mut dropped = vec![false; tokens.len()];
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Symbol('(') => open.push(index),
            TokenKind::Symbol(')') => {
                if let Some(start) = open.pop()
                    && groups_nothing(cursor, tokens, start, index)
                    && let (Some(first), Some(last)) = (dropped.get(start), dropped.get(index))
                    && !first
                    && !last
                {
                    for place in [start, index] {
                        if let Some(place) = dropped.get_mut(place) {
                            *place = true;
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut dropped = dropped.into_iter();
    tokens
        .iter()
        .copied()
        .filter(|_| !dropped.next().unwrap_or(false))
        .collect()
}

fn groups_nothing(cursor: &Cursor<'_>, tokens: &[Token], start: usize, end: usize) -> bool {
    let at = |index: usize| {
        let one = tokens.get(index..=index).unwrap_or_default();
        cursor.with(one)
    };
    let before = start.checked_sub(1).map(at);
    let after = at(end + 1);
    let joins = |cursor: &Cursor<'_>| cursor.is_any(&["and", "or"]);
    let begins = before.as_ref().is_none_or(|before| {
        before.is_symbol(0, '(')
            || before.is_symbol(0, ',')
            || before.is_any(&["where", "when", "then", "else", "check", "return"])
    });
    let ends = after.is_done()
        || after.is_symbol(0, ')')
        || after.is_symbol(0, ',')
        || after.is_any(&["then", "when", "else", "end"]);
    // What a word stands before is an argument list, or the list of an IN.
    let called = before.as_ref().is_some_and(|before| {
        matches!(before.kind(), Some(TokenKind::Word | TokenKind::QuotedName))
            && !joins(before)
            && !before.is_any(&[
                "where", "when", "then", "else", "not", "check", "between", "like", "return",
            ])
    });
    if called {
        return false;
    }
    let inner = cursor.with(tokens.get(start + 1..end).unwrap_or_default());
    if is_operand(inner) {
        return true;
    }
    let mut probe = inner;
    let (mut has_or, mut has_comma) = (false, false);
    while !probe.is_done() {
        has_or |= probe.is_word(0, "or") || probe.is_any(&["select", "case", "between"]);
        has_comma |= probe.is_symbol(0, ',');
        probe.skip_one();
    }
    if has_comma || inner.is_done() {
        return false;
    }
    let alone = begins && ends;
    let joined = |by: &[&str]| {
        (begins || before.as_ref().is_some_and(|before| before.is_any(by)))
            && (ends || after.is_any(by))
    };
    // AND binds tighter than OR, and neither than anything else but NOT.
    alone || (!has_or && joined(&["and", "or"]))
}

/// A name, a number, a string or a call.
fn is_operand(inner: Cursor<'_>) -> bool {
    let mut probe = inner;
    match probe.kind() {
        Some(TokenKind::Number | TokenKind::Text) => {
            probe.advance();
            probe.is_done()
        }
        Some(TokenKind::Word | TokenKind::QuotedName)
            if !probe.is_any(&["not", "select", "case"]) =>
        {
            if probe.name().is_none() {
                return false;
            }
            if probe.is_symbol(0, '(') {
                probe.skip_one();
            }
            probe.is_done()
        }
        _ => false,
    }
}

/// Operators and functions with two names.
fn respelled(text: &str) -> String {
    if !text.contains(['!', '[']) {
        return text.to_owned();
    }
    let mut text = text.replace("!=", "<>");
    for (long, short) in [("=any(array[", " in("), ("<>all(array[", " not in(")] {
        while let Some(start) = text.find(long) {
            let Some(end) = text.get(start..).and_then(|rest| rest.find("])")) else {
                break;
            };
            let before = text.get(..start).unwrap_or_default();
            let list = text
                .get(start + long.len()..start + end)
                .unwrap_or_default();
            let after = text.get(start + end + 2..).unwrap_or_default();
            text = format!("{before}{short}{list}){after}");
        }
    }
    text
}
