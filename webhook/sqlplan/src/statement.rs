//! One statement of a script.

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
        let cursor = self.cursor();
        let routine = cursor.is_word(0, "create")
            && ["procedure", "function", "trigger", "event"]
                .iter()
                .any(|word| cursor.contains(word));
        !routine
            && self
                .tokens
                .iter()
                .any(|token| token.kind == TokenKind::Symbol(';'))
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
        self.parse().or_else(|problem| match problem.kind {
            ProblemKind::Unparsed { .. } if reading.known => Ok(()),
            _ => Err(problem),
        })
    }

    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor::new(self.script.text, self.script.dialect, &self.tokens)
    }
}
