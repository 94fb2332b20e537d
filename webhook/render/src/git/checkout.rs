//! The files of one commit, written to a folder.
//!
//! Most commits change a few files of many, and to make and remove a thousand files costs more than all that is done with them. So what a commit has in
//! common with one that is checked out already is not written again: both have the same files, by hard links. Nobody changes a check-out, and git replaces a
//! file rather than write into it. Wherever this cannot be (another file system, names that are not UTF-8, other attributes) all files are written.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use super::mirror::Mirror;
use super::program::Git;
use crate::error::{ProcessError, RenderError};
use crate::process::{self, Run};
use crate::tree::{Entry, EntryKind, Tree};

/// What decides how files are written, and so whether the same object is the same file.
const ATTRIBUTES: &str = ".gitattributes";

impl Mirror {
    /// Writes the files of a commit that is in the mirror; `near` is another commit and its files.
    pub(super) fn export(
        &self,
        git: &Git<'_>,
        commit: &str,
        near: Option<(&str, &Tree)>,
    ) -> Result<Tree, RenderError> {
        let limits = &self.settings.limits;
        let mirror = Some(self.folder.as_path());
        let unreadable = |problem| self.unreachable(problem);
        let listed = git
            .text(
                mirror,
                &["ls-tree", "-r", "-z", "-l", "--full-tree", commit],
            )
            .map_err(unreadable)?;
        let entries: Vec<Entry> = listed.split('\0').filter_map(Entry::parse).collect();
        let too_large = |what: &str, limit: String| RenderError::TooLarge {
            repository: self.name.clone(),
            what: format!("{what} of commit {commit}"),
            limit,
        };
        if entries.len() > limits.tree_files {
            return Err(too_large(
                "the number of files",
                limits.tree_files.to_string(),
            ));
        }
        let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        if bytes > limits.tree_bytes {
            return Err(too_large(
                "the size",
                format!("{} bytes", limits.tree_bytes),
            ));
        }
        let folder = self.work.folder()?;
        let index = self.work.folder()?;
        let in_folder = || {
            git.run(mirror)
                .env("GIT_INDEX_FILE", index.path().join("index"))
                .env("GIT_WORK_TREE", folder.path())
        };
        // Git refuses names here that would lead out of the folder.
        in_folder()
            .args(["read-tree", commit])
            .output()
            .map_err(unreadable)?;
        let rest = near.and_then(|(near, tree)| {
            let changed = ["diff-tree", "-r", "-z", "--name-only", near, commit];
            let changed = git.text(mirror, &changed).ok()?;
            link(tree.root(), folder.path(), &entries, &changed)
        });
        let write = if self.credential.enable_lfs {
            self.with_lfs(in_folder())?
        } else {
            in_folder()
        };
        let write = write.args(["checkout-index", "--force", "--quiet"]);
        let write = match rest {
            None => write.arg("--all"),
            Some(names) => {
                let path = index.path().join("names");
                fs::write(&path, names).map_err(RenderError::io("write", &path))?;
                let names = File::open(&path).map_err(RenderError::io("read", &path))?;
                write.args(["--stdin", "-z"]).input(names)
            }
        };
        write.output().map_err(unreadable)?;
        if self.credential.enable_lfs {
            let sizes = entries.iter().filter_map(|entry| {
                let file = folder.path().join(&entry.path).symlink_metadata();
                Some(file.ok()?.len())
            });
            if sizes.sum::<u64>() > limits.tree_bytes {
                let limit = format!("{} bytes", limits.tree_bytes);
                return Err(too_large("the size with Git LFS", limit));
            }
        }
        Tree::new(folder, &entries)
    }

    /// A run that fetches the files which `.gitattributes` calls LFS's. No other filter is known, whatever the repository says.
    fn with_lfs<'a>(&self, run: Run<'a>) -> Result<Run<'a>, RenderError> {
        if process::find("git-lfs", &self.settings.path).is_none() {
            return Err(self.unreachable(ProcessError::Missing {
                program: "git-lfs".to_owned(),
            }));
        }
        let origin = format!("remote.origin.url={}", self.address.git_url());
        Ok(run
            .env("GIT_LFS_SKIP_SMUDGE", "0")
            .args(["-c", &origin])
            .args(["-c", "filter.lfs.smudge=git-lfs smudge -- %f"])
            .args(["-c", "filter.lfs.required=true"]))
    }
}

/// Links the files that did not change from one check-out into the folder of another, which is empty. The names of all others, each with a NUL after it;
/// none where they cannot be told apart, or not be linked: all are to be written then.
fn link(from: &Path, to: &Path, entries: &[Entry], changed: &str) -> Option<String> {
    // A name that is not UTF-8 was replaced by another.
    if changed.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let changed: BTreeSet<&str> = changed.split_terminator('\0').collect();
    if changed
        .iter()
        .any(|path| Path::new(path).ends_with(ATTRIBUTES))
    {
        return None;
    }
    let mut rest = String::new();
    let mut made = to.to_owned();
    for Entry { kind, path, .. } in entries {
        if *kind != EntryKind::File || changed.contains(path.as_str()) {
            rest.push_str(path);
            rest.push('\0');
            continue;
        }
        let file = to.join(path);
        let parent = file.parent()?;
        if parent != made {
            fs::create_dir_all(parent).ok()?;
            parent.clone_into(&mut made);
        }
        fs::hard_link(from.join(path), &file).ok()?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::super::address::Address;
    use super::*;
    use crate::secret::Credential;
    use crate::settings::Settings;
    use crate::work::Work;

    /// What a check-out has at each path, and which file on disk it is.
    type Found = BTreeMap<PathBuf, (String, u64)>;

    fn found(tree: &Tree) -> Found {
        let (mut found, mut open) = (Found::new(), vec![tree.root().to_owned()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let metadata = path.symlink_metadata().expect("it is there");
                let name = path.strip_prefix(tree.root()).expect("below it").to_owned();
                let what = if metadata.is_symlink() {
                    format!("-> {}", fs::read_link(&path).expect("a link").display())
                } else if metadata.is_dir() {
                    open.push(path);
                    "folder".to_owned()
                } else {
                    let mode = metadata.mode() & 0o111;
                    format!("{mode:o} {:?}", fs::read(&path).expect("a file"))
                };
                found.insert(name, (what, metadata.ino()));
            }
        }
        found
    }

    fn contents(found: &Found) -> Vec<(&Path, &str)> {
        let contents = found.iter();
        contents
            .map(|(path, (what, _))| (path.as_path(), what.as_str()))
            .collect()
    }

    #[test]
    fn a_check_out_that_shares_files_is_what_it_is_without() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = folder.path().join("repository");
        fs::create_dir(&repository).expect("made");
        let git = |arguments: &[&str]| tidegate_kit::git(&repository, arguments).expect("git");
        git(&["init", "--quiet", "--initial-branch=main"]);
        let write = |name: &str, text: &str| {
            let path = repository.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        };
        let remove = |name: &str| fs::remove_file(repository.join(name)).expect("removed");
        let settings = Settings::new(
            folder.path().join("cache"),
            std::env::var_os("PATH").expect("a PATH"),
        );
        let url = format!("file://{}", repository.display());
        let mirror = Mirror {
            work: Arc::new(Work::new(&settings.cache).expect("a folder for work")),
            address: Address::parse(&url).expect("an address"),
            folder: settings.cache.join("git/mirror"),
            settings: Arc::new(settings),
            name: url,
            credential: Credential::default(),
        };

        // How a commit is made of the one before, and how many files both have in common on disk.
        let steps: [(&dyn Fn(), usize); 10] = [
            (
                &|| {
                    write("a.yaml", "a");
                    write("deep/er/b.yaml", "b");
                    write("deep/c.yaml", "c");
                    symlink("a.yaml", repository.join("link")).expect("linked");
                },
                0,
            ),
            (&|| write("deep/c.yaml", "changed"), 2),
            (&|| write("deep/new.yaml", "new"), 3),
            (&|| remove("deep/new.yaml"), 3),
            (
                &|| {
                    let executable = fs::Permissions::from_mode(0o755);
                    fs::set_permissions(repository.join("a.yaml"), executable).expect("set");
                },
                2,
            ),
            // A file becomes a folder, and a folder a link.
            (
                &|| {
                    remove("a.yaml");
                    write("a.yaml/inside", "a");
                    fs::remove_dir_all(repository.join("deep/er")).expect("removed");
                    symlink("../a.yaml", repository.join("deep/er")).expect("linked");
                },
                1,
            ),
            (&|| write("name\nof two lines ü", "n"), 2),
            // With other attributes the same object is another file.
            (&|| write(".gitattributes", "*.yaml text eol=crlf\n"), 0),
            (&|| write("deep/d.yaml", "d\n"), 4),
            (&|| write("deep/.gitattributes", ""), 0),
        ];
        let mut near: Option<(String, Tree)> = None;
        for (number, (change, shared)) in steps.into_iter().enumerate() {
            change();
            git(&["add", "--all"]);
            git(&["commit", "--quiet", "--message", "change"]);
            let commit = git(&["rev-parse", "HEAD"]);
            let whole = found(&mirror.check_out(&commit, None).expect("checked out"));
            let before = near.as_ref().map(|(commit, tree)| (commit.as_str(), tree));
            let tree = mirror.check_out(&commit, before).expect("checked out");
            let here = found(&tree);
            assert_eq!(contents(&here), contents(&whole), "step {number}");
            let before: Vec<u64> = before.map_or_else(Vec::new, |(_, tree)| {
                found(tree).values().map(|(_, place)| *place).collect()
            });
            let common = here.values().filter(|(_, place)| before.contains(place));
            assert_eq!(common.count(), shared, "step {number}");
            near = Some((commit, tree));
        }

        // A commit that the mirror has not, or not any more.
        let (commit, tree) = near.expect("the last one");
        let forgotten = Some(("0123456789012345678901234567890123456789", &tree));
        let again = mirror.check_out(&commit, forgotten).expect("checked out");
        assert_eq!(contents(&found(&again)), contents(&found(&tree)));
    }
}
