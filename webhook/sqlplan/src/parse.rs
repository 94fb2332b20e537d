//! The second reader: sqlparser, one piece at a time.
//!
//! `Parser::parse_sql` is not used. It stops without a word at `END` (`SELECT 1 END; DROP TABLE t` is "one statement") and takes everything
//! after `COPY .. FROM STDIN` for data. Here each piece is parsed alone, and must be one statement up to its last token. Comments are
//! blanked before, so that two ideas of where a comment ends cannot matter.

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token as ForeignToken, Tokenizer};

use crate::dialect::Dialect;
use crate::position::Position;
use crate::problem::{ProblemKind, SqlProblem};
use crate::shown::shown;
use crate::split::{Piece, Script};
use crate::token::TokenKind;

/// Nested brackets and clauses; real statements stay far below, see also [`crate::limits::BRACKETS`].
const RECURSION: usize = 50;

pub(crate) fn one_statement(script: &Script<'_>, piece: &Piece) -> Result<(), SqlProblem> {
    let tokens = script
        .tokens
        .get(piece.first_token..piece.last_token)
        .unwrap_or_default();
    let Some(first) = tokens.iter().find(|token| token.kind != TokenKind::Comment) else {
        return Ok(());
    };
    let text = shown(script, tokens);
    let start = script.position(first.start);
    let problem = |location: Location, kind: ProblemKind| SqlProblem {
        kind,
        position: relative(script, &text, start, location),
    };

    let grammar = grammar(script.dialect);
    let foreign = Tokenizer::new(grammar.as_ref(), &text)
        .tokenize_with_location()
        .map_err(|error| {
            let message = format!("not understood: {}", masked(&error.message));
            problem(error.location, ProblemKind::Unparsed { message })
        })?;
    let foreign_delimiter = foreign
        .iter()
        .find(|token| token.token == ForeignToken::SemiColon);
    let is_routine = tokens
        .iter()
        .any(|token| matches!(token.kind, TokenKind::Delimiter | TokenKind::Symbol(';')));
    if let Some(token) = foreign_delimiter
        && !is_routine
    {
        let message = "the splitter sees one statement here, the parser sees a delimiter inside it"
            .to_owned();
        return Err(problem(
            token.span.start,
            ProblemKind::Disagreement { message },
        ));
    }

    let mut parser = Parser::new(grammar.as_ref())
        .with_recursion_limit(RECURSION)
        .with_tokens_with_locations(foreign);
    let parsed = parser.parse_statement();
    // The end of the text has no place of its own: take the start.
    let place = |location: Location| {
        if location.line == 0 {
            Location { line: 1, column: 1 }
        } else {
            location
        }
    };
    let next = parser.peek_token();
    match parsed {
        Ok(tree) => {
            // Only whether it parses is asked; what it means is read from the tokens.
            drop(tree);
            if next.token == ForeignToken::EOF {
                return Ok(());
            }
            let at_end = matches!(&next.token, ForeignToken::Word(word) if word.value.eq_ignore_ascii_case("end"));
            let kind = if at_end {
                let message = "the parser takes END for the end of the file and would not look at what follows".to_owned();
                ProblemKind::Disagreement { message }
            } else {
                ProblemKind::Unparsed {
                    message: "not understood from here on".to_owned(),
                }
            };
            Err(problem(place(next.span.start), kind))
        }
        Err(error) => {
            let (message, location) = match &error {
                ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
                    split_location(message)
                }
                ParserError::RecursionLimitExceeded => ("nested too deeply", None),
            };
            let message = format!("not understood: {}", masked(message));
            Err(problem(
                place(location.unwrap_or(next.span.start)),
                ProblemKind::Unparsed { message },
            ))
        }
    }
}

/// An expression alone; none when it is not exactly one.
pub(crate) fn expression(text: &str, dialect: Dialect) -> Option<Expr> {
    let grammar = grammar(dialect);
    let mut parser = Parser::new(grammar.as_ref())
        .with_recursion_limit(RECURSION)
        .try_with_sql(text)
        .ok()?;
    let expression = parser.parse_expr().ok()?;
    (parser.peek_token().token == ForeignToken::EOF).then_some(expression)
}

fn grammar(dialect: Dialect) -> Box<dyn Grammar> {
    match dialect {
        Dialect::Mysql | Dialect::Mariadb => Box::new(MySqlDialect {}),
        Dialect::Postgres => Box::new(PostgreSqlDialect {}),
        Dialect::Sqlite => Box::new(SQLiteDialect {}),
    }
}

/// sqlparser writes ` at Line: 1, Column: 8` behind its messages.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let Some((message, place)) = message.rsplit_once(" at Line: ") else {
        return (message, None);
    };
    let location = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location {
            line: line.trim().parse().ok()?,
            column: column.trim().parse().ok()?,
        })
    });
    (message, location)
}

/// The parser quotes what it found; a string could be a password.
fn masked(message: &str) -> String {
    let shown = match message.find('\'') {
        Some(index) => format!("{}'..'", message.get(..index).unwrap_or_default()),
        None => message.to_owned(),
    };
    shown.chars().take(120).collect()
}

/// A place in the blanked statement as a place in the script.
fn relative(script: &Script<'_>, text: &str, start: Position, location: Location) -> Position {
    let line = usize::try_from(location.line.max(1)).unwrap_or(1);
    let column = usize::try_from(location.column.max(1)).unwrap_or(1);
    let line_start = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum::<usize>();
    let within = text.get(line_start..).unwrap_or_default();
    let column_bytes = within
        .char_indices()
        .nth(column - 1)
        .map_or(within.len(), |(index, _)| index);
    script.position(start.offset + line_start + column_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect::{Mysql, Postgres, Sqlite};

    #[track_caller]
    fn check(dialect: Dialect, text: &str, expected: &[&str]) {
        let script = Script::new(text, dialect);
        let seen: Vec<String> = script
            .statements()
            .map(|statement| {
                statement
                    .parse()
                    .err()
                    .map_or_else(|| "one".to_owned(), |problem| problem.to_string())
            })
            .collect();
        assert_eq!(seen.len(), expected.len(), "{seen:?}");
        for (seen, expected) in seen.iter().zip(expected) {
            assert!(seen.contains(expected), "{text}: {seen}, not {expected}");
        }
    }

    #[test]
    fn one_piece_is_one_statement() {
        check(Postgres, "SELECT 1; SELECT /* x; */ 2;", &["one", "one"]);
        check(
            Postgres,
            "SELECT 1 END; DROP TABLE users;",
            &["line 1, column 10: the parser takes END", "one"],
        );
        check(
            Postgres,
            "CREATE TABLE a(i int) END; DROP TABLE t;",
            &["line 1, column 23: the parser takes END", "one"],
        );
        check(
            Postgres,
            "SELECT 1;\n  SELEC 2;",
            &["one", "line 2, column 3: not understood"],
        );
        check(
            Mysql,
            "CREATE TABLE t (a int) WHATEVER IT IS",
            &["not understood"],
        );
        check(Sqlite, "SELECT \"a;b\";", &["one"]);
    }

    #[test]
    fn strings_are_not_shown() {
        let script = Script::new(
            "CREATE USER x IDENTIFIED BY 'hunter2' 'hunter2' GRANT;",
            Postgres,
        );
        for statement in script.statements() {
            assert!(!format!("{:?}", statement.parse()).contains("hunter2"));
        }
    }
}
