//! Which branches and tags are waited for, and by whom.
//!
//! Whoever rendered once goes on with it: its sources' revisions are looked at again in every interval, a repository once for all who come from it, and
//! those are named whose revision means another commit now. Commits are not followed, nor chart versions: chart repositories are asked when somebody looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::git::{Freshness, Repository};

/// The most who are followed; more are found by their own looks.
const MOST_SUBJECTS: usize = 20_000;

/// Everybody's revisions.
#[derive(Debug, Default)]
pub(crate) struct Following(Mutex<BTreeMap<String, Vec<Followed>>>);

/// A revision of a source, and the commit that it meant.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) repository: Arc<Repository>,
    pub(crate) revision: String,
    pub(crate) tag_prefix: String,
    pub(crate) commit: String,
}

impl Followed {
    /// Whether it means another commit now. A repository that cannot be asked is nobody's news.
    fn has_moved(&self) -> bool {
        let now = self
            .repository
            .resolve(&self.revision, &self.tag_prefix, Freshness::Polled);
        now.is_ok_and(|now| now != self.commit)
    }
}

impl Following {
    /// What somebody's sources meant just now, in place of what they meant before. A sync asks for commits alone; it says nothing of what is followed.
    pub(crate) fn set(&self, subject: &str, followed: Vec<Followed>) {
        if followed.is_empty() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.contains_key(subject) || all.len() < MOST_SUBJECTS {
            all.insert(subject.to_owned(), followed);
        }
    }

    /// Those with a revision that means another commit now. Each is named once, and followed again when it has rendered again.
    pub(crate) fn moved(&self) -> Vec<String> {
        let all = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // Asking takes time, in which others go on.
        let moved: Vec<(String, Vec<Followed>)> = all
            .into_iter()
            .filter(|(_, followed)| followed.iter().any(Followed::has_moved))
            .collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Vec::new();
        for (subject, before) in moved {
            let is_same = all.get(&subject).is_some_and(|now| {
                let commits = |list: &[Followed]| {
                    list.iter()
                        .map(|one| one.commit.clone())
                        .collect::<Vec<_>>()
                };
                commits(now) == commits(&before)
            });
            if is_same {
                all.remove(&subject);
                names.push(subject);
            }
        }
        names
    }
}
