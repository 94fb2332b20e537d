//! Settings of the session: `SET`, `PRAGMA`, `set_config()`.
//!
//! Some switch checks off, some change how later text is read. Each is listed with the values that are no danger.

use crate::cursor::{Cursor, unquote};
use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::token::TokenKind;

/// What a check is switched on with.
const ON: &[&str] = &["1", "on", "true", "yes", "default"];

/// Settings that switch checks off, or change how later text is read, and their harmless values.
const SESSION: &[(&str, &[&str])] = &[
    ("foreign_key_checks", ON),
    ("unique_checks", ON),
    ("check_constraint_checks", ON),
    ("sql_log_bin", ON),
    ("sql_mode", &[]),
    ("character_set_client", &[]),
    ("session_replication_role", &["origin", "default"]),
    ("standard_conforming_strings", ON),
    ("backslash_quote", &[]),
    ("escape_string_warning", ON),
    ("search_path", &[]),
    ("row_security", ON),
    ("client_encoding", &["utf8", "utf-8"]),
    ("sql_safe_updates", ON),
    ("autocommit", ON),
    (
        "synchronous_commit",
        &[
            "1",
            "on",
            "true",
            "yes",
            "default",
            "local",
            "remote_apply",
            "remote_write",
        ],
    ),
    ("zero_damaged_pages", &["0", "off", "false", "default"]),
    ("ignore_system_indexes", &["0", "off", "false", "default"]),
    ("allow_system_table_mods", &["0", "off", "false", "default"]),
];

/// SQLite's settings of the same kind.
const PRAGMAS: &[(&str, &[&str])] = &[
    ("writable_schema", &["0", "off", "false", "no", "reset"]),
    ("schema_version", &[]),
    ("foreign_keys", ON),
    ("ignore_check_constraints", &["0", "off", "false", "no"]),
    (
        "trusted_schema",
        &["1", "on", "true", "yes", "0", "off", "false", "no"],
    ),
    ("journal_mode", &["delete", "truncate", "persist", "wal"]),
    ("synchronous", &["1", "2", "3", "normal", "full", "extra"]),
];

/// Character sets in which no byte of another character can be a quote or a backslash.
const SAFE_CHARSETS: &[&str] = &[
    "utf8", "utf8mb3", "utf8mb4", "latin1", "ascii", "binary", "default",
];

/// `SET`, item by item.
pub(crate) fn set(cursor: Cursor<'_>, push: &mut dyn FnMut(Effect)) {
    let mut probe = cursor;
    probe.advance();
    if probe.accept("statement") && cursor.dialect() == Dialect::Mariadb {
        push(Effect::SessionSetting {
            what: "SET STATEMENT".to_owned(),
        });
        return;
    }
    let mut scope = String::new();
    for mut item in probe.remaining().items() {
        while item.accept_symbol('@') {}
        if item.is_any(&["global", "persist", "persist_only", "session", "local"]) {
            scope = item.source(0).to_ascii_lowercase();
            item.advance();
            item.accept_symbol('.');
        }
        let name = item.source(0).to_ascii_lowercase();
        if scope.starts_with("global") || scope.starts_with("persist") {
            push(Effect::ServerSetting {
                what: format!("SET {} {name}", scope.to_ascii_uppercase()),
            });
        } else if item.accept("names") {
            if !SAFE_CHARSETS.contains(&value(item).as_str()) {
                push(Effect::SessionSetting {
                    what: "SET NAMES".to_owned(),
                });
            }
        } else if item.sees("character set") || item.sees("charset") {
            push(Effect::SessionSetting {
                what: "SET CHARACTER SET".to_owned(),
            });
        } else {
            item.advance();
            if is_dangerous(SESSION, &name, &value(item)) {
                push(Effect::SessionSetting {
                    what: format!("SET {name}"),
                });
            }
        }
    }
}

/// `PRAGMA`, from that word on.
pub(crate) fn pragma(mut cursor: Cursor<'_>) -> Option<Effect> {
    cursor.advance();
    let name = cursor.name()?.name.to_ascii_lowercase();
    let sets = cursor.is_symbol(0, '=') || cursor.is_symbol(0, '(');
    (sets && is_dangerous(PRAGMAS, &name, &value(cursor))).then(|| Effect::SessionSetting {
        what: format!("PRAGMA {name}"),
    })
}

/// `set_config('name', 'value', ..)`, from the bracket on. A name that is no plain string may be any.
pub(crate) fn set_config(mut cursor: Cursor<'_>) -> Option<Effect> {
    let arguments = cursor.group()?.items();
    let text = |index: usize| {
        let argument: &Cursor<'_> = arguments.get(index)?;
        (argument.kind() == Some(TokenKind::Text) && argument.peek(1).is_none())
            .then(|| unquote(argument.source(0)).to_ascii_lowercase())
    };
    let dangerous = match (text(0), text(1)) {
        (Some(name), Some(value)) => is_dangerous(SESSION, &name, &value),
        (Some(name), None) => SESSION.iter().any(|(known, _)| *known == name),
        (None, _) => true,
    };
    dangerous.then(|| Effect::SessionSetting {
        what: "set_config()".to_owned(),
    })
}

fn is_dangerous(table: &[(&str, &[&str])], name: &str, value: &str) -> bool {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .is_some_and(|(_, harmless)| !harmless.contains(&value))
}

/// The value behind `=`, `TO`, or an opening bracket, in lower case without quotes.
fn value(mut cursor: Cursor<'_>) -> String {
    cursor.accept_symbol(':');
    cursor.accept_symbol('=');
    cursor.accept_symbol('(');
    cursor.accept("to");
    unquote_if_quoted(cursor.source(0)).to_ascii_lowercase()
}

fn unquote_if_quoted(source: &str) -> String {
    if source.starts_with(['\'', '"', '`', '[']) {
        unquote(source)
    } else {
        source.to_owned()
    }
}
