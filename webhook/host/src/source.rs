//! Where a policy comes from, and the bytes of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::digest::Output;
use sha2::{Digest, Sha256};
use tidegate_admission::{ByteSize, Enforcement, Limits, PolicyEntry, PolicySource};

/// One policy that is to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySpec {
    /// Unique in the set.
    pub name: Arc<str>,
    /// Where its component is.
    pub source: Source,
    /// What one call may use.
    pub limits: Limits,
    /// JSON text.
    pub settings: Arc<str>,
    /// What is done with what it says.
    pub enforcement: Arc<Enforcement>,
    /// Interfaces that it may import beside `log`.
    pub capabilities: BTreeSet<String>,
}

/// Where a component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a file.
    File {
        /// Its path.
        path: PathBuf,
        /// In hex, without a prefix; another file is refused.
        sha256: Option<String>,
    },
    /// Nowhere: the text says why, and becomes the policy's state.
    Missing(String),
}

impl PolicySpec {
    /// A policy of a file with all defaults.
    pub fn new(name: &str, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            source: Source::File {
                path: path.into(),
                sha256: None,
            },
            limits: Limits::default(),
            settings: "{}".into(),
            enforcement: Arc::default(),
            capabilities: BTreeSet::new(),
        }
    }

    /// The policies of one entry of a policies file; its paths start at `base`. A folder stands for every `*.wasm` in it, in the order of their
    /// names. A folder that cannot be read or holds none gives one policy that fails to load: what should have been judged must not pass unseen.
    pub fn from_entry(entry: &PolicyEntry, base: &Path) -> Vec<Self> {
        let spec = |name: &str, source| Self {
            name: name.into(),
            source,
            limits: entry.limits.clone(),
            settings: entry.settings.as_str().into(),
            enforcement: Arc::new(entry.enforcement.clone()),
            capabilities: entry.capabilities.clone(),
        };
        match &entry.source {
            PolicySource::File { path, sha256 } => {
                vec![spec(
                    &entry.name,
                    Source::File {
                        path: base.join(path),
                        sha256: sha256.clone(),
                    },
                )]
            }
            PolicySource::Folder { path } => match components(&base.join(path)) {
                Err(problem) => vec![spec(&entry.name, Source::Missing(problem))],
                Ok(files) => files
                    .into_iter()
                    .map(|path| {
                        let stem = path
                            .file_stem()
                            .unwrap_or_default()
                            .to_string_lossy()
                            .into_owned();
                        spec(&stem, Source::File { path, sha256: None })
                    })
                    .collect(),
            },
        }
    }

    /// Whether nothing that it could say would have any effect.
    pub(crate) fn is_off(&self) -> bool {
        self.enforcement.is_off() && !self.enforcement.mutate
    }
}

fn components(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable =
        |error: std::io::Error| format!("the folder {} cannot be read: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|suffix| suffix == "wasm") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(format!(
            "the folder {} holds no *.wasm file",
            folder.display()
        ));
    }
    files.sort();
    Ok(files)
}

/// SHA-256 of a component.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ComponentDigest([u8; 32]);

impl ComponentDigest {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn hex(&self) -> String {
        format!("{:x}", Output::<Sha256>::from(self.0))
    }
}

/// The bytes of a component, or why there are none. The digest comes where the file could be read at all.
pub(crate) fn read(
    source: &Source,
    largest: ByteSize,
) -> Result<(Vec<u8>, ComponentDigest), String> {
    let (path, pinned) = match source {
        Source::File { path, sha256 } => (path, sha256),
        Source::Missing(problem) => return Err(problem.clone()),
    };
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(largest.0 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > largest.0 {
        return Err(format!("{} is larger than {largest}", path.display()));
    }
    let digest = ComponentDigest(Sha256::digest(&bytes).into());
    if let Some(pinned) = pinned
        && !pinned
            .trim_start_matches("sha256:")
            .eq_ignore_ascii_case(&digest.hex())
    {
        return Err(format!(
            "{} has the digest sha256:{}, but sha256:{pinned} is asked for",
            path.display(),
            digest.hex()
        ));
    }
    Ok((bytes, digest))
}
