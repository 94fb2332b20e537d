//! `app.orders` to `"scratch".orders`: a wanted schema that names its own schema can still be tried out in another.
//!
//! Only the qualifier that is the schema in scope changes, and only where it is one: an identifier before a dot, or a name inside `nextval('..')`
//! and `'..'::regclass`. Strings, comments and the bodies of routines in dollar quotes stay as they are; both sides of a comparison have the
//! same body.

use super::sql::quoted;

/// Puts `scratch` in the place of the qualifier `schema`.
pub(super) fn requalify(sql: &str, schema: &str, scratch: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    // The last thing that is neither white space nor comment, to see `nextval(` and a dot before a name.
    let mut before = String::new();
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let blank = token.trim().is_empty() || token.starts_with("--") || token.starts_with("/*");
        let is_name = first == '"' || first == '_' || first.is_alphabetic();
        if is_name
            && names(token, schema)
            && !before.ends_with('.')
            && behind.trim_start().starts_with('.')
            || is_name && names(token, schema) && before.eq_ignore_ascii_case("schema")
        {
            out.push_str(&quoted(scratch));
        } else if first == '\'' && (is_sequence_call(&before) || is_reg_cast(behind)) {
            out.push_str(&inside(token, schema, scratch));
        } else {
            out.push_str(token);
        }
        if !blank {
            if token == "(" {
                before.push('(');
            } else {
                token.clone_into(&mut before);
            }
        }
        rest = behind;
    }
    out
}

/// Bytes of the token at the start of the text.
pub(super) fn token_length(text: &str, first: char) -> usize {
    let until = |end: &str, from: usize| {
        text.get(from..)
            .and_then(|rest| rest.find(end))
            .map_or(text.len(), |at| from + at + end.len())
    };
    match first {
        '\'' | '"' => quoted_length(text, first, false),
        '-' if text.starts_with("--") => until("\n", 2),
        '/' if text.starts_with("/*") => until("*/", 2),
        'e' | 'E' if text.get(1..2) == Some("'") => {
            1 + quoted_length(text.get(1..).unwrap_or_default(), '\'', true)
        }
        '$' => {
            let tag = text
                .get(1..)
                .and_then(|rest| rest.split_once('$'))
                .map(|(tag, _)| tag)
                .filter(|tag| {
                    !tag.starts_with(|c: char| c.is_ascii_digit())
                        && tag.chars().all(|c| c.is_alphanumeric() || c == '_')
                });
            match tag {
                Some(tag) => {
                    let quote = format!("${tag}$");
                    until(&quote, quote.len())
                }
                None => 1,
            }
        }
        c if c == '_' || c.is_alphabetic() => text
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(text.len()),
        other => other.len_utf8(),
    }
}

fn quoted_length(text: &str, quote: char, backslash: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if backslash && character == '\\' {
            characters.next();
        } else if character == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    text.len()
}

fn names(token: &str, schema: &str) -> bool {
    match token
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inner) => inner.replace("\"\"", "\"") == schema,
        None => token.to_lowercase() == schema,
    }
}

fn is_sequence_call(before: &str) -> bool {
    ["nextval(", "currval(", "setval("]
        .iter()
        .any(|call| before.eq_ignore_ascii_case(call))
}

fn is_reg_cast(behind: &str) -> bool {
    behind
        .trim_start()
        .strip_prefix("::")
        .is_some_and(|cast| cast.trim_start().to_lowercase().starts_with("reg"))
}

/// A literal that holds a qualified name.
fn inside(literal: &str, schema: &str, scratch: &str) -> String {
    let name = literal.trim_matches('\'');
    let place = if name.starts_with('"') {
        quoted_length(name, '"', false)
    } else {
        name.find('.').unwrap_or(name.len())
    };
    match name.split_at_checked(place) {
        Some((qualifier, rest)) if rest.starts_with('.') && names(qualifier, schema) => {
            format!("'{}{rest}'", quoted(scratch))
        }
        _ => literal.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_qualifier_changes() {
        for (sql, expected) in [
            ("CREATE TABLE app.t (a int)", "CREATE TABLE \"s\".t (a int)"),
            ("SELECT \"app\" . \"t\"", "SELECT \"s\" . \"t\""),
            ("SELECT APP.t, x.app.t, app", "SELECT \"s\".t, x.app.t, app"),
            (
                "SELECT 'app.t', nextval('app.q'), 'app.q'::regclass",
                "SELECT 'app.t', nextval('\"s\".q'), '\"s\".q'::regclass",
            ),
            (
                "-- app.t\n/* app.t */ AS $$ app.t $$ || $x$app.t$x$ || E'\\'app.t'",
                "-- app.t\n/* app.t */ AS $$ app.t $$ || $x$app.t$x$ || E'\\'app.t'",
            ),
            (
                "COMMENT ON SCHEMA app IS 'app.'",
                "COMMENT ON SCHEMA \"s\" IS 'app.'",
            ),
            ("SELECT $1, 'é' || app.f()", "SELECT $1, 'é' || \"s\".f()"),
        ] {
            assert_eq!(requalify(sql, "app", "s"), expected);
        }
        assert_eq!(requalify("\"A b\".t", "A b", "s"), "\"s\".t");
    }
}
