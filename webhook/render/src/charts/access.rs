//! What helm needs to be let in, written into its private home: its list of repositories, the passwords of registries, certificates.
//!
//! A repository over HTTP has all of it in helm's list. A registry has its password in a file, and the rest on the command line, which holds no secret:
//! names of files and whether to check.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::RenderError;
use crate::secret::Credential;

/// Writes helm's `repositories.yaml` (helm `pkg/repo/v1/repo.go`).
pub(super) fn add(
    home: &Path,
    repositories: &[(String, &str, &Credential)],
    pass_credentials: bool,
) -> Result<(), RenderError> {
    let mut entries = Vec::new();
    for (name, address, credential) in repositories {
        let files = Certificates::write(home, name, credential)?;
        entries.push(json!({
            "name": name,
            "url": address,
            "username": credential.username,
            "password": credential.password.reveal(),
            "insecure_skip_tls_verify": credential.insecure,
            "pass_credentials_all": pass_credentials,
            "caFile": files.authority,
            "certFile": files.client,
            "keyFile": files.client_key,
        }));
    }
    let settings = json!({"apiVersion": "v1", "repositories": entries});
    write(home, "repositories.yaml", &settings)
}

/// Writes the credentials of registries where helm looks for them, and gives the flags by which it reaches them.
///
/// The flags are for all registries of a command. Where they are not alike for those that are named, there are none: helm then says which server it
/// does not trust, rather than trusting one that nobody vouched for.
pub(super) fn log_in(
    home: &Path,
    registries: &[(&str, &Credential)],
) -> Result<Vec<String>, RenderError> {
    let mut hosts = serde_json::Map::new();
    for (address, credential) in registries {
        if !credential.password.is_empty() {
            let host = address.split('/').next().unwrap_or(address);
            let user = format!("{}:{}", credential.username, credential.password.reveal());
            hosts.insert(host.to_owned(), json!({"auth": STANDARD.encode(user)}));
        }
    }
    if !hosts.is_empty() {
        write(home, "registry/config.json", &json!({"auths": hosts}))?;
    }
    match registries {
        [(_, first), others @ ..]
            if others
                .iter()
                .all(|(_, other)| reached_by(other) == reached_by(first)) =>
        {
            flags(home, first)
        }
        _ => Ok(Vec::new()),
    }
}

/// What the flags are made of.
fn reached_by(credential: &Credential) -> (bool, bool, &str, &str, &str) {
    (
        credential.insecure,
        credential.plain_http,
        &credential.certificate_authority,
        &credential.client_certificate,
        credential.client_key.reveal(),
    )
}

fn flags(home: &Path, credential: &Credential) -> Result<Vec<String>, RenderError> {
    let files = Certificates::write(home, "registry", credential)?;
    let mut flags = Vec::new();
    for (flag, file) in [
        ("--ca-file", files.authority),
        ("--cert-file", files.client),
        ("--key-file", files.client_key),
    ] {
        flags.extend(file.into_iter().flat_map(|file| [flag.to_owned(), file]));
    }
    for (flag, is_on) in [
        ("--insecure-skip-tls-verify", credential.insecure),
        ("--plain-http", credential.plain_http),
    ] {
        flags.extend(is_on.then(|| flag.to_owned()));
    }
    Ok(flags)
}

/// Files of one server's certificates; none where the credential has none.
struct Certificates {
    authority: Option<String>,
    client: Option<String>,
    client_key: Option<String>,
}

impl Certificates {
    fn write(home: &Path, server: &str, credential: &Credential) -> Result<Self, RenderError> {
        let file = |what: &str, text: &str| {
            if text.is_empty() {
                return Ok(None);
            }
            let path = home.join(format!("{server}-{what}"));
            fs::write(&path, text).map_err(RenderError::io("write", &path))?;
            Ok(Some(path.to_string_lossy().into_owned()))
        };
        Ok(Self {
            authority: file("ca", &credential.certificate_authority)?,
            client: file("certificate", &credential.client_certificate)?,
            client_key: file("key", credential.client_key.reveal())?,
        })
    }
}

fn write(home: &Path, name: &str, value: &Value) -> Result<(), RenderError> {
    let path = home.join("config/helm").join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(RenderError::io("make", folder))?;
    }
    fs::write(&path, value.to_string()).map_err(RenderError::io("write", &path))
}
