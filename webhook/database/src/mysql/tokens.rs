//! Tokens of a statement, as far as finding names in it needs them: names, symbols and texts, without comments.

use std::ops::Range;

use super::sql::parts;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, or a name in backticks.
    Name(String),
    Symbol(char),
    Text,
}

impl Token {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Name(name) if name.eq_ignore_ascii_case(word))
    }
}

/// The tokens of a text.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    spans(sql).into_iter().map(|(token, _)| token).collect()
}

/// The tokens of a text, each with its bytes.
pub(super) fn spans(sql: &str) -> Vec<(Token, Range<usize>)> {
    let mut found: Vec<(Token, Range<usize>)> = Vec::new();
    let mut start = 0;
    for (part, quoted) in parts(sql) {
        let end = start + part.len();
        match (quoted, part.chars().next()) {
            (true, Some('`')) => {
                let inner = part
                    .strip_prefix('`')
                    .and_then(|rest| rest.strip_suffix('`'));
                let name = inner.unwrap_or(part).replace("``", "`");
                found.push((Token::Name(name), start..end));
            }
            (true, Some('\'' | '"')) => found.push((Token::Text, start..end)),
            (true, _) => {}
            (false, _) => {
                let is_word =
                    |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
                let mut word = String::new();
                for (offset, character) in part.char_indices() {
                    let at = start + offset;
                    if is_word(character) {
                        word.push(character);
                        continue;
                    }
                    if !word.is_empty() {
                        let begun = at - word.len();
                        found.push((Token::Name(std::mem::take(&mut word)), begun..at));
                    }
                    if !character.is_whitespace() {
                        found.push((Token::Symbol(character), at..at + character.len_utf8()));
                    }
                }
                if !word.is_empty() {
                    let begun = end - word.len();
                    found.push((Token::Name(word), begun..end));
                }
            }
        }
        start = end;
    }
    // A number with a point is no name with a dot.
    found.retain(|(token, _)| !matches!(token, Token::Name(name) if name.chars().all(|character| character.is_ascii_digit())));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_texts_numbers_and_comments() {
        let name = |name: &str| Token::Name(name.to_owned());
        assert_eq!(
            tokens("`a``b`.c /* no */ = 1.5 'x'"),
            [
                name("a`b"),
                Token::Symbol('.'),
                name("c"),
                Token::Symbol('='),
                Token::Symbol('.'),
                Token::Text,
            ]
        );
        let sql = "DROP `t`";
        let places = spans(sql).into_iter().map(|(_, at)| sql.get(at));
        let places: Vec<Option<&str>> = places.collect();
        assert_eq!(places, [Some("DROP"), Some("`t`")]);
    }
}
