//! Takes part in an election of several replicas: a Lease for each, written and read again every few seconds.
//!
//! What follows from it is [`crate::shards`]'; here is when. A replica that could not write its Lease for [`LeaseSettings::deadline`] stops working by itself,
//! before the others take it for dead ([`LeaseSettings::patience`] without a change, each by its own clock). Who is dead loses its Lease: should it come
//! back, it finds it gone and begins as a newcomer. Who leaves in good order takes its Lease along, and the others go on at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;
use tokio::sync::{oneshot, watch};
use tracing::{debug, info, warn};

use crate::shards::{Listed, Roster, Shard, View};

/// Which election a Lease is of.
const ELECTION: &str = "gate.tidegate.dev/election";
/// Whom its holder takes to be alive.
const MEMBERS: &str = "gate.tidegate.dev/members";

/// After a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// How replicas share the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    /// Where the Leases are.
    pub namespace: String,
    /// The election: replicas of the same name share the work.
    pub election: String,
    /// This replica, and the name of its Lease: another one for each start of a process.
    pub identity: String,
    /// Between two signs of life.
    pub renew: Duration,
    /// Without one that was written, nothing is worked on any more. Shorter than `patience`, by more than clocks may differ in their pace.
    pub deadline: Duration,
    /// Without one that was seen, another replica is dead.
    pub patience: Duration,
}

impl LeaseSettings {
    /// The usual times: the objects of a replica that died are taken over within about ten seconds.
    pub fn new(
        namespace: impl Into<String>,
        election: impl Into<String>,
        identity: impl Into<String>,
    ) -> Self {
        Self {
            namespace: namespace.into(),
            election: election.into(),
            identity: identity.into(),
            renew: Duration::from_secs(2),
            deadline: Duration::from_secs(5),
            patience: Duration::from_secs(8),
        }
    }
}

/// One replica's part in an election.
pub(crate) struct Member {
    settings: LeaseSettings,
    api: Api<Lease>,
    /// What may be worked on: told to the loop.
    shard: watch::Sender<Shard>,
    /// The view for which the loop says that nothing is under way any more that it gives away.
    drained: watch::Receiver<Option<View>>,
    roster: Roster,
    /// As it is in our Lease; none where we have none.
    announced: Option<View>,
}

impl Member {
    pub(crate) fn new(
        settings: LeaseSettings,
        client: Client,
        shard: watch::Sender<Shard>,
        drained: watch::Receiver<Option<View>>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, &settings.namespace),
            settings,
            shard,
            drained,
            roster: Roster::default(),
            announced: None,
        }
    }

    /// Takes part until told to leave, and then leaves.
    pub(crate) async fn take_part(mut self, leave: oneshot::Receiver<()>) {
        let mut leave = std::pin::pin!(leave);
        loop {
            let wait = match self.turn().await {
                Ok(()) => self.settings.renew,
                Err(problem) => {
                    warn!(%problem, lease = self.settings.identity, "the Lease cannot be kept; nothing is worked on when it runs out");
                    PAUSE
                }
            };
            let waits = self.shard.borrow().next().is_some();
            tokio::select! {
                _ = &mut leave => break,
                () = tokio::time::sleep(wait) => {}
                Ok(()) = self.drained.changed(), if waits => {}
            }
        }
        let parameters = DeleteParams::default();
        let gone = self.api.delete(&self.settings.identity, &parameters);
        // Otherwise the others wait until it has run out.
        if let Ok(Err(problem)) = tokio::time::timeout(self.settings.deadline, gone).await {
            debug!(%problem, "the Lease stays until it runs out");
        }
    }

    /// Writes, then reads.
    async fn turn(&mut self) -> Result<(), kube::Error> {
        let begun = Instant::now();
        let valid_until = begun + self.settings.deadline;
        let limit = self.settings.deadline;
        let late = || kube::Error::Service(format!("no answer within {limit:?}").into());
        let (next, is_drained) = {
            let shard = self.shard.borrow();
            let next = shard.next().cloned();
            (
                next.clone(),
                next.is_some() && *self.drained.borrow() == next,
            )
        };
        let view = match next {
            Some(next) if is_drained => next,
            _ => self.announced.clone().unwrap_or_default(),
        };
        let written = tokio::time::timeout(limit, self.write(&view));
        written.await.map_err(|_| late())??;
        // The view that was announced before holds until the others' claims were read; only the time is longer.
        self.shard
            .send_modify(|shard| *shard = shard.valid_until(valid_until));
        let listed = tokio::time::timeout(limit, self.list());
        let listed = listed.await.map_err(|_| late())??;
        let me = self.settings.identity.clone();
        let others = listed.into_iter().filter(|lease| lease.name != me);
        let (alive, dead) =
            self.roster
                .note(others.collect(), Instant::now(), self.settings.patience);
        for lease in dead {
            self.bury(&lease).await;
        }
        let others: BTreeMap<String, View> = alive
            .into_iter()
            .map(|lease| (lease.name, lease.view))
            .collect();
        let seen = Shard::seen(&me, view, others, valid_until);
        let is_other = !seen.divides_like(&self.shard.borrow());
        if is_other {
            info!(shard = %seen, "the work is shared anew");
        }
        self.shard.send_replace(seen);
        Ok(())
    }

    /// Writes our Lease. One that is gone was taken from us: we begin anew.
    async fn write(&mut self, view: &View) -> Result<(), kube::Error> {
        let now = MicroTime(Timestamp::now());
        let members: Vec<&str> = view.iter().map(String::as_str).collect();
        if self.announced.is_none() {
            let seconds = i32::try_from(self.settings.patience.as_secs()).unwrap_or(i32::MAX);
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(self.settings.identity.clone()),
                    labels: Some([(ELECTION.to_owned(), self.settings.election.clone())].into()),
                    annotations: Some([(MEMBERS.to_owned(), members.join(","))].into()),
                    ..ObjectMeta::default()
                },
                spec: Some(LeaseSpec {
                    holder_identity: Some(self.settings.identity.clone()),
                    lease_duration_seconds: Some(seconds),
                    acquire_time: Some(now.clone()),
                    renew_time: Some(now),
                    ..LeaseSpec::default()
                }),
            };
            let made = self.api.create(&PostParams::default(), &lease).await;
            match made {
                Ok(_) => {}
                // An answer to an earlier try was lost.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(problem) => return Err(problem),
            }
            self.announced = Some(view.clone());
            return Ok(());
        }
        let patch = json!({
            "metadata": {"annotations": {MEMBERS: members.join(",")}},
            "spec": {"renewTime": now},
        });
        let parameters = PatchParams::default();
        let patch = Patch::Merge(&patch);
        let written = self.api.patch(&self.settings.identity, &parameters, &patch);
        match written.await {
            Ok(_) => {
                self.announced = Some(view.clone());
                Ok(())
            }
            Err(problem) => {
                if matches!(&problem, kube::Error::Api(status) if status.code == 404) {
                    self.announced = None;
                    self.shard
                        .send_replace(Shard::none(&self.settings.identity));
                }
                Err(problem)
            }
        }
    }

    async fn list(&self) -> Result<Vec<Listed>, kube::Error> {
        let of_election = format!("{ELECTION}={}", self.settings.election);
        // Without a version: what is there now, not what some cache remembers.
        let listed = self
            .api
            .list(&ListParams::default().labels(&of_election))
            .await?;
        Ok(listed
            .items
            .into_iter()
            .map(|lease| Listed {
                name: lease.metadata.name.unwrap_or_default(),
                version: lease.metadata.resource_version.unwrap_or_default(),
                view: lease
                    .metadata
                    .annotations
                    .and_then(|mut annotations| annotations.remove(MEMBERS))
                    .unwrap_or_default()
                    .split(',')
                    .filter(|member| !member.is_empty())
                    .map(str::to_owned)
                    .collect(),
            })
            .collect())
    }

    /// Takes a dead replica's Lease away, unless it has shown a sign of life meanwhile.
    async fn bury(&self, lease: &Listed) {
        info!(
            lease = lease.name,
            "a replica is gone; its objects are taken over"
        );
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                resource_version: Some(lease.version.clone()),
                uid: None,
            }),
            ..DeleteParams::default()
        };
        let deleted = self.api.delete(&lease.name, &parameters);
        let deleted = tokio::time::timeout(self.settings.deadline, deleted);
        if let Ok(Err(problem)) = deleted.await {
            debug!(%problem, lease = lease.name, "the Lease of a dead replica stays");
        }
    }
}
