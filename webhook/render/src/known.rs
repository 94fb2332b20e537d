//! Which credential opens which repository: the Secrets of Argo CD, read.
//!
//! A Secret with the label `argocd.argoproj.io/secret-type` is a repository, or a template for all whose address begins as its own does (`repo-creds`). A
//! repository without a credential of its own takes the longest template's. A template ends where a part of an address ends, so that one for
//! `https://host.example` is never sent to `https://host.example.evil`; Argo CD compares letters only.

use std::collections::BTreeMap;

use crate::git::{host, normalized};
use crate::secret::{Credential, Credentials, Secret};

/// The label whose value says what a Secret is.
pub const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";

/// The ConfigMap with the keys of ssh servers (`data.ssh_known_hosts`).
pub const SSH_KNOWN_HOSTS: &str = "argocd-ssh-known-hosts-cm";

/// The ConfigMap with the certificates of HTTP servers, each under its host's name.
pub const TLS_CERTIFICATES: &str = "argocd-tls-certs-cm";

/// The ConfigMap with the public keys of those who sign commits, each under its id.
pub const SIGNING_KEYS: &str = "argocd-gpg-keys-cm";

/// The repositories that somebody wrote down, and what is known of their servers.
#[derive(Debug, Clone, Default)]
pub struct KnownRepositories {
    known: Vec<Known>,
    known_hosts: String,
    certificates: BTreeMap<String, String>,
    keyring: String,
}

#[derive(Debug, Clone)]
struct Known {
    is_template: bool,
    address: String,
    /// Whose it is alone; empty for everybody's.
    project: String,
    credential: Credential,
}

/// What the Applications of one project may use.
#[derive(Debug, Clone, Copy)]
pub struct OfProject<'a> {
    known: &'a KnownRepositories,
    project: &'a str,
}

impl KnownRepositories {
    /// Adds a Secret by the value of its label and its fields, decoded. One that is no repository is left out.
    pub fn add(&mut self, secret_type: &str, fields: &BTreeMap<String, String>) {
        let text = |key: &str| fields.get(key).map(|text| text.trim()).unwrap_or_default();
        let is_template = match secret_type {
            "repository" => false,
            "repo-creds" => true,
            _ => return,
        };
        if text("url").is_empty() {
            return;
        }
        let is_on = |key: &str| text(key).eq_ignore_ascii_case("true");
        self.known.push(Known {
            is_template,
            address: comparable(text("url")),
            project: text("project").to_owned(),
            credential: Credential {
                username: text("username").to_owned(),
                password: Secret::new(text("password")),
                bearer_token: Secret::new(text("bearerToken")),
                ssh_private_key: Secret::new(text("sshPrivateKey")),
                known_hosts: String::new(),
                keyring: String::new(),
                insecure_ignore_host_key: is_on("insecureIgnoreHostKey") || is_on("insecure"),
                insecure: is_on("insecure"),
                certificate_authority: String::new(),
                client_certificate: text("tlsClientCertData").to_owned(),
                client_key: Secret::new(text("tlsClientCertKey")),
                enable_lfs: is_on("enableLfs"),
                enable_oci: is_on("enableOCI"),
                plain_http: is_on("insecureOCIForceHttp"),
            },
        });
    }

    /// Adds a ConfigMap about servers, by its name. Any other is left out.
    pub fn add_servers(&mut self, name: &str, data: &BTreeMap<String, String>) {
        match name {
            SSH_KNOWN_HOSTS => {
                let lines = data.get("ssh_known_hosts").map(String::as_str);
                self.known_hosts.push_str(lines.unwrap_or_default());
                self.known_hosts.push('\n');
            }
            TLS_CERTIFICATES => {
                let hosts = data.iter();
                let hosts = hosts.map(|(host, pem)| (host.to_ascii_lowercase(), pem.clone()));
                self.certificates.extend(hosts);
            }
            SIGNING_KEYS => {
                for key in data.values() {
                    self.keyring.push_str(key);
                    self.keyring.push('\n');
                }
            }
            _ => {}
        }
    }

    /// What the Applications of a project may use: everybody's and the project's own.
    pub fn of_project<'a>(&'a self, project: &'a str) -> OfProject<'a> {
        OfProject {
            known: self,
            project,
        }
    }
}

impl Credentials for OfProject<'_> {
    fn of(&self, address: &str) -> Credential {
        let address = comparable(address);
        let certificate = self.known.certificates.get(host(&address));
        Credential {
            known_hosts: self.known.known_hosts.clone(),
            certificate_authority: certificate.cloned().unwrap_or_default(),
            keyring: self.known.keyring.clone(),
            ..self.opening(&address)
        }
    }
}

impl OfProject<'_> {
    /// What opens a repository.
    fn opening(&self, address: &str) -> Credential {
        let usable = || {
            let known = self.known.known.iter();
            known.filter(|known| known.project.is_empty() || known.project == self.project)
        };
        // The project's own comes before everybody's.
        let own = usable()
            .filter(|known| !known.is_template && known.address == address)
            .max_by_key(|known| !known.project.is_empty());
        let template = usable()
            .filter(|known| known.is_template && begins(address, &known.address))
            .max_by_key(|known| (known.address.len(), !known.project.is_empty()));
        match (own, template) {
            (Some(own), Some(template)) if !own.credential.opens() => Credential {
                enable_lfs: own.credential.enable_lfs,
                enable_oci: own.credential.enable_oci || template.credential.enable_oci,
                ..template.credential.clone()
            },
            (Some(known), _) | (None, Some(known)) => known.credential.clone(),
            (None, None) => Credential::default(),
        }
    }
}

impl Credential {
    fn opens(&self) -> bool {
        !self.username.is_empty() || self.secrets().next().is_some()
    }
}

fn begins(address: &str, template: &str) -> bool {
    let template = template.trim_end_matches('/');
    address
        .strip_prefix(template)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Registries are written with and without `oci://`.
fn comparable(address: &str) -> String {
    normalized(address.trim().trim_start_matches("oci://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownRepositories {
        let mut known = KnownRepositories::default();
        for (kind, fields) in [
            (
                "repository",
                &[
                    ("url", "https://host/team/a.git"),
                    ("username", "u"),
                    ("password", "of a"),
                ][..],
            ),
            ("repository", &[("url", "https://host/team/open")]),
            (
                "repository",
                &[
                    ("url", "https://host/team/a"),
                    ("project", "shop"),
                    ("password", "of shop"),
                ],
            ),
            (
                "repo-creds",
                &[("url", "https://host/team"), ("password", "of team")],
            ),
            (
                "repo-creds",
                &[("url", "https://host"), ("password", "of host")],
            ),
            (
                "repo-creds",
                &[("url", "git@ssh.host:team"), ("sshPrivateKey", "key")],
            ),
            (
                "repository",
                &[
                    ("url", "registry.host/charts"),
                    ("type", "helm"),
                    ("enableOCI", "true"),
                    ("password", "of registry"),
                ],
            ),
            (
                "cluster",
                &[("url", "https://host/cluster"), ("password", "of cluster")],
            ),
        ] {
            let fields = fields
                .iter()
                .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
            known.add(kind, &fields.collect());
        }
        known
    }

    #[test]
    fn the_nearest_credential_opens() {
        let known = known();
        for (project, address, password) in [
            ("default", "https://host/team/a", "of a"),
            ("default", "https://HOST/team/a.git/", "of a"),
            ("shop", "https://host/team/a", "of shop"),
            ("default", "https://host/team/open", "of team"),
            ("default", "https://host/team/other", "of team"),
            ("default", "https://host/teammate/other", "of host"),
            ("default", "https://host.evil/team/a", ""),
            ("default", "http://host/team/a", ""),
            ("default", "https://host/cluster", "of host"),
            ("default", "oci://registry.host/charts", "of registry"),
        ] {
            let found = known.of_project(project).of(address);
            assert_eq!(found.password.reveal(), password, "{project} {address}");
        }
        let ssh = known.of_project("default").of("git@ssh.host:team/repo.git");
        assert_eq!(ssh.ssh_private_key.reveal(), "key");
        assert!(
            known
                .of_project("default")
                .of("registry.host/charts")
                .enable_oci
        );
    }
}
