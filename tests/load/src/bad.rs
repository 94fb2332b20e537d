//! Reviews that no honest user writes, and what the server must answer.
//!
//! Each object here can be written by whoever may create an AtlasSchema, or each body by whoever reaches the port. So none may cost more than its own
//! denial: the answer says what is wrong with this object, and the next review is answered as if nothing had been.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::review::{self, UID};

/// One bad review.
#[derive(Debug, Clone)]
pub struct Bad {
    /// For people.
    pub what: String,
    /// The path and its query.
    pub path: String,
    /// The body.
    pub review: Bytes,
    /// What must come back.
    pub expected: Expected,
}

/// The right answer to a bad review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A review's answer that allows.
    Allowed,
    /// A review's answer that denies, and says this.
    Denied(&'static str),
    /// No review's answer, since the request cannot be told: this status of HTTP, and this in its text.
    Refused(u16, &'static str),
}

impl Expected {
    /// Holds when this is what came back, whole and with the request's uid.
    pub fn check(self, answer: &Answer) -> Result<()> {
        if let Self::Refused(status, text) = self {
            let said = String::from_utf8_lossy(&answer.body);
            ensure!(
                answer.status == status && said.contains(text),
                "expected {status} with `{text}`, got {}",
                answer.excerpt()
            );
            return Ok(());
        }
        let reading = || format!("expected {self:?}, got {}", answer.excerpt());
        ensure!(answer.status == 200, reading());
        let value: Value = serde_json::from_slice(&answer.body).with_context(reading)?;
        let response = value.get("response").with_context(reading)?;
        ensure!(response.get("uid") == Some(&json!(UID)), reading());
        let message = response.pointer("/status/message").and_then(Value::as_str);
        let right = match self {
            Self::Denied(text) => {
                response.get("allowed") == Some(&json!(false))
                    && message.is_some_and(|message| message.contains(text))
            }
            Self::Allowed | Self::Refused(..) => response.get("allowed") == Some(&json!(true)),
        };
        ensure!(right, reading());
        Ok(())
    }
}

/// SQL that a parser, a policy or the way to it could stumble over; for `unsafe-sql`, asked by its name.
pub fn sql() -> Vec<Bad> {
    let mebibyte = "INSERT INTO orders (id) VALUES (1);\n".repeat((1 << 20) / 36);
    let one_statement = format!(
        "INSERT INTO orders (note) VALUES ('{}');",
        "x".repeat(1 << 20)
    );
    let nested = format!("SELECT {}1{};", "(".repeat(10_000), ")".repeat(10_000));
    let chain = format!("SELECT 1{};", " OR 1".repeat(20_000));
    let comments = format!("{} SELECT 1; {}", "/*".repeat(10_000), "*/".repeat(10_000));
    let hidden = "CREATE TABLE a (id int);\u{0}DROP TABLE users;";
    [
        (
            "SQL of 1 MiB in short statements",
            mebibyte.as_str(),
            Expected::Denied("[unsafe-sql/"),
        ),
        (
            "SQL of 1 MiB in one statement",
            &one_statement,
            Expected::Denied("[unsafe-sql/"),
        ),
        (
            "10,000 nested parentheses",
            &nested,
            Expected::Denied("[unsafe-sql/"),
        ),
        (
            "a chain of 20,000 terms",
            &chain,
            // By the rule, or because the parser ran out of stack in the sandbox.
            Expected::Denied("unsafe-sql"),
        ),
        (
            "10,000 nested comments",
            &comments,
            Expected::Denied("[unsafe-sql/"),
        ),
        (
            "an open string",
            "SELECT 'x",
            Expected::Denied("[unsafe-sql/unparsed"),
        ),
        (
            "a NUL between two statements",
            hidden,
            Expected::Denied("[unsafe-sql/"),
        ),
        (
            "nothing but NULs",
            "\u{0}\u{0}\u{0}",
            Expected::Denied("[unsafe-sql/"),
        ),
        (
            "a drop",
            "DROP TABLE users;",
            Expected::Denied("[unsafe-sql/drop-table]"),
        ),
    ]
    .map(|(what, sql, expected)| Bad {
        what: what.to_owned(),
        path: "/validate/unsafe-sql?timeout=30s".to_owned(),
        review: review::of_sql(sql),
        expected,
    })
    .into()
}

/// JSON that is none, or more than one thing at once; for `unsafe-sql`, asked by its name.
pub fn json() -> Vec<Bad> {
    let object = |sql: &str| review::object(&json!({ "sql": sql })).to_string();
    let harmless = object("CREATE TABLE a (id int PRIMARY KEY);");
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let lists = "[".repeat(100_000);
    let with =
        |text: &str| harmless.replacen("\"spec\":{", &format!("\"spec\":{{\"x\":{text},"), 1);
    let twice = |first: &str, second: &str| {
        let sql = |sql: &str| format!(r#""sql":"{sql}""#);
        let right = sql("CREATE TABLE a (id int PRIMARY KEY);");
        harmless.replacen(&right, &format!("{},{}", sql(first), sql(second)), 1)
    };
    let table = "CREATE TABLE a (id int PRIMARY KEY);";
    let drop = "DROP TABLE users;";
    [
        ("an object 10,000 deep", with(&deep), Expected::Allowed),
        ("100,000 open lists", lists, Expected::Denied("")),
        (
            "a field twice, the harmful one last",
            twice(table, drop),
            Expected::Denied("[unsafe-sql/drop-table]"),
        ),
        (
            "the object twice",
            format!(r#"{harmless},"object":{}"#, object(drop)),
            Expected::Denied("object"),
        ),
        (
            "a raw NUL in a string",
            with("\"\u{0}\""),
            Expected::Denied(""),
        ),
        (
            "half a surrogate pair",
            with(r#""\ud800""#),
            Expected::Denied(""),
        ),
        (
            "a number without end",
            with(&"9".repeat(100_000)),
            Expected::Denied(""),
        ),
        (
            "a second document behind",
            format!("{harmless}}}}} {{"),
            Expected::Denied(""),
        ),
    ]
    .map(|(what, object, expected)| Bad {
        what: what.to_owned(),
        path: "/validate/unsafe-sql?timeout=30s".to_owned(),
        review: review::around_text(&object),
        expected,
    })
    .into_iter()
    .chain(bytes())
    .collect()
}

/// Bodies that are not even text.
fn bytes() -> Vec<Bad> {
    let good = review::of_sql("CREATE TABLE caf\u{e9} (id int PRIMARY KEY);");
    let broken: Vec<u8> = good.iter().copied().filter(|byte| *byte != 0xa9).collect();
    let half = good.slice(..good.len() / 2);
    [
        (
            "invalid UTF-8 in the object",
            Bytes::from(broken),
            Expected::Denied("unicode"),
        ),
        ("half a review", half, Expected::Denied("")),
        (
            "4 KiB of NULs",
            vec![0; 4096].into(),
            Expected::Refused(400, ""),
        ),
        ("nothing", Bytes::new(), Expected::Refused(400, "")),
    ]
    .map(|(what, review, expected)| Bad {
        what: what.to_owned(),
        path: "/validate/unsafe-sql?timeout=30s".to_owned(),
        review,
        expected,
    })
    .into()
}

/// A policy that misbehaves as the object asks, in every way that it knows; asked by its name.
pub fn policies() -> Vec<Bad> {
    [
        ("validate", "spin", Expected::Denied("100ms")),
        ("validate", "recurse", Expected::Denied("stack")),
        ("validate", "allocate", Expected::Denied("64 MiB")),
        ("validate", "trap", Expected::Denied("panicked")),
        ("validate", "big-output", Expected::Denied("1 MiB")),
        ("validate", "many-findings", Expected::Denied("64 MiB")),
        (
            "validate",
            "unknown-rule",
            Expected::Denied("never-declared"),
        ),
        // Left out of the answer: the API server would drop all of the answer's annotations for one bad key.
        ("validate", "bad-audit", Expected::Allowed),
        ("mutate", "bad-patch", Expected::Denied("patch")),
        ("mutate", "trap", Expected::Denied("panicked")),
    ]
    .map(|(stage, way, expected)| Bad {
        what: format!("a policy's {way}, asked to {stage}"),
        path: format!("/{stage}/bad?timeout=30s"),
        review: review::misbehaving(way),
        expected,
    })
    .into()
}
