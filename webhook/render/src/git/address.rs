//! Addresses of repositories: which are fetched at all, and when two are the same.
//!
//! What git itself accepts is wider: `ext::` runs a program, `git://` is open to whoever sits on the way, and a word that begins with a dash is a flag.

use std::path::Path;

use crate::error::RenderError;
use crate::secret::Secret;

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// `https://` and `http://`.
    Http,
    /// `ssh://` and `user@host:path`.
    Ssh,
    /// `file://` and absolute paths.
    Local,
}

/// An address that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// How.
    pub(crate) transport: Transport,
    /// For git, without a user and password where they are for HTTP.
    pub(crate) url: String,
    /// The user and password that were in it.
    pub(crate) user: Option<(String, Secret)>,
}

impl Address {
    /// Reads `repoURL`.
    ///
    /// # Errors
    /// It is of no kind that is fetched.
    pub(crate) fn parse(text: &str) -> Result<Self, RenderError> {
        let text = text.trim();
        let refused = |problem: &str| RenderError::Address {
            repository: text.to_owned(),
            problem: problem.to_owned(),
        };
        if text.is_empty() {
            return Err(refused("repoURL is empty"));
        }
        if text.starts_with('-') || text.chars().any(char::is_control) {
            return Err(refused("this is no address"));
        }
        if text.starts_with('/') {
            return Ok(Self::local(text));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::short_ssh(text).ok_or_else(|| {
                refused("only https://, ssh://, user@host:path and file:// can be fetched")
            });
        };
        match scheme.to_ascii_lowercase().as_str() {
            "https" | "http" => {
                let (user, rest) = match rest.split_once('/').unwrap_or((rest, "")) {
                    (authority, path) if authority.contains('@') => {
                        let (user, host) = authority.rsplit_once('@').unwrap_or_default();
                        let (name, password) = user.split_once(':').unwrap_or((user, ""));
                        let user = (decoded(name), Secret::new(decoded(password)));
                        (Some(user), format!("{host}/{path}"))
                    }
                    _ => (None, rest.to_owned()),
                };
                if rest.starts_with('/') || rest.starts_with('-') {
                    return Err(refused("it names no host"));
                }
                Ok(Self {
                    transport: Transport::Http,
                    url: format!("{}://{rest}", scheme.to_ascii_lowercase()),
                    user,
                })
            }
            "ssh" if !rest.starts_with(['-', '/']) && !rest.contains("@-") => Ok(Self {
                transport: Transport::Ssh,
                url: text.to_owned(),
                user: None,
            }),
            "file" if rest.starts_with('/') => Ok(Self::local(rest)),
            "file" => Err(refused("write file:///absolute/path")),
            _ => Err(refused(
                "only https://, ssh://, user@host:path and file:// can be fetched",
            )),
        }
    }

    /// As git-lfs reads it: to it, a bare path is no address.
    pub(crate) fn git_url(&self) -> String {
        match self.transport {
            Transport::Local => format!("file://{}", self.url),
            Transport::Http | Transport::Ssh => self.url.clone(),
        }
    }

    /// The folder of a local repository.
    pub(crate) fn folder(&self) -> Option<&Path> {
        (self.transport == Transport::Local).then(|| Path::new(&self.url))
    }

    fn local(path: &str) -> Self {
        Self {
            transport: Transport::Local,
            url: path.to_owned(),
            user: None,
        }
    }

    /// `user@host:path`, as scp writes it.
    fn short_ssh(text: &str) -> Option<Self> {
        let (user, rest) = text.split_once('@')?;
        let (host, path) = rest.split_once(':')?;
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with('-')
                && word
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        (is_word(user) && is_word(host) && !path.is_empty() && !path.starts_with('-')).then(|| {
            Self {
                transport: Transport::Ssh,
                url: text.to_owned(),
                user: None,
            }
        })
    }
}

/// When two addresses are the same repository: no case in scheme and host, no `.git`, no slash at the end, one way to write ssh
/// (argo-cd `util/git/git.go`, `NormalizeGitURL`). Credentials do not count.
pub fn normalized(address: &str) -> String {
    let address = address.trim();
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.to_owned()),
        None if address.starts_with('/') => ("file".to_owned(), address.to_owned()),
        None => match address.split_once(':') {
            Some((host, path)) => (
                "ssh".to_owned(),
                format!("{host}/{}", path.trim_start_matches('/')),
            ),
            None => (String::new(), address.to_owned()),
        },
    };
    let (authority, path) = rest.split_once('/').unwrap_or((&rest, ""));
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => host,
        None => authority,
    };
    let path = path.trim_end_matches('/').trim_end_matches(".git");
    format!("{scheme}://{}/{path}", host.to_ascii_lowercase())
}

/// The server's name in a [`normalized`] address, without the port.
pub(crate) fn host(address: &str) -> &str {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// `%41` is `A`. What is no such thing stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let byte = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, after.get(2..)) {
            (Some(byte), Some(after)) => {
                bytes.push(byte);
                rest = after;
            }
            _ => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_fetched() {
        for (text, transport, url) in [
            (
                "https://host/a/b.git",
                Transport::Http,
                "https://host/a/b.git",
            ),
            ("HTTPS://host/a", Transport::Http, "https://host/a"),
            ("https://u:p%40x@host/a", Transport::Http, "https://host/a"),
            ("git@host:a/b.git", Transport::Ssh, "git@host:a/b.git"),
            ("ssh://git@host:22/a", Transport::Ssh, "ssh://git@host:22/a"),
            ("file:///srv/a", Transport::Local, "/srv/a"),
            ("/srv/a", Transport::Local, "/srv/a"),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!((address.transport, address.url.as_str()), (transport, url));
        }
        let address = Address::parse("https://u:p%40x@host/a").expect("an address");
        let (name, password) = address.user.expect("a user");
        assert_eq!((name.as_str(), password.reveal()), ("u", "p@x"));
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "",
            "--upload-pack=touch /tmp/x",
            "ext::sh -c true",
            "git://host/a",
            "file://relative/a",
            "relative/path",
            "https:///a",
            "ssh://-oProxyCommand=x/a",
            "ssh://git@-oProxyCommand=x/a",
            "git@-oProxyCommand=x:a",
            "https://host/a\nb",
        ] {
            assert!(
                matches!(Address::parse(text), Err(RenderError::Address { .. })),
                "{text:?}"
            );
        }
        let error = Address::parse("ftp://u:hunter2@host/a").expect_err("ftp");
        assert_eq!(
            error.to_string(),
            "repository ftp://***@host/a: only https://, ssh://, user@host:path and file:// can be fetched"
        );
    }

    #[test]
    fn one_repository_has_many_addresses() {
        for (left, right, same) in [
            ("https://Host/a/b.git", "https://host/a/b", true),
            ("https://host/a/b/", "https://u:p@host/a/b", true),
            ("git@host:a/b.git", "ssh://git@host/a/b", true),
            ("file:///srv/a", "/srv/a", true),
            ("https://host/a", "https://host/A", false),
            ("https://host/a", "ssh://host/a", false),
        ] {
            assert_eq!(
                normalized(left) == normalized(right),
                same,
                "{left} {right}"
            );
        }
    }
}
