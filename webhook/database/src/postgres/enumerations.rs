//! Labels that a wanted schema adds to an enumeration of its own are part of it from its beginning, in a scratch place.
//!
//! A text that grew by appending makes a type, adds a label to it and uses the label. The statements of a wanted schema run in one transaction, and before
//! version 17 the server lets nothing use a label in the transaction that added it (SQLSTATE 55P04, `unsafe_new_enum_value_usage`). The outcome is the same.

use super::requalify::token_length;

/// An enumeration that the text has made.
struct Made {
    name: String,
    /// Where its statement is among the texts.
    at: usize,
    labels: Vec<String>,
    has_grown: bool,
}

/// The statements, with each `ALTER TYPE .. ADD VALUE` of a type that an earlier one makes taken into that one. Types that are changed otherwise in
/// between stay as they are.
pub(super) fn with_labels_from_the_start(texts: &[(usize, String)]) -> Vec<(usize, String)> {
    let mut kept: Vec<(usize, String)> = Vec::with_capacity(texts.len());
    let mut made: Vec<Made> = Vec::new();
    for (number, sql) in texts {
        let tokens = tokens(sql);
        let words: Vec<&str> = tokens.iter().map(|(token, _)| *token).collect();
        if let Some(found) = creation(&words, kept.len()) {
            made.push(found);
        } else if let Some((name, behind)) = alteration(&words) {
            let known = made.iter().position(|made| made.name == name);
            match (known, addition(&behind)) {
                (Some(known), Some(addition)) => {
                    if made.get_mut(known).is_some_and(|made| made.add(&addition)) {
                        continue;
                    }
                    made.remove(known);
                }
                (Some(known), None) => {
                    made.remove(known);
                }
                (None, _) => {}
            }
        }
        kept.push((*number, sql.clone()));
    }
    for made in made.iter().filter(|made| made.has_grown) {
        if let Some((_, sql)) = kept.get_mut(made.at) {
            let list = tokens(sql).iter().find(|(token, _)| *token == "(").copied();
            let head = list.and_then(|(_, at)| sql.get(..at)).unwrap_or_default();
            *sql = format!("{head}({})", made.labels.join(", "));
        }
    }
    kept
}

/// `ADD VALUE`, read.
struct Addition<'a> {
    label: &'a str,
    only_if_missing: bool,
    /// Before (or else behind) which label.
    beside: Option<(bool, &'a str)>,
}

impl Made {
    /// Takes a label in; false where that is for the server to refuse.
    fn add(&mut self, addition: &Addition<'_>) -> bool {
        if self.labels.iter().any(|label| label == addition.label) {
            return addition.only_if_missing;
        }
        let at = match addition.beside {
            None => self.labels.len(),
            Some((before, beside)) => {
                let Some(at) = self.labels.iter().position(|label| label == beside) else {
                    return false;
                };
                if before { at } else { at + 1 }
            }
        };
        self.labels.insert(at, addition.label.to_owned());
        self.has_grown = true;
        true
    }
}

fn creation(words: &[&str], at: usize) -> Option<Made> {
    let behind = after(words, &["create", "type"])?;
    let (name, behind) = name(behind);
    let labels = after(behind, &["as", "enum", "("])?;
    let (last, labels) = labels.split_last()?;
    let is_plain = labels.iter().enumerate().all(|(index, word)| {
        if index % 2 == 0 {
            is_text(word)
        } else {
            *word == ","
        }
    });
    (*last == ")" && is_plain && !name.is_empty()).then(|| Made {
        name,
        at,
        labels: labels
            .iter()
            .step_by(2)
            .map(|&label| label.to_owned())
            .collect(),
        has_grown: false,
    })
}

fn alteration<'a>(words: &[&'a str]) -> Option<(String, Vec<&'a str>)> {
    let behind = after(words, &["alter", "type"]).or_else(|| after(words, &["drop", "type"]))?;
    let (name, behind) = name(behind);
    Some((name, behind.to_vec()))
}

fn addition<'a>(words: &[&'a str]) -> Option<Addition<'a>> {
    let behind = after(words, &["add", "value"])?;
    let unless = after(behind, &["if", "not", "exists"]);
    let (label, behind) = unless.unwrap_or(behind).split_first()?;
    let beside = match behind {
        [] => None,
        [word, label] if is_text(label) && word.eq_ignore_ascii_case("before") => {
            Some((true, *label))
        }
        [word, label] if is_text(label) && word.eq_ignore_ascii_case("after") => {
            Some((false, *label))
        }
        _ => return None,
    };
    is_text(label).then_some(Addition {
        label,
        only_if_missing: unless.is_some(),
        beside,
    })
}

/// A name with its qualifiers, as it is written but for the case of what has no quotes; and what follows.
fn name<'w, 'a>(words: &'w [&'a str]) -> (String, &'w [&'a str]) {
    let mut parts = 1;
    while words.get(parts) == Some(&".") {
        parts += 2;
    }
    let (name, behind) = words.split_at_checked(parts).unwrap_or((&[], words));
    let shown = name.iter().map(|part| {
        if part.starts_with('"') {
            (*part).to_owned()
        } else {
            part.to_lowercase()
        }
    });
    (shown.collect(), behind)
}

fn after<'w, 'a>(words: &'w [&'a str], head: &[&str]) -> Option<&'w [&'a str]> {
    let (begins, behind) = words.split_at_checked(head.len())?;
    let is_head = begins
        .iter()
        .zip(head)
        .all(|(word, wanted)| word.eq_ignore_ascii_case(wanted));
    is_head.then_some(behind)
}

fn is_text(word: &str) -> bool {
    word.starts_with('\'')
}

/// What is neither white space nor comment, without the semicolon at the end.
fn tokens(sql: &str) -> Vec<(&str, usize)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = sql.get(at..)
        && let Some(first) = rest.chars().next()
    {
        let length = token_length(rest, first).max(1);
        let token = rest.get(..length).unwrap_or(rest);
        let is_blank =
            token.trim().is_empty() || token.starts_with("--") || token.starts_with("/*");
        if !is_blank && token != ";" {
            tokens.push((token, at));
        }
        at += length;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(texts: &[&str]) -> Vec<String> {
        let texts: Vec<(usize, String)> = (0..)
            .zip(texts.iter().map(|&text| text.to_owned()))
            .collect();
        let settled = with_labels_from_the_start(&texts);
        settled.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn labels_come_where_they_are_added() {
        for (texts, expected) in [
            (
                &[
                    "CREATE TYPE m AS ENUM ('a', 'b')",
                    "ALTER TYPE M ADD VALUE 'c'",
                    "SELECT 1",
                ][..],
                &["CREATE TYPE m AS ENUM ('a', 'b', 'c')", "SELECT 1"][..],
            ),
            (
                &[
                    "/* (so) */ CREATE TYPE \"s\".\"m\" AS ENUM ('a')",
                    "ALTER TYPE \"s\" . \"m\" ADD VALUE IF NOT EXISTS 'b' BEFORE 'a';",
                    "ALTER TYPE \"s\".\"m\" ADD VALUE 'it''s' AFTER 'b'",
                    "ALTER TYPE \"s\".\"m\" ADD VALUE IF NOT EXISTS 'a'",
                ],
                &["/* (so) */ CREATE TYPE \"s\".\"m\" AS ENUM ('b', 'it''s', 'a')"],
            ),
            (
                &["CREATE TYPE e AS ENUM ()", "ALTER TYPE e ADD VALUE 'a'"],
                &["CREATE TYPE e AS ENUM ('a')"],
            ),
        ] {
            assert_eq!(settled(texts), expected);
        }
    }

    #[test]
    fn what_is_changed_otherwise_stays_as_it_is_written() {
        for texts in [
            &["ALTER TYPE m ADD VALUE 'c'"][..],
            &["CREATE TYPE m AS ENUM ('a')", "ALTER TYPE n ADD VALUE 'c'"],
            &["CREATE TYPE m AS ENUM ('a')", "ALTER TYPE m ADD VALUE 'a'"],
            &[
                "CREATE TYPE m AS ENUM ('a')",
                "ALTER TYPE m ADD VALUE 'b' AFTER 'x'",
            ],
            &["CREATE TYPE m AS ENUM (E'a')", "ALTER TYPE m ADD VALUE 'b'"],
            &[
                "CREATE TYPE m AS ENUM ('a')",
                "ALTER TYPE m RENAME VALUE 'a' TO 'b'",
                "ALTER TYPE m ADD VALUE 'c'",
            ],
            &[
                "CREATE TYPE m AS ENUM ('a')",
                "DROP TYPE m",
                "ALTER TYPE m ADD VALUE 'c'",
            ],
            &[
                "CREATE TYPE m AS (a int)",
                "ALTER TYPE m ADD ATTRIBUTE b int",
            ],
        ] {
            assert_eq!(settled(texts), texts);
        }
    }
}
