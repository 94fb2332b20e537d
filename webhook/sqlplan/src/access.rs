//! Statements and calls that reach beyond the tables: rights, files, servers, sessions, SQL made at run time.
//!
//! Tables rather than code: what is listed is recognised by its first words, or by a function's name before a bracket.

use std::borrow::Cow;

use crate::cursor::{Cursor, is_one_of, unquote};
use crate::dialect::Dialect;
use crate::effect::{Effect, Found};
use crate::object;
use crate::session;
use crate::token::TokenKind;

/// What the first words of a statement mean.
enum Class {
    Privilege,
    File,
    Dynamic,
    Server,
    Transaction,
    Lock,
}

/// The first words, and what they mean, in all dialects: a statement that one database does not know is none of its statements.
const HEADS: &[(&str, Class)] = &[
    ("grant", Class::Privilege),
    ("create user mapping", Class::File),
    ("create user", Class::Privilege),
    ("create or replace user", Class::Privilege),
    ("create role", Class::Privilege),
    ("create or replace role", Class::Privilege),
    ("create group", Class::Privilege),
    ("alter user", Class::Privilege),
    ("alter role", Class::Privilege),
    ("alter group", Class::Privilege),
    ("alter default privileges", Class::Privilege),
    ("drop user", Class::Privilege),
    ("drop role", Class::Privilege),
    ("drop group", Class::Privilege),
    ("drop owned", Class::Privilege),
    ("rename user", Class::Privilege),
    ("reassign owned", Class::Privilege),
    ("set password", Class::Privilege),
    ("set role", Class::Privilege),
    ("set default role", Class::Privilege),
    ("set session authorization", Class::Privilege),
    ("set local role", Class::Privilege),
    ("load", Class::File),
    ("import foreign schema", Class::File),
    ("create server", Class::File),
    ("create foreign data wrapper", Class::File),
    ("create subscription", Class::File),
    ("alter subscription", Class::File),
    ("alter server", Class::File),
    ("create tablespace", Class::File),
    ("attach", Class::File),
    ("vacuum into", Class::File),
    ("install", Class::Server),
    ("uninstall", Class::Server),
    ("alter system", Class::Server),
    ("alter database", Class::Server),
    ("alter instance", Class::Server),
    ("shutdown", Class::Server),
    ("restart", Class::Server),
    ("kill", Class::Server),
    ("purge", Class::Server),
    ("reset master", Class::Server),
    ("reset persist", Class::Server),
    ("reset binary", Class::Server),
    ("clone", Class::Server),
    ("binlog", Class::Server),
    ("reset slave", Class::Server),
    ("reset replica", Class::Server),
    ("change master", Class::Server),
    ("change replication", Class::Server),
    ("start slave", Class::Server),
    ("stop slave", Class::Server),
    ("start replica", Class::Server),
    ("stop replica", Class::Server),
    ("execute immediate", Class::Dynamic),
    ("begin", Class::Transaction),
    ("start transaction", Class::Transaction),
    ("commit", Class::Transaction),
    ("rollback", Class::Transaction),
    ("abort", Class::Transaction),
    ("end", Class::Transaction),
    ("savepoint", Class::Transaction),
    ("release", Class::Transaction),
    ("prepare transaction", Class::Transaction),
    ("xa", Class::Transaction),
    ("lock", Class::Lock),
    ("flush privileges", Class::Privilege),
    ("flush tables", Class::Lock),
    ("flush table", Class::Lock),
    ("flush", Class::Server),
    ("cluster", Class::Lock),
    ("vacuum full", Class::Lock),
];

/// What the parser lacks, and what does no more than it says: what is called or written inside is read by itself.
const HARMLESS: &[&str] = &[
    "comment on",
    "detach",
    "do",
    "security label",
    "create publication",
    "create aggregate",
    "create or replace aggregate",
    "create cast",
    "create collation",
    "create conversion",
    "create operator",
    "create text search",
    "create transform",
    "create access method",
    "alter extension",
    "alter publication",
    "alter collation",
    "alter operator",
    "alter statistics",
    "alter text search",
    "alter materialized view",
];

/// Functions that read or write files, run programs or reach other servers.
const FILE_CALLS: &[&str] = &[
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_stat_file",
    "pg_file_write",
    "lo_import",
    "lo_export",
    "load_file",
    "load_extension",
    "readfile",
    "writefile",
    "sys_exec",
    "sys_eval",
];

/// Functions that reach into the life of the server and of other sessions.
const SERVER_CALLS: &[&str] = &[
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_promote",
    "pg_switch_wal",
    "pg_drop_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
];

/// Functions that run a text as SQL.
const DYNAMIC_CALLS: &[&str] = &[
    "dblink",
    "dblink_exec",
    "dblink_send_query",
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
];

/// The head of a statement; none when it is not one of these, else whether it was recognised entirely.
pub(crate) fn head(cursor: Cursor<'_>, effects: &mut Vec<Found>) -> Option<bool> {
    let offset = cursor.offset();
    let mut push = |effect: Effect| {
        effects.push(Found {
            effect,
            offset,
            nested: false,
        });
    };
    let what = first_words(&cursor);
    if let Some((_, class)) = HEADS.iter().find(|(words, _)| cursor.sees(words)) {
        // PostgreSQL's VACUUM and CLUSTER take options; `LOAD INDEX INTO CACHE` reads no file of anybody's choice.
        if cursor.sees("load index") {
            return Some(true);
        }
        push(match class {
            Class::Privilege => Effect::Privilege { what },
            Class::File => Effect::FileAccess { what },
            Class::Dynamic => Effect::DynamicSql { what },
            Class::Server => Effect::ServerSetting { what },
            Class::Transaction => Effect::Transaction { what },
            Class::Lock => Effect::Lock { what },
        });
        return Some(true);
    }
    match cursor.word_at(0)?.to_ascii_lowercase().as_str() {
        "revoke" => {
            // What everybody may do is nobody's right in particular; what a program may do it may need.
            if !cursor.contains("from public") {
                push(Effect::Privilege { what });
            }
            Some(true)
        }
        "copy" => {
            if let Some(what) = copy(cursor) {
                push(Effect::FileAccess { what });
            }
            Some(false)
        }
        "vacuum" if cursor.contains("into") => {
            push(Effect::FileAccess {
                what: "VACUUM INTO".to_owned(),
            });
            Some(true)
        }
        "vacuum" if is_on(cursor, "full") => {
            push(Effect::Lock {
                what: "VACUUM FULL".to_owned(),
            });
            Some(true)
        }
        // In a body of PostgreSQL's: a text. `EXECUTE FUNCTION` is a trigger's, and `EXECUTE p` runs what was judged when it was prepared.
        "execute"
            if cursor.dialect() == Dialect::Postgres
                && (cursor.word_at(1).is_none()
                    || !cursor.is_symbol(2, '(') && cursor.peek(2).is_some())
                && !cursor.is_word(1, "function")
                && !cursor.is_word(1, "procedure") =>
        {
            push(Effect::DynamicSql {
                what: "EXECUTE".to_owned(),
            });
            Some(true)
        }
        "vacuum" => {
            // SQLite's writes the whole file again, and keeps everybody out meanwhile.
            if cursor.dialect() == Dialect::Sqlite {
                push(Effect::Lock { what });
            }
            Some(true)
        }
        "prepare" if cursor.contains("from") && !cursor.contains("as") => {
            push(Effect::DynamicSql { what });
            Some(true)
        }
        "set" => {
            session::set(cursor, &mut push);
            Some(true)
        }
        "pragma" => {
            if let Some(effect) = session::pragma(cursor) {
                push(effect);
            }
            Some(true)
        }
        "alter" if cursor.is_word(1, "schema") && cursor.dialect().is_mysql_like() => {
            push(Effect::ServerSetting {
                what: "ALTER SCHEMA".to_owned(),
            });
            Some(true)
        }
        "alter" if cursor.contains("owner to") => {
            push(Effect::Privilege {
                what: "OWNER TO".to_owned(),
            });
            Some(true)
        }
        "create" if language_of_programs(&cursor).is_some() => {
            let language = language_of_programs(&cursor).unwrap_or_default();
            push(Effect::FileAccess {
                what: format!("CREATE FUNCTION .. LANGUAGE {language}"),
            });
            Some(true)
        }
        "create" if cursor.contains("soname") => {
            push(Effect::FileAccess {
                what: "CREATE FUNCTION .. SONAME".to_owned(),
            });
            Some(true)
        }
        // Recognised because the parser lacks them, and harmless.
        "analyze" | "check" | "checksum"
            if cursor.is_any_at(1, &["table", "tables", "local", "no_write_to_binlog"]) =>
        {
            Some(true)
        }
        "optimize" | "repair" if cursor.dialect().is_mysql_like() => {
            push(Effect::Lock { what });
            Some(true)
        }
        "unlock" | "checkpoint" | "table" => Some(true),
        "analyze" if cursor.dialect() == Dialect::Postgres => Some(true),
        "create" if cursor.is_word(1, "language") || cursor.contains("trusted language") => {
            if cursor
                .peek(2)
                .is_some_and(|_| object::reaches_out(cursor.source(2)))
            {
                push(Effect::FileAccess { what });
            }
            Some(true)
        }
        "create" | "alter" | "comment" | "detach" | "do" | "security"
            if HARMLESS.iter().any(|words| cursor.sees(words)) =>
        {
            Some(true)
        }
        // `ON CONFLICT` behind a SELECT; SQLite's `INDEXED BY`.
        "insert" if cursor.contains("on conflict") => Some(true),
        // MySQL's `UPDATE a, b SET ..` and `DELETE a.*, b.* FROM ..`.
        "update" if cursor.dialect().is_mysql_like() => {
            let mut tables = cursor;
            tables.advance();
            tables.accept("ignore");
            (tables.name().is_some() && tables.is_symbol(0, ',')).then_some(true)
        }
        "delete" if cursor.dialect().is_mysql_like() => {
            let mut target = cursor;
            target.advance();
            target.accept_any(&["low_priority", "quick", "ignore"]);
            let plain = target.is_word(0, "from");
            (!plain && target.part().is_some()).then_some(true)
        }
        "signal" if cursor.dialect().is_mysql_like() => Some(true),
        "delete" | "update" if cursor.dialect() == Dialect::Sqlite => {
            (cursor.contains("indexed by") || cursor.contains("not indexed")).then_some(true)
        }
        "alter" if cursor.is_word(1, "sequence") && !cursor.contains("rename") => Some(true),
        "create" if cursor.is_word(1, "statistics") => Some(true),
        "refresh" | "reindex" if is_on(cursor, "concurrently") => Some(true),
        "refresh" => {
            push(Effect::Lock { what });
            Some(true)
        }
        "reindex" => {
            // The name as it was written, so that it is found again.
            let mut rest = cursor;
            rest.accept("reindex");
            rest.group();
            let mut what = "REINDEX".to_owned();
            if rest.is_any(&["table", "index", "schema", "database", "system"]) {
                what = format!("{what} {}", rest.source(0).to_ascii_uppercase());
                rest.advance();
            }
            if let Some(name) = rest.name() {
                what = format!("{what} {name}");
            }
            push(Effect::Lock { what });
            Some(true)
        }
        _ => None,
    }
}

/// Whether an option is named and not switched off: `VACUUM (FULL false)`.
fn is_on(mut cursor: Cursor<'_>, option: &str) -> bool {
    while !cursor.is_done() && !cursor.is_word(0, option) {
        cursor.advance();
    }
    !cursor.is_done() && !cursor.is_any_at(1, &["false", "off"]) && cursor.source(1) != "0"
}

/// A call, or an `INTO OUTFILE`, right here.
pub(crate) fn call(cursor: Cursor<'_>, effects: &mut Vec<Found>) {
    let offset = cursor.offset();
    let mut push = |effect: Effect| {
        effects.push(Found {
            effect,
            offset,
            nested: false,
        });
    };
    // Asked at every token: what is no name is none of these.
    if !matches!(cursor.kind(), Some(TokenKind::Word | TokenKind::QuotedName)) {
        return;
    }
    if cursor.sees("into outfile") || cursor.sees("into dumpfile") {
        return push(Effect::FileAccess {
            what: first_words(&cursor),
        });
    }
    if let Some(words) = outside_option(&cursor) {
        return push(Effect::FileAccess {
            what: words.to_ascii_uppercase(),
        });
    }
    if cursor.is_word(0, "cron") && cursor.is_symbol(1, '.') && cursor.is_symbol(3, '(') {
        let what = format!("cron.{}()", cursor.source(2));
        return push(Effect::DynamicSql { what });
    }
    if !cursor.is_symbol(1, '(') {
        return;
    }
    let mut probe = cursor;
    probe.advance();
    let name = match cursor.kind() {
        Some(TokenKind::QuotedName) => Cow::Owned(unquote(cursor.source(0))),
        _ => Cow::Borrowed(cursor.source(0)),
    };
    let what = || format!("{}()", name.to_ascii_lowercase());
    if is_one_of(&name, FILE_CALLS) {
        push(Effect::FileAccess { what: what() });
    } else if is_one_of(&name, DYNAMIC_CALLS) {
        push(Effect::DynamicSql { what: what() });
    } else if is_one_of(&name, SERVER_CALLS) {
        push(Effect::ServerSetting { what: what() });
    } else if is_one_of(&name, &["set_config"])
        && let Some(effect) = session::set_config(probe)
    {
        push(effect);
    }
}

/// The option of a table of MySQL's that puts its rows elsewhere: a folder of the server, or another server.
fn outside_option(cursor: &Cursor<'_>) -> Option<&'static str> {
    const OPTIONS: &[&str] = &["data directory", "index directory", "connection"];
    if !cursor.dialect().is_mysql_like() {
        return None;
    }
    let mut rest = *cursor;
    let words = OPTIONS.iter().find(|words| rest.accept(words))?;
    rest.accept_symbol('=');
    let valued = rest.kind() == Some(TokenKind::Text);
    valued.then_some(words)
}

/// PostgreSQL's languages that can do what the server's account can: their names end in `u`, for untrusted.
pub(crate) fn language_of_programs(cursor: &Cursor<'_>) -> Option<&'static str> {
    const LANGUAGES: &[&str] = &[
        "plpythonu",
        "plpython2u",
        "plpython3u",
        "plperlu",
        "pltclu",
        "plshu",
        "plsh",
        "pljavau",
        "c",
    ];
    let routine = cursor.dialect() == Dialect::Postgres
        && (cursor.contains("function") || cursor.contains("procedure"));
    let named = |language: &&&str| cursor.contains(&format!("language {language}"));
    LANGUAGES.iter().find(named).copied().filter(|_| routine)
}

/// `COPY` with a program, a file, or rows behind the statement that a parser takes for whatever it likes.
fn copy(cursor: Cursor<'_>) -> Option<String> {
    let mut probe = cursor;
    while !probe.is_done() {
        if probe.is_any(&["from", "to"]) {
            let direction = probe.source(0).to_ascii_uppercase();
            if probe.is_word(1, "program") {
                return Some(format!("COPY {direction} PROGRAM"));
            }
            if probe.is_word(1, "stdin") {
                return Some("COPY FROM STDIN".to_owned());
            }
            if probe
                .peek(1)
                .is_some_and(|token| matches!(token.kind, TokenKind::Text | TokenKind::Body))
            {
                return Some(format!("COPY {direction} a file"));
            }
        }
        probe.skip_one();
    }
    None
}

/// At most three words, in upper case: keywords, never values.
fn first_words(cursor: &Cursor<'_>) -> String {
    let words: Vec<String> = (0..3)
        .map_while(|ahead| cursor.word_at(ahead))
        .map(str::to_ascii_uppercase)
        .collect();
    words.join(" ")
}
