//! The folder for what is needed only now: check-outs, value files, homes of programs.
//!
//! Each process has one below the cache and removes it when it ends. One that was killed leaves it behind; the next process to start removes it, and
//! knows it by a lock that died with its owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::RenderError;

const LOCK: &str = "lock";

/// A folder of this process.
#[derive(Debug)]
pub(crate) struct Work {
    folder: TempDir,
    _lock: File,
}

impl Work {
    /// Makes one below the cache, which is made where it is not there.
    pub(crate) fn new(cache: &Path) -> Result<Self, RenderError> {
        let parent = cache.join("work");
        fs::create_dir_all(&parent).map_err(RenderError::io("make", &parent))?;
        // Only ours: it will hold what private repositories hold.
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(cache, private).map_err(RenderError::io("protect", cache))?;
        // Links in it would otherwise make every path of a check-out one that leads out.
        let parent = parent
            .canonicalize()
            .map_err(RenderError::io("follow", &parent))?;
        remove_orphans(&parent);
        let folder = tempfile::tempdir_in(&parent).map_err(RenderError::io("write to", &parent))?;
        let path = folder.path().join(LOCK);
        let lock = File::create(&path).map_err(RenderError::io("write", &path))?;
        lock.lock().map_err(RenderError::io("lock", &path))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new folder that only this user can read, gone when it is dropped.
    pub(crate) fn folder(&self) -> Result<TempDir, RenderError> {
        tempfile::tempdir_in(self.path()).map_err(RenderError::io("write to", self.path()))
    }
}

fn remove_orphans(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten();
    let folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    for folder in folders {
        // One without a lock file is just being made, or is nobody's; it is left to the next start.
        let is_orphan = File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_orphan {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let cache = tempfile::tempdir().expect("a folder");
        let running = Work::new(cache.path()).expect("a work folder");
        let dead = cache.path().join("work/dead");
        fs::create_dir(&dead).expect("made");
        fs::write(dead.join(LOCK), "").expect("written");
        let other = Work::new(cache.path()).expect("a work folder");
        assert!(!dead.exists());
        assert!(running.path().exists() && other.path().exists());
        let path = other.path().to_owned();
        drop(other);
        assert!(!path.exists());
    }
}
