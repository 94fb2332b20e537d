//! A Git repository of `ConfigMap`s: what Applications of the figures are synced from.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use tidegate_kit::git;

/// On disk, with the branch `main`.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// An empty one in a new folder.
    pub fn new(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let repository = Self { folder };
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(repository)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// Writes `ConfigMap`s, a file each, below a path: these numbers, with this value, in the waves that `wave` says.
    pub fn write(
        &self,
        path: &str,
        numbers: std::ops::Range<usize>,
        value: &str,
        wave: impl Fn(usize) -> usize,
    ) -> Result<()> {
        let folder = self.folder.join(path);
        std::fs::create_dir_all(&folder)?;
        // As long as an ordinary object is.
        let text = "x".repeat(700);
        for number in numbers {
            let mut manifest = String::new();
            let _ = writeln!(manifest, "apiVersion: v1\nkind: ConfigMap\nmetadata:");
            let _ = writeln!(manifest, "  name: c-{number}");
            if wave(number) > 0 {
                let wave = wave(number);
                let _ = writeln!(
                    manifest,
                    "  annotations:\n    argocd.argoproj.io/sync-wave: \"{wave}\""
                );
            }
            let _ = writeln!(manifest, "data:\n  value: {value:?}\n  text: {text}");
            std::fs::write(folder.join(format!("c-{number}.yaml")), manifest)?;
        }
        Ok(())
    }

    /// Commits everything; its digits.
    pub fn commit(&self) -> Result<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message=change"])?;
        self.git(&["rev-parse", "HEAD"])
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        git(&self.folder, arguments)
    }
}
