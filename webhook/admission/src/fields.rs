//! Reading a settings map field by field, so that every problem is said at once and a leftover field is one of them.
//!
//! serde stops at the first problem; a person who mends a file wants the whole list.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A map of the file whose fields are taken one by one; what is left over is unknown.
pub(crate) struct Fields<'p> {
    place: String,
    left: Map<String, Value>,
    problems: &'p mut Vec<String>,
}

impl<'p> Fields<'p> {
    pub(crate) fn of(value: &Value, place: &str, problems: &'p mut Vec<String>) -> Self {
        let left = match value {
            Value::Object(map) => map.clone(),
            _ => {
                let place = if place.is_empty() { "the file" } else { place };
                problems.push(format!("{place}: expected a map"));
                Map::new()
            }
        };
        Self {
            place: place.to_owned(),
            left,
            problems,
        }
    }

    pub(crate) fn problem(&mut self, key: &str, what: &str) {
        let dot = if self.place.is_empty() { "" } else { "." };
        self.problems
            .push(format!("{}{dot}{key}: {what}", self.place));
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.left.remove(key)
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => {
                self.problem(key, "expected a text");
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        match self.take(key)? {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.problem(key, "expected true or false");
                None
            }
        }
    }

    pub(crate) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.take(key)?;
        let found = word_of(&value).and_then(|word| lookup(word, words));
        if found.is_none() {
            self.problem(key, &expected_word(words));
        }
        found
    }

    pub(crate) fn number(
        &mut self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let value = self.take(key)?;
        let number = value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number));
        if number.is_none() {
            self.problem(
                key,
                &format!(
                    "expected a whole number from {} to {}",
                    range.start(),
                    range.end()
                ),
            );
        }
        number
    }

    pub(crate) fn parsed<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
        in_range: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Ok(value) if in_range(&value) => Some(value),
            Ok(_) => {
                self.problem(key, &format!("`{text}` is out of range"));
                None
            }
            Err(problem) => {
                self.problem(key, &problem);
                None
            }
        }
    }

    pub(crate) fn strings(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.take(key) else {
            return vec![];
        };
        let strings: Option<Vec<String>> = value.as_array().and_then(|items| {
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        });
        strings.unwrap_or_else(|| {
            self.problem(key, "expected a list of texts");
            vec![]
        })
    }

    pub(crate) fn texts(&mut self, key: &str) -> BTreeMap<String, String> {
        let map = self.map(key).into_iter();
        let texts: Option<_> = map
            .map(|(key, value)| Some((key, value.as_str()?.to_owned())))
            .collect();
        texts.unwrap_or_else(|| {
            self.problem(key, "expected a map of texts");
            BTreeMap::new()
        })
    }

    pub(crate) fn list(&mut self, key: &str, most: usize) -> Vec<Value> {
        match self.take(key) {
            None => vec![],
            Some(Value::Array(list)) if list.len() <= most => list,
            Some(_) => {
                self.problem(key, &format!("expected a list, of at most {most}"));
                vec![]
            }
        }
    }

    pub(crate) fn map(&mut self, key: &str) -> Map<String, Value> {
        match self.take(key) {
            None => Map::new(),
            Some(Value::Object(map)) => map,
            Some(_) => {
                self.problem(key, "expected a map");
                Map::new()
            }
        }
    }

    pub(crate) fn finish(mut self) {
        let unknown: Vec<String> = self.left.keys().cloned().collect();
        for key in unknown {
            self.problem(&key, "is not a known field");
        }
    }
}

pub(crate) fn lookup<T: Copy>(word: &str, words: &[(&str, T)]) -> Option<T> {
    words
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
}

pub(crate) fn expected_word<T>(words: &[(&str, T)]) -> String {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    format!("expected one of {}", names.join(", "))
}

/// The word of a field. YAML 1.1 readers take a bare `off` for false, and people copy such files.
pub(crate) fn word_of(value: &Value) -> Option<&str> {
    match value {
        Value::Bool(false) => Some("off"),
        other => other.as_str(),
    }
}
