//! Where a `PostgreSQL` database is: `postgres://user:password@host:5432/database?sslmode=verify-full&search_path=app`.
//!
//! The parameters are those of libpq and of Go's lib/pq, which Atlas uses: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `connect_timeout`,
//! `application_name` and `search_path`. Any other is a setting of the session, which the server refuses if it does not know it. Without
//! `sslmode` it is `prefer`, as with libpq: TLS where the server has it.
//!
//! With `search_path` the address is one schema's (Atlas' "schema-bound"), without it the whole database's.

use std::fmt;
use std::time::Duration;

use crate::AddressError;
use crate::network::{CONNECT_TIMEOUT, NetworkAddress, Tls, timeout};

/// The port that the server listens on where the address has none.
const DEFAULT_PORT: u16 = 5432;

/// The address of a `PostgreSQL` database, or of one schema in it. `Debug` shows neither password nor parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
    pub(crate) schema: Option<String>,
    pub(crate) tls: Tls<TlsMode>,
    pub(crate) connect_timeout: Duration,
    pub(crate) application_name: String,
    /// Other settings of the session, by name.
    pub(crate) settings: Vec<(String, String)>,
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TlsMode {
    Disable,
    Allow,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl PostgresAddress {
    /// The one schema that this is the address of; none for the whole database.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Host, port and database, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }

    /// What tells the database from others. Host names have no case.
    pub(crate) fn server(&self) -> String {
        let host = self.host.to_lowercase();
        format!("postgres:{host}:{}/{}", self.port, self.database)
    }

    /// Reads what follows `postgres://`.
    pub(crate) fn parse(rest: &str) -> Result<Self, AddressError> {
        let parts = NetworkAddress::parse(rest)?;
        let user = parts.user.unwrap_or_else(|| "postgres".to_owned());
        let mut address = Self {
            host: parts.host.unwrap_or_else(|| "localhost".to_owned()),
            port: parts.port.unwrap_or(DEFAULT_PORT),
            password: parts.password,
            database: parts.path.unwrap_or_else(|| user.clone()),
            user,
            schema: None,
            tls: Tls::default(),
            connect_timeout: CONNECT_TIMEOUT,
            application_name: "tidegate".to_owned(),
            settings: Vec::new(),
        };
        for (name, value) in parts.parameters {
            match name.as_str() {
                "sslmode" => address.tls.mode = tls_mode(&value)?,
                "sslrootcert" => address.tls.root_certificate = Some(value.into()),
                "sslcert" => address.tls.certificate = Some(value.into()),
                "sslkey" => address.tls.key = Some(value.into()),
                "application_name" => address.application_name = value,
                "user" => address.user = value,
                "password" => address.password = Some(value),
                "host" => address.host = value,
                "dbname" => address.database = value,
                "search_path" => address.schema = one_schema(&value)?,
                "connect_timeout" => {
                    address.connect_timeout = timeout(name, &value)?;
                }
                _ if is_setting(&name) => address.settings.push((name, value)),
                _ => {
                    return Err(AddressError::UnknownSetting {
                        name: name.chars().take(64).collect(),
                    });
                }
            }
        }
        Ok(address)
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresAddress")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

fn tls_mode(value: &str) -> Result<TlsMode, AddressError> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        "allow" => TlsMode::Allow,
        "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => {
            return Err(AddressError::BadValue {
                name: "sslmode".to_owned(),
                value_is: "one of disable, allow, prefer, require, verify-ca and verify-full",
            });
        }
    })
}

/// One name, in quotes or not. Atlas binds to one schema as well.
fn one_schema(value: &str) -> Result<Option<String>, AddressError> {
    let value = value.trim();
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(quoted) => Ok(Some(quoted.replace("\"\"", "\""))),
        None if value.is_empty() => Ok(None),
        None if value.contains(',') => Err(AddressError::BadValue {
            name: "search_path".to_owned(),
            value_is: "the name of one schema",
        }),
        None => Ok(Some(value.to_owned())),
    }
}

fn is_setting(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.len() <= 64
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    #[track_caller]
    fn read(url: &str) -> PostgresAddress {
        match Address::parse(url).unwrap() {
            Address::Postgres(address) => *address,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_and_parameters_are_read_as_libpq_does() {
        let address = read(
            "postgres://u:p%40@h:6432/shop?search_path=app&sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3&lock_timeout=2s",
        );
        assert_eq!(
            (address.place(), address.schema()),
            ("h:6432/shop".to_owned(), Some("app"))
        );
        assert_eq!(
            (address.user.as_str(), address.password.as_deref()),
            ("u", Some("p@"))
        );
        assert_eq!(address.tls.mode, TlsMode::VerifyFull);
        assert_eq!(address.connect_timeout, Duration::from_secs(3));
        assert_eq!(
            address.settings,
            [("lock_timeout".to_owned(), "2s".to_owned())]
        );

        let address = read("postgresql://h");
        assert_eq!(
            (address.place(), address.schema()),
            ("h:5432/postgres".to_owned(), None)
        );
        assert_eq!(
            read("postgres://h/d?search_path=%22A%22%22b%22").schema(),
            Some("A\"b")
        );
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        for (url, said) in [
            ("postgres://h/d?sslmode=hunter2", "sslmode"),
            ("postgres://h/d?connect_timeout=hunter2", "connect_timeout"),
            ("postgres://h/d?search_path=hunter2,b", "search_path"),
            ("postgres://h/d?Bad-Name=hunter2", "Bad-Name"),
        ] {
            let message = Address::parse(url).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        let shown = format!("{:?}", read("postgres://u:hunter2@h/d?password=hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
