//! Where a wanted schema is tried out: a database of its own on the same server, or a development database.
//!
//! **A scratch database** is called `tidegate_scratch_` and sixteen random digits. Its maker holds a lock of that name for as long as it lives; the
//! server gives the lock back when the connection is gone, however it went. So a scratch database whose lock is free was left behind by a crash,
//! and whoever comes next drops it.
//!
//! The text runs on a connection of its own, because it may say `SET`, and what it sets must not outlive it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use tidegate_schemaplan::Catalog;

use super::inspect::Scope;
use super::outside::{Surroundings, refused, sets_reading_mode};
use super::sql::{literal, quote, shown};
use super::wire::{Refused, Wire};
use crate::DatabaseError;

/// What every scratch database's name begins with.
pub(super) const PREFIX: &str = "tidegate_scratch_";

/// Refuses a text that reaches outside, before any of it runs.
pub(super) fn check(
    statements: &[String],
    surroundings: &Surroundings<'_>,
) -> Result<(), DatabaseError> {
    for (index, sql) in statements.iter().enumerate() {
        let why = if sets_reading_mode(sql) {
            Some("sets a mode in which quotes mean something else (sql_mode)".to_owned())
        } else {
            refused(sql, surroundings)
        };
        if let Some(why) = why {
            return Err(DatabaseError::Outside {
                number: index + 1,
                why,
                sql: shown(sql),
            });
        }
    }
    Ok(())
}

/// Runs the statements of a wanted schema one by one.
pub(super) async fn run(wire: &mut Wire, statements: &[String]) -> Result<(), DatabaseError> {
    for (index, sql) in statements.iter().enumerate() {
        wire.run(sql)
            .await
            .map_err(|refused| DatabaseError::Wanted {
                number: index + 1,
                message: refused.message,
                sql: shown(sql),
            })?;
    }
    Ok(())
}

/// A name that nobody has.
pub(super) fn new_name() -> String {
    // The standard library's hash keys are random, which is enough for a name.
    let random = RandomState::new().build_hasher().finish();
    format!("{PREFIX}{random:016x}")
}

/// Makes a scratch database and goes there.
pub(super) async fn make(
    wire: &mut Wire,
    name: &str,
    collation: Option<&str>,
) -> Result<(), DatabaseError> {
    let doing = "make a scratch database to try out the wanted schema";
    if !try_lock(wire, name, doing).await? {
        return Err(DatabaseError::Server {
            doing: doing.to_owned(),
            message: "its name is taken".to_owned(),
        });
    }
    let collation = collation
        .map(|collation| format!(" COLLATE {collation}"))
        .unwrap_or_default();
    let made = wire
        .run(&format!("CREATE DATABASE {}{collation}", quote(name)))
        .await;
    made.map_err(|refused| not_granted(refused, doing))?;
    wire.run(&format!("USE {}", quote(name)))
        .await
        .map_err(|refused| not_granted(refused, doing))
}

fn not_granted(refused: Refused, doing: &str) -> DatabaseError {
    if refused.is_denied() {
        DatabaseError::NotGranted {
            doing: doing.to_owned(),
            message: refused.message,
            remedy: "GRANT ALL PRIVILEGES ON `tidegate\\_scratch\\_%`.* TO the account, or name an empty development database"
                .to_owned(),
        }
    } else {
        refused.while_doing(doing)
    }
}

/// Drops it, whatever is in it.
pub(super) async fn drop_database(wire: &mut Wire, name: &str) -> Result<(), DatabaseError> {
    let failed = |refused: Refused| refused.while_doing("drop the scratch database");
    wire.run("SET SESSION foreign_key_checks = 0")
        .await
        .map_err(failed)?;
    wire.run(&format!("DROP DATABASE IF EXISTS {}", quote(name)))
        .await
        .map_err(failed)
}

/// Drops scratch databases that nobody holds any more. What cannot be dropped is left for somebody who may.
pub(super) async fn sweep(wire: &mut Wire) -> Result<(), DatabaseError> {
    let doing = "look for scratch databases that were left behind";
    let rows = wire
        .rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'tidegate\\_scratch\\_%'")
        .await
        .map_err(|refused| refused.while_doing(doing))?;
    for row in rows {
        let name = row.text(0);
        let digits = name.strip_prefix(PREFIX).unwrap_or_default();
        let is_ours = digits.len() == 16 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        if is_ours && try_lock(wire, &name, doing).await? {
            let _ = wire
                .run(&format!("DROP DATABASE IF EXISTS {}", quote(&name)))
                .await;
            unlock(wire, &name, doing).await?;
        }
    }
    Ok(())
}

/// Takes a lock if nobody has it.
pub(super) async fn try_lock(
    wire: &mut Wire,
    name: &str,
    doing: &str,
) -> Result<bool, DatabaseError> {
    let rows = wire
        .rows(&format!("SELECT GET_LOCK({}, 0)", literal(name)))
        .await
        .map_err(|refused| refused.while_doing(doing))?;
    Ok(rows.first().is_some_and(|row| row.is(0, "1")))
}

pub(super) async fn unlock(wire: &mut Wire, name: &str, doing: &str) -> Result<(), DatabaseError> {
    wire.rows(&format!("SELECT RELEASE_LOCK({})", literal(name)))
        .await
        .map(|_| ())
        .map_err(|refused| refused.while_doing(doing))
}

/// The statements that empty a development database again, or a server.
pub(super) fn emptying(catalog: &Catalog, scope: &Scope) -> Vec<String> {
    let mut statements = vec!["SET SESSION foreign_key_checks = 0".to_owned()];
    if *scope == Scope::Server {
        let names = catalog.schemas.keys();
        statements.extend(names.map(|name| format!("DROP DATABASE {}", quote(name))));
        return statements;
    }
    for schema in catalog.schemas.values() {
        use tidegate_schemaplan::ObjectKind as Kind;
        // Triggers go with their tables.
        for (kind, word) in [
            (Kind::Event, "EVENT"),
            (Kind::View, "VIEW"),
            (Kind::Procedure, "PROCEDURE"),
            (Kind::Function, "FUNCTION"),
        ] {
            let names = schema.objects.get(&kind).into_iter().flatten();
            statements.extend(names.map(|(name, _)| format!("DROP {word} {}", quote(name))));
        }
        let tables = schema.tables.keys();
        statements.extend(tables.map(|name| format!("DROP TABLE {}", quote(name))));
        let sequences = schema.objects.get(&Kind::Sequence).into_iter().flatten();
        statements.extend(sequences.map(|(name, _)| format!("DROP SEQUENCE {}", quote(name))));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_new_each_time_and_fit() {
        let (first, second) = (new_name(), new_name());
        assert_ne!(first, second);
        // 64 is what the servers take for a name and for a lock.
        assert_eq!(first.len(), PREFIX.len() + 16);
        assert!(first.len() <= 64);
    }
}
