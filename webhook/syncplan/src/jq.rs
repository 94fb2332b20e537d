//! `jqPathExpressions`: what an expression of jq's language names is taken out of an object.
//!
//! Argo CD runs `del(EXPRESSION)` and stops it after a second. A pure function has no clock, so here an expression must be one that ends: its words are
//! held to a list without definitions, recursion and loops, its length and the number of its iterations are bounded. What people write in
//! `ignoreDifferences` are paths and conditions (`.spec.containers[] | select(.name == "web") | .image`), all of which pass.

use std::fmt;
use std::sync::Arc;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

/// The longest expression, in bytes.
const LONGEST: usize = 1_024;
/// The most iterations (`[]`, `..`, `any`, ...) in one expression.
const MOST_ITERATIONS: usize = 8;

/// Words that always end. What is not here is refused, however useful.
const WORDS: [&str; 46] = [
    "all",
    "and",
    "any",
    "arrays",
    "as",
    "ascii_downcase",
    "ascii_upcase",
    "booleans",
    "contains",
    "del",
    "elif",
    "else",
    "empty",
    "end",
    "endswith",
    "error",
    "false",
    "first",
    "fromjson",
    "getpath",
    "has",
    "if",
    "in",
    "index",
    "inside",
    "keys",
    "last",
    "length",
    "ltrimstr",
    "not",
    "null",
    "nulls",
    "numbers",
    "objects",
    "or",
    "rtrimstr",
    "scalars",
    "select",
    "startswith",
    "strings",
    "test",
    "then",
    "tonumber",
    "tostring",
    "true",
    "type",
];
/// Words that end, and that look at each element.
const ITERATING: [&str; 6] = [
    "to_entries",
    "from_entries",
    "with_entries",
    "map",
    "map_values",
    "values",
];

/// Why an expression is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JqError {
    /// It is too long, or iterates too often.
    #[error(
        "the expression is longer than {LONGEST} bytes or iterates more than {MOST_ITERATIONS} times"
    )]
    TooMuch,
    /// A word outside the list.
    #[error("{0} is not allowed: only paths and conditions are, nothing that may never end")]
    Word(String),
    /// It is not jq.
    #[error("the expression is no path in jq's language")]
    Syntax,
}

/// An expression, ready to run.
#[derive(Clone)]
pub(crate) struct Expression {
    filter: Arc<jaq_core::Filter<data::JustLut<Val>>>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expression")
    }
}

impl Expression {
    /// Reads an expression.
    pub(crate) fn parse(text: &str) -> Result<Self, JqError> {
        admit(text)?;
        let code = format!("del({text})");
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let arena = Arena::default();
        let file = File {
            code: code.as_str(),
            path: (),
        };
        let modules = Loader::new(defs)
            .load(&arena, file)
            .map_err(|_| JqError::Syntax)?;
        let filter = Compiler::default()
            .with_funs(funs)
            .compile(modules)
            .map_err(|_| JqError::Syntax)?;
        Ok(Self {
            filter: Arc::new(filter),
        })
    }

    /// Takes what it names out of an object. An expression that fails on an object (it iterates over what is not there) takes nothing, as in
    /// Argo CD.
    pub(crate) fn remove_from(&self, object: &mut Value) {
        let Ok(input) = read::parse_single(object.to_string().as_bytes()) else {
            return;
        };
        let ctx = Ctx::<data::JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut outputs = self.filter.id.run((ctx, input)).map(unwrap_valr);
        let Some(Ok(output)) = outputs.next() else {
            return;
        };
        if let Ok(Value::Object(left)) = serde_json::from_str(&output.to_string()) {
            *object = Value::Object(left);
        }
    }
}

/// Whether an expression is sure to end: its words, outside of texts and field names, are all known to.
fn admit(text: &str) -> Result<(), JqError> {
    if text.len() > LONGEST {
        return Err(JqError::TooMuch);
    }
    let mut iterations = text.matches("[]").count() + text.matches("..").count();
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        if c == '"' {
            // A text; what is computed inside one would be read past.
            while let Some(c) = rest.next() {
                match c {
                    '"' => break,
                    '\\' if rest.next() == Some('(') => {
                        return Err(JqError::Word("\\(...)".to_owned()));
                    }
                    _ => {}
                }
            }
        } else if c.is_ascii_alphabetic() || c == '_' || c == '@' {
            let mut word = String::from(c);
            while let Some(c) =
                rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
            {
                word.push(c);
            }
            let is_iterating = ITERATING.contains(&word.as_str()) || word == "any" || word == "all";
            iterations += usize::from(is_iterating);
            if before != '.' && !is_iterating && !WORDS.contains(&word.as_str()) {
                return Err(JqError::Word(word));
            }
        } else if matches!(c, '$' | '*' | '?' | '#') && c != '?' {
            return Err(JqError::Word(c.to_string()));
        }
        before = c;
    }
    if iterations > MOST_ITERATIONS {
        return Err(JqError::TooMuch);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: &Value) {
        let mut object = json!({"spec": {
            "c": [{"name": "a", "x": 1, "image": "i"}, {"name": "b", "x": 12_345_678_901_u64}],
            "d": {"k": "v", "l/m": 2}}});
        Expression::parse(expression)
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
            .remove_from(&mut object);
        assert_eq!(&object["spec"], expected, "{expression}");
    }

    #[test]
    fn what_it_names_is_taken_out() {
        let a = json!({"name": "a", "x": 1, "image": "i"});
        let b = json!({"name": "b", "x": 12_345_678_901_u64});
        let d = json!({"k": "v", "l/m": 2});
        let whole = json!({"c": [a, b], "d": d});
        check(".spec.d", &json!({"c": [a, b]}));
        check(".spec[\"d\"]", &json!({"c": [a, b]}));
        check(".spec.d.\"l/m\"", &json!({"c": [a, b], "d": {"k": "v"}}));
        check(".spec.c[0]", &json!({"c": [b], "d": d}));
        check(".spec.c[]", &json!({"c": [], "d": d}));
        check(
            ".spec.c[] | select(.name == \"a\")",
            &json!({"c": [b], "d": d}),
        );
        check(
            ".spec.c[]?.x",
            &json!({"c": [{"name": "a", "image": "i"}, {"name": "b"}], "d": d}),
        );
        check(
            ".spec.c[] | select(.name | test(\"^b\")) | .x",
            &json!({"c": [a, {"name": "b"}], "d": d}),
        );
        check(
            ".spec.c[] | select(.name == \"a\" or .x > 5)",
            &json!({"c": [], "d": d}),
        );
        check(
            ".spec.c[] | select(has(\"image\")) | .image",
            &json!({"c": [{"name": "a", "x": 1}, b], "d": d}),
        );
        check(".spec.c[0], .spec.d", &json!({"c": [b]}));
        check(".spec.c[] | select(.name == \"none\")", &whole);
        check(".none", &whole);
        check(".none[]?.x", &whole);
        check(".spec.d.k[]", &whole);
    }

    #[test]
    fn what_may_never_end_is_refused() {
        for (expression, expected) in [
            ("recurse", "recurse"),
            ("def f: f; f", "def"),
            (".x | until(false; .)", "until"),
            ("repeat(.)", "repeat"),
            ("[range(1e9)]", "range"),
            (".a | while(true; .)", "while"),
            ("reduce .[] as $x (0; .)", "reduce"),
            ("env.HOME", "env"),
            ("$ENV", "$"),
            ("now", "now"),
            ("input", "input"),
            (".a | \"x\" * 1000000000", "*"),
            (".a | \"\\(env)\"", "\\(...)"),
            ("import \"a\" as b; .", "import"),
        ] {
            let error = Expression::parse(expression).unwrap_err();
            assert_eq!(error, JqError::Word(expected.to_owned()), "{expression}");
        }
        assert_eq!(
            Expression::parse(&"..|".repeat(9)).unwrap_err(),
            JqError::TooMuch
        );
        assert_eq!(
            Expression::parse(&".a".repeat(600)).unwrap_err(),
            JqError::TooMuch
        );
        for expression in ["((", ".a |", "]", "", "\"abc"] {
            assert_eq!(
                Expression::parse(expression).unwrap_err(),
                JqError::Syntax,
                "{expression}"
            );
        }
    }
}
