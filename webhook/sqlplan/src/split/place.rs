//! A word of a statement, and what stands beside it, comments aside.

use super::is_any;
use crate::token::{Token, TokenKind};

/// What stands beside a word.
#[derive(Clone, Copy)]
pub(super) enum Near<'a> {
    Nothing,
    Semicolon,
    Word(&'a str),
    Symbol(char),
    /// A string, a number, a quoted name.
    Other,
}

impl Near<'_> {
    /// Whether it is one of these words.
    pub(super) fn is(self, wanted: &[&str]) -> bool {
        matches!(self, Self::Word(word) if is_any(word, wanted))
    }
}

/// A word where it stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    /// The statement's first token.
    pub(super) first: usize,
    /// The word.
    pub(super) index: usize,
    pub(super) in_brackets: bool,
}

impl<'a> Place<'a> {
    fn at(self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// The word itself.
    pub(super) fn word(self) -> &'a str {
        self.tokens
            .get(self.index)
            .map_or("", |token| self.at(*token))
    }

    fn near(self, token: Option<&Token>) -> Near<'a> {
        match token {
            None => Near::Nothing,
            Some(token) => match token.kind {
                TokenKind::Delimiter | TokenKind::Symbol(';') => Near::Semicolon,
                TokenKind::Word => Near::Word(self.at(*token)),
                TokenKind::Symbol(symbol) => Near::Symbol(symbol),
                _ => Near::Other,
            },
        }
    }

    /// What is before the word and no comment.
    pub(super) fn before(self) -> Near<'a> {
        let before = self.tokens.get(self.first..self.index).unwrap_or_default();
        let mut before = before.iter().rev();
        self.near(before.find(|token| token.kind != TokenKind::Comment))
    }

    /// The token behind the word that is no comment, and where it is.
    pub(super) fn behind(self) -> (usize, Near<'a>) {
        let behind = self.tokens.get(self.index + 1..).unwrap_or_default();
        let found = behind
            .iter()
            .position(|token| token.kind != TokenKind::Comment);
        let index = self.index + 1 + found.unwrap_or_default();
        (index, self.near(found.and_then(|_| self.tokens.get(index))))
    }

    /// The statement's words before this one.
    pub(super) fn words_before(self) -> impl Iterator<Item = &'a str> {
        let before = self.tokens.get(self.first..self.index).unwrap_or_default();
        before
            .iter()
            .filter(|token| token.kind == TokenKind::Word)
            .map(move |token| self.at(*token))
    }
}
