//! Whether a folder is ours alone, and the secret in it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

const KEY_FILE: &str = "key";
const KEY_LENGTH: usize = 32;

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// It could not be made or read.
    #[error("failed to use {path}: {error}")]
    Io {
        /// Of the folder or the key in it.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Somebody else could have written there.
    #[error(
        "{path} is not safe: {problem}; make it yours alone (chmod go-w) or name another folder"
    )]
    Unsafe {
        /// Of the folder or the key in it.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A secret that never prints.
pub(crate) struct Key([u8; KEY_LENGTH]);

impl Key {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The key of a folder; both are made where they do not exist.
pub(crate) fn open(folder: &Path) -> Result<Key, TrustError> {
    let failed = |error| TrustError::Io {
        path: folder.to_owned(),
        error,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    // Not followed: a link could be turned elsewhere after this look.
    let metadata = fs::symlink_metadata(folder).map_err(failed)?;
    let problem = if !metadata.is_dir() {
        Some("it is a link or a file, not a folder")
    } else if !is_ours(&metadata) {
        Some("it belongs to another user")
    } else if metadata.mode() & 0o022 != 0 {
        Some("other users may write there")
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(TrustError::Unsafe {
            path: folder.to_owned(),
            problem,
        });
    }
    let path = folder.join(KEY_FILE);
    match read_key(&path)? {
        Some(key) => Ok(key),
        None => {
            make_key(folder, &path).map_err(|error| TrustError::Io {
                path: path.clone(),
                error,
            })?;
            read_key(&path)?.ok_or(TrustError::Unsafe {
                path,
                problem: "the key vanished",
            })
        }
    }
}

fn read_key(path: &Path) -> Result<Option<Key>, TrustError> {
    let failed = |error| TrustError::Io {
        path: path.to_owned(),
        error,
    };
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    let problem = if !metadata.is_file() || metadata.len() != KEY_LENGTH as u64 {
        "it is not a key of this cache"
    } else if !is_ours(&metadata) {
        "it belongs to another user"
    } else if metadata.mode() & 0o077 != 0 {
        "other users may read it"
    } else {
        let mut key = [0; KEY_LENGTH];
        file.read_exact(&mut key).map_err(failed)?;
        return Ok(Some(Key(key)));
    };
    Err(TrustError::Unsafe {
        path: path.to_owned(),
        problem,
    })
}

/// Two processes may start at the same time: the key appears whole, by a link that fails where there is one already.
fn make_key(folder: &Path, path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let temporary = folder.join(format!(".{KEY_FILE}.{}", std::process::id()));
    let write = || -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?
            .write_all(&key)?;
        match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    let written = write();
    drop(fs::remove_file(&temporary));
    written
}

fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}
