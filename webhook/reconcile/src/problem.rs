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
    /// At this step, with this message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// A sentence and what it is about, one a line.
pub(crate) fn list<T: ToString>(title: &str, items: impl IntoIterator<Item = T>) -> String {
    let mut message = format!("{title}:");
    let mut items = items.into_iter();
    for item in items.by_ref().take(SHOWN) {
        message.push_str("\n- ");
        message.push_str(&cut(&item.to_string()));
    }
    match items.count() {
        0 => {}
        more => message.extend(["\n- and ", &more.to_string(), " more"]),
    }
    message
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_the_first_ones_and_how_many_more_there_are() {
        assert_eq!(list("gone", ["a", "b"]), "gone:\n- a\n- b");
        let many = list("gone", 0..25);
        assert!(many.ends_with("\n- 19\n- and 5 more"), "{many}");
        let long = list("gone", ["é".repeat(900)]);
        assert_eq!(long.chars().count(), "gone:\n- ".len() + 800 + 3);
    }
}
