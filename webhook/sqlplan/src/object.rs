//! Statements about what is no table: `ALTER` of types, domains, views and routines, and whose rights a routine runs with.

use crate::cursor::Cursor;
use crate::dialect::Dialect;
use crate::effect::{Effect, ObjectChange};
use crate::made;
use crate::model::ObjectKind;

/// `ALTER` of what is no table; none when it is another statement, else whether it was recognised entirely.
pub(crate) fn alter(mut cursor: Cursor<'_>, push: &mut dyn FnMut(Effect)) -> Option<bool> {
    let whole = cursor;
    cursor.accept("alter").then_some(())?;
    if let Some(what) = definer_rights(&whole) {
        push(Effect::DefinerRights { what });
        return Some(true);
    }
    let kind = made::kind(&mut cursor)?;
    if kind == ObjectKind::Account || whole.contains("owner to") {
        return None;
    }
    cursor.accept("if exists");
    let name = cursor.name()?;
    if kind == ObjectKind::Trigger && cursor.is_word(0, "disable") {
        push(Effect::IntegrityOff {
            what: "ALTER EVENT TRIGGER .. DISABLE".to_owned(),
        });
        return Some(true);
    }
    // A routine's arguments; the table of a trigger or policy.
    cursor.group();
    if cursor.accept("on") {
        cursor.name();
    }
    let moves = cursor.sees("set tablespace") || cursor.sees("set access method");
    let change = if cursor.sees("rename") || cursor.sees("set schema") {
        let harmless = matches!(kind, ObjectKind::Index | ObjectKind::Trigger)
            || kind == ObjectKind::Domain && cursor.sees("rename constraint")
            || kind == ObjectKind::Policy;
        if harmless {
            return Some(true);
        }
        ObjectChange::Renamed
    } else if kind == ObjectKind::Type
        && (cursor.contains("drop attribute") || cursor.contains("alter attribute"))
    {
        ObjectChange::Narrowed
    } else if kind == ObjectKind::Domain && cursor.is_word(0, "add") {
        if cursor.contains("not valid") {
            return Some(true);
        }
        ObjectChange::Tightened
    } else if kind == ObjectKind::Domain && cursor.sees("set not null") {
        ObjectChange::Tightened
    } else if kind == ObjectKind::Domain && cursor.sees("drop constraint") {
        ObjectChange::Loosened
    } else if moves && matches!(kind, ObjectKind::Index | ObjectKind::MaterializedView) {
        ObjectChange::Moved
    } else {
        let harmless = kind == ObjectKind::Sequence
            || kind == ObjectKind::Type
                && (cursor.sees("add value") || cursor.sees("add attribute"))
            || kind == ObjectKind::Domain
            || kind == ObjectKind::View && cursor.is_any(&["alter", "set", "reset"])
            || kind == ObjectKind::Index
                && cursor.is_any(&["alter", "attach", "set", "reset", "depends", "no"])
            || kind == ObjectKind::Trigger && cursor.is_any(&["enable", "depends", "no"])
            || kind == ObjectKind::Event
            || matches!(kind, ObjectKind::Function | ObjectKind::Procedure)
                && cursor.is_any(HOW_A_ROUTINE_RUNS);
        return harmless.then_some(true);
    };
    push(Effect::AlterObject { kind, name, change });
    Some(true)
}

/// First words of what `ALTER` says about how a routine is run, and by whose rights: its owner's were looked for before.
const HOW_A_ROUTINE_RUNS: &[&str] = &[
    "called",
    "comment",
    "contains",
    "cost",
    "depends",
    "external",
    "immutable",
    "leakproof",
    "modifies",
    "no",
    "not",
    "parallel",
    "reads",
    "returns",
    "rows",
    "security",
    "set",
    "sql",
    "stable",
    "strict",
    "support",
    "volatile",
];

/// Statements that make or describe what holds no rows and runs nothing: dumps are full of them, and the parser knows few.
pub(crate) fn is_plain(cursor: &Cursor<'_>) -> bool {
    const PLAIN: &[&str] = &[
        "cast",
        "aggregate",
        "operator",
        "text search",
        "collation",
        "statistics",
        "publication",
        "conversion",
        "transform",
    ];
    let mut rest = *cursor;
    if rest.accept("comment on") {
        return true;
    }
    let makes = rest.accept("create");
    (makes || rest.accept("alter") && !rest.contains("owner to") && !rest.contains("rename to"))
        && PLAIN.iter().any(|words| rest.sees(words))
}

/// Words that give a routine or view the rights of its owner, where nothing keeps its caller from misusing them.
pub(crate) fn definer_rights(cursor: &Cursor<'_>) -> Option<String> {
    if cursor.dialect() == Dialect::Postgres {
        let routine = cursor.is_any(&["create", "alter"]);
        let definer = routine && cursor.contains("security definer");
        return (definer && !cursor.contains("set search_path"))
            .then(|| "SECURITY DEFINER".to_owned());
    }
    if !cursor.dialect().is_mysql_like() {
        return None;
    }
    if cursor.contains("sql security invoker") {
        return None;
    }
    let mut head = *cursor;
    head.advance();
    head.accept("or replace");
    // ALGORITHM = x may stand before it.
    for _ in 0..4 {
        if head.sees("sql security definer") {
            return Some("SQL SECURITY DEFINER".to_owned());
        }
        if head.accept("definer") {
            head.accept_symbol('=');
            let own = head.is_any(&["current_user", "current_role"]);
            return (!own).then(|| "DEFINER = another account".to_owned());
        }
        head.advance();
    }
    cursor
        .contains("sql security definer")
        .then(|| "SQL SECURITY DEFINER".to_owned())
}

/// PostgreSQL's extensions that reach files, programs or other servers.
pub(crate) fn reaches_out(extension: &str) -> bool {
    const EXTENSIONS: &[&str] = &[
        "adminpack",
        "dblink",
        "file_fdw",
        "postgres_fdw",
        "mysql_fdw",
        "oracle_fdw",
        "tds_fdw",
        "pg_cron",
        "http",
        "pg_net",
        "plpythonu",
        "plpython2u",
        "plpython3u",
        "plperlu",
        "pltclu",
        "plsh",
        "pljavau",
    ];
    EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// `CREATE RULE .. DO INSTEAD NOTHING`: writes go nowhere from now on.
pub(crate) fn rule_that_swallows(cursor: &Cursor<'_>) -> bool {
    cursor.is_word(0, "create") && cursor.contains("instead nothing")
}
