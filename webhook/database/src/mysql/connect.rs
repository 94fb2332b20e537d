//! A connection, and what is said first: the modes under which texts are read and given back.
//!
//! They are the same whatever the server's own are, or two sides of a comparison could be spelled by two rules; only the time zone is the server's, as it
//! is for everybody who does not say one. Waiting for a table that a long
//! query holds is short, as everybody else waits behind whoever waits to change it.

use tidegate_schemaplan::Engine;
use tidegate_sqlplan::Dialect;

use super::MysqlAddress;
use super::wire::{Refused, Wire};
use crate::{DatabaseError, Limits};

/// The modes of every session.
const MODES: &str = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/// Connects, finds out who is there, and makes the session's settings.
pub(super) async fn connect(
    address: &MysqlAddress,
    database: Option<&str>,
    limits: &Limits,
) -> Result<(Wire, Engine), DatabaseError> {
    let mut wire = Wire::connect(address, database).await?;
    let failed = |refused: Refused| DatabaseError::Connect {
        place: address.place(),
        message: refused.message,
    };
    let rows = wire.rows("SELECT VERSION()").await.map_err(failed)?;
    let version = rows.first().map(|row| row.text(0)).unwrap_or_default();
    let engine = engine(&version);
    let settings = settings(engine.dialect, limits);
    wire.run(&settings).await.map_err(failed)?;
    Ok((wire, engine))
}

/// `10.11.6-MariaDB-0+deb12u1`, `8.0.36`.
fn engine(version: &str) -> Engine {
    let dialect = if version.to_ascii_lowercase().contains("mariadb") {
        Dialect::Mariadb
    } else {
        Dialect::Mysql
    };
    let mut numbers = version
        .split(|character: char| !character.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    Engine {
        dialect,
        version: (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        ),
    }
}

/// Sets the modes. Strict, so that a value that does not fit is an error and not another value; and none that changes how quotes are read. While a
/// table is changed a zero stays a zero, also where its column begins to count.
pub(super) fn sql_mode(keeps_zeros: bool) -> String {
    let more = if keeps_zeros {
        ",NO_AUTO_VALUE_ON_ZERO"
    } else {
        ""
    };
    format!("SET SESSION sql_mode = '{MODES}{more}'")
}

/// What a session begins with.
fn settings(dialect: Dialect, limits: &Limits) -> String {
    let wait = limits.wait_for_lock.as_secs().max(1);
    let mut settings = vec![
        format!("sql_mode = '{MODES}'"),
        "autocommit = 1".to_owned(),
        "sql_quote_show_create = 1".to_owned(),
        "foreign_key_checks = 1".to_owned(),
        "unique_checks = 1".to_owned(),
        format!("lock_wait_timeout = {wait}"),
        // The driver takes UTC. A `timestamp` that becomes a `datetime` holds the time of the session's zone, which has to be the applications' one.
        "time_zone = DEFAULT".to_owned(),
    ];
    settings.extend(match dialect {
        // A table whose rows have a history may be changed; the history is, too.
        Dialect::Mariadb => vec![
            "system_versioning_alter_history = KEEP".to_owned(),
            "check_constraint_checks = 1".to_owned(),
        ],
        // Otherwise counters are as old as a day.
        _ => vec!["information_schema_stats_expiry = 0".to_owned()],
    });
    format!("SET SESSION {}", settings.join(", "))
}

/// A server in words, for messages.
pub(super) fn words(engine: Engine) -> String {
    let (major, minor) = engine.version;
    format!("{} {major}.{minor}", engine.dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_what_they_are() {
        for (version, dialect, numbers) in [
            ("10.11.6-MariaDB-0+deb12u1", Dialect::Mariadb, (10, 11)),
            ("11.4.2-MariaDB", Dialect::Mariadb, (11, 4)),
            ("8.0.36", Dialect::Mysql, (8, 0)),
            ("8.4.0-log", Dialect::Mysql, (8, 4)),
        ] {
            let engine = engine(version);
            assert_eq!(
                (engine.dialect, engine.version),
                (dialect, numbers),
                "{version}"
            );
        }
    }
}
