//! What an operator may set, and every limit with the number that holds when nothing is said.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::plugin::Plugin;

/// How sources are fetched and rendered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where mirrors of repositories are kept; private to this program. Losing it costs only time.
    pub cache: PathBuf,
    /// Where programs (`git`, `ssh`, `helm`, `kustomize`, `jsonnet`) are looked for.
    pub path: OsString,
    /// Variables that every program gets besides its own few: proxies and certificate bundles, nothing secret.
    pub environment: BTreeMap<String, String>,
    /// The `known_hosts` file of hosts that everybody's repositories are on; a credential may know more.
    pub known_hosts: Option<PathBuf>,
    /// How old the list of a repository's branches and tags may be when nobody asks for a fresh one.
    pub poll: Duration,
    /// Whether a kustomization may name bases, and a chart value files, that are fetched from somewhere else than the Application's sources.
    pub remote_files: bool,
    /// Whether submodules are fetched.
    pub submodules: Submodules,
    /// The config management plugins that may be run.
    pub plugins: Vec<Plugin>,
    /// Flags for `kustomize build` (`kustomize.buildOptions` of `argocd-cm`).
    pub kustomize_options: Vec<String>,
    /// Limits.
    pub limits: Limits,
}

impl Settings {
    /// Settings with a cache folder, programs from a search path, and the defaults.
    pub fn new(cache: impl Into<PathBuf>, path: impl Into<OsString>) -> Self {
        Self {
            cache: cache.into(),
            path: path.into(),
            environment: BTreeMap::new(),
            known_hosts: None,
            poll: Duration::from_secs(10),
            remote_files: false,
            submodules: Submodules::default(),
            plugins: Vec::new(),
            kustomize_options: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// Which submodules are fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Submodules {
    /// None: their folders are empty.
    #[default]
    No,
    /// Those that are not at an address that only this machine can reach.
    Remote,
    /// All.
    Any,
}

/// The most of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time of one question for a repository's branches and tags.
    pub list_time: Duration,
    /// Time of any other run of `git`; a first fetch of a large repository is one.
    pub fetch_time: Duration,
    /// Time of one run of `helm`, `kustomize` or another renderer.
    pub render_time: Duration,
    /// What one program may print.
    pub output_bytes: u64,
    /// Private memory of one program (`RLIMIT_DATA`; Linux only).
    pub memory_bytes: u64,
    /// One file that a program writes: also the largest pack of one fetch (`RLIMIT_FSIZE`; Linux only).
    pub written_file_bytes: u64,
    /// Files of one commit, summed.
    pub tree_bytes: u64,
    /// Files of one commit, counted.
    pub tree_files: usize,
    /// One manifest or value file.
    pub file_bytes: u64,
    /// Manifests of one Application, summed.
    pub manifest_bytes: u64,
    /// Objects of one Application.
    pub objects: usize,
    /// Sources of one Application.
    pub sources: usize,
    /// Folders in folders.
    pub depth: usize,
    /// Checked-out commits that are kept for the next Application of the same repository.
    pub kept_trees: usize,
    /// Bytes of rendered results that are kept.
    pub kept_result_bytes: usize,
    /// Bytes of one repository's mirror; a larger one is fetched anew the next time.
    pub mirror_bytes: u64,
    /// Renders at the same time.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            list_time: Duration::from_secs(30),
            fetch_time: Duration::from_mins(3),
            render_time: Duration::from_mins(1),
            output_bytes: 64 << 20,
            memory_bytes: 1 << 30,
            written_file_bytes: 1 << 30,
            tree_bytes: 512 << 20,
            tree_files: 50_000,
            file_bytes: 16 << 20,
            manifest_bytes: 64 << 20,
            objects: 20_000,
            sources: 50,
            depth: 32,
            kept_trees: 16,
            kept_result_bytes: 64 << 20,
            mirror_bytes: 2 << 30,
            at_once: 4,
        }
    }
}
