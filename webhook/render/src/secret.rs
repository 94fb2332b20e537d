//! Credentials: data that the caller has and that nobody may read again.

use std::fmt;

/// Text that shows itself to whoever asks for it by name, and to no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "***" })
    }
}

/// How one repository lets us in: the fields of a `repository` or `repo-creds` Secret of Argo CD. Empty means none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// For HTTP and OCI.
    pub username: String,
    /// For HTTP and OCI.
    pub password: Secret,
    /// For HTTP, instead of a user and a password.
    pub bearer_token: Secret,
    /// For ssh: a private key, as OpenSSH or PEM text.
    pub ssh_private_key: Secret,
    /// For ssh: lines of a `known_hosts` file (`argocd-ssh-known-hosts-cm`). Without any, no host is known.
    pub known_hosts: String,
    /// For Git: public keys of those who may sign, armoured (`argocd-gpg-keys-cm`).
    pub keyring: String,
    /// For ssh: take any host's key. Whoever sits on the way can then be the repository.
    pub insecure_ignore_host_key: bool,
    /// For HTTP and OCI: take any certificate.
    pub insecure: bool,
    /// For HTTP and OCI: certificates of authorities, PEM, instead of the system's.
    pub certificate_authority: String,
    /// For HTTP and OCI: the client's certificate, PEM.
    pub client_certificate: String,
    /// For HTTP and OCI: the key of the client's certificate, PEM.
    pub client_key: Secret,
    /// For Git: files that are kept by Git LFS are fetched.
    pub enable_lfs: bool,
    /// For charts: the address is that of an OCI registry, though it does not say `oci://`.
    pub enable_oci: bool,
    /// For OCI: the registry is asked without TLS.
    pub plain_http: bool,
}

impl Credential {
    /// What must not be in any message.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        [
            &self.password,
            &self.bearer_token,
            &self.ssh_private_key,
            &self.client_key,
        ]
        .into_iter()
        .map(Secret::reveal)
        .filter(|secret| !secret.is_empty())
    }
}

/// Who knows the credential of a repository.
pub trait Credentials: Send + Sync {
    /// The credential for an address as the Application writes it.
    fn of(&self, address: &str) -> Credential;
}

/// No repository needs one.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn of(&self, _: &str) -> Credential {
        Credential::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_a_secret_by_accident() {
        let credential = Credential {
            username: "u".to_owned(),
            password: Secret::new("hunter2"),
            ..Credential::default()
        };
        let shown = format!("{credential:?}");
        assert!(
            !shown.contains("hunter2") && shown.contains("***"),
            "{shown}"
        );
    }
}
