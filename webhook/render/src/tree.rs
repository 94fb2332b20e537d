//! The files of one commit, checked out, with nothing in it that leads out of it.
//!
//! A link in a repository is its author's word for a path. One that leads out of the repository would make this process read its own files as manifests or
//! values (`/var/run/secrets/...`), so a commit that has one is refused as a whole, as Argo CD does. A link that leads nowhere is removed from the check-out:
//! nobody can read it, and nothing may come to stand at its end later.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::error::RenderError;
use crate::settings::Limits;

/// A line of `git ls-tree -l`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    /// Its name in Git: that of the commit, for a submodule.
    pub(crate) object: String,
    pub(crate) bytes: u64,
    pub(crate) path: String,
}

/// Another repository that belongs to this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submodule {
    pub(crate) path: String,
    pub(crate) commit: String,
}

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Link,
    Submodule,
}

impl Entry {
    /// `MODE TYPE OBJECT SIZE<tab>PATH`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (about, path) = line.split_once('\t')?;
        let mut about = about.split_ascii_whitespace();
        let kind = match about.next()? {
            "120000" => EntryKind::Link,
            "160000" => EntryKind::Submodule,
            _ => EntryKind::File,
        };
        Some(Self {
            kind,
            object: about.nth(1)?.to_owned(),
            bytes: about.next()?.parse().unwrap_or(0),
            path: path.to_owned(),
        })
    }
}

/// A check-out.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    submodules: Vec<Submodule>,
    /// Removed with the tree; none for a folder that is somebody else's.
    _folder: Option<TempDir>,
}

impl Tree {
    /// Takes a check-out of these entries, and refuses it when a link leads out.
    pub(crate) fn new(folder: TempDir, entries: &[Entry]) -> Result<Self, RenderError> {
        let root = folder
            .path()
            .canonicalize()
            .map_err(RenderError::io("follow", folder.path()))?;
        for link in entries.iter().filter(|entry| entry.kind == EntryKind::Link) {
            let path = root.join(&link.path);
            match path.canonicalize() {
                Ok(real) if real.starts_with(&root) => {}
                Ok(_) => {
                    return Err(RenderError::path(
                        &link.path,
                        "repository contains out-of-bounds symlinks; replace this one by what it should be",
                    ));
                }
                Err(_) => {
                    fs::remove_file(&path).map_err(RenderError::io("remove", &path))?;
                }
            }
        }
        let submodules = entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Submodule)
            .map(|entry| Submodule {
                path: entry.path.clone(),
                commit: entry.object.clone(),
            })
            .collect();
        Ok(Self {
            root,
            submodules,
            _folder: Some(folder),
        })
    }

    /// What a packed chart held: the one folder in it. Helm itself refuses links and paths that lead out while it unpacks.
    pub(crate) fn of_chart(folder: TempDir, name: &str) -> Result<Self, RenderError> {
        let root = folder.path().join(name);
        let root = root
            .canonicalize()
            .ok()
            .filter(|root| root.starts_with(folder.path()))
            .ok_or_else(|| {
                RenderError::path(name, "the packed chart has no folder of the chart's name")
            })?;
        Ok(Self {
            root,
            submodules: Vec::new(),
            _folder: Some(folder),
        })
    }

    /// A folder as it is, such as a working copy that a person edits.
    pub(crate) fn of_folder(folder: &Path) -> Result<Self, RenderError> {
        let root = folder
            .canonicalize()
            .map_err(RenderError::io("follow", folder))?;
        Ok(Self {
            root,
            submodules: Vec::new(),
            _folder: None,
        })
    }

    /// A copy that may be changed.
    pub(crate) fn copy(&self, folder: TempDir, limits: &Limits) -> Result<Self, RenderError> {
        let root = folder
            .path()
            .canonicalize()
            .map_err(RenderError::io("follow", folder.path()))?;
        let mut copy = Copying {
            files: 0,
            bytes: 0,
            limits,
        };
        copy.folder(self, &self.root, &root, 0)?;
        Ok(Self {
            root,
            submodules: self.submodules.clone(),
            _folder: Some(folder),
        })
    }

    /// A copy with the trees of submodules at their paths.
    pub(crate) fn with(
        &self,
        folder: TempDir,
        submodules: &[(&str, Arc<Self>)],
        limits: &Limits,
    ) -> Result<Self, RenderError> {
        let copy = Self {
            submodules: Vec::new(),
            ..self.copy(folder, limits)?
        };
        let mut copying = Copying {
            files: 0,
            bytes: 0,
            limits,
        };
        for (path, submodule) in submodules {
            // Git leaves an empty folder where one belongs.
            let place = copy.folder(path)?;
            copying.folder(submodule, submodule.root(), &place, 0)?;
        }
        Ok(copy)
    }

    /// Other repositories whose files are not here.
    pub(crate) fn submodules(&self) -> &[Submodule] {
        &self.submodules
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A folder in it, by a path from its root.
    pub(crate) fn folder(&self, path: &str) -> Result<PathBuf, RenderError> {
        let found = self.find(&self.root, path)?;
        match found {
            Some(found) if found.is_dir() => Ok(found),
            Some(_) => Err(RenderError::path(
                path,
                "app path is not a directory",
            )),
            None => Err(RenderError::path(
                path,
                self.submodule_of(path).map_or_else(
                    || "app path does not exist; the repository has no such folder at this revision".to_owned(),
                    |submodule| {
                        format!(
                            "it is in the submodule {submodule}, and submodules are not fetched without --submodules"
                        )
                    },
                ),
            )),
        }
    }

    /// What a path leads to, `/` being this tree's root; none when there is nothing.
    ///
    /// # Errors
    /// It leads out of the tree.
    pub(crate) fn find(&self, from: &Path, path: &str) -> Result<Option<PathBuf>, RenderError> {
        let out = || RenderError::path(path, "the path resolved to outside repository root");
        let (mut at, relative) = match path.strip_prefix('/') {
            Some(rest) => (self.root.clone(), rest),
            None => (from.to_owned(), path),
        };
        for part in Path::new(relative).components() {
            match part {
                Component::Normal(name) => at.push(name),
                Component::CurDir | Component::RootDir => {}
                Component::ParentDir => {
                    at.pop();
                }
                Component::Prefix(_) => return Err(out()),
            }
            if !at.starts_with(&self.root) {
                return Err(out());
            }
        }
        match at.canonicalize() {
            Ok(real) if real.starts_with(&self.root) => Ok(Some(real)),
            Ok(_) => Err(out()),
            Err(_) => Ok(None),
        }
    }

    /// A file of it as people know it: from its root.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        match path.to_string_lossy() {
            path if path.is_empty() => ".".to_owned(),
            path => path.into_owned(),
        }
    }

    fn submodule_of(&self, path: &str) -> Option<&str> {
        let path = Path::new(path.trim_start_matches("./"));
        self.submodules
            .iter()
            .map(|submodule| submodule.path.as_str())
            .find(|submodule| path.starts_with(submodule))
    }
}

/// Whether a file below a folder has a path, from there, that is looked for.
pub(crate) fn any_file(
    folder: &Path,
    limits: &Limits,
    is_it: &dyn Fn(&str) -> bool,
) -> Result<bool, RenderError> {
    let mut open = vec![(folder.to_owned(), 0)];
    let mut files = 0;
    while let Some((at, depth)) = open.pop() {
        let entries = fs::read_dir(&at).map_err(RenderError::io("list", &at))?;
        for entry in entries {
            let entry = entry.map_err(RenderError::io("list", &at))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(RenderError::io("read", &path))?;
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            if kind.is_dir() {
                if depth < limits.depth && entry.file_name() != ".git" {
                    open.push((path, depth + 1));
                }
            } else if is_it(&relative.to_string_lossy()) {
                return Ok(true);
            }
            files += 1;
            if files > limits.tree_files {
                return Ok(false);
            }
        }
    }
    Ok(false)
}

/// What was copied so far.
struct Copying<'a> {
    files: usize,
    bytes: u64,
    limits: &'a Limits,
}

impl Copying<'_> {
    fn folder(
        &mut self,
        tree: &Tree,
        from: &Path,
        to: &Path,
        depth: usize,
    ) -> Result<(), RenderError> {
        let entries = fs::read_dir(from).map_err(RenderError::io("list", from))?;
        for entry in entries {
            let entry = entry.map_err(RenderError::io("list", from))?;
            let (path, to) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().map_err(RenderError::io("read", &path))?;
            self.files += 1;
            if self.files > self.limits.tree_files || depth > self.limits.depth {
                let most = self.limits.tree_files;
                return Err(RenderError::path(
                    tree.shown(&path),
                    format!(
                        "there are more than {most} files, or folders nested deeper than {}",
                        self.limits.depth
                    ),
                ));
            }
            if kind.is_dir() {
                // The history of a working copy is of no use.
                if entry.file_name() != ".git" {
                    fs::create_dir(&to).map_err(RenderError::io("make", &to))?;
                    self.folder(tree, &path, &to, depth + 1)?;
                }
                continue;
            }
            // A link becomes what it leads to, where that is a file of the tree.
            let Some(real) = tree.find(&tree.root, &format!("/{}", tree.shown(&path)))? else {
                continue;
            };
            if kind.is_symlink() && real.is_dir() {
                let target = fs::read_link(&path).map_err(RenderError::io("follow", &path))?;
                if target.is_relative() {
                    std::os::unix::fs::symlink(&target, &to)
                        .map_err(RenderError::io("link", &to))?;
                }
            } else if real.is_file() {
                self.bytes += fs::copy(&real, &to).map_err(RenderError::io("copy", &path))?;
            }
            if self.bytes > self.limits.tree_bytes {
                return Err(RenderError::path(
                    tree.shown(&path),
                    format!("the files are more than {} bytes", self.limits.tree_bytes),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ls_tree_are_read() {
        assert_eq!(
            Entry::parse(
                "100644 blob 8ab686eafeb1f44702738c8b0f24f2567c36da6d      12\ta b/c.yaml"
            ),
            Some(Entry {
                kind: EntryKind::File,
                object: "8ab686eafeb1f44702738c8b0f24f2567c36da6d".to_owned(),
                bytes: 12,
                path: "a b/c.yaml".to_owned()
            })
        );
        let module =
            Entry::parse("160000 commit 8ab686eafeb1f44702738c8b0f24f2567c36da6d       -\tlib");
        assert_eq!(
            module.map(|entry| (entry.kind, entry.bytes)),
            Some((EntryKind::Submodule, 0))
        );
        assert_eq!(Entry::parse(""), None);
    }

    #[test]
    fn no_path_leads_out() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("a/b")).expect("made");
        fs::write(folder.path().join("a/file"), "").expect("written");
        let tree = Tree::of_folder(folder.path()).expect("a tree");
        for (from, path, expected) in [
            ("", "a/b", Some("a/b")),
            ("", ".", Some(".")),
            ("a", "../a/file", Some("a/file")),
            ("a", "/a/b", Some("a/b")),
            ("a", "missing", None),
        ] {
            let found = tree.find(&tree.root().join(from), path).expect("inside");
            let found = found.map(|found| tree.shown(&found));
            assert_eq!(found.as_deref(), expected, "{path}");
        }
        for path in [
            "..",
            "a/../../etc",
            "/../etc/passwd",
            "../../../../etc/passwd",
        ] {
            let error = tree.find(tree.root(), path).expect_err(path);
            assert!(
                error.to_string().ends_with("outside repository root"),
                "{error}"
            );
        }
        let error = tree.folder("a/file").expect_err("a file");
        assert_eq!(error.to_string(), "a/file: app path is not a directory");
    }
}
