//! Keeping secrets out of everything that leaves: denials, warnings, audit annotations, logs.
//!
//! Policies are told not to repeat credentials; this makes sure. The secrets of a request are the passwords of URLs and the values of
//! password-like keys in its objects. They are found by scanning the text, which works for objects of any depth.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// Shorter secrets are too common as words to be masked wherever they stand; in a URL they are masked all the same.
const SHORTEST_SECRET: usize = 4;
const MASK: &str = "***";
const SECRET_KEYS: [&str; 5] = ["password", "passwd", "token", "apiKey", "privateKey"];

/// Knows the secrets of one request and takes them out of texts.
#[derive(Default)]
pub struct Redactor {
    secrets: BTreeSet<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor")
            .field("secrets", &self.secrets.len())
            .finish()
    }
}

impl Redactor {
    /// Collects the secrets of these JSON texts.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets = BTreeSet::new();
        for object in objects {
            for (_, password) in url_passwords(object) {
                secrets.insert(percent_decoded(password));
                secrets.insert(password.to_owned());
            }
            for key in SECRET_KEYS {
                secrets.extend(values_of(object, key));
            }
        }
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        Self { secrets }
    }

    /// The text with every secret masked.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = mask_urls(text);
        // Longest first, so that a secret that begins like another one is masked whole.
        let mut secrets: Vec<&String> = self.secrets.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in secrets {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), MASK));
            }
        }
        text
    }
}

/// Every `scheme://user:password@`: the byte offset of the password, and the password.
fn url_passwords(text: &str) -> Vec<(usize, &str)> {
    text.match_indices("://")
        .filter_map(|(at, separator)| {
            let start = at + separator.len();
            let rest = text.get(start..)?;
            let end = rest
                .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\\') || c.is_whitespace())
                .unwrap_or(rest.len());
            let (userinfo, _host) = rest.get(..end)?.rsplit_once('@')?;
            let (user, password) = userinfo.split_once(':')?;
            (!password.is_empty()).then_some((start + user.len() + 1, password))
        })
        .collect()
}

fn mask_urls(text: &str) -> Cow<'_, str> {
    let found = url_passwords(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = text.to_owned();
    for (at, password) in found.into_iter().rev() {
        masked.replace_range(at..at + password.len(), MASK);
    }
    Cow::Owned(masked)
}

/// The string values of a key, wherever it stands in a JSON text.
fn values_of<'t>(text: &'t str, key: &str) -> Vec<String> {
    let quoted = format!("\"{key}\"");
    let value_after = |at: usize| -> Option<&'t str> {
        let rest = text
            .get(at + quoted.len()..)?
            .trim_start()
            .strip_prefix(':')?
            .trim_start();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find_map(|(index, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(index)
        })?;
        rest.starts_with('"').then(|| rest.get(..=end)).flatten()
    };
    text.match_indices(&quoted)
        .filter_map(|(at, _)| serde_json::from_str::<String>(value_after(at)?).ok())
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_object_are_masked_everywhere() {
        let object = r#"{"spec":{"url":"mysql://root:p%40ss!x@db:3306/shop","credentials":{"password": "s\"cr,et9"}},"a":{"token":"abcdef"}}"#;
        let redactor = Redactor::of([object]);
        for (text, expected) in [
            (
                "cannot reach mysql://root:p%40ss!x@db:3306/shop",
                "cannot reach mysql://root:***@db:3306/shop",
            ),
            ("the password p@ss!x is plain", "the password *** is plain"),
            ("IDENTIFIED BY 's\"cr,et9'", "IDENTIFIED BY '***'"),
            ("token abcdef", "token ***"),
            (
                "postgres://ada:other@host/x?y and http://a:b@c",
                "postgres://ada:***@host/x?y and http://a:***@c",
            ),
            (
                "nothing here: http://host/path",
                "nothing here: http://host/path",
            ),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn odd_texts_are_no_trouble() {
        for text in [
            "",
            "://",
            "://:@",
            "a://b:c@",
            "\"password\"",
            "\"password\":",
            "\"password\":\"",
            "\"password\":\"\\",
            "é://ü:ö@ä",
            "%",
            "x://a:%zz%@h",
        ] {
            let redactor = Redactor::of([text]);
            let _ = redactor.redact(text);
        }
        assert_eq!(
            Redactor::default().redact("x://a:b@h").as_ref(),
            "x://a:***@h"
        );
    }
}
