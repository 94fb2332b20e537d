//! Whether an Application syncs on its own now.
//!
//! The guards of `autoSync` in `controller/appcontroller.go`, in its order and its words. They keep a controller from harm: from syncing twice, from
//! trying the same failing commit for ever, from fighting with somebody who writes the same field, and from deleting everything because a
//! folder was renamed.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tidegate_model::object::at;

use crate::compare::SyncStatus;
use crate::operation::{OperationPhase, Selector};
use crate::plan::Resource;

/// `spec.syncPolicy.automated`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Automated {
    /// Deletes what is superfluous.
    pub prune: bool,
    /// Mends drift without a new commit.
    pub self_heal: bool,
    /// May delete everything.
    pub allow_empty: bool,
}

impl Automated {
    /// Reads an Application; none where it is not synced on its own (`enabled: false`, or nothing there).
    pub fn of(application: &Value) -> Option<Self> {
        let automated = at(application, "/spec/syncPolicy/automated")?.as_object()?;
        let is = |key: &str| automated.get(key).and_then(Value::as_bool);
        (is("enabled") != Some(false)).then(|| Self {
            prune: is("prune") == Some(true),
            self_heal: is("selfHeal") == Some(true),
            allow_empty: is("allowEmpty") == Some(true),
        })
    }
}

/// The operation before, out of `status.operationState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was synced.
    pub revision: String,
    /// Whether it was the source that is desired now.
    pub same_source: bool,
    /// How it ended.
    pub phase: OperationPhase,
    /// With which words.
    pub message: String,
    /// When.
    pub finished_at: Option<Timestamp>,
    /// How many heals in a row it was (`autoHealAttemptsCount`).
    pub heals: u32,
}

/// Waits between heals of one revision: none until it looks like a fight, then ever longer ones, and none again after a time of peace.
///
/// Argo CD waits from the second heal on, and for as long as the revision stays (`selfHealRemainingBackoff`): whoever edits an object by hand twice in a
/// week finds the second edit live for longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealBackoff {
    /// Heals in a row that are done at once: one more is a fight.
    pub at_once: u32,
    /// The first wait after them.
    pub first: Duration,
    /// How much longer each further one is.
    pub factor: u32,
    /// No wait is longer.
    pub longest: Duration,
    /// Heals further apart than this are not in a row. More than `longest`, or waiting would end the fight.
    pub peace: Duration,
}

impl Default for HealBackoff {
    fn default() -> Self {
        Self {
            at_once: 5,
            first: Duration::from_secs(2),
            factor: 3,
            longest: Duration::from_mins(5),
            peace: Duration::from_mins(10),
        }
    }
}

impl HealBackoff {
    /// The wait before the next heal after `heals` of them in a row.
    pub fn wait(&self, heals: u32) -> Duration {
        let Some(grown) = heals.checked_sub(self.at_once) else {
            return Duration::ZERO;
        };
        let factor = self.factor.saturating_pow(grown);
        self.first
            .checked_mul(factor)
            .unwrap_or(self.longest)
            .min(self.longest)
    }
}

/// What there is to decide with.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The policy; none where a person syncs.
    pub automated: Option<Automated>,
    /// Whether an operation is asked for or under way.
    pub has_operation: bool,
    /// Whether the Application is being deleted.
    pub is_deleting: bool,
    /// The comparison.
    pub status: SyncStatus,
    /// Its resources.
    pub resources: &'a [Resource],
    /// What is desired now.
    pub revision: &'a str,
    /// The operation before.
    pub last: Option<&'a Attempt>,
    /// The time.
    pub now: Timestamp,
    /// The waits between heals.
    pub backoff: HealBackoff,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing; why, for a log.
    Nothing(String),
    /// Nothing, and somebody must know: the message of a `SyncError` condition.
    Refuse(String),
    /// Not yet.
    Later(Duration),
    /// A sync of everything, or of what drifted.
    Sync {
        /// Whether superfluous objects go.
        prune: bool,
        /// What drifted; empty is everything.
        selected: Vec<Selector>,
        /// The heals in a row with this one.
        heals: u32,
    },
}

/// Decides.
pub fn decide(situation: &Situation) -> Decision {
    let nothing = |why: &str| Decision::Nothing(format!("Skipping auto-sync: {why}"));
    let Some(automated) = situation.automated else {
        return nothing("it is not automated");
    };
    if situation.has_operation {
        return nothing("another operation is in progress");
    }
    if situation.is_deleting {
        return nothing("deletion in progress");
    }
    if situation.status == SyncStatus::Synced {
        return nothing("application status is Synced");
    }
    let drifted = || {
        situation
            .resources
            .iter()
            .filter(|resource| resource.status == Some(SyncStatus::OutOfSync))
    };
    if !automated.prune && drifted().all(|resource| resource.requires_pruning) {
        return nothing("need to prune extra resources only but automated prune is disabled");
    }
    let revision = situation.revision;
    let mut selected = Vec::new();
    let mut heals = 0;
    let before = situation
        .last
        .filter(|last| last.revision == revision && last.same_source);
    if let Some(last) = before {
        if last.phase != OperationPhase::Succeeded {
            let message = &last.message;
            return Decision::Refuse(format!(
                "Failed last sync attempt to [{revision}]: {message}"
            ));
        }
        if !automated.self_heal {
            return nothing(&format!("most recent sync already to [{revision}]"));
        }
        let since = last
            .finished_at
            .and_then(|finished| Duration::try_from(situation.now.duration_since(finished)).ok())
            .unwrap_or_default();
        let before = if since >= situation.backoff.peace {
            0
        } else {
            last.heals
        };
        let wait = situation.backoff.wait(before).saturating_sub(since);
        if !wait.is_zero() {
            return Decision::Later(wait);
        }
        heals = before.saturating_add(1);
        selected = drifted()
            .map(|resource| Selector {
                group: resource.key.group.clone(),
                kind: resource.key.kind.clone(),
                namespace: resource.key.namespace.clone().unwrap_or_default(),
                name: resource.key.name.clone(),
                exclude: false,
            })
            .collect();
    }
    let wipes_out = situation
        .resources
        .iter()
        .all(|resource| resource.requires_pruning);
    if automated.prune && !automated.allow_empty && wipes_out {
        return Decision::Refuse(format!(
            "Skipping sync attempt to [{revision}]: auto-sync will wipe out all resources"
        ));
    }
    Decision::Sync {
        prune: automated.prune,
        selected,
        heals,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_model::ObjectKey;

    use super::*;

    fn resource(name: &str, status: SyncStatus, requires_pruning: bool) -> Resource {
        Resource {
            key: ObjectKey {
                group: String::new(),
                kind: "ConfigMap".to_owned(),
                namespace: Some("shop".to_owned()),
                name: name.to_owned(),
            },
            status: Some(status),
            requires_pruning,
            hook: false,
            differences: Vec::new(),
        }
    }

    fn attempt(revision: &str, phase: OperationPhase, heals: u32) -> Attempt {
        Attempt {
            revision: revision.to_owned(),
            same_source: true,
            phase,
            message: "why".to_owned(),
            finished_at: Some(Timestamp::from_second(1_000).unwrap()),
            heals,
        }
    }

    /// The policy in letters (p, h, e), the resources in letters (s synced, o out of sync, x superfluous), the operation before, seconds since.
    fn run(policy: &str, resources: &str, last: Option<&Attempt>, since: i64) -> Decision {
        let resources: Vec<Resource> = resources
            .chars()
            .map(|c| match c {
                's' => resource("s", SyncStatus::Synced, false),
                'o' => resource("o", SyncStatus::OutOfSync, false),
                _ => resource("x", SyncStatus::OutOfSync, true),
            })
            .collect();
        let is_out = resources
            .iter()
            .any(|resource| resource.status == Some(SyncStatus::OutOfSync));
        decide(&Situation {
            automated: (policy != "-").then(|| Automated {
                prune: policy.contains('p'),
                self_heal: policy.contains('h'),
                allow_empty: policy.contains('e'),
            }),
            has_operation: policy.contains('o'),
            is_deleting: policy.contains('d'),
            status: if is_out {
                SyncStatus::OutOfSync
            } else {
                SyncStatus::Synced
            },
            resources: &resources,
            revision: "abc",
            last,
            now: Timestamp::from_second(1_000 + since).unwrap(),
            backoff: HealBackoff::default(),
        })
    }

    #[track_caller]
    fn check(policy: &str, resources: &str, last: Option<&Attempt>, expected: &str) {
        let shown = match run(policy, resources, last, 0) {
            Decision::Nothing(why) | Decision::Refuse(why) => why,
            Decision::Later(wait) => format!("in {} s", wait.as_secs()),
            Decision::Sync {
                prune,
                selected,
                heals,
            } => format!(
                "sync prune={prune} selected={} heals={heals}",
                selected.len()
            ),
        };
        assert_eq!(shown, expected, "{policy} {resources}");
    }

    #[test]
    fn guards_stand_in_order() {
        use OperationPhase::{Error, Failed, Succeeded};
        let same = attempt("abc", Succeeded, 0);
        let other = attempt("def", Failed, 0);
        let failed = attempt("abc", Failed, 0);
        let error = attempt("abc", Error, 0);
        let moved = Attempt {
            same_source: false,
            ..failed.clone()
        };
        check("-", "o", None, "Skipping auto-sync: it is not automated");
        check(
            "o",
            "o",
            None,
            "Skipping auto-sync: another operation is in progress",
        );
        check("d", "o", None, "Skipping auto-sync: deletion in progress");
        check(
            "",
            "s",
            None,
            "Skipping auto-sync: application status is Synced",
        );
        check(
            "",
            "",
            None,
            "Skipping auto-sync: application status is Synced",
        );
        check(
            "",
            "sx",
            None,
            "Skipping auto-sync: need to prune extra resources only but automated prune is disabled",
        );
        check("", "ox", None, "sync prune=false selected=0 heals=0");
        check("p", "sx", None, "sync prune=true selected=0 heals=0");
        check("", "o", None, "sync prune=false selected=0 heals=0");
        check("", "o", Some(&other), "sync prune=false selected=0 heals=0");
        check("", "o", Some(&moved), "sync prune=false selected=0 heals=0");
        check(
            "",
            "o",
            Some(&failed),
            "Failed last sync attempt to [abc]: why",
        );
        check(
            "h",
            "o",
            Some(&failed),
            "Failed last sync attempt to [abc]: why",
        );
        check(
            "h",
            "o",
            Some(&error),
            "Failed last sync attempt to [abc]: why",
        );
        check(
            "",
            "o",
            Some(&same),
            "Skipping auto-sync: most recent sync already to [abc]",
        );
        check(
            "h",
            "so",
            Some(&same),
            "sync prune=false selected=1 heals=1",
        );
        check(
            "p",
            "x",
            None,
            "Skipping sync attempt to [abc]: auto-sync will wipe out all resources",
        );
        check(
            "p",
            "xx",
            Some(&other),
            "Skipping sync attempt to [abc]: auto-sync will wipe out all resources",
        );
        check("pe", "xx", None, "sync prune=true selected=0 heals=0");
        check(
            "ph",
            "sx",
            Some(&same),
            "sync prune=true selected=1 heals=1",
        );
    }

    #[test]
    fn heals_wait_ever_longer_once_it_is_a_fight() {
        let waits: Vec<u64> = (0..13)
            .map(|n| HealBackoff::default().wait(n).as_secs())
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 6, 18, 54, 162, 300, 300, 300]);
        assert_eq!(HealBackoff::default().wait(u32::MAX).as_secs(), 300);
        let last = attempt("abc", OperationPhase::Succeeded, 7);
        let later = |seconds| Decision::Later(Duration::from_secs(seconds));
        assert_eq!(run("h", "o", Some(&last), 0), later(18));
        assert_eq!(run("h", "o", Some(&last), 10), later(8));
        assert_eq!(run("h", "o", Some(&last), -5), later(18));
        for (since, expected) in [(18, 8), (300, 8), (599, 8), (600, 1)] {
            let decision = run("h", "o", Some(&last), since);
            assert!(
                matches!(decision, Decision::Sync { heals, .. } if heals == expected),
                "{since}: {decision:?}"
            );
        }
    }

    #[test]
    fn the_policy_is_read() {
        let check = |automated: Value, expected: Option<(bool, bool, bool)>| {
            let application = json!({"spec": {"syncPolicy": {"automated": automated}}});
            let read = Automated::of(&application);
            assert_eq!(
                read.map(|read| (read.prune, read.self_heal, read.allow_empty)),
                expected
            );
        };
        check(json!(null), None);
        check(json!({}), Some((false, false, false)));
        check(json!({"enabled": null}), Some((false, false, false)));
        check(json!({"enabled": false, "prune": true}), None);
        check(
            json!({"prune": true, "selfHeal": true, "allowEmpty": true}),
            Some((true, true, true)),
        );
        assert_eq!(Automated::of(&json!({})), None);
    }
}
