//! Which statements of a wanted schema may run in the scratch place, before any does.
//!
//! The place is a transaction that is rolled back, so this is the second fence, for what a transaction does not hold: files, programs, other
//! servers, settings of the server, accounts; and for what would only make other sessions wait: tables outside.

use tidegate_sqlplan::{AlterAction, Dialect, Effect, Found, ObjectKind, Script};

use super::sql::shown;
use crate::DatabaseError;

/// What becomes of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It runs.
    Run,
    /// It runs, and is `CREATE EXTENSION` of this name: only where it is not there.
    Extension(String),
    /// It has no meaning here: `BEGIN`, or the schema that is there already.
    Leave,
    /// It only says whose something is: noted, and not run.
    Owner,
}

/// The statement without the lines for `psql` that newer versions of `pg_dump` begin and end with.
pub(super) fn without_client_lines(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    while rest.starts_with("\\restrict ") || rest.starts_with("\\unrestrict ") {
        rest = rest
            .split_once('\n')
            .map_or("", |(_, behind)| behind.trim_start());
    }
    rest
}

/// Judges one statement. `schema` is the one schema in scope, if it is one.
pub(super) fn judge(
    sql: &str,
    index: usize,
    schema: Option<&str>,
) -> Result<Verdict, DatabaseError> {
    let script = Script::new(sql, Dialect::Postgres);
    if script.statements().next().is_none() {
        return Ok(Verdict::Leave);
    }
    let mut verdict = Verdict::Run;
    for statement in script.statements() {
        let words = first_words(statement.sql());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let ["begin" | "commit" | "end" | "start", ..] = words.as_slice() {
            return Ok(Verdict::Leave);
        }
        if let [
            "set",
            "statement_timeout"
            | "lock_timeout"
            | "idle_in_transaction_session_timeout"
            | "transaction_timeout",
            ..,
        ] = words.as_slice()
        {
            return Ok(Verdict::Leave);
        }
        // Dumps say it of each thing, and the role may not even be there.
        if words.first() == Some(&"alter") && only_gives_away(&statement.read().effects) {
            return Ok(Verdict::Owner);
        }
        // Rights on what the schema makes stay in the scratch place.
        let is_default = words.as_slice() == ["alter", "default"];
        let is_grant = (is_default || matches!(words.as_slice(), ["grant" | "revoke", ..]))
            && statement.sql().to_lowercase().contains(" on ");
        let makes = words.first() == Some(&"create");
        for found in statement.read().effects {
            // What a routine does is done when it is called.
            if (found.nested && makes)
                || (is_grant && matches!(found.effect, Effect::Privilege { .. }))
            {
                continue;
            }
            match effect(&found.effect, schema) {
                Ok(Some(other)) => verdict = other,
                Ok(None) => {}
                Err(why) => {
                    return Err(DatabaseError::Outside {
                        number: index + 1,
                        why,
                        sql: shown(sql),
                    });
                }
            }
        }
        if let Some(schema) = schema
            && words.first() == Some(&"select")
            && sql.contains("set_config")
            && sql.contains("search_path")
        {
            // `pg_dump` empties the path and qualifies every name with the schema, which is understood.
            let _ = schema;
            return Ok(Verdict::Leave);
        }
    }
    Ok(verdict)
}

/// `ALTER .. OWNER TO` and nothing else.
fn only_gives_away(effects: &[Found]) -> bool {
    !effects.is_empty()
        && effects.iter().all(|found| match &found.effect {
            Effect::Privilege { what } => what == "OWNER TO",
            Effect::AlterTable { action, .. } => matches!(action, AlterAction::OwnerTo { .. }),
            _ => false,
        })
}

fn effect(effect: &Effect, schema: Option<&str>) -> Result<Option<Verdict>, String> {
    let name = match effect {
        Effect::FileAccess { what } => {
            return Err(format!("reaches files, programs or other servers ({what})"));
        }
        Effect::ServerSetting { what } => {
            return Err(format!("changes the server ({what})"));
        }
        Effect::Privilege { what } => {
            return Err(format!(
                "is about accounts or rights ({what}), which are no part of a schema here"
            ));
        }
        Effect::Transaction { what } => {
            return Err(format!(
                "ends or begins a transaction ({what}), and the schema is tried out in one"
            ));
        }
        Effect::SessionSetting { what } if what.to_lowercase().contains("search_path") => {
            return match schema {
                Some(_) => Err(
                    "sets the search_path, and the address is that of one schema: leave it out"
                        .to_owned(),
                ),
                None => Ok(None),
            };
        }
        Effect::Create { kind, name, .. } => {
            match (kind, name) {
                (ObjectKind::Database, _) => return Err("makes a database".to_owned()),
                (ObjectKind::Account, _) => {
                    return Err("makes an account, which is no part of a schema".to_owned());
                }
                (ObjectKind::Extension, Some(name)) => {
                    return Ok(Some(Verdict::Extension(name.name.clone())));
                }
                (ObjectKind::Schema, Some(name)) => {
                    return match schema {
                        Some(schema) if name.name == schema => Ok(Some(Verdict::Leave)),
                        Some(schema) => Err(format!(
                            "makes the schema {:?}, and the address is that of the schema {schema:?}: leave search_path out of the address",
                            name.name
                        )),
                        None => Ok(None),
                    };
                }
                _ => {}
            }
            name.as_ref()
        }
        Effect::Drop { kind, name, .. } => {
            if matches!(kind, ObjectKind::Database | ObjectKind::Account) {
                return Err(format!("drops the {kind} {:?}", name.name));
            }
            Some(name)
        }
        Effect::CreateTable(table) => Some(&table.table.name),
        Effect::AlterTable { table, .. }
        | Effect::Truncate { table, .. }
        | Effect::Delete { table, .. }
        | Effect::Update { table, .. }
        | Effect::Insert { table, .. } => Some(table),
        Effect::AlterObject { name, .. } => Some(name),
        _ => None,
    };
    match (schema, name.and_then(|name| name.qualifier.as_deref())) {
        (Some(schema), Some(other)) if other != schema && !other.starts_with("pg_") => {
            Err(format!(
                "is about the schema {other:?}, and the address is that of the schema {schema:?}: leave search_path out of the address"
            ))
        }
        _ => Ok(None),
    }
}

/// The first two words in lower case.
fn first_words(sql: &str) -> Vec<String> {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .take(2)
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(schema: Option<&str>, sql: &str, said: &str) {
        let error = judge(sql, 2, schema).unwrap_err().to_string();
        assert!(error.contains(said), "{sql}: {error}");
        assert!(error.contains("statement 3"), "{error}");
    }

    #[test]
    fn what_reaches_outside_is_refused() {
        for sql in [
            "COPY t FROM '/etc/passwd'",
            "COPY t TO PROGRAM 'sh'",
            "SELECT pg_read_file('x')",
            "DO $$ BEGIN PERFORM lo_export(1, 'x'); END $$",
        ] {
            refused(None, sql, "files, programs");
        }
        refused(None, "ALTER SYSTEM SET fsync = off", "the server");
        refused(None, "CREATE ROLE x", "accounts");
        refused(None, "GRANT admin TO x", "accounts");
        refused(None, "CREATE DATABASE x", "database");
        refused(None, "DROP DATABASE x", "database");
        refused(None, "ROLLBACK", "transaction");
        refused(Some("app"), "SET search_path = x", "search_path");
        refused(Some("app"), "CREATE TABLE other.t (a int)", "\"other\"");
        refused(Some("app"), "DROP TABLE other.t", "\"other\"");
        refused(Some("app"), "CREATE SCHEMA other", "\"other\"");
    }

    #[test]
    fn lines_for_psql_are_left_out() {
        assert_eq!(
            without_client_lines("\\restrict abc\n\n-- x\nSET a = 1"),
            "-- x\nSET a = 1"
        );
        assert_eq!(without_client_lines("\\unrestrict abc"), "");
        assert_eq!(without_client_lines("SELECT 1"), "SELECT 1");
    }

    #[test]
    fn what_stays_inside_runs() {
        for (schema, sql, verdict) in [
            (Some("app"), "CREATE TABLE app.t (a int)", Verdict::Run),
            (Some("app"), "CREATE TABLE t (a int)", Verdict::Run),
            (None, "CREATE TABLE other.t (a int)", Verdict::Run),
            (None, "SET search_path = x", Verdict::Run),
            (None, "SET check_function_bodies = false", Verdict::Run),
            (
                Some("app"),
                "CREATE SCHEMA IF NOT EXISTS app",
                Verdict::Leave,
            ),
            (None, "BEGIN", Verdict::Leave),
            (None, "GRANT SELECT ON t TO PUBLIC", Verdict::Run),
            (None, "ALTER TABLE public.t OWNER TO app", Verdict::Owner),
            (
                None,
                "ALTER FUNCTION f(integer) OWNER TO app",
                Verdict::Owner,
            ),
            (None, "SET statement_timeout = 0", Verdict::Leave),
            (
                Some("app"),
                "SELECT pg_catalog.set_config('search_path', '', false)",
                Verdict::Leave,
            ),
            (
                None,
                "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"",
                Verdict::Extension("uuid-ossp".to_owned()),
            ),
            (
                None,
                "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM lo_export(1, 'x'); END $$",
                Verdict::Run,
            ),
        ] {
            assert_eq!(judge(sql, 0, schema).unwrap(), verdict, "{sql}");
        }
    }
}
