//! A repository's mirror on disk: the commits that were asked for, each fetched once and without its history.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::{Address, Transport};
use super::program::Git;
use super::revision::Refs;
use super::signature::{Signed, Trust, distrust};
use crate::error::{ProcessError, RenderError};
use crate::secret::Credential;
use crate::settings::Settings;
use crate::tree::Tree;
use crate::work::Work;

/// A revision that means nothing here.
pub(super) const NO_COMMIT: &str = "commit SHA: there is no such branch, tag or commit";

/// The commit that was fetched last. A server is told of it, and sends only what is not in its files: commits without their history have no other name here,
/// and without one the whole tree would come for each of them.
const LAST: &str = "refs/tidegate/last";
/// Each commit that is fetched is a pack; a mirror of more is made anew.
const MOST_PACKS: usize = 256;

/// A mirror, which need not be there yet. Its commands wait for other processes that share the cache, and not for each other: its owner sees to that.
#[derive(Debug)]
pub(super) struct Mirror {
    pub(super) settings: Arc<Settings>,
    pub(super) work: Arc<Work>,
    /// The repository as the Application writes it.
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) credential: Credential,
    pub(super) folder: PathBuf,
}

impl Mirror {
    /// Its branches and tags, as they are now.
    pub(super) fn list(&self) -> Result<Arc<Refs>, ProcessError> {
        let git = self.git().map_err(|error| ProcessError::Failed {
            program: "git".to_owned(),
            said: error.to_string(),
        })?;
        let url = self.address.url.as_str();
        let listed = git
            .run(None)
            .time(self.settings.limits.list_time)
            .args(["ls-remote", "--quiet", "--", url])
            .output()?;
        Ok(Arc::new(Refs::parse(&String::from_utf8_lossy(&listed))))
    }

    /// The whole of a shortened commit: only a repository with its history can say.
    pub(super) fn complete(&self, digits: &str) -> Result<String, RenderError> {
        let git = self.git()?;
        let _lock = self.lock(&git)?;
        let object = format!("{digits}^{{commit}}");
        let parse = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &object,
        ];
        let found = git.text(Some(&self.folder), &parse);
        let found = match found {
            Ok(found) => Ok(found),
            Err(_) => {
                self.fetch_all(&git)?;
                git.text(Some(&self.folder), &parse)
            }
        };
        found
            .map(|found| found.trim().to_owned())
            .map_err(|_| RenderError::Revision {
                repository: self.name.clone(),
                what: NO_COMMIT,
                revision: digits.to_owned(),
                hint: String::new(),
            })
    }

    /// The files of a commit, fetched where they are not there. What it has in common with one that is checked out already is shared.
    pub(super) fn check_out(
        &self,
        commit: &str,
        near: Option<(&str, &Tree)>,
    ) -> Result<Tree, RenderError> {
        let git = self.git()?;
        let _lock = self.lock(&git)?;
        self.bring(&git, commit)?;
        let tree = self.export(&git, commit, near);
        if let Err(RenderError::Unreachable { .. }) = &tree {
            // A mirror that cannot give what it has is broken; the next one is made anew.
            let _ = fs::remove_dir_all(&self.folder);
        }
        let packs = files(&self.folder.join("objects/pack"));
        if bytes(&packs) > self.settings.limits.mirror_bytes
            || packs.iter().filter(|file| is_pack(file)).count() > MOST_PACKS
        {
            let _ = fs::remove_dir_all(&self.folder);
        }
        tree
    }

    /// Why a commit is not trusted, or the annotated tag, given as its name and object, by which it is asked for; none where it is.
    pub(super) fn distrust(
        &self,
        commit: &str,
        tag: Option<(&str, &str)>,
        trust: Trust<'_>,
    ) -> Result<Option<String>, RenderError> {
        let git = self.git()?;
        let _lock = self.lock(&git)?;
        let read = |kind: &str, object: &str| {
            git.text(Some(&self.folder), &["cat-file", kind, object])
                .map_err(|problem| self.unreachable(problem))
        };
        let (kind, object) = match tag {
            None => {
                self.bring(&git, commit)?;
                (Signed::Commit, read("commit", commit)?)
            }
            Some((name, object)) => {
                self.fetch_tag(&git, name)?;
                let read = read("tag", object)?;
                let says = |header: &str| read.lines().any(|line| line == header);
                // Who signed another tag has said nothing of this one.
                if !says(&format!("object {commit}")) || !says(&format!("tag {name}")) {
                    return Ok(Some("is the tag of another commit or name".to_owned()));
                }
                (Signed::Tag, read)
            }
        };
        distrust(&self.settings, git.home(), trust, kind, &object)
    }

    /// Has the commit, fetched where it is not there.
    fn bring(&self, git: &Git<'_>, commit: &str) -> Result<(), RenderError> {
        let has = || {
            let object = format!("{commit}^{{commit}}");
            git.text(Some(&self.folder), &["cat-file", "-e", &object])
                .is_ok()
        };
        if !has() {
            self.fetch(git, commit)?;
        }
        if has() {
            return Ok(());
        }
        Err(RenderError::Revision {
            repository: self.name.clone(),
            what: "commit SHA: there is no such commit",
            revision: commit.to_owned(),
            hint: String::new(),
        })
    }

    fn fetch_tag(&self, git: &Git<'_>, name: &str) -> Result<(), RenderError> {
        let reference = format!("+refs/tags/{name}:refs/tags/{name}");
        let url = self.address.url.as_str();
        let fetch = ["fetch", "--quiet", "--no-tags", "--depth=1"];
        let fetch = [
            &fetch[..],
            &["--no-write-fetch-head", "--", url, &reference],
        ]
        .concat();
        git.text(Some(&self.folder), &fetch)
            .map(drop)
            .map_err(|problem| self.unreachable(problem))
    }

    /// The commit without its history; all branches and tags where the server gives no single commits.
    fn fetch(&self, git: &Git<'_>, commit: &str) -> Result<(), RenderError> {
        let url = self.address.url.as_str();
        let wanted = format!("+{commit}:{LAST}");
        let fetch = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            "--no-write-fetch-head",
            "--",
            url,
            &wanted,
        ];
        match git.text(Some(&self.folder), &fetch) {
            Ok(_) => Ok(()),
            Err(ProcessError::Failed { said, .. }) if is_refusal(&said) => self.fetch_all(git),
            Err(problem) => Err(self.not_fetched(problem)),
        }
    }

    fn fetch_all(&self, git: &Git<'_>) -> Result<(), RenderError> {
        let mirror = Some(self.folder.as_path());
        let shallow = self.folder.join("shallow").is_file();
        let mut fetch = vec!["fetch", "--quiet", "--force", "--no-write-fetch-head"];
        if shallow {
            fetch.push("--unshallow");
        }
        fetch.extend([
            "--",
            self.address.url.as_str(),
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        ]);
        git.text(mirror, &fetch)
            .map(drop)
            .map_err(|problem| self.not_fetched(problem))
    }

    /// Why nothing came. A pack that reached the limit of a file is why, whatever git says of it; what there is of it would be of no use to the next fetch.
    fn not_fetched(&self, problem: ProcessError) -> RenderError {
        let limit = self.settings.limits.written_file_bytes;
        let half = self.half_fetched();
        let is_full = bytes(&half) >= limit;
        for file in half {
            let _ = fs::remove_file(file);
        }
        if is_full {
            return RenderError::TooLarge {
                repository: self.name.clone(),
                what: "what one fetch brings".to_owned(),
                limit: format!("{limit} bytes"),
            };
        }
        self.unreachable(problem)
    }

    /// Packs that were not fetched to their end.
    fn half_fetched(&self) -> Vec<PathBuf> {
        let mut packs = files(&self.folder.join("objects/pack"));
        packs.retain(|file| {
            let name = file.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with("tmp_")
        });
        packs
    }

    /// The mirror, there and locked against other processes for as long as the file lives.
    fn lock(&self, git: &Git<'_>) -> Result<File, RenderError> {
        let parent = self.settings.cache.join("git");
        fs::create_dir_all(&parent).map_err(RenderError::io("make", &parent))?;
        let path = self.folder.with_extension("lock");
        let lock = File::create(&path).map_err(RenderError::io("open", &path))?;
        lock.lock().map_err(RenderError::io("lock", &path))?;
        if !self.folder.join("HEAD").is_file() {
            let mirror = self.folder.to_string_lossy();
            git.text(None, &["init", "--quiet", "--bare", "--", &mirror])
                .map_err(|problem| self.unreachable(problem))?;
        }
        // What a killed git leaves behind would stop every later one; nobody else is here.
        for stale in [
            "shallow.lock",
            "packed-refs.lock",
            "config.lock",
            "HEAD.lock",
            &format!("{LAST}.lock"),
        ] {
            let _ = fs::remove_file(self.folder.join(stale));
        }
        for file in self.half_fetched() {
            let _ = fs::remove_file(file);
        }
        Ok(lock)
    }

    fn git(&self) -> Result<Git<'_>, RenderError> {
        if self.address.transport == Transport::Local {
            let folder = Path::new(&self.address.url);
            if !folder.is_dir() {
                return Err(RenderError::path(
                    &self.address.url,
                    "there is no such repository",
                ));
            }
        }
        Git::new(
            &self.settings,
            self.work.path(),
            &self.address,
            &self.credential,
        )
    }

    pub(super) fn unreachable(&self, problem: ProcessError) -> RenderError {
        RenderError::Unreachable {
            repository: self.name.clone(),
            problem,
        }
    }
}

/// Whether the server would give the commit, but not alone.
fn is_refusal(said: &str) -> bool {
    [
        "not our ref",
        "unadvertised object",
        "dumb http",
        "does not support shallow",
    ]
    .iter()
    .any(|words| said.contains(words))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn bytes(files: &[PathBuf]) -> u64 {
    files
        .iter()
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

fn is_pack(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "pack")
}
