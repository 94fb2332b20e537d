//! Where a MySQL or MariaDB database is: `mysql://user:password@host:3306/database?tls=true`, `maria://`, `mariadb://`, and
//! `mysql+unix:///run/mysqld.sock?database=shop`.
//!
//! The parameters are those of Go's driver, which Atlas uses (`tls`, and some that mean nothing here), and of the servers' own clients
//! (`ssl-mode`, `ssl-ca`, `ssl-cert`, `ssl-key`). Any other is refused: a setting that is silently ignored is worse than one that is not there.
//! Without any of them TLS is used where the server has it.
//!
//! With a database the address is that one's (Atlas' "schema-bound"), without it the whole server's.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::AddressError;
use crate::network::{CONNECT_TIMEOUT, NetworkAddress, Tls, timeout};

/// The port that the server listens on where the address has none.
const DEFAULT_PORT: u16 = 3306;

/// Parameters of Go's driver that change nothing here: every value is read as text, time zones are not, and nothing is prepared.
const WITHOUT_MEANING: &[&str] = &[
    "parseTime",
    "loc",
    "charset",
    "collation",
    "multiStatements",
    "interpolateParams",
    "allowNativePasswords",
    "checkConnLiveness",
    "columnsWithAlias",
    "clientFoundRows",
    "maxAllowedPacket",
    "readTimeout",
    "writeTimeout",
    "rejectReadOnly",
];

/// The address of a server, or of one database in it. `Debug` shows neither password nor parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct MysqlAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// A path, in place of host and port.
    pub(crate) socket: Option<PathBuf>,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) tls: Tls<TlsMode>,
    pub(crate) connect_timeout: Duration,
}

/// The servers' own `ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TlsMode {
    Disabled,
    #[default]
    Preferred,
    Required,
    VerifyCa,
    VerifyIdentity,
}

impl MysqlAddress {
    /// The one database that this is the address of; none for the whole server.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Host, port and database, for messages.
    pub fn place(&self) -> String {
        let database = self.database.as_deref().unwrap_or_default();
        match &self.socket {
            Some(path) => format!("{}/{database}", path.display()),
            None => format!("{}:{}/{database}", self.host, self.port),
        }
    }

    /// What tells the server from others. Host names have no case.
    pub(crate) fn server(&self) -> String {
        match &self.socket {
            Some(path) => format!("mysql:{}", path.display()),
            None => format!("mysql:{}:{}", self.host.to_lowercase(), self.port),
        }
    }

    /// Reads what follows `mysql://`, or `mysql+unix://` where `socket` says so.
    pub(crate) fn parse(rest: &str, socket: bool) -> Result<Self, AddressError> {
        let parts = NetworkAddress::parse(rest)?;
        let mut address = Self {
            host: parts.host.unwrap_or_else(|| "localhost".to_owned()),
            port: parts.port.unwrap_or(DEFAULT_PORT),
            socket: None,
            user: parts.user.unwrap_or_else(|| "root".to_owned()),
            password: parts.password,
            database: None,
            tls: Tls::default(),
            connect_timeout: CONNECT_TIMEOUT,
        };
        if socket {
            let path = parts.path.ok_or(AddressError::NoPath)?;
            address.socket = Some(PathBuf::from(format!("/{path}")));
        } else {
            address.database = parts.path;
        }
        for (name, value) in parts.parameters {
            match name.as_str() {
                "tls" | "ssl-mode" | "sslmode" => address.tls.mode = tls_mode(&name, &value)?,
                "ssl-ca" | "sslca" => address.tls.root_certificate = Some(value.into()),
                "ssl-cert" | "sslcert" => address.tls.certificate = Some(value.into()),
                "ssl-key" | "sslkey" => address.tls.key = Some(value.into()),
                "database" if socket => {
                    address.database = Some(value).filter(|name| !name.is_empty());
                }
                "timeout" | "connect-timeout" => {
                    // Go writes a unit.
                    let seconds = value.strip_suffix('s').unwrap_or(&value);
                    address.connect_timeout = timeout(name, seconds)?;
                }
                known if WITHOUT_MEANING.contains(&known) => {}
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

impl fmt::Debug for MysqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlAddress")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("socket", &self.socket)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

fn tls_mode(name: &str, value: &str) -> Result<TlsMode, AddressError> {
    Ok(match value.to_ascii_lowercase().as_str() {
        "disabled" | "disable" | "false" => TlsMode::Disabled,
        "preferred" | "prefer" => TlsMode::Preferred,
        "required" | "require" | "skip-verify" => TlsMode::Required,
        "verify_ca" | "verify-ca" => TlsMode::VerifyCa,
        "verify_identity" | "verify-full" | "true" => TlsMode::VerifyIdentity,
        _ => {
            return Err(AddressError::BadValue {
                name: name.to_owned(),
                value_is: "one of true, false, skip-verify, preferred, required, verify_ca and verify_identity",
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    #[track_caller]
    fn read(url: &str) -> MysqlAddress {
        match Address::parse(url).unwrap() {
            Address::Mysql(address) => *address,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_and_parameters_are_read_as_atlas_reads_them() {
        let address =
            read("maria://u:p%40@h:3307/shop?parseTime=true&tls=true&ssl-ca=/ca.pem&timeout=3s");
        assert_eq!(
            (address.place(), address.database()),
            ("h:3307/shop".to_owned(), Some("shop"))
        );
        assert_eq!(
            (address.user.as_str(), address.password.as_deref()),
            ("u", Some("p@"))
        );
        assert_eq!(address.tls.mode, TlsMode::VerifyIdentity);
        assert_eq!(address.connect_timeout, Duration::from_secs(3));

        let address = read("mysql://h");
        assert_eq!(
            (address.place(), address.database()),
            ("h:3306/".to_owned(), None)
        );
        assert_eq!(address.tls.mode, TlsMode::Preferred);

        let address = read("mysql+unix:///run/mysqld.sock?database=shop");
        assert_eq!(address.place(), "/run/mysqld.sock/shop");
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        for (url, said) in [
            ("mysql://h/d?tls=hunter2", "tls"),
            ("mysql://h/d?timeout=hunter2", "timeout"),
            ("mariadb://h/d?sql_mode=hunter2", "sql_mode"),
        ] {
            let message = Address::parse(url).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        let shown = format!("{:?}", read("mysql://u:hunter2@h/d"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
