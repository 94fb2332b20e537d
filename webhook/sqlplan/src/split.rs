//! A text to statements: the only splitter that Tidegate has.
//!
//! The policy judges, and the reconciler runs, exactly these pieces; two splitters would be a hole between them. Pieces cover the text: joined
//! they give it back byte for byte. Parsing is not done here.

mod blocks;
mod place;

use self::blocks::Blocks;
use self::place::Place;
use crate::dialect::Dialect;
use crate::limits;
use crate::position::{Lines, Position};
use crate::problem::{ProblemKind, SqlProblem};
use crate::statement::Statement;
use crate::token::{self, Complaint, Token, TokenKind};

/// What a piece of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// A statement, with the comments before it and its delimiter.
    Statement,
    /// A client's `DELIMITER` line.
    Directive,
    /// White space, comments and lone delimiters.
    Blank,
}

/// A part of the text; see [`Script::pieces`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// What it is.
    pub kind: PieceKind,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// The range of its tokens that are neither comment nor delimiter begins at this token of the script.
    pub(crate) first_token: usize,
    /// One past its last token.
    pub(crate) last_token: usize,
}

/// A text that was cut into statements.
#[derive(Debug, Clone)]
pub struct Script<'a> {
    pub(crate) text: &'a str,
    pub(crate) dialect: Dialect,
    pub(crate) tokens: Vec<Token>,
    pieces: Vec<Piece>,
    complaints: Vec<Complaint>,
    lines: Lines,
}

impl<'a> Script<'a> {
    /// Cuts a text. What is wrong with it is in [`Script::problems`]; a text over the limit has no pieces.
    pub fn new(text: &'a str, dialect: Dialect) -> Self {
        if text.len() > limits::TEXT {
            let complaint = (
                0,
                ProblemKind::TextTooLong {
                    length: text.len(),
                    limit: limits::TEXT,
                },
            );
            return Self {
                text,
                dialect,
                tokens: vec![],
                pieces: vec![],
                complaints: vec![complaint],
                lines: Lines::new(""),
            };
        }
        let (tokens, complaints) = token::tokens(text, dialect);
        let mut splitter = Splitter {
            text,
            dialect,
            tokens: &tokens,
            pieces: vec![],
            complaints,
        };
        splitter.run();
        let Splitter {
            pieces,
            mut complaints,
            ..
        } = splitter;
        complaints.sort_by_key(|(offset, _)| *offset);
        complaints.truncate(limits::PROBLEMS);
        Self {
            text,
            dialect,
            pieces,
            complaints,
            lines: Lines::new(text),
            tokens,
        }
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Whose rules it was read by.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// All of the text, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The statements, in order.
    pub fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        self.pieces
            .iter()
            .filter(|piece| piece.kind == PieceKind::Statement)
            .map(|piece| Statement::new(self, *piece))
    }

    /// The comments, as written.
    pub fn comments(&self) -> impl Iterator<Item = (Position, &'a str)> {
        let comments = self
            .tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Comment);
        comments.map(|token| {
            (
                self.position(token.start),
                self.text.get(token.start..token.end).unwrap_or_default(),
            )
        })
    }

    /// What is wrong with the text as such, in order. Any of these means: do not run it.
    pub fn problems(&self) -> Vec<SqlProblem> {
        self.complaints
            .iter()
            .map(|(offset, kind)| SqlProblem {
                kind: kind.clone(),
                position: self.position(*offset),
            })
            .collect()
    }

    /// The line and column of a byte of the text.
    pub fn position(&self, offset: usize) -> Position {
        self.lines.position(self.text, offset)
    }
}

struct Splitter<'a> {
    text: &'a str,
    dialect: Dialect,
    tokens: &'a [Token],
    pieces: Vec<Piece>,
    complaints: Vec<Complaint>,
}

/// What is open at one place in a statement.
#[derive(Default)]
struct Open {
    /// Bracket, its byte, and the operators seen in it since the last comma.
    brackets: Vec<(char, usize, usize)>,
    chain: usize,
    blocks: Blocks,
    complained: bool,
}

impl Splitter<'_> {
    fn run(&mut self) {
        let mut piece_start = 0;
        let mut first_token = 0;
        let mut significant = 0_usize;
        let mut statements = 0_usize;
        let mut open = Open::default();
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Comment => {}
                TokenKind::Directive => {
                    self.push(
                        PieceKind::Directive,
                        piece_start,
                        token.end,
                        first_token,
                        index + 1,
                    );
                    (piece_start, first_token) = (token.end, index + 1);
                }
                TokenKind::Delimiter => {
                    let custom = self.word(*token) != ";";
                    // As Atlas has it: a delimiter of one's own ends blocks, which is what it is for, but not brackets.
                    if !open.brackets.is_empty() || (!custom && open.blocks.are_open()) {
                        continue;
                    }
                    let kind = if significant > 0 {
                        PieceKind::Statement
                    } else {
                        PieceKind::Blank
                    };
                    if custom {
                        // Whoever chose it says where the statement ends.
                        open.blocks = Blocks::default();
                    }
                    self.close(&open, piece_start, token.end);
                    self.push(kind, piece_start, token.end, first_token, index);
                    statements += significant.min(1);
                    (piece_start, first_token, significant) = (token.end, index + 1, 0);
                    open = Open::default();
                    if statements >= limits::STATEMENTS && index + 1 < self.tokens.len() {
                        self.complaints.push((
                            token.end,
                            ProblemKind::TooManyStatements {
                                limit: limits::STATEMENTS,
                            },
                        ));
                        break;
                    }
                }
                _ => {
                    significant += 1;
                    self.track(index, *token, &mut open, first_token);
                }
            }
        }
        if piece_start < self.text.len() {
            let kind = if significant > 0 {
                PieceKind::Statement
            } else {
                PieceKind::Blank
            };
            let last = if statements >= limits::STATEMENTS {
                first_token
            } else {
                self.tokens.len()
            };
            self.close(&open, piece_start, self.text.len());
            self.push(kind, piece_start, self.text.len(), first_token, last);
        }
    }

    /// Follows brackets, blocks and chains through one token.
    fn track(&mut self, index: usize, token: Token, open: &mut Open, first_token: usize) {
        match token.kind {
            TokenKind::Symbol(bracket @ ('(' | '[' | '{')) => {
                let chain = if bracket == '[' { open.chain + 1 } else { 0 };
                self.complain_once(
                    open,
                    token.start,
                    chain > limits::CHAIN,
                    ProblemKind::ChainTooLong {
                        limit: limits::CHAIN,
                    },
                );
                let outer = if bracket == '[' { chain } else { open.chain };
                open.brackets.push((bracket, token.start, outer));
                open.chain = 0;
                let deep = open.brackets.len() > limits::BRACKETS;
                self.complain_once(
                    open,
                    token.start,
                    deep,
                    ProblemKind::TooDeep {
                        limit: limits::BRACKETS,
                    },
                );
            }
            TokenKind::Symbol(bracket @ (')' | ']' | '}')) => {
                if let Some((_, _, chain)) = open.brackets.pop() {
                    open.chain = chain;
                } else {
                    self.complain_once(open, token.start, true, ProblemKind::Unopened { bracket });
                }
            }
            TokenKind::Symbol(',') => open.chain = 0,
            TokenKind::Symbol('.') => {}
            TokenKind::Symbol(_) => {
                let continues = index
                    .checked_sub(1)
                    .and_then(|before| self.tokens.get(before));
                let same_operator = continues.is_some_and(|before| {
                    before.end == token.start && matches!(before.kind, TokenKind::Symbol(_))
                });
                if !same_operator {
                    self.lengthen(open, token);
                }
            }
            TokenKind::Word => {
                let word = self.word(token);
                if is_chaining(word) {
                    self.lengthen(open, token);
                }
                let place = Place {
                    text: self.text,
                    tokens: self.tokens,
                    first: first_token,
                    index,
                    in_brackets: !open.brackets.is_empty(),
                };
                open.blocks.follow(place, self.dialect);
            }
            _ => {}
        }
    }

    fn lengthen(&mut self, open: &mut Open, token: Token) {
        open.chain += 1;
        let long = open.chain > limits::CHAIN;
        self.complain_once(
            open,
            token.start,
            long,
            ProblemKind::ChainTooLong {
                limit: limits::CHAIN,
            },
        );
    }

    /// What must hold when a statement ends.
    fn close(&mut self, open: &Open, start: usize, end: usize) {
        if end - start > limits::STATEMENT {
            let kind = ProblemKind::StatementTooLong {
                length: end - start,
                limit: limits::STATEMENT,
            };
            self.complaints.push((start, kind));
        }
        if open.complained {
            return;
        }
        if let Some((_, offset, _)) = open.brackets.last() {
            self.complaints
                .push((*offset, ProblemKind::Unclosed { what: "a bracket" }));
        } else if open.blocks.are_open() {
            self.complaints.push((
                start,
                ProblemKind::Unclosed {
                    what: "a BEGIN block",
                },
            ));
        }
    }

    fn complain_once(&mut self, open: &mut Open, offset: usize, wrong: bool, kind: ProblemKind) {
        if wrong && !open.complained {
            open.complained = true;
            self.complaints.push((offset, kind));
        }
    }

    /// Blank pieces in a row are one, so that a megabyte of semicolons stays small.
    fn push(
        &mut self,
        kind: PieceKind,
        start: usize,
        end: usize,
        first_token: usize,
        last_token: usize,
    ) {
        if kind == PieceKind::Blank
            && let Some(last) = self
                .pieces
                .last_mut()
                .filter(|last| last.kind == PieceKind::Blank)
        {
            last.end = end;
            last.last_token = last_token;
            return;
        }
        self.pieces.push(Piece {
            kind,
            start,
            end,
            first_token,
            last_token,
        });
    }

    fn word(&self, token: Token) -> &str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }
}

/// Whether the word makes a tree grow to one side. Asked of every word: the length leaves few to compare it with.
fn is_chaining(word: &str) -> bool {
    let words: &[&str] = match word.len() {
        2 => &["or", "is", "in", "at"],
        3 => &["and", "xor", "not", "div", "mod"],
        4 => &["like", "glob"],
        5 => &["union", "minus", "ilike", "rlike", "match"],
        6 => &["except", "regexp", "isnull"],
        7 => &["between", "collate", "similar", "notnull"],
        8 => &["overlaps"],
        9 => &["intersect"],
        _ => &[],
    };
    is_any(word, words)
}

fn is_any(word: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|it| word.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests;
