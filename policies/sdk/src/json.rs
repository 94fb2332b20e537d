//! JSON text to a value: RFC 8259, strictly, of any depth.
//!
//! `serde_json` can do this, but its parser names the type that it found in its errors, floats included, which brings the whole
//! of float formatting into every policy: 45 kB of the 100 kB that one may have. This one knows only [`Value`]. It gives what
//! `serde_json` gives, which a test holds it to, and needs no stack for depth: objects deeper than a parser's usual limit of
//! 128 are stored by API servers.

use std::ops::Range;

use serde_json::{Map, Number, Value};

/// Parses one value; the last of two equal keys wins.
///
/// # Errors
/// What was expected, and at which byte.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut parser = Parser { text, at: 0 };
    parser
        .document()
        .map_err(|expected| format!("expected {expected} at byte {}", parser.at))
}

/// Keys, and where their values are in the text.
pub(crate) type Members = Vec<(String, Range<usize>)>;

/// Where the members of an object are in its text, in their order; none when the text is no object. Their values are passed over, not read: whether each is
/// JSON is found out when it is parsed.
///
/// # Errors
/// As [`parse`], as far as it was read.
pub(crate) fn members(text: &str) -> Result<Option<Members>, String> {
    let mut parser = Parser { text, at: 0 };
    parser
        .members()
        .map_err(|expected| format!("expected {expected} at byte {}", parser.at))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// A list or object that is not complete yet.
enum Open {
    List(Vec<Value>),
    /// The members so far, and the key whose value comes next.
    Object(Map<String, Value>, String),
}

/// What was expected instead.
type Expected = &'static str;

impl Parser<'_> {
    fn members(&mut self) -> Result<Option<Members>, Expected> {
        let mut members = Vec::new();
        if self.next() != Some(b'{') {
            return Ok(None);
        }
        self.at += 1;
        if self.next() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                let key = self.key()?;
                let start = self.at;
                self.pass_over()?;
                members.push((key, start..self.at));
                if self.either(b'}', "`,` or `}`")? {
                    break;
                }
            }
        }
        match self.next() {
            None => Ok(Some(members)),
            Some(_) => Err("the end"),
        }
    }

    /// Past one value, by its brackets and strings alone.
    fn pass_over(&mut self) -> Result<(), Expected> {
        let mut open = 0_usize;
        loop {
            match self.peek().ok_or("a value")? {
                b'"' => {
                    self.at += 1;
                    loop {
                        self.at += plain(self.rest());
                        let ends = self.peek() == Some(b'"');
                        // An escape is two bytes at least, of which the second may be a quote.
                        self.at += if ends { 1 } else { 2 };
                        if ends {
                            break;
                        }
                        if self.at > self.text.len() {
                            return Err("the end of a string");
                        }
                    }
                }
                b'[' | b'{' => {
                    open += 1;
                    self.at += 1;
                }
                b']' | b'}' | b',' if open == 0 => return Ok(()),
                b']' | b'}' => {
                    open -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    fn document(&mut self) -> Result<Value, Expected> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let Some(mut value) = self.value(&mut open)? else {
                continue;
            };
            loop {
                let closed = match open.last_mut() {
                    None => {
                        return match self.next() {
                            None => Ok(value),
                            Some(_) => Err("the end"),
                        };
                    }
                    Some(Open::List(items)) => {
                        items.push(value);
                        self.either(b']', "`,` or `]`")?
                    }
                    Some(Open::Object(members, key)) => {
                        members.insert(std::mem::take(key), value);
                        let closed = self.either(b'}', "`,` or `}`")?;
                        if !closed {
                            *key = self.key()?;
                        }
                        closed
                    }
                };
                value = match closed.then(|| open.pop()).flatten() {
                    Some(Open::List(items)) => Value::Array(items),
                    Some(Open::Object(members, _)) => Value::Object(members),
                    None => break,
                };
            }
        }
    }

    /// A scalar, an empty list or object, or none after opening one that is not.
    fn value(&mut self, open: &mut Vec<Open>) -> Result<Option<Value>, Expected> {
        let value = match self.next().ok_or("a value")? {
            b'"' => Value::String(self.string()?),
            b'[' => {
                self.at += 1;
                if self.next() != Some(b']') {
                    open.push(Open::List(Vec::new()));
                    return Ok(None);
                }
                self.at += 1;
                Value::Array(Vec::new())
            }
            b'{' => {
                self.at += 1;
                if self.next() != Some(b'}') {
                    let key = self.key()?;
                    open.push(Open::Object(Map::new(), key));
                    return Ok(None);
                }
                self.at += 1;
                Value::Object(Map::new())
            }
            b't' => self.word("true", Value::Bool(true))?,
            b'f' => self.word("false", Value::Bool(false))?,
            b'n' => self.word("null", Value::Null)?,
            _ => self.number()?,
        };
        Ok(Some(value))
    }

    /// After an item: true past the closing byte, false past a comma.
    fn either(&mut self, closing: u8, expected: Expected) -> Result<bool, Expected> {
        let byte = self.next();
        if byte != Some(closing) && byte != Some(b',') {
            return Err(expected);
        }
        self.at += 1;
        Ok(byte == Some(closing))
    }

    fn key(&mut self) -> Result<String, Expected> {
        if self.next() != Some(b'"') {
            return Err("a key in double quotes");
        }
        let key = self.string()?;
        if self.next() != Some(b':') {
            return Err("`:`");
        }
        self.at += 1;
        Ok(key)
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, Expected> {
        let rest = self.rest();
        if !rest.starts_with(word.as_bytes()) {
            return Err("a value");
        }
        self.at += word.len();
        Ok(value)
    }

    /// The grammar of a number is `serde_json`'s, and so is its rounding.
    fn number(&mut self) -> Result<Value, Expected> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
        ) {
            self.at += 1;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        match digits.parse::<Number>() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => {
                self.at = start;
                Err("a value")
            }
        }
    }

    /// From the opening quote to past the closing one.
    fn string(&mut self) -> Result<String, Expected> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let start = self.at;
            self.at += plain(self.rest());
            // The bytes that end a run are ASCII, so that the run ends between characters.
            string.push_str(self.text.get(start..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    string.push(self.escape()?);
                }
                _ => return Err("the end of a string, without bare control characters"),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, Expected> {
        let byte = self.peek().ok_or("an escape")?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                const LONE: Expected = "a pair of surrogates";
                let first = self.four_digits()?;
                let scalar = if (0xd800..0xdc00).contains(&first) {
                    if !self.rest().starts_with(b"\\u") {
                        return Err(LONE);
                    }
                    self.at += 2;
                    let second = self.four_digits()?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(LONE);
                    }
                    0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                char::from_u32(scalar).ok_or(LONE)?
            }
            _ => return Err("an escape"),
        })
    }

    fn four_digits(&mut self) -> Result<u32, Expected> {
        (0..4).try_fold(0, |number, _| {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            self.at += 1;
            Ok(number << 4 | digit.ok_or("four hexadecimal digits")?)
        })
    }

    /// The next byte that is not blank.
    fn next(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.peek()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// How many bytes at the beginning of a string's text stand for themselves: up to a quote, a backslash or a control character. Eight at a time, since
/// most of a large object is one string.
fn plain(text: &[u8]) -> usize {
    let (eights, _) = text.as_chunks::<8>();
    for (index, eight) in eights.iter().enumerate() {
        let special = special(u64::from_le_bytes(*eight));
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let whole = eights.len() * 8;
    let rest = text.get(whole..).unwrap_or_default();
    let ends = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    whole + rest.iter().position(ends).unwrap_or(rest.len())
}

/// The highest bit of the first of eight bytes that ends a run of plain ones; bits above that one mean nothing. Subtracting borrows from the next byte only
/// where this one is a hit.
fn special(eight: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let zero = |bytes: u64| bytes.wrapping_sub(EACH) & !bytes;
    let control = eight.wrapping_sub(EACH * 0x20) & !eight;
    let quote = zero(eight ^ (EACH * 0x22));
    let backslash = zero(eight ^ (EACH * 0x5c));
    (control | quote | backslash) & (EACH * 0x80)
}

#[cfg(test)]
mod tests {
    use super::{members, parse};
    use proptest::prelude::*;
    use serde_json::Value;

    /// Both parsers refuse, or both give the same.
    #[track_caller]
    fn agrees(text: &str) {
        let theirs = serde_json::from_str::<Value>(text).ok();
        assert_eq!(parse(text).ok(), theirs, "for {text:?}");
    }

    #[test]
    fn hand_picked_texts_are_read_as_serde_json_reads_them() {
        for text in [
            "",
            " ",
            "null",
            "nul",
            "nulll",
            "true",
            "false ",
            "\u{a0}1",
            "[]",
            "[ ]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1,2]]",
            "{}",
            "{ }",
            "{\"a\":1,}",
            "{\"a\" : [ {} , {\"b\":null} ] }",
            "{\"a\":1,\"a\":2}",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "[",
            "{",
            "{\"a\":[}",
            "[}",
            "0",
            "-0",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1.5e3",
            "1e",
            "1E+2",
            "1e999",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "0.1",
            "1--2",
            "\"",
            "\"\\\"",
            "\"a\\n\\u0041\\/\"",
            "\"\\u00e9é\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ud83d\\u0041\"",
            "\"\\ude00\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "\"\u{7f}\"",
            "\"\\u0000\"",
            "1 1",
            "NaN",
        ] {
            agrees(text);
        }
    }

    /// Each member by itself, and all together, are what the whole is.
    #[track_caller]
    fn adds_up(text: &str) {
        let whole = parse(text).expect("it is JSON");
        let Some(parts) = members(text).expect("it is JSON") else {
            assert!(!whole.is_object(), "for {text:?}");
            return;
        };
        let parts = parts
            .into_iter()
            .map(|(key, at)| Some((key, parse(text.get(at)?).ok()?)));
        let object: Option<serde_json::Map<_, _>> = parts.collect();
        assert_eq!(object.map(Value::Object), Some(whole), "for {text:?}");
    }

    #[test]
    fn members_add_up_to_the_object() {
        for text in [
            "7",
            "[{}]",
            "{}",
            " { } ",
            r#"{"a":1}"#,
            r#" { "a" : 1 , "b" : [ "]" , { "c" : "\\\"}" } ] , "a\u0062" : "x" } "#,
            r#"{"a":1,"a":{"b":[[],{}]},"":null}"#,
            r#"{"long":"0123456789\\","next":"\"0123456\"","é":"é\n"}"#,
        ] {
            adds_up(text);
        }
        for text in [
            "{",
            r#"{"a"#,
            r#"{"a":"#,
            r#"{"a":"\"#,
            r#"{"a":"x"#,
            r#"{"a":[}"#,
            "{} {}",
        ] {
            assert!(members(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_needs_no_stack() {
        let depth = 10_000;
        assert!(parse(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).is_ok());
        assert_eq!(
            parse("[{]"),
            Err("expected a key in double quotes at byte 2".to_owned())
        );
    }

    /// Every byte that ends a run, at every place of a run of eights and beside every neighbour.
    #[test]
    fn what_ends_a_run_is_found_wherever_it_stands() {
        for special in [
            "\\n", "\\\"", "\t", "\u{1f}", "\u{0}", "\"", "\u{7f}", "é", "!", "#", "[", "]",
        ] {
            for before in 0..20 {
                for neighbour in ["", "a", "!", "é", "\\\\"] {
                    let run = "x".repeat(before);
                    agrees(&format!("\"{run}{special}{neighbour}{run}\""));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(text in r#"([\[\]{},:" \\]|"a"|"\\u[0-9a-f]{4}"|[0-9.eE+-]{1,4}|true|null|é){0,12}"#) {
            agrees(&text);
        }

        #[test]
        fn members_of_any_object_add_up(keys in proptest::collection::vec(".{0,12}", 0..4), strings in proptest::collection::vec(".{0,40}", 4)) {
            let member = |(key, text)| (key, serde_json::json!([text, {"in": text}]));
            let object: serde_json::Map<String, Value> = keys.into_iter().zip(&strings).map(member).collect();
            adds_up(&Value::Object(object).to_string());
        }

        #[test]
        fn any_float_is_the_same(number: f64) {
            agrees(&number.to_string());
            agrees(&format!("{number:e}"));
        }
    }
}
