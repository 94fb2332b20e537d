//! One repository: what was last heard of it, and the check-outs that are shared.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::address::{Address, normalized};
use super::mirror::{Mirror, NO_COMMIT};
use super::revision::{Refs, Resolved, is_commit};
use super::signature::Trust;
use crate::digest::Digest;
use crate::error::{ProcessError, RenderError};
use crate::secret::Credential;
use crate::settings::Settings;
use crate::tree::Tree;
use crate::work::Work;

/// Repositories that nobody uses are forgotten when there are more.
const MOST_REPOSITORIES: usize = 4_096;

/// What was found of signatures is found again when there is more of it, or when it is older: keys expire.
const MOST_SIGNATURES: usize = 1_024;
const SIGNATURE_AGE: Duration = Duration::from_mins(10);

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
    /// Of the address and the credential.
    key: String,
    credential: Credential,
    mirror: Mirror,
    poll: Duration,
    kept_trees: usize,
    state: Mutex<State>,
    /// The last good answer, for who cannot wait while the next one is asked for.
    last: Mutex<Option<Arc<Refs>>>,
}

#[derive(Debug, Default)]
struct State {
    heard: Option<Heard>,
    /// The commit that could not be fetched last.
    failed: Option<(String, Span, ProcessError)>,
    /// The most recently used last.
    trees: Vec<(String, Arc<Tree>)>,
    /// Why what was asked for is not trusted, by what was asked for and who is trusted.
    signatures: BTreeMap<String, (Instant, Option<String>)>,
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
        let key = key(name, &address, &credential);
        let mut known = locked(&self.known);
        if known.len() >= MOST_REPOSITORIES {
            known.retain(|_, repository| Arc::strong_count(repository) > 1);
        }
        if let Some(repository) = known.get(&key).filter(|it| it.credential == credential) {
            return Ok(repository.clone());
        }
        let folder = self.settings.cache.join("git").join(&key);
        let repository = Arc::new(Repository {
            key: key.clone(),
            credential: credential.clone(),
            mirror: Mirror {
                settings: self.settings.clone(),
                work: self.work.clone(),
                name: name.to_owned(),
                address,
                credential,
                folder,
            },
            poll: self.settings.poll,
            kept_trees: self.settings.limits.kept_trees,
            state: Mutex::default(),
            last: Mutex::default(),
        });
        known.insert(key, repository.clone());
        Ok(repository)
    }

    /// The repository at an address, where it was used before.
    pub(crate) fn known(&self, name: &str, credential: &Credential) -> Option<Arc<Repository>> {
        let key = key(name, &Address::parse(name).ok()?, credential);
        let known = locked(&self.known);
        known
            .get(&key)
            .filter(|it| it.credential == *credential)
            .cloned()
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
            Resolved::Shortened(digits) => self.mirror.complete(&digits),
            Resolved::Nothing(hint) => Err(RenderError::Revision {
                repository: self.mirror.name.clone(),
                what: NO_COMMIT,
                revision: revision.to_owned(),
                hint,
            }),
        }
    }

    /// The commit that a revision meant when the repository last answered; none where only a question could say. Nobody is waited for.
    pub(crate) fn heard(&self, revision: &str, tag_prefix: &str) -> Option<String> {
        if is_commit(revision.trim()) {
            return Some(revision.trim().to_owned());
        }
        let refs = locked(&self.last).clone()?;
        match refs.resolve(revision, tag_prefix) {
            Resolved::Commit(commit) => Some(commit),
            Resolved::Shortened(_) | Resolved::Nothing(_) => None,
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
            return Err(self.mirror.unreachable(problem.clone()));
        }
        let asked = Instant::now();
        let near = state.trees.last();
        let near = near.map(|(commit, tree)| (commit.as_str(), tree.as_ref()));
        let tree = self.mirror.check_out(commit, near);
        state.failed = match &tree {
            Err(RenderError::Unreachable { problem, .. }) => {
                Some((commit.to_owned(), Span::since(asked), problem.clone()))
            }
            _ => None,
        };
        let tree = Arc::new(tree?);
        if state.trees.len() >= self.kept_trees.max(1) {
            state.trees.remove(0);
        }
        state.trees.push((commit.to_owned(), tree.clone()));
        Ok(tree)
    }

    /// Whether a commit is signed by somebody who is trusted; where the revision that a source names is an annotated tag of it, whether the tag is, as
    /// Argo CD has it.
    pub(crate) fn trusted(
        &self,
        commit: &str,
        named: &str,
        tag_prefix: &str,
        signers: &[String],
    ) -> Result<(), RenderError> {
        let mut state = locked(&self.state);
        let refs = locked(&self.last).clone();
        let of_commit =
            |refs: &Refs| refs.resolve(named, tag_prefix) == Resolved::Commit(commit.to_owned());
        let refs = refs.filter(|refs| of_commit(refs));
        let tag = refs
            .as_ref()
            .and_then(|refs| refs.annotated(named, tag_prefix));
        let (what, object) = match tag {
            Some((name, object)) => (format!("tag {name}"), object),
            None => (format!("commit {commit}"), commit),
        };
        let trust = Trust {
            keyring: &self.credential.keyring,
            signers,
        };
        let key = Digest::default()
            .texts([object, &what, trust.keyring])
            .texts(signers.iter().map(String::as_str))
            .short();
        let known = state.signatures.get(&key);
        let problem = match known.filter(|(found, _)| found.elapsed() < SIGNATURE_AGE) {
            Some((_, known)) => known.clone(),
            None => {
                let found = self.mirror.distrust(commit, tag, trust)?;
                if state.signatures.len() >= MOST_SIGNATURES {
                    state.signatures.clear();
                }
                state
                    .signatures
                    .insert(key, (Instant::now(), found.clone()));
                found
            }
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(RenderError::Untrusted {
                repository: self.mirror.name.clone(),
                what,
                problem,
            }),
        }
    }

    fn refs(&self, state: &mut State, freshness: Freshness) -> Result<Arc<Refs>, RenderError> {
        let heard = state.heard.as_ref().filter(|heard| match freshness {
            Freshness::Since(asked) if heard.refs.is_ok() => heard.span.asked >= asked,
            // Whoever waited for a question that failed would only wait for the next one to fail.
            Freshness::Since(asked) => heard.span.answered >= asked,
            Freshness::Polled if heard.refs.is_ok() => heard.span.asked.elapsed() < self.poll,
            Freshness::Polled => self.is_too_soon(heard.span),
        });
        let refs = match heard {
            Some(heard) => heard.refs.clone(),
            None => {
                let asked = Instant::now();
                let refs = self.mirror.list();
                if let Ok(refs) = &refs {
                    *locked(&self.last) = Some(refs.clone());
                }
                state.heard = Some(Heard {
                    span: Span::since(asked),
                    refs: refs.clone(),
                });
                refs
            }
        };
        refs.map_err(|problem| self.mirror.unreachable(problem))
    }

    /// Whether to try again so soon is no use: a server that takes long to fail is left alone for as long.
    fn is_too_soon(&self, failed: Span) -> bool {
        let took = failed.answered.duration_since(failed.asked);
        failed.answered.elapsed() < took.max(self.poll)
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

/// What tells a repository from every other, and from the same one with another credential.
fn key(name: &str, address: &Address, credential: &Credential) -> String {
    let (user, password) = match &address.user {
        Some((user, password)) => (Some(user), password.reveal()),
        None => (None, ""),
    };
    Digest::default()
        .text(&normalized(name))
        .text(&format!("{user:?}"))
        .text(password)
        .text(&credential.username)
        .texts(credential.secrets())
        .short()
}

/// A panic while it was held leaves at worst an old answer in it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
