//! The operator's settings: JSON text to the policy's type, and what is wrong with it, where.
//!
//! serde says what does not fit and at which line and column of the text; an operator wants the JSON pointer of the field. The
//! text is walked once more to find it, which costs nothing when the settings are right and needs no further crate.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{json, pointer};

/// For a policy without settings: any key is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// The JSON Schema of a policy's settings, as JSON text.
pub(crate) fn schema<S: JsonSchema>() -> String {
    if is_nothing::<S>() {
        return r#"{"type":"object","properties":{},"additionalProperties":false}"#.to_owned();
    }
    schemars::schema_for!(S).as_value().to_string()
}

/// Whether the type holds nothing that could be set. Known when compiling: a policy without settings then carries neither
/// schemars nor `serde_json`'s typed parser, a half of its size.
const fn is_nothing<S>() -> bool {
    size_of::<S>() == 0
}

/// Reads the settings.
///
/// # Errors
/// One line: the JSON pointer of the field, and what is wrong.
pub(crate) fn read<S: DeserializeOwned + Default>(text: &str) -> Result<S, String> {
    if is_nothing::<S>() {
        return read_nothing(text).map(|()| S::default());
    }
    serde_json::from_str(text).map_err(|problem| {
        let place = locate(text, offset(text, problem.line(), problem.column()));
        // serde_json appends the place in the text; the pointer says it better.
        let message = problem.to_string();
        let what = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(what, _)| what);
        if place.is_empty() {
            format!("settings: {what}")
        } else {
            format!("{place}: {what}")
        }
    })
}

fn read_nothing(text: &str) -> Result<(), String> {
    let problem = match json::parse(text) {
        Ok(Value::Object(settings)) => match settings.keys().next() {
            None => return Ok(()),
            Some(key) => format!("{}: unknown field `{key}`", pointer::join("", key)),
        },
        Ok(_) => "settings: not an object".to_owned(),
        Err(problem) => format!("settings: {problem}"),
    };
    Err(problem + "; the policy has no settings")
}

/// The number of bytes before a line and column, as `serde_json` counts: lines from 1, columns in bytes read.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    before + column
}

/// The pointer of what the parser stood at: a key or scalar that ends there, a list or object that begins or ends there, else
/// the innermost one around it.
fn locate(text: &str, offset: usize) -> String {
    let mut walk = Walk {
        bytes: text.as_bytes(),
        at: 0,
        offset,
        found: None,
    };
    walk.value(&mut String::new());
    walk.found.unwrap_or_default()
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    offset: usize,
    found: Option<String>,
}

impl Walk<'_> {
    /// Walks one value; none when the text ends or is not JSON. The innermost match is noted first and stays.
    fn value(&mut self, path: &mut String) -> Option<()> {
        self.blanks();
        let start = self.at;
        let closer = match self.bytes.get(self.at)? {
            b'{' => b'}',
            b'[' => b']',
            b'"' => {
                self.string()?;
                self.note(path, self.at == self.offset);
                return Some(());
            }
            _ => {
                while self
                    .bytes
                    .get(self.at)
                    .is_some_and(|byte| !b",]} \t\r\n".contains(byte))
                {
                    self.at += 1;
                }
                self.note(path, self.at == self.offset);
                return Some(());
            }
        };
        self.at += 1;
        self.note(path, start == self.offset);
        let complete = self.members(path, closer);
        self.note(
            path,
            start < self.offset && (complete.is_none() || self.offset <= self.at),
        );
        complete
    }

    fn members(&mut self, path: &mut String, closer: u8) -> Option<()> {
        let mut index = 0_usize;
        loop {
            self.blanks();
            match *self.bytes.get(self.at)? {
                byte if byte == closer => {
                    self.at += 1;
                    return Some(());
                }
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            let parent = path.len();
            let segment = if closer == b'}' {
                self.string()?
            } else {
                index.to_string()
            };
            path.push('/');
            path.push_str(&pointer::escape(&segment));
            index += 1;
            if closer == b'}' {
                self.note(path, self.at == self.offset);
                self.blanks();
                (*self.bytes.get(self.at)? == b':').then_some(())?;
                self.at += 1;
            }
            let walked = self.value(path);
            path.truncate(parent);
            walked?;
        }
    }

    /// A string's content, from its opening quote to past its closing one.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        (*self.bytes.get(start)? == b'"').then_some(())?;
        self.at += 1;
        loop {
            match *self.bytes.get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_slice(self.bytes.get(start..self.at)?).ok()
    }

    fn blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn note(&mut self, path: &str, here: bool) {
        if here && self.found.is_none() {
            self.found = Some(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NoSettings, read};
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Settings {
        #[serde(default)]
        limit: u8,
        #[serde(default)]
        names: Vec<String>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Inner {
        must: bool,
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let problem = read::<Settings>(text).expect_err("must be refused");
        assert_eq!(problem, expected, "for {text}");
    }

    #[test]
    fn problems_name_the_field() {
        let u8_text = "expected u8";
        refused(
            r#"{"limit": "x"}"#,
            &format!("/limit: invalid type: string \"x\", {u8_text}"),
        );
        refused(
            r#"{"limit": 300}"#,
            &format!("/limit: invalid value: integer `300`, {u8_text}"),
        );
        refused(
            "{\n \"limit\": [],\n \"names\": []}",
            &format!("/limit: invalid type: sequence, {u8_text}"),
        );
        refused(
            r#"{"names": ["é", 7]}"#,
            "/names/1: invalid type: integer `7`, expected a string",
        );
        refused(r#"{"inner": {}}"#, "/inner: missing field `must`");
        refused(
            "{\"limit\": 1,\n  \"inner\": {\"must\": true, \"a/b\": 1}}",
            "/inner/a~1b: unknown field `a/b`, expected `must`",
        );
        refused(
            r#"{"colour": 1}"#,
            "/colour: unknown field `colour`, expected one of `limit`, `names`, `inner`",
        );
        refused("{\"limit\": 1", "/limit: EOF while parsing an object");
    }

    #[test]
    fn no_settings_takes_none() {
        assert_eq!(read::<NoSettings>("{}"), Ok(NoSettings {}));
        let problem = read::<NoSettings>(r#"{"a": 1}"#).expect_err("unknown key");
        assert_eq!(problem, "/a: unknown field `a`; the policy has no settings");
    }
}
