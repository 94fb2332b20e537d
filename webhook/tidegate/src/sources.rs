//! Flags and environment to the settings by which sources are rendered; the same for `serve`, `app` and `check`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::Value;
use tidegate_admission::parse_duration;
use tidegate_render::{Plugin, Settings, Submodules};

use crate::check::source::read_text;
use crate::policies;

/// What programs need to reach the network from here. None of it is a secret by its purpose.
const PASSED_ON: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// How sources of Applications are fetched and rendered. `git`, `helm`, `kustomize` and `jsonnet` are taken from the PATH.
#[derive(Debug, Clone, Args)]
pub(crate) struct SourceArgs {
    /// Where mirrors of repositories are kept [default: the user's cache folder].
    #[arg(long, value_name = "FOLDER", env = "TIDEGATE_SOURCES_CACHE")]
    sources_cache: Option<PathBuf>,
    /// How old the list of a repository's branches and tags may be, unless somebody asks for a fresh one.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    sources_poll: Duration,
    /// The `known_hosts` file of Git servers that are reached by ssh.
    #[arg(long, value_name = "FILE", env = "TIDEGATE_SSH_KNOWN_HOSTS")]
    ssh_known_hosts: Option<PathBuf>,
    /// Let kustomizations name bases, and charts value files, that are fetched from elsewhere.
    #[arg(long)]
    remote_files: bool,
    /// Fetch submodules: `remote` are those that are not at files, this machine or link-local addresses.
    #[arg(long, value_name = "WHICH", default_value = "no")]
    submodules: SubmodulesArg,
    /// Config management plugins that Applications may use: a file of Argo CD's `ConfigManagementPlugin` declarations. Their commands run here.
    #[arg(long, value_name = "FILE", env = "TIDEGATE_PLUGINS")]
    plugins: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SubmodulesArg {
    No,
    Remote,
    Any,
}

impl SourceArgs {
    pub(crate) fn settings(&self) -> Result<Settings> {
        let plugins = match &self.plugins {
            Some(file) => plugins(file)?,
            None => Vec::new(),
        };
        Ok(Settings {
            poll: self.sources_poll,
            known_hosts: self.ssh_known_hosts.clone(),
            remote_files: self.remote_files,
            plugins,
            submodules: match self.submodules {
                SubmodulesArg::No => Submodules::No,
                SubmodulesArg::Remote => Submodules::Remote,
                SubmodulesArg::Any => Submodules::Any,
            },
            ..settings(self.sources_cache.clone())
        })
    }
}

fn plugins(file: &Path) -> Result<Vec<Plugin>> {
    let shown = file.display();
    let declarations: Vec<Value> = serde_saphyr::from_multiple(&read_text(file)?)
        .with_context(|| format!("{shown} is not YAML"))?;
    declarations
        .iter()
        .filter(|declaration| !declaration.is_null())
        .map(|declaration| Plugin::parse(declaration).with_context(|| shown.to_string()))
        .collect()
}

/// The settings of somebody who said nothing.
pub(crate) fn settings(cache: Option<PathBuf>) -> Settings {
    // In a container without a home the temporary folder is what is there.
    let cache = cache
        .or_else(|| policies::cache_folder("sources"))
        .unwrap_or_else(|| std::env::temp_dir().join("tidegate-sources"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let passed = PASSED_ON
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), std::env::var(key).ok()?)));
    Settings {
        environment: passed.collect::<BTreeMap<_, _>>(),
        ..Settings::new(cache, path)
    }
}

/// `URL=FOLDER`; an address may have `=` in it, a folder hardly.
pub(crate) fn stand_in(text: &str) -> Result<(String, PathBuf), String> {
    match text.rsplit_once('=') {
        Some((url, folder)) if !url.is_empty() && !folder.is_empty() => {
            Ok((url.to_owned(), PathBuf::from(folder)))
        }
        _ => Err("write URL=FOLDER".to_owned()),
    }
}
