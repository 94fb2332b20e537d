//! Database urls, which are secrets that look like addresses.
//!
//! A url may hold a password, so it has no `Display` of its own text: formatting one, in a log, a condition or a debug dump,
//! shows it masked, and only [`DatabaseUrl::reveal`], which a search finds, gives the text to the driver.

use std::fmt;

use serde::Deserialize;

/// What stands in a masked text where a credential was.
const MASK: &str = "***";

/// Query keys that hold credentials in some driver: any key containing one of these, in lower case.
const SECRET_QUERY_KEYS: [&str; 6] = ["auth", "key", "pass", "pwd", "secret", "token"];

/// The address of a database, credentials and all.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Takes the text as it is; nothing is checked.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the driver and for nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is any text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scheme in lower case, without a `+modifier`; see [`scheme`].
    pub fn scheme(&self) -> Option<String> {
        scheme(&self.0)
    }

    /// Whether a password is part of the text.
    pub fn has_password(&self) -> bool {
        has_password(&self.0)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RedactedUrl(&self.0).fmt(f)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Shows a url with its user information and secret query values masked.
///
/// It masks rather too much than too little: everything between `//` and the *last* `@` goes, because people forget to escape a
/// `/` or an `@` in a password.
#[derive(Clone, Copy)]
pub struct RedactedUrl<'a>(pub &'a str);

impl fmt::Display for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = match self.0.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, self.0),
        };
        if let Some(scheme) = scheme {
            write!(f, "{scheme}://")?;
        }
        let rest = match rest.rsplit_once('@') {
            Some((_, host)) => {
                write!(f, "{MASK}@")?;
                host
            }
            None => rest,
        };
        let Some((address, query)) = rest.split_once('?') else {
            return f.write_str(rest);
        };
        write!(f, "{address}?")?;
        for (index, pair) in query.split('&').enumerate() {
            let separator = if index == 0 { "" } else { "&" };
            match pair.split_once('=') {
                Some((key, _)) if is_secret_query_key(key) => write!(f, "{separator}{key}={MASK}")?,
                _ => write!(f, "{separator}{pair}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The scheme of a url, in lower case and without the `+modifier` that Atlas allows (`mysql+unix://` is `mysql`); none when the text
/// is not a url.
pub fn scheme(url: &str) -> Option<String> {
    let (scheme, _) = url.trim_start().split_once("://")?;
    if !is_scheme(scheme) {
        return None;
    }
    let base = scheme.split_once('+').map_or(scheme, |(base, _)| base);
    Some(base.to_ascii_lowercase())
}

/// Whether a url carries a password: `user:password@` with something after the colon, or a query key such as `password`.
pub fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let in_user = rest
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty());
    let in_query = rest.split_once('?').is_some_and(|(_, query)| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .any(|(key, value)| {
                !value.is_empty()
                    && (key.to_ascii_lowercase().contains("pass")
                        || key.eq_ignore_ascii_case("pwd"))
            })
    });
    in_user || in_query
}

/// RFC 3986 section 3.1: a letter, then letters, digits, `+`, `-`, `.`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'))
}

fn is_secret_query_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_QUERY_KEYS.iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formatting_masks_credentials_and_nothing_else() {
        for (url, masked) in [
            (
                "mysql://root:pass@mysql:3306/app",
                "mysql://***@mysql:3306/app",
            ),
            (
                "postgres://u:p/a@s@s@db.prod:5432/app?sslmode=disable",
                "postgres://***@db.prod:5432/app?sslmode=disable",
            ),
            (
                "sqlite://file.db?_auth_pass=x&mode=rwc",
                "sqlite://file.db?_auth_pass=***&mode=rwc",
            ),
            (
                "postgres://db/app?user=u&password=p",
                "postgres://db/app?user=u&password=***",
            ),
            ("user:pass@tcp(db)/app", "***@tcp(db)/app"),
            ("sqlite:///data/app.db", "sqlite:///data/app.db"),
            ("", ""),
        ] {
            assert_eq!(DatabaseUrl::new(url).to_string(), masked);
            assert_eq!(
                format!("{:?}", DatabaseUrl::new(url)),
                format!("DatabaseUrl({masked})")
            );
        }
    }

    #[test]
    fn schemes_are_read_without_case_and_modifier() {
        for (url, expected) in [
            ("mysql://h/d", Some("mysql")),
            ("MariaDB+unix:///run/x", Some("mariadb")),
            ("postgres", None),
            ("://x", None),
            ("1a://x", None),
        ] {
            assert_eq!(scheme(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn passwords_are_noticed() {
        for (url, expected) in [
            ("mysql://root:pass@h/d", true),
            ("mysql://root@h/d", false),
            ("mysql://root:@h/d", false),
            ("mysql://h:3306/d", false),
            ("postgres://h/d?password=x", true),
            ("postgres://h/d?password=", false),
        ] {
            assert_eq!(has_password(url), expected, "{url}");
        }
    }

    proptest! {
        /// Whatever the password is made of, it is not in what is shown.
        #[test]
        fn no_password_survives(password in "[a-z/@:?#&%]{3,20}Q7", host in "[a-z]{1,8}") {
            let url = DatabaseUrl::new(format!("postgres://user:{password}@{host}/app"));
            let shown = format!("{url} {url:?}");
            prop_assert!(!shown.contains("Q7"), "{}", shown);
        }
    }
}
