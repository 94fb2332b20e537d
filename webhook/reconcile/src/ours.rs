//! The loop's side of an election: which objects are this replica's now, and which will have to be looked at should they become so.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kube::Client;
use tidegate_model::ObjectKey;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::leases::{LeaseSettings, Member};
use crate::shards::{Shard, View};

/// Whose the objects are.
pub(crate) struct Ours {
    told: watch::Receiver<Shard>,
    drained: watch::Sender<Option<View>>,
    /// By which the last objects were taken.
    shard: Shard,
    /// Objects that were ours when their turn came.
    taken: BTreeSet<ObjectKey>,
    /// Objects that were not.
    left: BTreeSet<ObjectKey>,
}

/// The Lease's task.
pub(crate) struct Membership {
    task: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// Keeps the watch open where nobody ever tells anything.
    _alone: Option<watch::Sender<Shard>>,
}

impl Membership {
    /// Leaves, so that the others need not wait for the Lease to run out.
    pub(crate) async fn leave(self) {
        if let Some((leave, task)) = self.task {
            let _ = leave.send(());
            let _ = task.await;
        }
    }
}

impl Ours {
    /// Takes part in the election, where there is one.
    pub(crate) fn take_part(leases: Option<LeaseSettings>, client: Client) -> (Self, Membership) {
        let shard = leases
            .as_ref()
            .map_or_else(Shard::whole, |leases| Shard::none(&leases.identity));
        let (tell, told) = watch::channel(shard.clone());
        let (drained, asks) = watch::channel(None);
        let membership = match leases {
            None => Membership {
                task: None,
                _alone: Some(tell),
            },
            Some(leases) => {
                let (leave, left) = oneshot::channel();
                let member = Member::new(leases, client, tell, asks);
                Membership {
                    task: Some((leave, tokio::spawn(member.take_part(left)))),
                    _alone: None,
                }
            }
        };
        let ours = Self {
            told,
            drained,
            shard,
            taken: BTreeSet::new(),
            left: BTreeSet::new(),
        };
        (ours, membership)
    }

    /// Ends when something else may be ours than before.
    pub(crate) async fn changed(&mut self) {
        if self.told.changed().await.is_err() {
            // The Lease is nobody's any more; what is under way has until it runs out.
            std::future::pending::<()>().await;
        }
    }

    /// Goes by what is told now. Returns the objects that have to be looked at, and those that have to be forgotten.
    pub(crate) fn share(&mut self) -> (Vec<ObjectKey>, Vec<ObjectKey>) {
        let shard = self.told.borrow_and_update().clone();
        let is_same = shard.divides_like(&self.shard) && !self.shard.is_expired(Instant::now());
        self.shard = shard;
        if is_same {
            return (Vec::new(), Vec::new());
        }
        let has = |key: &ObjectKey| self.shard.has(key);
        let come: Vec<ObjectKey> = self.left.iter().filter(|key| has(key)).cloned().collect();
        let gone: Vec<ObjectKey> = self.taken.iter().filter(|key| !has(key)).cloned().collect();
        for key in &come {
            self.left.remove(key);
        }
        for key in &gone {
            self.taken.remove(key);
            self.left.insert(key.clone());
        }
        (come, gone)
    }

    /// Whether an object whose turn has come is ours. One that is not is remembered.
    pub(crate) fn take(&mut self, key: &ObjectKey) -> bool {
        let is_ours = !self.shard.is_expired(Instant::now()) && self.shard.has(key);
        if is_ours {
            self.left.remove(key);
            self.taken.insert(key.clone());
        } else {
            self.taken.remove(key);
            self.left.insert(key.clone());
        }
        is_ours
    }

    /// Says so when nothing is under way any more that will be given away.
    pub(crate) fn drained<'k>(&self, mut under_way: impl Iterator<Item = &'k ObjectKey>) {
        let Some(next) = self.shard.next() else {
            return;
        };
        if under_way.all(|key| self.shard.has(key)) {
            self.drained.send_if_modified(|drained| {
                let is_news = drained.as_ref() != Some(next);
                if is_news {
                    *drained = Some(next.clone());
                }
                is_news
            });
        }
    }

    /// When work under way has to be given up.
    pub(crate) fn expires<'k>(
        &self,
        mut under_way: impl Iterator<Item = &'k ObjectKey>,
    ) -> Instant {
        const LONG: Duration = Duration::from_hours(1);
        match self.shard.expires().filter(|_| under_way.next().is_some()) {
            Some(until) => until,
            None => Instant::now() + LONG,
        }
    }

    /// The object is gone.
    pub(crate) fn forget(&mut self, key: &ObjectKey) {
        self.taken.remove(key);
        self.left.remove(key);
    }
}
