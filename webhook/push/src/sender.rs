//! Who sent a request, and whether it is signed.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{Refused, Request, Secrets};

/// A kind of Git server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// github.com and GitHub Enterprise.
    GitHub,
    /// gitlab.com and its like.
    GitLab,
    /// Gitea, Forgejo and Gogs.
    Gitea,
    /// bitbucket.org.
    Bitbucket,
    /// Bitbucket Server and Data Center.
    BitbucketServer,
    /// Azure DevOps.
    AzureDevOps,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea",
            Self::Bitbucket => "Bitbucket",
            Self::BitbucketServer => "Bitbucket Server",
            Self::AzureDevOps => "Azure DevOps",
        })
    }
}

impl Sender {
    /// By the headers. Gitea sends GitHub's, too, and so comes first.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        [
            ("x-vss-activityid", Self::AzureDevOps),
            ("x-gitea-event", Self::Gitea),
            ("x-gogs-event", Self::Gitea),
            ("x-github-event", Self::GitHub),
            ("x-gitlab-event", Self::GitLab),
            ("x-hook-uuid", Self::Bitbucket),
            ("x-event-key", Self::BitbucketServer),
        ]
        .into_iter()
        .find(|(header, _)| request.header(header).is_some())
        .map(|(_, sender)| sender)
    }

    /// The key of its secret in `argocd-secret`.
    const fn key(self) -> &'static str {
        match self {
            Self::GitHub => "webhook.github.secret",
            Self::GitLab => "webhook.gitlab.secret",
            Self::Gitea => "webhook.gogs.secret",
            Self::Bitbucket => "webhook.bitbucket.uuid",
            Self::BitbucketServer => "webhook.bitbucketserver.secret",
            Self::AzureDevOps => "webhook.azuredevops.password",
        }
    }

    /// Whether a request was made by somebody who knows the secret. In a time that tells nothing of the secret.
    pub(crate) fn check(self, request: &Request, secrets: &Secrets) -> Result<(), Refused> {
        let key = self.key();
        let secret = |key: &str| secrets.0.get(key).filter(|secret| !secret.is_empty());
        let Some(own) = secret(key) else {
            return Err(Refused::NoSecret { sender: self, key });
        };
        let header = |name: &str| request.header(name).unwrap_or_default();
        let is_signed = |signature: &str| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(own.as_bytes()) else {
                return false;
            };
            mac.update(request.body);
            hex::decode(signature).is_ok_and(|signature| mac.verify_slice(&signature).is_ok())
        };
        let is_same =
            |given: &str, known: &str| bool::from(given.as_bytes().ct_eq(known.as_bytes()));
        let is_known = match self {
            Self::GitHub => {
                let signature = header("x-hub-signature-256").strip_prefix("sha256=");
                signature.is_some_and(is_signed)
            }
            Self::BitbucketServer => {
                let signature = header("x-hub-signature").strip_prefix("sha256=");
                signature.is_some_and(is_signed)
            }
            Self::Gitea => ["x-gitea-signature", "x-gogs-signature"]
                .into_iter()
                .filter_map(|name| request.header(name))
                .any(is_signed),
            Self::GitLab => is_same(header("x-gitlab-token"), own),
            // Its UUID is all that Bitbucket's cloud sends; with or without braces.
            Self::Bitbucket => is_same(bare(header("x-hook-uuid")), bare(own)),
            Self::AzureDevOps => {
                let user = secret("webhook.azuredevops.username").map_or("", String::as_str);
                let given = header("authorization").strip_prefix("Basic ");
                let given = given.and_then(|given| BASE64_STANDARD.decode(given.trim()).ok());
                let known = format!("{user}:{own}");
                given.is_some_and(|given| bool::from(given.ct_eq(known.as_bytes())))
            }
        };
        if is_known {
            Ok(())
        } else {
            Err(Refused::NotSigned { sender: self })
        }
    }
}

fn bare(uuid: &str) -> &str {
    uuid.trim_start_matches('{').trim_end_matches('}')
}
