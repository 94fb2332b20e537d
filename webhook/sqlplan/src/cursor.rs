//! Reading a statement's tokens from left to right.
//!
//! Small helpers for small grammars. Nothing here recurses, allocates more than it returns, or fails: what is not there is `None` or false.
//! They are called at hundreds of places, and kept out of line so that the policy stays small.

use std::fmt;

use crate::dialect::Dialect;
use crate::limits;
use crate::token::{Token, TokenKind};

/// The name of a thing in a database, with the schema or database before it where one was written. PostgreSQL's unquoted names are in lower
/// case already, others are as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name {
    /// What stands before the last dot.
    pub qualifier: Option<String>,
    /// The name itself, without quotes.
    pub name: String,
}

impl Name {
    /// The form under which two spellings are the same thing. The schema everything is in unless said otherwise is left out.
    #[inline(never)]
    pub fn key(&self, dialect: Dialect) -> String {
        let name = dialect.table_key(&self.name);
        match self.qualifier.as_deref() {
            None => name,
            Some("public") if dialect == Dialect::Postgres => name,
            Some(main) if dialect == Dialect::Sqlite && main.eq_ignore_ascii_case("main") => name,
            Some(qualifier) => format!("{}.{name}", dialect.table_key(qualifier)),
        }
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self {
            qualifier: None,
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(qualifier) = &self.qualifier {
            write!(formatter, "{qualifier}.")?;
        }
        formatter.write_str(&self.name)
    }
}

/// A place in a run of tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    dialect: Dialect,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, dialect: Dialect, tokens: &'a [Token]) -> Self {
        Self {
            text,
            dialect,
            tokens,
            at: 0,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(crate) fn index(&self) -> usize {
        self.at
    }

    pub(crate) fn move_to(&mut self, index: usize) {
        self.at = index.min(self.tokens.len());
    }

    pub(crate) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len());
    }

    /// The byte of the text where the next token starts.
    pub(crate) fn offset(&self) -> usize {
        self.peek(0)
            .or_else(|| self.tokens.last())
            .map_or(0, |token| token.start)
    }

    pub(crate) fn peek(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead)
    }

    pub(crate) fn kind(&self) -> Option<TokenKind> {
        self.peek(0).map(|token| token.kind)
    }

    /// The next token as written; empty at the end.
    #[inline(never)]
    pub(crate) fn source(&self, ahead: usize) -> &'a str {
        self.peek(ahead)
            .and_then(|token| self.text.get(token.start..token.end))
            .unwrap_or_default()
    }

    /// The text from one token to another, the second not included.
    pub(crate) fn source_between(&self, from: usize, to: usize) -> &'a str {
        let start = self.tokens.get(from).map_or(0, |token| token.start);
        let end = to
            .min(self.tokens.len())
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(0, |token| token.end);
        self.text.get(start..end).unwrap_or_default()
    }

    pub(crate) fn word_at(&self, ahead: usize) -> Option<&'a str> {
        self.peek(ahead)
            .filter(|token| token.kind == TokenKind::Word)
            .map(|_| self.source(ahead))
    }

    #[inline(never)]
    pub(crate) fn is_word(&self, ahead: usize, wanted: &str) -> bool {
        // Asked some hundred times for each token, and nearly always no: the length says so before the text is looked at.
        let token = self.peek(ahead).filter(|token| {
            token.end - token.start == wanted.len() && token.kind == TokenKind::Word
        });
        token
            .and_then(|token| self.text.as_bytes().get(token.start..token.end))
            .is_some_and(|word| word.eq_ignore_ascii_case(wanted.as_bytes()))
    }

    #[inline(never)]
    pub(crate) fn is_any_at(&self, ahead: usize, wanted: &[&str]) -> bool {
        self.word_at(ahead)
            .is_some_and(|next| is_one_of(next, wanted))
    }

    pub(crate) fn is_any(&self, wanted: &[&str]) -> bool {
        self.is_any_at(0, wanted)
    }

    /// Whether a statement ends here: at a delimiter, or at a semicolon while the client's delimiter is another.
    pub(crate) fn is_delimiter(&self) -> bool {
        matches!(
            self.kind(),
            Some(TokenKind::Delimiter | TokenKind::Symbol(';'))
        )
    }

    #[inline(never)]
    pub(crate) fn is_symbol(&self, ahead: usize, symbol: char) -> bool {
        self.peek(ahead)
            .is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    }

    /// Whether the clause that starts here leaves rows out: SQLite takes `LIMIT -1` for none.
    pub(crate) fn limits(&self) -> bool {
        self.dialect != Dialect::Sqlite || !self.is_symbol(1, '-')
    }

    /// Whether these words, separated by spaces, come next.
    #[inline(never)]
    pub(crate) fn sees(&self, words: &str) -> bool {
        self.may_see(words) && self.words_seen(words) > 0
    }

    /// How many words these are, if they come next; else none.
    fn words_seen(&self, words: &str) -> usize {
        let mut rest = words;
        let mut ahead = 0;
        loop {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if !self.is_word(ahead, word) {
                return 0;
            }
            ahead += 1;
            if after.is_empty() {
                return ahead;
            }
            rest = after;
        }
    }

    /// Whether the first of these words can come next at all, by its first letter.
    fn may_see(&self, words: &str) -> bool {
        self.first_letter()
            .is_some_and(|next| starts_with(words, next))
    }

    fn first_letter(&self) -> Option<u8> {
        self.tokens
            .get(self.at)
            .and_then(|token| self.text.as_bytes().get(token.start).copied())
    }

    /// Steps over these words if they come next.
    #[inline(never)]
    pub(crate) fn accept(&mut self, words: &str) -> bool {
        let seen = if self.may_see(words) {
            self.words_seen(words)
        } else {
            0
        };
        self.at += seen;
        seen > 0
    }

    #[inline(never)]
    pub(crate) fn accept_any(&mut self, words: &[&str]) -> bool {
        let Some(next) = self.first_letter() else {
            return false;
        };
        words
            .iter()
            .any(|words| starts_with(words, next) && self.accept(words))
    }

    #[inline(never)]
    pub(crate) fn accept_symbol(&mut self, symbol: char) -> bool {
        let seen = self.is_symbol(0, symbol);
        if seen {
            self.at += 1;
        }
        seen
    }

    /// One part of a name.
    #[inline(never)]
    pub(crate) fn part(&mut self) -> Option<String> {
        let token = self.peek(0)?;
        let source = self.source(0);
        let part = match token.kind {
            TokenKind::Word if self.dialect == Dialect::Postgres => source.to_lowercase(),
            TokenKind::Word => source.to_owned(),
            TokenKind::QuotedName => unquote(source),
            // SQLite takes a string where only a name can be.
            TokenKind::Text if self.dialect == Dialect::Sqlite => unquote(source),
            // MySQL takes it for a name once ANSI_QUOTES is set.
            TokenKind::Text if self.dialect.is_mysql_like() && source.starts_with('"') => {
                unquote(source)
            }
            _ => return None,
        };
        self.at += 1;
        Some(part)
    }

    /// A name with the parts before it.
    #[inline(never)]
    pub(crate) fn name(&mut self) -> Option<Name> {
        let mut parts = vec![self.part()?];
        while self.is_symbol(0, '.') {
            self.at += 1;
            parts.push(self.part()?);
        }
        let name = parts.pop()?;
        let qualifier = (!parts.is_empty()).then(|| parts.join("."));
        Some(Name { qualifier, name })
    }

    /// Names with commas between.
    #[inline(never)]
    pub(crate) fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            if !self.accept_symbol(',') {
                break;
            }
        }
        names
    }

    /// What is between brackets, if an opening one comes next; leaves the cursor behind the closing one.
    #[inline(never)]
    pub(crate) fn group(&mut self) -> Option<Self> {
        if !self.is_symbol(0, '(') {
            return None;
        }
        let start = self.at + 1;
        let end = self.closing(self.at);
        self.move_to(end + 1);
        Some(Self {
            tokens: self.tokens.get(start..end).unwrap_or_default(),
            at: 0,
            ..*self
        })
    }

    /// The index of the bracket that closes the one at `open`, or the end.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                TokenKind::Symbol('(' | '[' | '{') => depth += 1,
                TokenKind::Symbol(')' | ']' | '}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return index;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Steps over one token, or over brackets and all that is in them.
    #[inline(never)]
    pub(crate) fn skip_one(&mut self) {
        if matches!(self.kind(), Some(TokenKind::Symbol('(' | '[' | '{'))) {
            let end = self.closing(self.at);
            self.move_to(end + 1);
        } else {
            self.advance();
        }
    }

    /// Steps to a comma outside brackets, or the end.
    pub(crate) fn skip_item(&mut self) {
        while !self.is_done() && !self.is_symbol(0, ',') {
            self.skip_one();
        }
    }

    /// The items between commas outside brackets, each as a cursor of its own.
    #[inline(never)]
    pub(crate) fn items(mut self) -> Vec<Self> {
        let mut items = Vec::new();
        while !self.is_done() {
            let start = self.at;
            self.skip_item();
            items.push(Self {
                tokens: self.tokens.get(start..self.at).unwrap_or_default(),
                at: 0,
                ..self
            });
            self.advance();
        }
        items
    }

    /// The tokens from here on.
    pub(crate) fn remaining(&self) -> Self {
        Self {
            tokens: self.tokens.get(self.at..).unwrap_or_default(),
            at: 0,
            ..*self
        }
    }

    /// All tokens, also those before this place.
    pub(crate) fn tokens(&self) -> &'a [Token] {
        self.tokens
    }

    /// Other tokens of the same text.
    pub(crate) fn with<'b>(&self, tokens: &'b [Token]) -> Cursor<'b>
    where
        'a: 'b,
    {
        Cursor {
            tokens,
            at: 0,
            ..*self
        }
    }

    /// The tokens from one index to another, the second not included.
    pub(crate) fn range(&self, from: usize, to: usize) -> Self {
        Self {
            tokens: self.tokens.get(from..to).unwrap_or_default(),
            at: 0,
            ..*self
        }
    }

    /// Whether something recursive must not see this: more operators or brackets than [`crate::limits`] allow in any expression.
    pub(crate) fn is_over_limits(&self) -> bool {
        let mut depth = 0_usize;
        let mut deepest = 0_usize;
        let mut operators = 0_usize;
        for token in self.tokens {
            match token.kind {
                TokenKind::Symbol('(' | '[' | '{') => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                TokenKind::Symbol(')' | ']' | '}') => depth = depth.saturating_sub(1),
                TokenKind::Symbol(',' | '.') => {}
                TokenKind::Symbol(_) | TokenKind::Word => operators += 1,
                _ => {}
            }
        }
        deepest > limits::BRACKETS || operators > limits::CHAIN * 4
    }

    /// Whether a word stands anywhere from here on.
    #[inline(never)]
    pub(crate) fn contains(&self, words: &str) -> bool {
        let mut probe = *self;
        while !probe.is_done() {
            if probe.sees(words) {
                return true;
            }
            probe.advance();
        }
        false
    }

    /// The tokens from here on in one spelling: words in lower case, names without needless quotes, brackets around everything left out, one
    /// space where two words meet. Two expressions with the same canonical text mean the same.
    #[inline(never)]
    pub(crate) fn canonical(&self) -> String {
        let mut inner = self.remaining();
        while inner.is_symbol(0, '(') && inner.closing(0) + 1 == inner.tokens.len() {
            inner = inner.range(1, inner.tokens.len() - 1);
        }
        let mut canonical = String::new();
        while let Some(token) = inner.peek(0) {
            let source = inner.source(0);
            let text = match token.kind {
                TokenKind::Word => source.to_lowercase(),
                TokenKind::QuotedName => {
                    let name = unquote(source);
                    if self.dialect == Dialect::Postgres {
                        name
                    } else {
                        name.to_lowercase()
                    }
                }
                _ => source.to_owned(),
            };
            let meets = |character: Option<char>| {
                character.is_some_and(|character| {
                    character.is_alphanumeric() || "_'\"$".contains(character)
                })
            };
            if meets(canonical.chars().last()) && meets(text.chars().next()) {
                canonical.push(' ');
            }
            canonical.push_str(&text);
            inner.advance();
        }
        canonical
    }
}

/// Whether the word is in a list, in any case. Length and first letter say no before the rest is looked at.
pub(crate) fn is_one_of(word: &str, list: &[&str]) -> bool {
    let Some(first) = word.as_bytes().first() else {
        return false;
    };
    list.iter().any(|one| {
        one.len() == word.len() && starts_with(one, *first) && one.eq_ignore_ascii_case(word)
    })
}

#[inline]
fn starts_with(words: &str, letter: u8) -> bool {
    words
        .as_bytes()
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case(&letter))
}

/// A quoted name or string without its quotes, a word as it is.
pub(crate) fn unquote_or_word(source: &str) -> String {
    if source.starts_with(['\'', '"', '`', '[']) {
        unquote(source)
    } else {
        source.to_owned()
    }
}

/// A quoted name or string without its quotes.
pub(crate) fn unquote(quoted: &str) -> String {
    // `U&"x"` starts with its mark.
    let quoted =
        quoted.trim_start_matches(|next: char| next.is_ascii_alphanumeric() || next == '&');
    let mut characters = quoted.chars();
    let Some(open) = characters.next() else {
        return String::new();
    };
    let close = if open == '[' { ']' } else { open };
    let inner = characters.as_str();
    let inner = inner.strip_suffix(close).unwrap_or(inner);
    if open == '[' {
        inner.to_owned()
    } else {
        inner.replace(&format!("{close}{close}"), &close.to_string())
    }
}
