//! What a Git server's webhook says was pushed, and which Applications that concerns.
//!
//! Bytes and headers go in; a [`Push`] comes out, if whoever sent it knew the secret that `argocd-secret` holds for its kind of server. The formats are GitHub's,
//! GitLab's, Gitea's (and Gogs'), Bitbucket's and Bitbucket Server's, and Azure DevOps'; the keys of the secrets and the rules of what concerns whom are Argo CD's
//! (`util/webhook/webhook.go`). A push is a reason to look and nothing more: what is synced comes from the repository.
//!
//! Argo CD takes events of a server for which no secret is set from anybody. Here they are refused: who can reach the address could have every Application rendered
//! again and again.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod concern;
mod event;
mod sender;

use std::collections::BTreeMap;
use std::fmt;

pub use sender::Sender;

/// A webhook as it came: the names of its headers in lower case, and its body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a BTreeMap<String, String>,
    /// Its body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// `data` of `argocd-secret`, decoded.
#[derive(Clone, Default)]
pub struct Secrets(pub BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Commits.
    Push(Push),
    /// Something else, of which nothing follows: what it is called.
    Other(String),
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Addresses of the repository, of its page or to clone it.
    pub repositories: Vec<String>,
    /// The branch or tag, without `refs/heads/` or `refs/tags/`; none where the server does not say.
    pub revision: Option<String>,
    /// Whether it is the branch that `HEAD` means; so, too, where the server does not say.
    pub is_default: bool,
    /// The files that changed, from the repository's root; empty where the server does not say.
    pub files: Vec<String>,
}

/// Why nothing follows from a request, and the caller is told so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No header that a Git server sends.
    #[error(
        "this is no event of a Git server that is known here: GitHub, GitLab, Gitea, Gogs, Bitbucket, Bitbucket Server, Azure DevOps"
    )]
    Unknown,
    /// Nobody can be sure of who sent it.
    #[error(
        "there is no secret for events of {sender}: set {key} in the Secret argocd-secret, and the same at the server"
    )]
    NoSecret {
        /// Whose event it is.
        sender: Sender,
        /// What is missing.
        key: &'static str,
    },
    /// Whoever sent it does not know the secret.
    #[error("the event is not signed with the secret that is set for {sender}")]
    NotSigned {
        /// Whose event it is.
        sender: Sender,
    },
    /// It is signed, and is not what such a server sends.
    #[error("the event of {sender} cannot be read: {why}")]
    Unreadable {
        /// Whose event it is.
        sender: Sender,
        /// What is missing.
        why: String,
    },
}

/// Reads a request. Its signature is checked before anything of its body is looked at.
///
/// # Errors
/// See [`Refused`].
pub fn read(request: &Request, secrets: &Secrets) -> Result<Received, Refused> {
    let sender = Sender::of(request).ok_or(Refused::Unknown)?;
    sender.check(request, secrets)?;
    event::read(sender, request)
}

#[cfg(test)]
mod tests;
