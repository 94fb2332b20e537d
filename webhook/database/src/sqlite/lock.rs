//! A lock between processes on one host, as Atlas has it for SQLite: a file in the folder for temporary ones that holds the nanosecond at which it
//! stops counting.
//!
//! Atlas' file alone outlives a holder that was killed. So ours is made under a second one that the operating system locks, and lets go of when its
//! holder is gone, whatever became of it: who has that lock and finds the first file saying what the second says knows that its maker is dead.
//!
//! Atlas names the file after the database only where its url begins with `file:`; for a plain path all databases of the host have one file
//! (sql/sqlite/driver.go, v0.32). So two files are taken: the database's own ([`FileLock`]), and that one, which all of ours share ([`HostLock`]).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
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

/// A share of the lock that Atlas has for all databases of this host.
#[derive(Debug)]
pub(super) struct HostLock {
    path: PathBuf,
    /// Locked by the operating system, together with the others of ours, as long as it is open.
    guard: File,
}

/// Where the lock of this name on all databases is.
pub(super) fn host_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{name}.lock"))
}

/// Where the lock of this name on a database is.
pub(super) fn path(name: &str, database: &Path) -> PathBuf {
    let sum = adler32(database.as_os_str().as_encoded_bytes());
    std::env::temp_dir().join(format!("{name}_{sum:x}.lock"))
}

impl FileLock {
    /// Takes the lock, if nobody alive has it.
    pub(super) fn take(path: &Path) -> Result<Option<Self>, DatabaseError> {
        let mut guard = open(path)?;
        match guard.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed(path, source)),
        }
        Ok(make(path, &mut guard)?.then(|| Self {
            path: path.to_path_buf(),
            _guard: guard,
        }))
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

impl HostLock {
    /// Takes the lock, or a share in it where others of ours have it; none while Atlas does.
    pub(super) fn take(path: &Path) -> Result<Option<Self>, DatabaseError> {
        let mut guard = open(path)?;
        match guard.try_lock() {
            Ok(()) => {
                if !make(path, &mut guard)? {
                    return Ok(None);
                }
                guard.unlock().map_err(|source| failed(path, source))?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed(path, source)),
        }
        match guard.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed(path, source)),
        }
        // Between the two somebody may have taken it away.
        Ok(is_ours(path, &mut guard)?.then(|| Self {
            path: path.to_path_buf(),
            guard,
        }))
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        // The last one of ours takes the file away, unless it ran out and Atlas has written its own.
        let is_last = self.guard.unlock().is_ok() && self.guard.try_lock().is_ok();
        if is_last && is_ours(&self.path, &mut self.guard).is_ok_and(|ours| ours) {
            let _ = remove(&self.path);
        }
    }
}

/// The file that the operating system locks.
fn open(path: &Path) -> Result<File, DatabaseError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.with_extension("lock.guard"))
        .map_err(|source| failed(path, source))
}

/// Makes the file, holding the guard alone. False while somebody else's counts.
fn make(path: &Path, guard: &mut File) -> Result<bool, DatabaseError> {
    let failed = |source| failed(path, source);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let ends: u128 = text.trim().parse().unwrap_or_default();
            if ends > now.as_nanos() && !is_ours(path, guard)? {
                return Ok(false);
            }
            remove(path)?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
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
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Whether the file says what its guard says.
fn is_ours(path: &Path, guard: &mut File) -> Result<bool, DatabaseError> {
    let mut ours = String::new();
    guard.rewind().map_err(|source| failed(path, source))?;
    guard
        .read_to_string(&mut ours)
        .map_err(|source| failed(path, source))?;
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text == ours),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(path, error)),
    }
}

fn failed(path: &Path, source: std::io::Error) -> DatabaseError {
    DatabaseError::Unreachable {
        path: path.to_path_buf(),
        source,
    }
}

fn remove(path: &Path) -> Result<(), DatabaseError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(failed(path, source)),
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
    fn ours_share_what_atlas_has_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.lock");
        let take = || HostLock::take(&path).expect("the folder can be written");
        let (one, two) = (take(), take());
        assert!(one.is_some() && two.is_some());
        drop(one);
        assert!(path.exists(), "the other still has it");
        drop(two);
        assert!(!path.exists());
        std::fs::write(&path, "99999999999999999999").expect("it can be written");
        assert!(take().is_none());
        std::fs::write(&path, "1").expect("it can be written");
        let held = take();
        assert!(held.is_some());
        // It ran out, and Atlas has taken it: that stays.
        std::fs::write(&path, "99999999999999999999").expect("it can be written");
        drop(held);
        assert!(path.exists() && take().is_none());
    }

    #[test]
    fn the_sum_is_the_known_one() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
