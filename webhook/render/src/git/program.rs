//! The program `git` and what it is told each time.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::address::{Address, Transport};
use crate::error::{ProcessError, RenderError};
use crate::process::Run;
use crate::secret::Credential;
use crate::settings::Settings;

/// The only configuration that git sees. `safe.directory`: a local repository may belong to somebody else; nothing in it is run.
/// `lowSpeed`: a server that stalls is given up long before the run's time is over.
const CONFIGURATION: &str = "\
[core]
\thooksPath = /dev/null
\tfsmonitor = false
[safe]
\tdirectory = *
[gc]
\tauto = 0
[maintenance]
\tauto = false
[fetch]
\tunpackLimit = 1
\trecurseSubmodules = false
\twriteCommitGraph = false
[submodule]
\trecurse = false
[http]
\tlowSpeedLimit = 100
\tlowSpeedTime = 30
[advice]
\tdetachedHead = false
";

/// Git, ready to be run for one repository.
#[derive(Debug)]
pub(super) struct Git<'a> {
    settings: &'a Settings,
    credential: &'a Credential,
    /// Private; gone afterwards.
    home: tempfile::TempDir,
    transport: Transport,
    environment: Vec<(String, String)>,
    ssh: Option<String>,
    certificates: Vec<(&'static str, PathBuf)>,
    secrets: Vec<String>,
}

impl<'a> Git<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        work: &Path,
        address: &Address,
        credential: &'a Credential,
    ) -> Result<Self, RenderError> {
        let home = tempfile::tempdir_in(work).map_err(RenderError::io("make a folder in", work))?;
        let mut git = Self {
            settings,
            credential,
            home,
            transport: address.transport,
            environment: Vec::new(),
            ssh: None,
            certificates: Vec::new(),
            secrets: credential.secrets().map(str::to_owned).collect(),
        };
        git.write("gitconfig", CONFIGURATION)?;
        match address.transport {
            Transport::Http => git.http(address)?,
            Transport::Ssh => git.ssh()?,
            Transport::Local => {}
        }
        Ok(git)
    }

    /// Its private folder.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A run in the mirror, or in the home where there is none.
    pub(super) fn run(&self, mirror: Option<&Path>) -> Run<'_> {
        let home = self.home.path();
        let mut run = Run::new(self.settings, "git", home, home)
            .time(self.settings.limits.fetch_time)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", home.join("gitconfig"))
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env(
                "GIT_ALLOW_PROTOCOL",
                match self.transport {
                    Transport::Http => "https:http",
                    Transport::Ssh => "ssh",
                    Transport::Local => "file",
                },
            );
        if let Some(mirror) = mirror {
            run = run.env("GIT_DIR", mirror);
        }
        if let Some(ssh) = &self.ssh {
            run = run.env("GIT_SSH_COMMAND", ssh);
        }
        // Credentials go by the environment: a command line can be read by everyone on the machine.
        for (index, (key, value)) in self.environment.iter().enumerate() {
            run = run
                .env(format!("GIT_CONFIG_KEY_{index}"), key)
                .env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        if !self.environment.is_empty() {
            run = run.env("GIT_CONFIG_COUNT", self.environment.len().to_string());
        }
        for (key, file) in &self.certificates {
            run = run.env(*key, file);
        }
        self.secrets
            .iter()
            .fold(run, |run, secret| run.secret(secret))
    }

    /// What it prints in the mirror, as text.
    pub(super) fn text(
        &self,
        mirror: Option<&Path>,
        arguments: &[&str],
    ) -> Result<String, ProcessError> {
        let out = self.run(mirror).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn http(&mut self, address: &Address) -> Result<(), RenderError> {
        let credential = self.credential;
        let basic = |name: &str, password: &str| {
            format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
        };
        let authorization = if !credential.bearer_token.is_empty() {
            Some(format!("Bearer {}", credential.bearer_token.reveal()))
        } else if !credential.password.is_empty() {
            // A token alone is a password of any user.
            let name = match credential.username.as_str() {
                "" => address.user.as_ref().map_or("git", |(name, _)| name),
                name => name,
            };
            Some(basic(name, credential.password.reveal()))
        } else {
            address.user.as_ref().map(|(name, password)| {
                self.secrets.push(password.reveal().to_owned());
                basic(name, password.reveal())
            })
        };
        if let Some(authorization) = authorization {
            if let Some((_, value)) = authorization.split_once(' ') {
                self.secrets.push(value.to_owned());
            }
            let header = format!("Authorization: {authorization}");
            self.environment
                .push(("http.extraHeader".to_owned(), header));
        }
        if credential.insecure {
            let off = ("http.sslVerify".to_owned(), "false".to_owned());
            self.environment.push(off);
        }
        for (key, file, text) in [
            (
                "GIT_SSL_CAINFO",
                "ca.crt",
                credential.certificate_authority.as_str(),
            ),
            (
                "GIT_SSL_CERT",
                "tls.crt",
                credential.client_certificate.as_str(),
            ),
            ("GIT_SSL_KEY", "tls.key", credential.client_key.reveal()),
        ] {
            if !text.is_empty() {
                let file = self.write(file, text)?;
                self.certificates.push((key, file));
            }
        }
        Ok(())
    }

    fn ssh(&mut self) -> Result<(), RenderError> {
        let known = self.write("known_hosts", &self.credential.known_hosts)?;
        let check = if self.credential.insecure_ignore_host_key {
            "no"
        } else {
            "yes"
        };
        let everybodys = self.settings.known_hosts.as_deref();
        let mut command = format!(
            "ssh -F none -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking={check} -o UserKnownHostsFile={} -o GlobalKnownHostsFile={}",
            quoted(&known),
            everybodys.map_or_else(|| "none".to_owned(), quoted),
        );
        if !self.credential.ssh_private_key.is_empty() {
            // ssh refuses a key without a line break at its end.
            let key = format!("{}\n", self.credential.ssh_private_key.reveal().trim_end());
            let key = self.write("key", &key)?;
            command.push_str(" -o IdentitiesOnly=yes -i ");
            command.push_str(&quoted(&key));
        }
        self.ssh = Some(command);
        Ok(())
    }

    /// A file that only this user can read.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, RenderError> {
        use std::io::Write as _;
        let path = self.home.path().join(name);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(RenderError::io("write", &path))?;
        Ok(path)
    }
}

/// A path as one word of a shell.
fn quoted(path: impl AsRef<OsStr>) -> String {
    let path = path.as_ref().to_string_lossy().replace('\'', r"'\''");
    format!("'{path}'")
}
