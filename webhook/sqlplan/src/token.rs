//! A text to tokens, as the servers' own lexers cut it.
//!
//! Where a string, a name or a comment ends decides what is code, and each database decides it differently. This lexer follows PostgreSQL's
//! `scan.l`, MySQL's `sql_lex.cc` and client (`DELIMITER`), and SQLite's `tokenize.c`. It knows no grammar. Tokens cover the text except
//! for white space, in order and without overlap.

mod client;

use self::client::DELIMITER;
use crate::dialect::Dialect;
use crate::problem::ProblemKind;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A bare word: keyword or name.
    Word,
    /// A quoted name.
    QuotedName,
    /// A string.
    Text,
    /// A PostgreSQL dollar-quoted string, usually a body of code.
    Body,
    /// A number.
    Number,
    /// One other character.
    Symbol(char),
    /// A comment.
    Comment,
    /// The end of a statement.
    Delimiter,
    /// A client's `DELIMITER` line.
    Directive,
}

/// A piece of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// Something wrong at a byte of the text.
pub(crate) type Complaint = (usize, ProblemKind);

pub(crate) fn tokens(text: &str, dialect: Dialect) -> (Vec<Token>, Vec<Complaint>) {
    let mut lexer = Lexer {
        text,
        dialect,
        at: 0,
        tokens: Vec::new(),
        complaints: Vec::new(),
        delimiter: ";".to_owned(),
        at_start: true,
        ends_with_line: false,
    };
    lexer.run();
    (lexer.tokens, lexer.complaints)
}

struct Lexer<'a> {
    text: &'a str,
    dialect: Dialect,
    at: usize,
    tokens: Vec<Token>,
    complaints: Vec<Complaint>,
    delimiter: String,
    /// Nothing but comments since the last delimiter.
    at_start: bool,
    /// The statement ends where the line does.
    ends_with_line: bool,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        // A byte order mark is how some editors start a file; anywhere else it hides.
        if self.rest().starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        self.first_line();
        while let Some(next) = self.peek(0) {
            let start = self.at;
            if self.at_start && self.is_delimiter_command() {
                self.at += DELIMITER.len();
                self.delimiter_line(start);
                self.push(TokenKind::Directive, start);
                continue;
            }
            if self.is_at_delimiter() || (next == '\n' && self.ends_with_line) {
                let ends_here = std::mem::take(&mut self.ends_with_line);
                self.at += if ends_here { 1 } else { self.delimiter.len() };
                self.push(TokenKind::Delimiter, start);
                self.at_start = true;
                continue;
            }
            if self.at_start && self.is_use_line() {
                self.ends_with_line = true;
            }
            if u8::try_from(next).is_ok_and(is_blank) {
                self.at += 1;
                // A delimiter of one's own may be blank lines.
                if self.delimiter == ";" && !self.ends_with_line {
                    self.skip_bytes(is_blank);
                }
                continue;
            }
            if (!next.is_ascii() && is_hidden(next)) || next.is_ascii_control() {
                self.complaints.push((
                    start,
                    ProblemKind::HiddenCharacter {
                        code: u32::from(next),
                    },
                ));
                self.at += next.len_utf8();
                continue;
            }
            let kind = self.token(next, start);
            self.push(kind, start);
            match kind {
                TokenKind::Comment => {}
                TokenKind::Directive => self.at_start = true,
                _ => self.at_start = false,
            }
        }
    }

    /// Reads the token that starts with `next`, leaving `at` behind it.
    fn token(&mut self, next: char, start: usize) -> TokenKind {
        let mysql = self.dialect.is_mysql_like();
        match next {
            '-' if self.peek(1) == Some('-') && self.dashes_are_a_comment() => {
                self.line_comment();
                TokenKind::Comment
            }
            '#' if mysql => {
                self.line_comment();
                TokenKind::Comment
            }
            '#' | '-' if self.begins_with_a_remark() => {
                self.line_comment();
                TokenKind::Comment
            }
            '/' if self.peek(1) == Some('*') => {
                self.block_comment();
                TokenKind::Comment
            }
            '\'' => {
                self.quoted('\'', mysql, "a quote");
                TokenKind::Text
            }
            '"' => {
                self.quoted('"', mysql, "a double quote");
                if mysql {
                    TokenKind::Text
                } else {
                    TokenKind::QuotedName
                }
            }
            '`' if self.dialect != Dialect::Postgres => {
                self.quoted('`', false, "a backtick");
                TokenKind::QuotedName
            }
            '[' if self.dialect == Dialect::Sqlite => {
                self.skip_past("]", "a bracketed name");
                TokenKind::QuotedName
            }
            '$' if self.dialect == Dialect::Postgres => {
                if self.dollar_quoted() {
                    TokenKind::Body
                } else {
                    self.at += 1;
                    TokenKind::Symbol('$')
                }
            }
            '0'..='9' => {
                self.number();
                TokenKind::Number
            }
            '.' if self.peek(1).is_some_and(|digit| digit.is_ascii_digit())
                && !self.follows_name(start) =>
            {
                self.number();
                TokenKind::Number
            }
            _ if is_word_start(next) || (next == '$' && mysql) => self.word(start),
            symbol => {
                self.at += symbol.len_utf8();
                TokenKind::Symbol(symbol)
            }
        }
    }

    fn word(&mut self, start: usize) -> TokenKind {
        let own_delimiter = self.delimiter != ";";
        if !own_delimiter {
            self.skip_bytes(|next| next.is_ascii() && is_word_part(char::from(next)));
        }
        while let Some(next) = self.peek(0) {
            if !is_word_part(next)
                || (!next.is_ascii() && is_hidden(next))
                || (own_delimiter && self.is_at_delimiter())
            {
                break;
            }
            self.at += next.len_utf8();
        }
        let word = self.text.get(start..self.at).unwrap_or_default();
        if self.at_start && self.dialect.is_mysql_like() && word.eq_ignore_ascii_case("delimiter") {
            self.delimiter_line(start);
            return TokenKind::Directive;
        }
        if self.dialect == Dialect::Postgres {
            if word.eq_ignore_ascii_case("e") && self.peek(0) == Some('\'') {
                self.quoted('\'', true, "a quote");
                while let Some(next_part) = self.continued() {
                    self.at += next_part;
                    self.quoted('\'', true, "a quote");
                }
                return TokenKind::Text;
            }
            if word.eq_ignore_ascii_case("u") && self.rest().starts_with("&\"") {
                self.complaints
                    .push((start, ProblemKind::EscapedIdentifier));
                self.at += 1;
                self.quoted('"', false, "a double quote");
                return TokenKind::QuotedName;
            }
        }
        TokenKind::Word
    }

    fn number(&mut self) {
        if self.peek(0) == Some('0') && matches!(self.peek(1), Some('x' | 'X' | 'b' | 'B')) {
            self.at += 2;
            self.skip_while(|next| next.is_ascii_hexdigit());
            return;
        }
        self.skip_while(|next| next.is_ascii_digit() || next == '.');
        if matches!(self.peek(0), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.peek(1), Some('+' | '-')));
            if self
                .peek(1 + sign)
                .is_some_and(|digit| digit.is_ascii_digit())
            {
                self.at += 1 + sign;
                self.skip_while(|next| next.is_ascii_digit());
            }
        }
    }

    /// PostgreSQL and SQLite: always. MySQL: only before white space, a control character or the end.
    fn dashes_are_a_comment(&self) -> bool {
        !self.dialect.is_mysql_like()
            || self
                .peek(2)
                .is_none_or(|next| next.is_ascii_whitespace() || next.is_ascii_control())
    }

    fn line_comment(&mut self) {
        let start = self.at;
        let ends_at_return = self.dialect == Dialect::Postgres;
        let comment = self
            .rest()
            .split(|next| next == '\n' || (next == '\r' && ends_at_return))
            .next()
            .unwrap_or_default();
        self.at += comment.len();
        // A lone carriage return ends the line for PostgreSQL and for many editors, not for the others.
        let lone = comment.trim_end_matches('\r').find('\r');
        let own = comment.len();
        if let Some(index) = lone {
            self.complaints
                .push((start + index, ProblemKind::HiddenCharacter { code: 0x0d }));
        } else if ends_at_return
            && self.peek(0) == Some('\r')
            && self.peek(1) != Some('\n')
            && self.peek(1).is_some()
        {
            self.complaints
                .push((start + own, ProblemKind::HiddenCharacter { code: 0x0d }));
        }
        self.inspect_comment(start);
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mysql = self.dialect.is_mysql_like();
        if mysql
            && (self.rest().starts_with("/*!")
                || self.rest().starts_with("/*M!")
                || self.rest().starts_with("/*m!"))
        {
            self.complaints
                .push((start, ProblemKind::ExecutableComment));
        }
        self.at += 2;
        let mut depth = 1_usize;
        let mut nested = None;
        while depth > 0 {
            let Some(index) = self.rest().find(['*', '/']) else {
                self.at = self.text.len();
                self.complaints
                    .push((start, ProblemKind::Unclosed { what: "a comment" }));
                break;
            };
            self.at += index;
            if self.rest().starts_with("*/") {
                self.at += 2;
                depth -= 1;
            } else if self.rest().starts_with("/*") {
                nested.get_or_insert(self.at);
                if self.dialect == Dialect::Postgres {
                    self.at += 2;
                    depth += 1;
                } else {
                    // Where comments do not nest the asterisk may already be the end: `/*/ .. /*/`.
                    self.at += 1;
                }
            } else {
                self.at += 1;
            }
        }
        if let Some(at) = nested {
            self.complaints.push((at, ProblemKind::NestedComment));
        }
        self.inspect_comment(start);
    }

    /// Comments may not hide characters, nor carry directives that change where statements end.
    fn inspect_comment(&mut self, start: usize) {
        let comment = self.text.get(start..self.at).unwrap_or_default();
        if let Some((index, hidden)) = comment
            .char_indices()
            .find(|(_, next)| is_deceiving(*next) || *next == '\0')
        {
            self.complaints.push((
                start + index,
                ProblemKind::HiddenCharacter {
                    code: u32::from(hidden),
                },
            ));
        }
        let words = comment.trim_start_matches(['-', '#', '/', '*', ' ', '\t']);
        if words
            .get(..15)
            .is_some_and(|head| head.eq_ignore_ascii_case("atlas:delimiter"))
        {
            let directive = words
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(40)
                .collect();
            self.complaints
                .push((start, ProblemKind::DelimiterDirective { directive }));
        }
    }

    /// A quote, doubled inside to mean itself, with backslash escapes where `escapes`.
    fn quoted(&mut self, quote: char, escapes: bool, what: &'static str) {
        let start = self.at;
        self.at += quote.len_utf8();
        loop {
            let Some(index) = self.rest().find([quote, '\\', '\0']) else {
                self.at = self.text.len();
                self.complaints
                    .push((start, ProblemKind::Unclosed { what }));
                return;
            };
            self.at += index;
            match self.peek(0) {
                Some('\\') if escapes => {
                    self.at += 1;
                    self.at += self.peek(0).map_or(0, char::len_utf8);
                }
                Some('\0') => {
                    self.complaints
                        .push((self.at, ProblemKind::HiddenCharacter { code: 0 }));
                    self.at += 1;
                }
                Some(next) if next == quote => {
                    self.at += 1;
                    if self.peek(0) != Some(quote) {
                        return;
                    }
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    /// PostgreSQL goes on with a string behind a line's end, in which backslashes mean what they meant before: how far it is to the next quote.
    fn continued(&self) -> Option<usize> {
        let rest = self.rest();
        let mut left = rest.trim_start_matches([' ', '\t', '\x0b', '\x0c']);
        if let Some(comment) = left.strip_prefix("--") {
            left = comment.get(comment.find(['\n', '\r'])?..)?;
        }
        if !left.starts_with(['\n', '\r']) {
            return None;
        }
        loop {
            left = left.trim_start_matches(|next: char| u8::try_from(next).is_ok_and(is_blank));
            let Some(comment) = left.strip_prefix("--") else {
                break;
            };
            left = comment.get(comment.find(['\n', '\r'])?..)?;
        }
        left.starts_with('\'').then(|| rest.len() - left.len())
    }

    /// `$tag$ .. $tag$`; false where the dollar starts no such quote.
    fn dollar_quoted(&mut self) -> bool {
        let start = self.at;
        let rest = self.rest();
        let tag_length = rest
            .char_indices()
            .skip(1)
            .find(|(index, next)| {
                !(is_word_part(*next) && *next != '$' && !(*index == 1 && next.is_ascii_digit()))
            })
            .filter(|(_, next)| *next == '$')
            .map(|(index, _)| index + 1);
        let Some(tag) = tag_length
            .and_then(|length| rest.get(..length))
            .map(str::to_owned)
        else {
            return false;
        };
        self.at += tag.len();
        if let Some(index) = self.rest().find(tag.as_str()) {
            self.at += index + tag.len();
        } else if self.delimiter != ";" {
            // As Atlas has it: who chose a delimiter says where the statement ends. No server takes it.
            self.at = start;
            return false;
        } else {
            self.at = self.text.len();
            self.complaints.push((
                start,
                ProblemKind::Unclosed {
                    what: "a dollar quote",
                },
            ));
        }
        true
    }

    fn skip_past(&mut self, closing: &str, what: &'static str) {
        if let Some(index) = self.rest().find(closing) {
            self.at += index + closing.len();
        } else {
            self.complaints
                .push((self.at, ProblemKind::Unclosed { what }));
            self.at = self.text.len();
        }
    }

    /// Steps over the bytes that are wanted, each of which is a character.
    fn skip_bytes(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest
            .iter()
            .position(|byte| !wanted(*byte))
            .unwrap_or(rest.len());
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while let Some(next) = self.peek(0).filter(|next| wanted(*next)) {
            self.at += next.len_utf8();
        }
    }

    /// Whether a name ends right here, so that `t.1` is no number.
    fn follows_name(&self, start: usize) -> bool {
        self.tokens.last().is_some_and(|last| {
            last.end == start && matches!(last.kind, TokenKind::Word | TokenKind::QuotedName)
        })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn is_at_delimiter(&self) -> bool {
        let (text, delimiter) = (self.text.as_bytes(), self.delimiter.as_bytes());
        text.get(self.at) == delimiter.first()
            && text
                .get(self.at..)
                .is_some_and(|rest| rest.starts_with(delimiter))
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        let near = self.text.as_bytes().get(self.at..=self.at + ahead)?;
        if near.iter().all(u8::is_ascii) {
            near.last().map(|byte| char::from(*byte))
        } else {
            self.rest().chars().nth(ahead)
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token {
            kind,
            start,
            end: self.at,
        });
    }
}

/// A delimiter as it is written, with the white space that it may stand for.
fn unescaped(written: &str) -> String {
    let written = written.trim();
    written
        .replace("\\n", "\n")
        .replace("\\r", "\r")
        .replace("\\t", "\t")
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0xb
}

fn is_word_start(next: char) -> bool {
    next.is_ascii_alphabetic() || next == '_' || !next.is_ascii()
}

fn is_word_part(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_' || next == '$' || !next.is_ascii()
}

/// White space that servers take for letters, and characters without width.
fn is_hidden(next: char) -> bool {
    is_deceiving(next)
        || (!next.is_ascii() && next.is_whitespace())
        || matches!(next, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{80}'..='\u{9f}')
}

/// Characters that change the direction of the text around them.
fn is_deceiving(next: char) -> bool {
    matches!(next, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
