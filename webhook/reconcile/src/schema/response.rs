//! The message of a Ready AtlasSchema, as the Atlas operator writes it: a sentence and the answer of `atlas schema apply` as JSON.
//!
//! Tools read that JSON, so its field names are Go's. The operator also repeats the parts of the url there. We do not: it may have come from a Secret,
//! and a status is read by more people than a Secret is.

use jiff::Timestamp;
use serde::Serialize;
use tidegate_sqlplan::Dialect;

/// Statements are shown up to this many bytes in all, as by the operator.
const SHOWN_BYTES: usize = 1024;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<&'static str>,
    changes: Changes,
    start: String,
    end: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    applied: Vec<String>,
}

/// The message after these statements ran.
pub(super) fn applied(
    dialect: Dialect,
    statements: &[String],
    start: Timestamp,
    end: Timestamp,
) -> String {
    message(&Response {
        driver: Some(driver(dialect)),
        changes: Changes {
            applied: shortened(statements),
        },
        start: start.to_string(),
        end: end.to_string(),
    })
}

/// The message when there was nothing to do. The times are Go's zero time, as the operator writes them.
pub(super) fn unchanged() -> String {
    let zero = "0001-01-01T00:00:00Z".to_owned();
    message(&Response {
        driver: None,
        changes: Changes {
            applied: Vec::new(),
        },
        start: zero.clone(),
        end: zero,
    })
}

/// Atlas' name of a driver.
const fn driver(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite3",
        Dialect::Postgres => "postgres",
        Dialect::Mysql => "mysql",
        Dialect::Mariadb => "mariadb",
    }
}

fn message(response: &Response) -> String {
    let json =
        serde_json::to_string(response).expect("strings and lists of strings are always JSON");
    format!("The schema has been applied successfully. Apply response: {json}")
}

/// All statements where they fit; otherwise the first one, or its first line, and how much is not shown.
fn shortened(statements: &[String]) -> Vec<String> {
    let total: usize = statements.iter().map(String::len).sum();
    if total <= SHOWN_BYTES {
        return statements.to_vec();
    }
    let first = statements.first().map(String::as_str).unwrap_or_default();
    let kept = if first.len() <= SHOWN_BYTES {
        first
    } else {
        first.lines().next().unwrap_or_default()
    };
    let kept = kept
        .get(..kept.floor_char_boundary(SHOWN_BYTES))
        .unwrap_or_default();
    vec![
        kept.to_owned(),
        format!("-- truncated {} bytes...", total - kept.len()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_the_operators() {
        let at = Timestamp::from_second(1_700_000_000).expect("a time");
        assert_eq!(
            applied(
                Dialect::Sqlite,
                &["CREATE TABLE `t` (`a` int)".to_owned()],
                at,
                at
            ),
            "The schema has been applied successfully. Apply response: {\"Driver\":\"sqlite3\",\"Changes\":{\"Applied\":[\"CREATE \
             TABLE `t` (`a` int)\"]},\"Start\":\"2023-11-14T22:13:20Z\",\"End\":\"2023-11-14T22:13:20Z\"}"
        );
        assert_eq!(
            unchanged(),
            "The schema has been applied successfully. Apply response: \
             {\"Changes\":{},\"Start\":\"0001-01-01T00:00:00Z\",\"End\":\"0001-01-01T00:00:00Z\"}"
        );
    }

    #[test]
    fn many_bytes_of_statements_are_cut() {
        let statement = |length: usize| "é".repeat(length / 2);
        let check =
            |statements: &[String], expected: &[&str]| assert_eq!(shortened(statements), expected);
        let (small, large) = (statement(600), statement(2000));
        check(std::slice::from_ref(&small), &[&small]);
        check(
            &[small.clone(), small.clone()],
            &[&small, "-- truncated 600 bytes..."],
        );
        check(
            std::slice::from_ref(&large),
            &[&statement(1024), "-- truncated 976 bytes..."],
        );
        check(
            &[format!("line\n{large}")],
            &["line", "-- truncated 2001 bytes..."],
        );
    }
}
