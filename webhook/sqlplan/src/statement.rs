//! One statement of a script.

use std::borrow::Cow;

use crate::cursor::Cursor;
use crate::dialect::Dialect;
use crate::effect::Reading;
use crate::parse;
use crate::position::Position;
use crate::problem::{ProblemKind, SqlProblem};
use crate::read;
use crate::split::{Piece, Script};
use crate::token::{Token, TokenKind};

/// One statement, still inside its script, so that every place in it has a line and a column.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    script: &'a Script<'a>,
    piece: Piece,
    tokens: Vec<Token>,
}

impl<'a> Statement<'a> {
    pub(crate) fn new(script: &'a Script<'a>, piece: Piece) -> Self {
        let tokens = script
            .tokens
            .get(piece.first_token..piece.last_token)
            .unwrap_or_default();
        let tokens = tokens
            .iter()
            .copied()
            .filter(|token| token.kind != TokenKind::Comment)
            .collect();
        Self {
            script,
            piece,
            tokens,
        }
    }

    /// The bytes to run: as written, without the comments around and the delimiter behind.
    pub fn sql(&self) -> &'a str {
        let start = self
            .tokens
            .first()
            .map_or(self.piece.start, |token| token.start);
        let end = self
            .tokens
            .last()
            .map_or(self.piece.start, |token| token.end);
        self.script.text.get(start..end).unwrap_or_default()
    }

    /// The statement as Atlas hands it to a driver: from its first word to its delimiter, with the comments between. A semicolon stays, any other
    /// delimiter goes.
    pub fn written(&self) -> &'a str {
        let text = self.script.text;
        let start = self
            .tokens
            .first()
            .map_or(self.piece.start, |token| token.start);
        let delimiter = self.script.tokens.get(self.piece.last_token);
        let end = delimiter
            .filter(|token| token.kind == TokenKind::Delimiter && token.end == self.piece.end)
            .filter(|token| text.get(token.start..token.end) != Some(";"))
            .map_or(self.piece.end, |token| token.start);
        text.get(start..end).unwrap_or_default().trim()
    }

    /// What the database is sent of [`Statement::written`]: the mysql client takes away a backslash that ends a line of code, which no server knows.
    pub fn sent(&self) -> Cow<'a, str> {
        let (text, written) = (self.script.text, self.written());
        let start = self.tokens.first().map_or(0, |token| token.start);
        let ends_a_line = |token: &&Token| {
            token.kind == TokenKind::Symbol('\\')
                && self.dialect().is_mysql_like()
                && text.as_bytes().get(token.end) == Some(&b'\n')
        };
        let mut sent = String::new();
        let mut from = 0;
        for token in self.tokens.iter().filter(ends_a_line) {
            let at = token.start - start;
            sent.push_str(written.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        if from == 0 {
            return Cow::Borrowed(written);
        }
        sent.push_str(written.get(from..).unwrap_or_default());
        Cow::Owned(sent)
    }

    /// The first byte of its piece of the script, with the comments before it.
    pub fn start(&self) -> usize {
        self.piece.start
    }

    /// Where its first word is.
    pub fn position(&self) -> Position {
        self.script.position(
            self.tokens
                .first()
                .map_or(self.piece.start, |token| token.start),
        )
    }

    /// Whose rules it was read by.
    pub fn dialect(&self) -> Dialect {
        self.script.dialect
    }

    /// The line and column of a byte of the script.
    pub fn position_of(&self, offset: usize) -> Position {
        self.script.position(offset)
    }

    /// Whether a client's `DELIMITER` lets semicolons be inside though it is no routine, which has them by right.
    pub fn hides_delimiters(&self) -> bool {
        let holds = |token: &Token| token.kind == TokenKind::Symbol(';');
        if !self.tokens.iter().any(holds) {
            return false;
        }
        let cursor = self.cursor();
        let routine = ["procedure", "function", "trigger", "event"];
        !(cursor.is_word(0, "create") && routine.iter().any(|word| cursor.contains(word)))
    }

    /// Whether it is the other word for word, cut into the same tokens: both do the same, and differ in where they stand.
    pub fn is_same(&self, other: &Statement<'_>) -> bool {
        let start = |of: &Statement<'_>| of.tokens.first().map_or(0, |token| token.start);
        let (own, others) = (start(self), start(other));
        let same = |(left, right): (&Token, &Token)| {
            left.kind == right.kind
                && left.start - own == right.start - others
                && left.end - own == right.end - others
        };
        self.dialect() == other.dialect()
            && self.tokens.len() == other.tokens.len()
            && self.sql() == other.sql()
            && self.tokens.iter().zip(&other.tokens).all(same)
    }

    /// What it does, read from its tokens.
    pub fn read(&self) -> Reading {
        read::read(self.cursor())
    }

    /// The second opinion: does the parser, given this piece alone, see exactly one statement in it?
    pub fn parse(&self) -> Result<(), SqlProblem> {
        parse::one_statement(self.script, &self.piece)
    }

    /// Both readers together: an error when neither understands the statement, or when they disagree about where it ends.
    pub fn check(&self, reading: &Reading) -> Result<(), SqlProblem> {
        if self.needs_parser(reading) {
            Self::accept(reading, self.parse())
        } else {
            Ok(())
        }
    }

    /// Whether the parser's opinion can matter. Of what we read to the last word only a disagreement about the end counts, and there is none to be
    /// had where no semicolon and no END is, by anybody's idea of strings and names. Parsing is half the cost of a plain statement.
    pub fn needs_parser(&self, reading: &Reading) -> bool {
        !reading.known || may_end_elsewhere(self.sql())
    }

    /// [`Statement::check`] where the parser was asked before: its opinion, and what we read ourselves.
    pub fn accept(reading: &Reading, parsed: Result<(), SqlProblem>) -> Result<(), SqlProblem> {
        parsed.or_else(|problem| match problem.kind {
            ProblemKind::Unparsed { .. } if reading.known => Ok(()),
            _ => Err(problem),
        })
    }

    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor::new(self.script.text, self.script.dialect, &self.tokens)
    }
}

/// Whether a semicolon or the word END is anywhere in the text.
fn may_end_elsewhere(sql: &str) -> bool {
    let bytes = sql.as_bytes();
    let is_part = |index: Option<usize>| {
        index
            .and_then(|index| bytes.get(index))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    bytes.contains(&b';')
        || bytes.windows(3).enumerate().any(|(index, word)| {
            word.first().is_some_and(|first| b"eE".contains(first))
                && word.eq_ignore_ascii_case(b"end")
                && !is_part(index.checked_sub(1))
                && !is_part(Some(index + 3))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_of_its_own_is_seen() {
        for (sql, expected) in [
            (
                "CREATE TABLE vendor (legend int, end_day date, weekend date)",
                false,
            ),
            ("SELECT 1 END", true),
            ("end", true),
            ("SELECT 'a;b'", true),
            ("CREATE TABLE a(i int)eNd", true),
            ("", false),
        ] {
            assert_eq!(may_end_elsewhere(sql), expected, "{sql}");
        }
    }
}
