//! What a statement may do, enforced by SQLite itself.
//!
//! SQLite asks the authorizer about every action while it compiles a statement, also for the ones inside triggers and generated columns.
//! What is planned, and what migrations are made of, may do anything inside the database, and finds no way out of it.
//!
//! Beside it: no file can be attached (limit 0), no extension loaded (the feature is not compiled into the API), `sqlite_master` cannot be
//! written by hand (defensive mode), and functions with side effects cannot be called from a schema (untrusted schema).

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

/// The longest statement, in bytes.
pub(crate) const MAX_STATEMENT_BYTES: i32 = 1 << 20;

/// What may be asked and set: nothing that makes a crash lose data, or lets `sqlite_schema` be written by hand. `quick_check` is what SQLite runs
/// inside `ADD COLUMN` when there is something to check; full text asks for `data_version` whenever it is read or written, an R*-tree for `page_size`.
const PRAGMAS: &[&str] = &[
    "application_id",
    "case_sensitive_like",
    "data_version",
    "defer_foreign_keys",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "legacy_alter_table",
    "optimize",
    "page_size",
    "quick_check",
    "recursive_triggers",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// Functions that reach outside the database where a build has them.
const FOREIGN_FUNCTIONS: &[&str] = &[
    "load_extension",
    "readfile",
    "writefile",
    "edit",
    "fts3_tokenizer",
    "zipfile",
];

/// Shuts every way out of the file. Call it once, after the connection's own settings.
pub(crate) fn harden(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_STATEMENT_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    connection.authorizer(Some(authorize))
}

fn listed(list: &[&str], name: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What stays inside the database.
fn authorize(context: AuthContext<'_>) -> Authorization {
    let denied = match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } | AuthAction::Unknown { .. } => true,
        AuthAction::Pragma { pragma_name, .. } => !listed(PRAGMAS, pragma_name),
        AuthAction::Function { function_name } => listed(FOREIGN_FUNCTIONS, function_name),
        _ => false,
    };
    if denied {
        Authorization::Deny
    } else {
        Authorization::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardened() -> Connection {
        let mut connection = Connection::open_in_memory().expect("memory opens");
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'); CREATE VIEW v AS SELECT 1;")
            .expect("plain DDL");
        harden(&mut connection).expect("hardening works in this build");
        connection
    }

    #[test]
    fn anything_may_be_done_inside_the_database_and_nothing_outside() {
        for sql in [
            "CREATE TABLE u (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT NOT NULL DEFAULT 'x' CHECK (length(b) > 0), c REFERENCES t (a))",
            "CREATE TABLE w (a TEXT PRIMARY KEY, g TEXT GENERATED ALWAYS AS (lower(a)) STORED) STRICT, WITHOUT ROWID",
            "ALTER TABLE t ADD COLUMN c INTEGER NOT NULL DEFAULT 0 CHECK (c >= 0)",
            "CREATE UNIQUE INDEX i ON t (b, lower(b)) WHERE b IS NOT NULL",
            "DROP TABLE t",
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",
            "ALTER TABLE t DROP COLUMN b",
            "PRAGMA foreign_keys = off",
            "UPDATE t SET b = 'y'",
        ] {
            let outcome = hardened().prepare(sql).map(drop);
            outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        for sql in [
            "ATTACH DATABASE '/etc/passwd' AS x",
            "DETACH DATABASE main",
            "VACUUM INTO 'copy.db'",
            "UPDATE sqlite_master SET sql = ''",
            "PRAGMA writable_schema = ON",
            "PRAGMA journal_mode = OFF",
            "SELECT load_extension('x')",
            "SELECT fts3_tokenizer('x')",
        ] {
            let connection = hardened();
            let outcome = connection
                .prepare(sql)
                .and_then(|mut statement| statement.raw_execute());
            assert!(outcome.is_err(), "{sql} was allowed");
        }
    }
}
