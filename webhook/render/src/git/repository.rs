//! One repository: its mirror on disk, what was last heard of it, and the check-outs that are shared.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::address::{Address, Transport, normalized};
use super::program::Git;
use super::revision::{Refs, Resolved, is_commit};
use crate::digest::Digest;
use crate::error::{ProcessError, RenderError};
use crate::secret::Credential;
use crate::settings::Settings;
use crate::tree::{Entry, Tree};
use crate::work::Work;

/// Repositories that nobody uses are forgotten when there are more.
const MOST_REPOSITORIES: usize = 4_096;

/// How old the answer to "where is this branch" may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As old as the poll interval.
    Polled,
    /// Asked for at this time or later: whoever waited for another's question takes its answer.
    Since(Instant),
}

/// All repositories.
#[derive(Debug)]
pub(crate) struct Repositories {
    settings: Arc<Settings>,
    work: Arc<Work>,
    known: Mutex<BTreeMap<String, Arc<Repository>>>,
}

/// One of them, as one credential sees it: who may read a repository never lends its mirror to who may not.
#[derive(Debug)]
pub(crate) struct Repository {
    settings: Arc<Settings>,
    work: Arc<Work>,
    /// As the Application writes it.
    name: String,
    address: Address,
    credential: Credential,
    /// Of the address and the credential.
    key: String,
    mirror: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    heard: Option<Heard>,
    /// The commit that could not be fetched last.
    failed: Option<(String, Span, ProcessError)>,
    /// The most recently used last.
    trees: Vec<(String, Arc<Tree>)>,
}

/// The last answer, good or bad.
#[derive(Debug, Clone)]
struct Heard {
    span: Span,
    refs: Result<Arc<Refs>, ProcessError>,
}

/// When a question was asked, and when it was answered.
#[derive(Debug, Clone, Copy)]
struct Span {
    asked: Instant,
    answered: Instant,
}

impl Repositories {
    pub(crate) fn new(settings: Arc<Settings>, work: Arc<Work>) -> Self {
        Self {
            settings,
            work,
            known: Mutex::default(),
        }
    }

    /// The repository at an address.
    pub(crate) fn get(
        &self,
        name: &str,
        credential: Credential,
    ) -> Result<Arc<Repository>, RenderError> {
        let address = Address::parse(name)?;
        if let Some(folder) = address.folder() {
            self.refuse_ours(name, folder)?;
        }
        let key = Digest::default()
            .text(&normalized(name))
            .text(&format!("{:?}", address.user.as_ref().map(|user| &user.0)))
            .text(address.user.as_ref().map_or("", |user| user.1.reveal()))
            .text(&credential.username)
            .texts(credential.secrets())
            .short();
        let mut known = locked(&self.known);
        if known.len() >= MOST_REPOSITORIES {
            known.retain(|_, repository| Arc::strong_count(repository) > 1);
        }
        if let Some(repository) = known.get(&key).filter(|it| it.credential == credential) {
            return Ok(repository.clone());
        }
        let repository = Arc::new(Repository {
            settings: self.settings.clone(),
            work: self.work.clone(),
            name: name.to_owned(),
            address,
            credential,
            mirror: self.settings.cache.join("git").join(&key),
            key: key.clone(),
            state: Mutex::default(),
        });
        known.insert(key, repository.clone());
        Ok(repository)
    }

    /// An address of our own cache would read what others' credentials fetched.
    fn refuse_ours(&self, name: &str, folder: &Path) -> Result<(), RenderError> {
        let real = folder.canonicalize();
        let ours = self.settings.cache.canonicalize();
        match (real, ours) {
            (Ok(real), Ok(ours)) if real.starts_with(&ours) => Err(RenderError::Address {
                repository: name.to_owned(),
                problem: "this folder is no repository of yours".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

impl Repository {
    /// What tells it from every other repository, and from the same one with another credential.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The commit that a revision means.
    pub(crate) fn resolve(
        &self,
        revision: &str,
        tag_prefix: &str,
        freshness: Freshness,
    ) -> Result<String, RenderError> {
        if is_commit(revision.trim()) {
            return Ok(revision.trim().to_owned());
        }
        let mut state = locked(&self.state);
        let refs = self.refs(&mut state, freshness)?;
        match refs.resolve(revision, tag_prefix) {
            Resolved::Commit(commit) => Ok(commit),
            Resolved::Shortened(digits) => self.complete(&digits),
            Resolved::Nothing(hint) => Err(RenderError::Revision {
                repository: self.name.clone(),
                what: "branch, tag or commit",
                revision: revision.to_owned(),
                hint,
            }),
        }
    }

    /// The files of a commit, checked out; shared, and never to be changed.
    pub(crate) fn tree(&self, commit: &str) -> Result<Arc<Tree>, RenderError> {
        let mut state = locked(&self.state);
        if let Some(place) = state.trees.iter().position(|(known, _)| known == commit) {
            let found = state.trees.remove(place);
            let tree = found.1.clone();
            state.trees.push(found);
            return Ok(tree);
        }
        if let Some((known, span, problem)) = &state.failed
            && known == commit
            && self.is_too_soon(*span)
        {
            return Err(self.unreachable(problem.clone()));
        }
        let asked = Instant::now();
        let tree = self.check_out(commit);
        state.failed = match &tree {
            Err(RenderError::Unreachable { problem, .. }) => {
                Some((commit.to_owned(), Span::since(asked), problem.clone()))
            }
            _ => None,
        };
        let tree = Arc::new(tree?);
        if state.trees.len() >= self.settings.limits.kept_trees.max(1) {
            state.trees.remove(0);
        }
        state.trees.push((commit.to_owned(), tree.clone()));
        Ok(tree)
    }

    fn refs(&self, state: &mut State, freshness: Freshness) -> Result<Arc<Refs>, RenderError> {
        let heard = state.heard.as_ref().filter(|heard| match freshness {
            Freshness::Since(asked) if heard.refs.is_ok() => heard.span.asked >= asked,
            // Whoever waited for a question that failed would only wait for the next one to fail.
            Freshness::Since(asked) => heard.span.answered >= asked,
            Freshness::Polled if heard.refs.is_ok() => {
                heard.span.asked.elapsed() < self.settings.poll
            }
            Freshness::Polled => self.is_too_soon(heard.span),
        });
        let refs = match heard {
            Some(heard) => heard.refs.clone(),
            None => {
                let asked = Instant::now();
                let refs = self.list();
                state.heard = Some(Heard {
                    span: Span::since(asked),
                    refs: refs.clone(),
                });
                refs
            }
        };
        refs.map_err(|problem| self.unreachable(problem))
    }

    fn list(&self) -> Result<Arc<Refs>, ProcessError> {
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

    /// Whether to try again so soon is no use: a server that takes long to fail is left alone for as long.
    fn is_too_soon(&self, failed: Span) -> bool {
        let took = failed.answered.duration_since(failed.asked);
        failed.answered.elapsed() < took.max(self.settings.poll)
    }

    /// The whole of a shortened commit: only a repository with its history can say.
    fn complete(&self, digits: &str) -> Result<String, RenderError> {
        let git = self.git()?;
        let _lock = self.mirror(&git)?;
        let object = format!("{digits}^{{commit}}");
        let parse = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &object,
        ];
        let found = git.text(Some(&self.mirror), &parse);
        let found = match found {
            Ok(found) => Ok(found),
            Err(_) => {
                self.fetch_all(&git)?;
                git.text(Some(&self.mirror), &parse)
            }
        };
        found
            .map(|found| found.trim().to_owned())
            .map_err(|_| RenderError::Revision {
                repository: self.name.clone(),
                what: "branch, tag or commit",
                revision: digits.to_owned(),
                hint: String::new(),
            })
    }

    fn check_out(&self, commit: &str) -> Result<Tree, RenderError> {
        let git = self.git()?;
        let _lock = self.mirror(&git)?;
        let has = |git: &Git<'_>| {
            let object = format!("{commit}^{{commit}}");
            git.text(Some(&self.mirror), &["cat-file", "-e", &object])
                .is_ok()
        };
        if !has(&git) {
            self.fetch(&git, commit)?;
        }
        if !has(&git) {
            return Err(RenderError::Revision {
                repository: self.name.clone(),
                what: "commit",
                revision: commit.to_owned(),
                hint: String::new(),
            });
        }
        let tree = self.export(&git, commit);
        if let Err(RenderError::Unreachable { .. }) = &tree {
            // A mirror that cannot give what it has is broken; the next one is made anew.
            let _ = fs::remove_dir_all(&self.mirror);
        }
        if folder_bytes(&self.mirror.join("objects/pack")) > self.settings.limits.mirror_bytes {
            let _ = fs::remove_dir_all(&self.mirror);
        }
        tree
    }

    /// The commit without its history; all branches and tags where the server gives no single commits.
    fn fetch(&self, git: &Git<'_>, commit: &str) -> Result<(), RenderError> {
        let url = self.address.url.as_str();
        let fetch = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            "--no-write-fetch-head",
            "--",
            url,
            commit,
        ];
        match git.text(Some(&self.mirror), &fetch) {
            Ok(_) => Ok(()),
            Err(ProcessError::Failed { said, .. }) if is_refusal(&said) => self.fetch_all(git),
            Err(problem) => Err(self.unreachable(problem)),
        }
    }

    fn fetch_all(&self, git: &Git<'_>) -> Result<(), RenderError> {
        let mirror = Some(self.mirror.as_path());
        let shallow = self.mirror.join("shallow").is_file();
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
            .map_err(|problem| self.unreachable(problem))
    }

    fn export(&self, git: &Git<'_>, commit: &str) -> Result<Tree, RenderError> {
        let limits = &self.settings.limits;
        let mirror = Some(self.mirror.as_path());
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
        let run = |arguments: &[&str]| {
            git.run(mirror)
                .env("GIT_INDEX_FILE", index.path().join("index"))
                .env("GIT_WORK_TREE", folder.path())
                .args(arguments)
                .output()
        };
        run(&["read-tree", commit]).map_err(unreadable)?;
        run(&["checkout-index", "--all", "--force", "--quiet"]).map_err(unreadable)?;
        Tree::new(folder, &entries)
    }

    /// The mirror, there and locked against other processes for as long as the file lives.
    fn mirror(&self, git: &Git<'_>) -> Result<File, RenderError> {
        let parent = self.settings.cache.join("git");
        fs::create_dir_all(&parent).map_err(RenderError::io("make", &parent))?;
        let path = self.mirror.with_extension("lock");
        let lock = File::create(&path).map_err(RenderError::io("open", &path))?;
        lock.lock().map_err(RenderError::io("lock", &path))?;
        if !self.mirror.join("HEAD").is_file() {
            let mirror = self.mirror.to_string_lossy();
            git.text(None, &["init", "--quiet", "--bare", "--", &mirror])
                .map_err(|problem| self.unreachable(problem))?;
        }
        // What a killed git leaves behind would stop every later one; nobody else is here.
        for stale in [
            "shallow.lock",
            "packed-refs.lock",
            "config.lock",
            "HEAD.lock",
        ] {
            let _ = fs::remove_file(self.mirror.join(stale));
        }
        for file in files(&self.mirror.join("objects/pack")) {
            if file
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("tmp_"))
            {
                let _ = fs::remove_file(file);
            }
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

    fn unreachable(&self, problem: ProcessError) -> RenderError {
        RenderError::Unreachable {
            repository: self.name.clone(),
            problem,
        }
    }
}

impl Span {
    /// What is pushed after a question was asked is newer than its answer.
    fn since(asked: Instant) -> Self {
        Self {
            asked,
            answered: Instant::now(),
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

fn folder_bytes(folder: &Path) -> u64 {
    files(folder)
        .iter()
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

/// A panic while it was held leaves at worst an old answer in it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
