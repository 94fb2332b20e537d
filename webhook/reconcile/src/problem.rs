//! What keeps an object from being brought about, as data: it becomes a condition.

use serde::{Deserialize, Serialize};
use tidegate_model::atlas::Reason;

/// How many things one condition shows.
const SHOWN: usize = 20;

/// How much of one thing is shown, in characters.
const SHOWN_CHARS: usize = 800;

/// Why something could not be had or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The Atlas operator's word for the step at which it failed.
    pub reason: Reason,
    /// What a person has to know or do. Never a credential.
    pub message: String,
}

impl Problem {
    /// At this step, with this message. What a statement in it gives an account as its password is masked.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: masked(&message.into()),
        }
    }
}

/// The text without the literals behind `PASSWORD` and `IDENTIFIED BY`: a statement that failed is shown, and some make accounts. A literal whose end is not
/// to be found is masked to the end of the text.
pub(crate) fn masked(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut shown = String::new();
    let mut rest = 0;
    while let Some(word) = next_word(&lower, rest) {
        let between = lower.get(word..).unwrap_or_default();
        let is_between =
            |character: char| character.is_ascii_alphabetic() || "_ =(\t\n\\".contains(character);
        let is_close = |character: char| " =(\t\n\\".contains(character);
        let skipped = if lower
            .get(..word)
            .is_some_and(|before| before.ends_with("password"))
        {
            between.find(|character| !is_close(character))
        } else {
            between.find(|character| !is_between(character))
        };
        let open = word + skipped.unwrap_or(between.len());
        let quote = lower.get(open..).and_then(|tail| tail.chars().next());
        let Some(quote @ ('\'' | '"')) = quote else {
            shown.push_str(text.get(rest..word).unwrap_or_default());
            rest = word;
            continue;
        };
        shown.push_str(text.get(rest..=open).unwrap_or_default());
        shown.push_str("***");
        rest = end_of_literal(&lower, open + 1, quote);
    }
    shown.push_str(text.get(rest..).unwrap_or_default());
    shown
}

/// Behind the next word that a password may follow.
fn next_word(lower: &str, from: usize) -> Option<usize> {
    let tail = lower.get(from..)?;
    let ends = ["password", "identified"]
        .into_iter()
        .filter_map(|word| Some(from + tail.find(word)? + word.len()));
    ends.min()
}

/// Where a literal's closing quote is; a doubled quote, or one behind a backslash, is part of it.
fn end_of_literal(text: &str, from: usize, quote: char) -> usize {
    let mut characters = text
        .get(from..)
        .unwrap_or_default()
        .char_indices()
        .peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return from + at;
        }
    }
    text.len()
}

/// A sentence and what it is about, one a line.
pub(crate) fn list<T: ToString>(title: &str, items: impl IntoIterator<Item = T>) -> String {
    let mut message = format!("{title}:");
    for item in shown(items) {
        message.extend(["\n- ", item.as_str()]);
    }
    message
}

/// The first of the items, none of them long, and how many more there are.
pub(crate) fn shown<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut items = items.into_iter();
    let first = items.by_ref().take(SHOWN);
    let mut shown: Vec<String> = first.map(|item| cut(&masked(&item.to_string()))).collect();
    match items.count() {
        0 => {}
        more => shown.push(format!("and {more} more")),
    }
    shown
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_of_accounts_are_masked_and_nothing_else() {
        for (text, expected) in [
            (
                "CREATE ROLE a PASSWORD 'x y' LOGIN",
                "CREATE ROLE a PASSWORD '***' LOGIN",
            ),
            (
                "ALTER ROLE a ENCRYPTED password = 'it''s'; x",
                "ALTER ROLE a ENCRYPTED password = '***'; x",
            ),
            (
                "CREATE USER a IDENTIFIED WITH mysql_native_password BY 'x', b IDENTIFIED BY \"y\" done",
                "CREATE USER a IDENTIFIED WITH mysql_native_password BY '***', b IDENTIFIED BY \"***\" done",
            ),
            (
                "SET x = PASSWORD('\\'x') done",
                "SET x = PASSWORD('***') done",
            ),
            ("PASSWORD 'never ends", "PASSWORD '***"),
            (
                "password authentication failed for user \"app\"",
                "password authentication failed for user \"app\"",
            ),
            ("column password, 'text'", "column password, 'text'"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }

    proptest! {
        /// Whatever is around it and whatever it is made of, it is not in what is shown.
        #[test]
        fn no_password_survives(before in "[ -~é]{0,20}", password in "[a-z \\\\é\"]{0,8}Q7[a-z]{0,3}", after in "[a-z ;]{0,9}") {
            let quoted = password.replace('\\', "\\\\");
            let text = format!("{before} IDENTIFIED BY '{quoted}'{after}");
            let shown = masked(&text);
            prop_assert!(!shown.contains("Q7") || before.contains("Q7"), "{}", shown);
        }
    }

    #[test]
    fn a_list_shows_the_first_ones_and_how_many_more_there_are() {
        assert_eq!(list("gone", ["a", "b"]), "gone:\n- a\n- b");
        let many = list("gone", 0..25);
        assert!(many.ends_with("\n- 19\n- and 5 more"), "{many}");
        let long = list("gone", ["é".repeat(900)]);
        assert_eq!(long.chars().count(), "gone:\n- ".len() + 800 + 3);
    }
}
