//! What the addresses of database servers have in common: `scheme://user:password@host:port/path?name=value`.
//!
//! Split as Go's `net/url` does it, which is what Atlas uses: the user information ends at the last `@` before the first slash, `%xx` is
//! decoded in each part, a literal IPv6 address stands in brackets. Nothing here puts a part of an address into an error but a parameter's
//! name.

use std::path::PathBuf;
use std::time::Duration;

use crate::AddressError;

/// How long connecting may take where the address does not say.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the connection is encrypted. `Mode` is the engine's own word for how much is demanded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tls<Mode> {
    pub(crate) mode: Mode,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// An address in its parts, decoded. It holds a password and therefore has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NetworkAddress {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    /// Without the leading slash; none where there is nothing behind it.
    pub(crate) path: Option<String>,
    /// In order.
    pub(crate) parameters: Vec<(String, String)>,
}

impl NetworkAddress {
    /// Reads what follows `scheme://`.
    pub(crate) fn parse(rest: &str) -> Result<Self, AddressError> {
        let rest = rest.split('#').next().unwrap_or_default();
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (user_info, host_port) = match authority.rsplit_once('@') {
            Some((user_info, host_port)) => (Some(user_info), host_port),
            None => (None, authority),
        };
        let (user, password) = match user_info.map(|info| info.split_once(':').ok_or(info)) {
            None => (None, None),
            Some(Err(user)) => (Some(decode(user)?), None),
            Some(Ok((user, password))) => (Some(decode(user)?), Some(decode(password)?)),
        };
        let (host, port) = host_and_port(host_port)?;
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            parameters.push((decode(name)?, decode(&value.replace('+', " "))?));
        }
        Ok(Self {
            user: user.filter(|user| !user.is_empty()),
            password,
            host,
            port,
            path: Some(decode(path)?).filter(|path| !path.is_empty()),
            parameters,
        })
    }
}

/// The parameter `name` as a time to connect. Zero is for ever to the drivers; here nothing is.
pub(crate) fn timeout(name: String, seconds: &str) -> Result<Duration, AddressError> {
    let seconds = seconds.parse().map_err(|_| AddressError::BadValue {
        name,
        value_is: "a number of seconds",
    })?;
    Ok(match seconds {
        0 => CONNECT_TIMEOUT,
        seconds => Duration::from_secs(seconds),
    })
}

fn host_and_port(text: &str) -> Result<(Option<String>, Option<u16>), AddressError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(AddressError::BadHost)?;
            let port = match port.strip_prefix(':') {
                None if port.is_empty() => None,
                None => return Err(AddressError::BadHost),
                Some(port) => Some(port),
            };
            (host.to_owned(), port)
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (decode(host)?, Some(port)),
            None => (decode(text)?, None),
        },
    };
    let port = port
        .filter(|port| !port.is_empty())
        .map(|port| port.parse().map_err(|_| AddressError::BadHost))
        .transpose()?;
    Ok((Some(host).filter(|host| !host.is_empty()), port))
}

/// `%xx` to the byte it stands for.
pub(crate) fn decode(text: &str) -> Result<String, AddressError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || {
            bytes
                .next()
                .and_then(|digit| char::from(digit).to_digit(16))
        };
        let (high, low) = (digit(), digit());
        let value = high.zip(low).map(|(high, low)| high * 16 + low);
        let value = value
            .and_then(|value| u8::try_from(value).ok())
            .ok_or(AddressError::BadEscape)?;
        decoded.push(value);
    }
    if decoded.contains(&0) {
        return Err(AddressError::BadEscape);
    }
    String::from_utf8(decoded).map_err(|_| AddressError::BadEscape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        rest: &str,
        (user, password): (Option<&str>, Option<&str>),
        (host, port): (Option<&str>, Option<u16>),
        path: Option<&str>,
        parameters: &[(&str, &str)],
    ) {
        let read = NetworkAddress::parse(rest).unwrap();
        assert_eq!(
            (read.user.as_deref(), read.password.as_deref()),
            (user, password),
            "{rest}"
        );
        assert_eq!((read.host.as_deref(), read.port), (host, port), "{rest}");
        assert_eq!(read.path.as_deref(), path, "{rest}");
        let read: Vec<_> = read
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(read, parameters, "{rest}");
    }

    #[test]
    fn parts_are_found_and_decoded() {
        check(
            "u:p@h:5432/d?a=b",
            (Some("u"), Some("p")),
            (Some("h"), Some(5432)),
            Some("d"),
            &[("a", "b")],
        );
        check(
            "u%40x:p%3A%2F@[::1]:1/a%20b?a=%26&c&d=x+y#part",
            (Some("u@x"), Some("p:/")),
            (Some("::1"), Some(1)),
            Some("a b"),
            &[("a", "&"), ("c", ""), ("d", "x y")],
        );
        check("h", (None, None), (Some("h"), None), None, &[]);
        check(
            "u:@h:/",
            (Some("u"), Some("")),
            (Some("h"), None),
            None,
            &[],
        );
        check("u@@/d", (Some("u@"), None), (None, None), Some("d"), &[]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (rest, expected) in [
            ("h:x/d", AddressError::BadHost),
            ("h:99999/d", AddressError::BadHost),
            ("[::1/d", AddressError::BadHost),
            ("[::1]x/d", AddressError::BadHost),
            ("u:%zz@h/d", AddressError::BadEscape),
            ("h/%00", AddressError::BadEscape),
        ] {
            assert_eq!(NetworkAddress::parse(rest).err(), Some(expected), "{rest}");
        }
    }
}
