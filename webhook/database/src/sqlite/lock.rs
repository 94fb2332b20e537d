//! A lock between processes on one host, as Atlas has it for SQLite: a file in the folder for temporary ones that holds the nanosecond at which it
//! stops counting.
//!
//! Atlas' file alone outlives a holder that was killed. So ours is made under a second one that the operating system locks, and lets go of when its
//! holder is gone, whatever became of it: who has that lock and finds the first file saying what the second says knows that its maker is dead.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::DatabaseError;

/// How long the lock lasts for Atlas, should its holder never give it back.
const LASTS: Duration = Duration::from_mins(1);

/// The lock, held.
#[derive(Debug)]
pub(super) struct FileLock {
    path: PathBuf,
    /// Locked by the operating system as long as it is open.
    _guard: File,
}

/// Where the lock of this name on a database is.
pub(super) fn path(name: &str, database: &Path) -> PathBuf {
    let sum = adler32(database.as_os_str().as_encoded_bytes());
    std::env::temp_dir().join(format!("{name}_{sum:x}.lock"))
}

impl FileLock {
    /// Takes the lock, if nobody alive has it.
    pub(super) fn take(path: &Path) -> Result<Option<Self>, DatabaseError> {
        let failed = |source| DatabaseError::Unreachable {
            path: path.to_path_buf(),
            source,
        };
        let mut guard = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.with_extension("lock.guard"))
            .map_err(failed)?;
        match guard.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut ours = String::new();
        guard.read_to_string(&mut ours).map_err(failed)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let ends: u128 = text.trim().parse().unwrap_or_default();
                if ends > now.as_nanos() && text != ours {
                    return Ok(None);
                }
                remove(path)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let ends = (now + LASTS).as_nanos().to_string();
        guard.rewind().map_err(failed)?;
        guard.set_len(0).map_err(failed)?;
        guard.write_all(ends.as_bytes()).map_err(failed)?;
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        match made {
            Ok(mut file) => {
                file.write_all(ends.as_bytes()).map_err(failed)?;
                Ok(Some(Self {
                    path: path.to_path_buf(),
                    _guard: guard,
                }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path == path
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Left behind, it runs out, and the next of us takes it over at once.
        let _ = remove(&self.path);
    }
}

fn remove(path: &Path) -> Result<(), DatabaseError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(DatabaseError::Unreachable {
                path: path.to_path_buf(),
                source,
            })
        }
        _ => Ok(()),
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_and_none_when_it_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.lock");
        let take = || FileLock::take(&path).expect("the folder can be written");
        let first = take().expect("it is free");
        assert!(take().is_none());
        drop(first);
        assert!(!path.exists());
        // Killed: the file stays, the operating system's lock does not.
        let killed = take().expect("it is free");
        let text = std::fs::read_to_string(&path).expect("it is there");
        drop(killed);
        std::fs::write(&path, text).expect("it can be written");
        assert!(take().is_some());
    }

    #[test]
    fn what_atlas_holds_is_waited_for_until_it_runs_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.lock");
        let take = || FileLock::take(&path).expect("the folder can be written");
        std::fs::write(&path, "99999999999999999999").expect("it can be written");
        assert!(take().is_none());
        std::fs::write(&path, "1").expect("it can be written");
        assert!(take().is_some());
    }

    #[test]
    fn the_sum_is_the_known_one() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
