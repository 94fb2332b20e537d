//! The address of a server: `postgres://user:password@host:5432/database?sslmode=require`, `mysql://..`, `mariadb://..`.
//!
//! As Atlas and libpq write it: `%xx` is decoded in user, password, database and values; a host in brackets is IPv6; `mysql+unix://user@/path.sock`
//! and `host=/folder` as a parameter name a socket. What a parameter means is its engine's business, as is refusing one that means nothing.

use std::fmt;

use super::{AddressError, decode};

/// Where a server is and who asks. Its `Debug` shows neither the password nor any parameter's value.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// In lower case, with its modifier: `postgres`, `mariadb`, `mysql+unix`.
    pub scheme: String,
    /// A name or an IP address without brackets; empty where none is written.
    pub host: String,
    /// Where one is written.
    pub port: Option<u16>,
    /// Empty where none is written.
    pub user: String,
    /// Where one is written; a secret.
    pub password: Option<String>,
    /// What stands behind the host without its slash: the database; for `+unix` the path of the socket. Empty where none is written.
    pub path: String,
    /// In order; values may be secrets.
    pub parameters: Vec<(String, String)>,
}

impl ServerAddress {
    /// Reads what follows `scheme://`.
    pub(super) fn parse(scheme: String, rest: &str) -> Result<Self, AddressError> {
        let rest = rest.split('#').next().unwrap_or_default();
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(decode(password)?)),
            None => (login, None),
        };
        let (host, port) = host_and_port(host)?;
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            parameters.push((decode(name)?, decode(&value.replace('+', " "))?));
        }
        let path = decode(path)?;
        let is_socket = scheme.ends_with("+unix");
        Ok(Self {
            scheme,
            host,
            port,
            user: decode(user)?,
            password,
            path: if is_socket { format!("/{path}") } else { path },
            parameters,
        })
    }

    /// The value of a parameter, the last one where it is written twice.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut named = self.parameters.iter().filter(|(known, _)| known == name);
        named.next_back().map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| &**name).collect();
        formatter
            .debug_struct("ServerAddress")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("path", &self.path)
            .field("parameters", &names)
            .finish_non_exhaustive()
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), AddressError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(AddressError::BadHost)?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return Err(AddressError::BadHost),
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port
        .filter(|port| !port.is_empty())
        .map(str::parse)
        .transpose()
        .map_err(|_| AddressError::BadHost)?;
    Ok((decode(host)?, port))
}

#[cfg(test)]
mod tests {
    use super::super::{Address, AddressError};
    use super::*;

    #[track_caller]
    fn server(url: &str) -> ServerAddress {
        match Address::parse(url) {
            Ok(Address::Postgres(server) | Address::Mysql(server)) => server,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn every_part_is_read_and_decoded() {
        let read = server(
            "Postgres://ann:p%40ss:w@db.example:5433/shop?sslmode=disable&search_path=a%20b#x",
        );
        assert_eq!(
            read,
            ServerAddress {
                scheme: "postgres".to_owned(),
                host: "db.example".to_owned(),
                port: Some(5433),
                user: "ann".to_owned(),
                password: Some("p@ss:w".to_owned()),
                path: "shop".to_owned(),
                parameters: vec![
                    ("sslmode".to_owned(), "disable".to_owned()),
                    ("search_path".to_owned(), "a b".to_owned())
                ],
            }
        );
        assert_eq!(read.parameter("search_path"), Some("a b"));
        let read = server("mariadb://[::1]:3306");
        assert_eq!(
            (read.host.as_str(), read.port, read.path.as_str()),
            ("::1", Some(3306), "")
        );
        assert_eq!(
            server("mysql+unix://root@/run/db.sock?database=shop").path,
            "/run/db.sock"
        );
    }

    #[test]
    fn a_password_is_never_shown() {
        let read = server("mysql://ann:hunter2@h/db?password=hunter2");
        assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
        for url in [
            "postgres://ann:hunter2@[::1/db",
            "postgres://ann@h:hunter2/db",
            "postgres://ann:hunter2%zz@h/db",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}");
        }
        assert_eq!(
            Address::parse("postgres://h:x/db"),
            Err(AddressError::BadHost)
        );
    }
}
