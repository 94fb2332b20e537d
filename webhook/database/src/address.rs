//! Where a database is, as Atlas writes it: `sqlite://file.db`, `sqlite:///absolute/file.db`, `sqlite://name?mode=memory`.
//!
//! The rules, which are Atlas' own (Go's `net/url` splits, then host and path are joined):
//!
//! - what follows `sqlite://` up to `?` or `#` is the path. `sqlite://a/b.db` is the relative path `a/b.db`; three slashes make it absolute;
//! - `%xx` in the path is decoded, so that `?`, `#` and `%` can be written. The result is a plain path, never an SQLite URI;
//! - `mode` is `rwc` (the default: the file is made when the first statement runs), `rw` (it must exist), `ro` or `memory`;
//!   `sqlite://:memory:` means memory too;
//! - `cache` and `_fk`, which Atlas' examples carry, are accepted and change nothing here; any other parameter is refused, because a
//!   setting that is silently ignored is worse than one that is not there;
//! - a user or a password has no meaning for a file and is refused.
//!
//! `postgres://` and `postgresql://` are read by [`PostgresAddress`], `mysql://`, `maria://` and `mariadb://` by [`MysqlAddress`].
//!
//! An address may hold a password. Nothing in this module puts any part of one into an error but a scheme or a parameter's *name*.

use std::fmt;
use std::path::PathBuf;

use crate::mysql::MysqlAddress;
use crate::network::decode;
use crate::postgres::PostgresAddress;

/// The longest address that is read, in bytes.
pub const MAX_ADDRESS_BYTES: usize = 4096;

/// Schemes that Atlas knows and this version cannot reach yet.
const KNOWN_SCHEMES: &[&str] = &[
    "libsql",
    "ysql",
    "sqlserver",
    "azuresql",
    "mssql",
    "clickhouse",
    "redshift",
    "databricks",
    "snowflake",
    "spanner",
    "crdb",
    "dsql",
    "oracle",
];

/// The address of a database that can be reached.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A file, or memory, opened by the SQLite inside this program.
    Sqlite(SqliteAddress),
    /// A `PostgreSQL` server's.
    Postgres(Box<PostgresAddress>),
    /// A MySQL or MariaDB server's.
    Mysql(Box<MysqlAddress>),
}

/// A place that SQLite can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteAddress {
    /// A file, by an absolute path or one relative to the working directory (or to the folder of the settings, where one is given).
    File {
        /// The path as written, with `%xx` decoded.
        path: PathBuf,
        /// What may be done to the file.
        mode: FileMode,
    },
    /// A database that lives as long as its connection and that nobody else can see.
    Memory,
}

/// What may be done to an SQLite file: the `mode` of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMode {
    /// `rwc`: read and write; made where it is missing.
    Create,
    /// `rw`: read and write; it must exist.
    ReadWrite,
    /// `ro`: never written.
    ReadOnly,
}

/// Why an address cannot be used. No message holds the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing was given.
    #[error("the database url is empty; write for example sqlite:///data/app.db")]
    Empty,
    /// More than [`MAX_ADDRESS_BYTES`].
    #[error("the database url is longer than {MAX_ADDRESS_BYTES} bytes")]
    TooLong,
    /// No `scheme://`.
    #[error("the database url has no scheme; write for example sqlite:///data/app.db")]
    NoScheme,
    /// A database that Atlas knows and this version does not.
    #[error(
        "databases with the scheme {scheme:?} cannot be reached by this version; sqlite://, postgres://, mysql:// and mariadb:// can"
    )]
    NotYet {
        /// The scheme, without the rest of the address.
        scheme: String,
    },
    /// A scheme that nobody knows.
    #[error(
        "unknown database scheme {scheme:?}; sqlite://, postgres://, mysql:// and mariadb:// are known"
    )]
    UnknownScheme {
        /// The scheme, without the rest of the address.
        scheme: String,
    },
    /// `user:password@` before a path.
    #[error("a sqlite url has no user or password: remove everything up to the '@'")]
    Credentials,
    /// No path and not in memory.
    #[error("the sqlite url has no path; write for example sqlite:///data/app.db")]
    NoPath,
    /// `sqlite://file:x`.
    #[error(
        "the path of the sqlite url starts with \"file:\"; write the plain path, sqlite:///data/app.db"
    )]
    NestedUri,
    /// A `%` without two hexadecimal digits, bytes that are not UTF-8, or a NUL.
    #[error(
        "the database url has a bad %-escape: write two hexadecimal digits of UTF-8 text that is not NUL"
    )]
    BadEscape,
    /// A parameter that has no meaning here.
    #[error("the sqlite url has the unknown parameter {name:?}; mode, cache and _fk are known")]
    UnknownParameter {
        /// Its name, without its value.
        name: String,
    },
    /// A host or port that is none.
    #[error(
        "the host or port of the database url is not one; write host:port, and an IPv6 address in brackets"
    )]
    BadHost,
    /// A parameter whose value has no meaning.
    #[error("the parameter {name:?} of the database url is not {value_is}")]
    BadValue {
        /// Its name.
        name: String,
        /// What it has to be.
        value_is: &'static str,
    },
    /// A parameter that cannot even be a setting of the session.
    #[error("the database url has the unknown parameter {name:?}")]
    UnknownSetting {
        /// Its name, without its value.
        name: String,
    },
    /// A `mode` that does not exist.
    #[error("the mode of the sqlite url is none of rwc, rw, ro and memory")]
    UnknownMode,
}

impl Address {
    /// Reads an address by the rules at the top of this module.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let url = url.trim();
        if url.is_empty() {
            return Err(AddressError::Empty);
        }
        if url.len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        let (scheme, rest) = url.split_once("://").ok_or(AddressError::NoScheme)?;
        if !is_scheme(scheme) {
            return Err(AddressError::NoScheme);
        }
        let scheme = scheme.to_ascii_lowercase();
        // `postgres+aws-iam://` is a postgres with a modifier.
        let engine = scheme.split('+').next().unwrap_or_default();
        match engine {
            "sqlite" => parse_sqlite(rest).map(Self::Sqlite),
            "postgres" | "postgresql" if scheme == engine => {
                PostgresAddress::parse(rest).map(|address| Self::Postgres(Box::new(address)))
            }
            "postgres" | "postgresql" => Err(AddressError::NotYet { scheme }),
            "mysql" | "maria" | "mariadb" => match scheme.split_once('+').map(|(_, way)| way) {
                None => MysqlAddress::parse(rest, false),
                Some("unix") => MysqlAddress::parse(rest, true),
                Some(_) => return Err(AddressError::NotYet { scheme }),
            }
            .map(|address| Self::Mysql(Box::new(address))),
            known if KNOWN_SCHEMES.contains(&known) => Err(AddressError::NotYet { scheme }),
            _ => Err(AddressError::UnknownScheme { scheme }),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(url) => url.fmt(f),
            Self::Postgres(url) => url.fmt(f),
            Self::Mysql(url) => url.fmt(f),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= 32
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn parse_sqlite(rest: &str) -> Result<SqliteAddress, AddressError> {
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mode = parse_query(query)?;
    if place
        .split('/')
        .next()
        .is_some_and(|host| host.contains('@'))
    {
        return Err(AddressError::Credentials);
    }
    if place == ":memory:" {
        return Ok(SqliteAddress::Memory);
    }
    let Some(mode) = mode else {
        return Ok(SqliteAddress::Memory);
    };
    let path = decode(place)?;
    if path.is_empty() {
        return Err(AddressError::NoPath);
    }
    if path.starts_with("file:") {
        return Err(AddressError::NestedUri);
    }
    Ok(SqliteAddress::File {
        path: PathBuf::from(path),
        mode,
    })
}

/// The mode of a file; none for a database in memory.
fn parse_query(query: &str) -> Result<Option<FileMode>, AddressError> {
    let mut mode = Some(FileMode::Create);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (name, value) {
            ("mode", "rwc") => mode = Some(FileMode::Create),
            ("mode", "rw") => mode = Some(FileMode::ReadWrite),
            ("mode", "ro") => mode = Some(FileMode::ReadOnly),
            ("mode", "memory") => mode = None,
            ("mode", _) => return Err(AddressError::UnknownMode),
            ("cache" | "_fk" | "_foreign_keys", _) => {}
            _ => {
                return Err(AddressError::UnknownParameter {
                    name: name.chars().take(64).collect(),
                });
            }
        }
    }
    Ok(mode)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn reads(url: &str, expected: SqliteAddress) {
        assert_eq!(Address::parse(url), Ok(Address::Sqlite(expected)), "{url}");
    }

    #[track_caller]
    fn rejects(url: &str, expected: AddressError) {
        assert_eq!(Address::parse(url), Err(expected), "{url}");
    }

    fn file(path: &str, mode: FileMode) -> SqliteAddress {
        SqliteAddress::File {
            path: PathBuf::from(path),
            mode,
        }
    }

    #[test]
    fn sqlite_addresses_are_read_as_atlas_reads_them() {
        reads("sqlite://file.db", file("file.db", FileMode::Create));
        reads("sqlite://a/b.db", file("a/b.db", FileMode::Create));
        reads(
            "sqlite:///data/app.db",
            file("/data/app.db", FileMode::Create),
        );
        reads(
            "SQLite:///data/app.db?_fk=1&cache=shared",
            file("/data/app.db", FileMode::Create),
        );
        reads(
            "sqlite:///data/app.db?mode=rw",
            file("/data/app.db", FileMode::ReadWrite),
        );
        reads(
            "sqlite:///data/app.db?mode=ro#part",
            file("/data/app.db", FileMode::ReadOnly),
        );
        reads(
            "sqlite:///data/caf%C3%A9%3F%25.db",
            file("/data/café?%.db", FileMode::Create),
        );
        reads(
            "sqlite:///data/a@b.db",
            file("/data/a@b.db", FileMode::Create),
        );
        reads("sqlite://x?mode=memory&_fk=1", SqliteAddress::Memory);
        reads("sqlite://?mode=memory", SqliteAddress::Memory);
        reads("sqlite://:memory:", SqliteAddress::Memory);
        reads("  sqlite://file.db\n", file("file.db", FileMode::Create));
    }

    #[test]
    fn what_cannot_be_reached_is_said_without_the_address() {
        rejects("", AddressError::Empty);
        rejects("/data/app.db", AddressError::NoScheme);
        rejects("hunter2 at://x", AddressError::NoScheme);
        rejects("sqlite:app.db", AddressError::NoScheme);
        rejects("sqlite://", AddressError::NoPath);
        rejects("sqlite://?mode=rw", AddressError::NoPath);
        rejects("sqlite://root:hunter2@app.db", AddressError::Credentials);
        rejects("sqlite://file:app.db", AddressError::NestedUri);
        rejects("sqlite:///a%0", AddressError::BadEscape);
        rejects("sqlite:///a%zz", AddressError::BadEscape);
        rejects("sqlite:///a%00b", AddressError::BadEscape);
        rejects("sqlite:///a%ff", AddressError::BadEscape);
        rejects("sqlite:///a?mode=hunter2", AddressError::UnknownMode);
        rejects(
            "sqlite:///a?key=hunter2",
            AddressError::UnknownParameter { name: "key".into() },
        );
        rejects(
            "postgres+iam://u:hunter2@h/db",
            AddressError::NotYet {
                scheme: "postgres+iam".into(),
            },
        );
        rejects(
            "sqlserver://u:hunter2@h/db",
            AddressError::NotYet {
                scheme: "sqlserver".into(),
            },
        );
        rejects(
            "mongodb://u:hunter2@h/db",
            AddressError::UnknownScheme {
                scheme: "mongodb".into(),
            },
        );
        rejects(
            &format!("sqlite://{}", "a".repeat(MAX_ADDRESS_BYTES)),
            AddressError::TooLong,
        );
    }

    #[test]
    fn no_error_repeats_a_password() {
        for url in [
            "postgres://u:hunter2@h:x/db",
            "sqlite://u:hunter2@file.db",
            "sqlite:///f?key=hunter2",
            "sqlite:///f?mode=hunter2",
            "hunter2",
            "x y://hunter2",
        ] {
            let error = Address::parse(url).expect_err("each of these is refused");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_error_repeats_a_secret(
            before in "(sqlite|mysql|[a-z+]{0,6})?(://)?[a-z:/@%]{0,8}",
            after in "[ -~é%]{0,12}",
        ) {
            if let Err(error) = Address::parse(&format!("{before}Q7{after}")) {
                // A parameter's name is shown, and a scheme; a secret is neither.
                let shows_a_name = matches!(error, AddressError::UnknownParameter { .. } | AddressError::UnknownSetting { .. });
                prop_assert!(shows_a_name || !format!("{error} {error:?}").contains("Q7"), "{error}");
            }
        }

        #[test]
        fn every_path_can_be_written(path in "/[^\\x00]{1,40}") {
            let escaped = path.bytes().fold(String::new(), |escaped, byte| format!("{escaped}%{byte:02x}"));
            let expected = Address::Sqlite(SqliteAddress::File { path: PathBuf::from(path), mode: FileMode::Create });
            prop_assert_eq!(Address::parse(&format!("sqlite://{escaped}")), Ok(expected));
        }
    }
}
