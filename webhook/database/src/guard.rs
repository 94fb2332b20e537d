//! What a statement may do, enforced by SQLite itself.
//!
//! SQLite asks the authorizer about every action while it compiles a statement, also for the ones inside triggers and generated columns. What a
//! reconciler runs by itself is [`Freedom::Additive`]: its planner writes nothing else, so that none of this should ever say no; it is there for
//! the day when a planner's bug or a file with a hostile schema meets it. What a person plans, and what migrations are made of, is
//! [`Freedom::Sql`]: anything inside the database, and no way out of it.
//!
//! Beside it: no file can be attached (limit 0), no extension loaded (the feature is not compiled into the API), `sqlite_master` cannot be
//! written by hand (defensive mode), and functions with side effects cannot be called from a schema (untrusted schema).

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

/// The longest statement, in bytes.
pub(crate) const MAX_STATEMENT_BYTES: i32 = 1 << 20;

/// How much is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freedom {
    /// Tables, columns and indexes are added.
    Additive,
    /// Everything that stays inside the database.
    Sql,
}

/// Tables that SQLite keeps its schema in. DDL writes them; nothing else may.
const SCHEMA_TABLES: &[&str] = &["sqlite_master", "sqlite_schema", "sqlite_sequence"];

/// What this room asks for itself, and `quick_check`, which SQLite runs inside `ADD COLUMN` when there is something to check.
const PRAGMAS: &[&str] = &["table_list", "foreign_key_check", "quick_check"];

/// What [`Freedom::Sql`] may ask and set besides: nothing that makes a crash lose data, or lets `sqlite_schema` be written by hand.
const MORE_PRAGMAS: &[&str] = &[
    "application_id",
    "case_sensitive_like",
    "defer_foreign_keys",
    "encoding",
    "foreign_key_list",
    "foreign_keys",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "legacy_alter_table",
    "optimize",
    "recursive_triggers",
    "table_info",
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
pub(crate) fn harden(connection: &mut Connection, freedom: Freedom) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    // A planned addition never needs a trigger to fire; rows that a migration writes do.
    let triggers = freedom == Freedom::Sql;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, triggers)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_STATEMENT_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    match freedom {
        Freedom::Additive => connection.authorizer(Some(authorize)),
        Freedom::Sql => connection.authorizer(Some(authorize_sql)),
    }
}

fn listed(list: &[&str], name: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What stays inside the database.
fn authorize_sql(context: AuthContext<'_>) -> Authorization {
    let denied = match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } | AuthAction::Unknown { .. } => true,
        AuthAction::Pragma { pragma_name, .. } => {
            !listed(PRAGMAS, pragma_name) && !listed(MORE_PRAGMAS, pragma_name)
        }
        AuthAction::Function { function_name } => listed(FOREIGN_FUNCTIONS, function_name),
        _ => false,
    };
    if denied {
        Authorization::Deny
    } else {
        Authorization::Allow
    }
}

/// Additive changes only: create a table, add a column, add an index. A room that learns to rebuild a table adds its actions here.
fn authorize(context: AuthContext<'_>) -> Authorization {
    let schema_table = |name: &str| listed(SCHEMA_TABLES, name);
    let allowed = match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Recursive
        | AuthAction::Transaction { .. } => true,
        AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::Reindex { .. } => true,
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => schema_table(table_name),
        AuthAction::Pragma { pragma_name, .. } => listed(PRAGMAS, pragma_name),
        AuthAction::Function { function_name } => !listed(FOREIGN_FUNCTIONS, function_name),
        _ => false,
    };
    if allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardened(freedom: Freedom) -> Connection {
        let mut connection = Connection::open_in_memory().expect("memory opens");
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'); CREATE VIEW v AS SELECT 1;")
            .expect("plain DDL");
        harden(&mut connection, freedom).expect("hardening works in this build");
        connection
    }

    #[test]
    fn additive_changes_pass() {
        for sql in [
            "CREATE TABLE u (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT NOT NULL DEFAULT 'x' CHECK (length(b) > 0), c REFERENCES t (a))",
            "CREATE TABLE w (a TEXT PRIMARY KEY, g TEXT GENERATED ALWAYS AS (lower(a)) STORED) STRICT, WITHOUT ROWID",
            "ALTER TABLE t ADD COLUMN c INTEGER NOT NULL DEFAULT 0 CHECK (c >= 0)",
            "CREATE UNIQUE INDEX i ON t (b, lower(b)) WHERE b IS NOT NULL",
        ] {
            hardened(Freedom::Additive)
                .execute(sql, [])
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for sql in [
            "ATTACH DATABASE '/etc/passwd' AS x",
            "DETACH DATABASE main",
            "VACUUM INTO 'copy.db'",
            "DROP TABLE t",
            "DROP VIEW v",
            "DELETE FROM t",
            "UPDATE t SET b = 'y'",
            "INSERT INTO t VALUES (2, 'y')",
            "CREATE VIEW w AS SELECT 1",
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",
            "CREATE VIRTUAL TABLE f USING fts5 (a)",
            "CREATE TEMP TABLE x (a)",
            "ALTER TABLE t DROP COLUMN b",
            "UPDATE sqlite_master SET sql = ''",
            "PRAGMA writable_schema = ON",
            "PRAGMA journal_mode = OFF",
            "SELECT load_extension('x')",
            "SELECT fts3_tokenizer('x')",
            "ANALYZE",
        ] {
            let connection = hardened(Freedom::Additive);
            let outcome = connection
                .prepare(sql)
                .and_then(|mut statement| statement.raw_execute());
            assert!(outcome.is_err(), "{sql} was allowed");
        }
    }

    #[test]
    fn what_a_person_plans_may_do_anything_inside_the_database() {
        for sql in [
            "DROP TABLE t",
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",
            "ALTER TABLE t DROP COLUMN b",
            "PRAGMA foreign_keys = off",
            "UPDATE t SET b = 'y'",
        ] {
            let outcome = hardened(Freedom::Sql).prepare(sql).map(drop);
            outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        for sql in [
            "ATTACH DATABASE '/etc/passwd' AS x",
            "VACUUM INTO 'copy.db'",
            "UPDATE sqlite_master SET sql = ''",
            "PRAGMA writable_schema = ON",
            "PRAGMA journal_mode = OFF",
            "SELECT load_extension('x')",
        ] {
            let connection = hardened(Freedom::Sql);
            let outcome = connection
                .prepare(sql)
                .and_then(|mut statement| statement.raw_execute());
            assert!(outcome.is_err(), "{sql} was allowed");
        }
    }
}
