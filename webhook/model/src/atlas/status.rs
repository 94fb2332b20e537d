//! The three conditions that the Atlas operator writes, as a function.
//!
//! `Ready`, `Reconciling` and `Stalled` are always written together, so that every reader finds the one it waits for: `kubectl wait
//! --for=condition=Ready`, kstatus (Reconciling, Stalled), and the health scripts that Argo CD ships for the two kinds. The script for AtlasSchema
//! looks at the *message* of Ready, the one for AtlasMigration at its *reason*; both must find `Reconciling` while work goes on, or Argo CD
//! calls the object Degraded and fails the wave.
//!
//! One thing is done better than by the operator: `lastTransitionTime` moves only when a condition's status changes, as the Kubernetes API
//! conventions ask, while the operator starts anew with each success.

use serde::{Deserialize, Serialize};

/// Upper limit of a condition's message in characters (`metav1.Condition`).
const MESSAGE_LIMIT: usize = 32_768;

/// One `metav1.Condition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `Reconciling` or `Stalled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The generation that the condition speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// When the status changed last, RFC 3339.
    pub last_transition_time: String,
    /// One word for machines.
    pub reason: String,
    /// A sentence for people.
    #[serde(default)]
    pub message: String,
}

impl Condition {
    /// The condition of this type that says so of `generation`, in the place of the one in `previous`: `now` (RFC 3339) becomes its transition time where its
    /// status is another. A message longer than the API server takes is cut.
    pub fn after(
        previous: &[Self],
        (kind, status): (&str, &str),
        (reason, message): (&str, &str),
        generation: i64,
        now: &str,
    ) -> Self {
        let unchanged = previous
            .iter()
            .find(|condition| condition.kind == kind && condition.status == status);
        Self {
            kind: kind.to_owned(),
            status: status.to_owned(),
            observed_generation: generation,
            last_transition_time: unchanged
                .map_or(now, |condition| &condition.last_transition_time)
                .to_owned(),
            reason: reason.to_owned(),
            message: message.chars().take(MESSAGE_LIMIT).collect(),
        }
    }

    /// Whether it says what `previous` says, of whichever generation and since whenever.
    pub fn says_as(&self, previous: &Self) -> bool {
        (&self.status, &self.reason, &self.message)
            == (&previous.status, &previous.reason, &previous.message)
    }
}

/// Why a condition is what it is: the operator's own words, so that scripts written for it keep working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// Work goes on.
    Reconciling,
    /// The database is as wanted.
    Applied,
    /// The wanted schema could not be read.
    ReadSchema,
    /// The migration files could not be read.
    ReadingMigrationData,
    /// A scratch database is being had.
    GettingDevDb,
    /// The database could not be reached or opened.
    Login,
    /// The present schema could not be read.
    SchemaInspect,
    /// No plan leads from the present schema to the wanted one.
    SchemaPlan,
    /// The plan breaks a rule.
    LintPolicyError,
    /// The very first apply would destroy something.
    FirstRunDestructive,
    /// Somebody has to approve the plan.
    ApprovalPending,
    /// Somebody refused the plan.
    PlanRejected,
    /// A statement failed.
    ApplyingSchema,
    /// Somebody changed the database beside its migrations.
    DriftDetected,
    /// A migration failed.
    Migrating,
    /// Going back is not allowed here.
    ProtectedFlowError,
}

impl Reason {
    /// The word as it is written into the condition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reconciling => "Reconciling",
            Self::Applied => "Applied",
            Self::ReadSchema => "ReadSchema",
            Self::ReadingMigrationData => "ReadingMigrationData",
            Self::GettingDevDb => "GettingDevDB",
            Self::Login => "Login",
            Self::SchemaInspect => "SchemaInspect",
            Self::SchemaPlan => "SchemaPlan",
            Self::LintPolicyError => "LintPolicyError",
            Self::FirstRunDestructive => "FirstRunDestructive",
            Self::ApprovalPending => "ApprovalPending",
            Self::PlanRejected => "PlanRejected",
            Self::ApplyingSchema => "ApplyingSchema",
            Self::DriftDetected => "DriftDetected",
            Self::Migrating => "Migrating",
            Self::ProtectedFlowError => "ProtectedFlowError",
        }
    }

    /// Whether "not ready" with this reason means waiting rather than failing.
    pub const fn is_pending(self) -> bool {
        matches!(
            self,
            Self::Reconciling | Self::GettingDevDb | Self::ApprovalPending
        )
    }
}

/// How far an object has come; what one writes a status about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Work has begun, or begins again because the object changed: the operator's `SetReconciling`.
    Reconciling {
        /// For people. The first one of an object is the word `Reconciling` itself: Argo CD's health script compares it.
        message: String,
    },
    /// The database is as wanted: `SetReady`.
    Ready {
        /// For people, such as what was applied.
        message: String,
    },
    /// It is not: `SetNotReady`.
    NotReady {
        /// Decides between waiting and failing; see [`Reason::is_pending`].
        reason: Reason,
        /// What a person has to know or do. Never a credential.
        message: String,
    },
}

/// What to write into `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusUpdate {
    /// Ready, Reconciling, Stalled, in this order.
    pub conditions: Vec<Condition>,
    /// The generation that was worked on.
    #[serde(rename = "observedGeneration")]
    pub observed_generation: i64,
    /// Failures in a row.
    pub failed: u32,
}

impl StatusUpdate {
    /// The status that `progress` makes of an object at `generation` whose status was (`previous`, `failed`).
    ///
    /// `now` is an RFC 3339 time; it becomes the transition time of the conditions whose status changed.
    pub fn new(
        progress: &Progress,
        previous: &[Condition],
        failed: u32,
        generation: i64,
        now: &str,
    ) -> Self {
        let failed = match progress {
            Progress::Reconciling { .. } | Progress::Ready { .. } => 0,
            Progress::NotReady { reason, .. } if reason.is_pending() => failed,
            Progress::NotReady { .. } => failed.saturating_add(1),
        };
        Self {
            conditions: conditions(progress, previous, generation, now),
            observed_generation: generation,
            failed,
        }
    }
}

/// The three conditions that say `progress`, always all of them, in the order Ready, Reconciling, Stalled.
///
/// A condition whose status is what it was in `previous` keeps its transition time; the others get `now` (RFC 3339).
pub fn conditions(
    progress: &Progress,
    previous: &[Condition],
    generation: i64,
    now: &str,
) -> Vec<Condition> {
    let (reason, message) = match progress {
        Progress::Reconciling { message } => (Reason::Reconciling, message.as_str()),
        Progress::Ready { message } => (Reason::Applied, message.as_str()),
        Progress::NotReady { reason, message } => (*reason, message.as_str()),
    };
    let (ready, reconciling, stalled) = match progress {
        Progress::Ready { .. } => ((true, message), (false, ""), (false, "")),
        Progress::Reconciling { .. } => ((false, message), (true, message), (false, "")),
        Progress::NotReady { reason, .. } if reason.is_pending() => {
            ((false, message), (true, message), (false, ""))
        }
        Progress::NotReady { .. } => ((false, message), (false, message), (true, message)),
    };
    [
        ("Ready", ready),
        ("Reconciling", reconciling),
        ("Stalled", stalled),
    ]
    .into_iter()
    .map(|(kind, (status, message))| {
        let status = if status { "True" } else { "False" };
        let said = (reason.as_str(), message);
        Condition::after(previous, (kind, status), said, generation, now)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> String {
        "m".to_owned()
    }

    /// `status/reason/message` of the three, and the failures after one failure before.
    #[track_caller]
    fn check(progress: &Progress, expected: [&str; 3], failed: u32) {
        let update = StatusUpdate::new(progress, &[], 1, 4, "2026-01-01T00:00:00Z");
        let shown: Vec<_> = update
            .conditions
            .iter()
            .map(|c| format!("{}={}/{}/{}", c.kind, c.status, c.reason, c.message))
            .collect();
        assert_eq!(shown, expected);
        assert_eq!((update.failed, update.observed_generation), (failed, 4));
        assert!(update.conditions.iter().all(
            |c| c.observed_generation == 4 && c.last_transition_time == "2026-01-01T00:00:00Z"
        ));
    }

    #[test]
    fn each_progress_writes_the_operators_table() {
        check(
            &Progress::Reconciling { message: message() },
            [
                "Ready=False/Reconciling/m",
                "Reconciling=True/Reconciling/m",
                "Stalled=False/Reconciling/",
            ],
            0,
        );
        check(
            &Progress::Ready { message: message() },
            [
                "Ready=True/Applied/m",
                "Reconciling=False/Applied/",
                "Stalled=False/Applied/",
            ],
            0,
        );
        for (reason, word) in [
            (Reason::Reconciling, "Reconciling"),
            (Reason::GettingDevDb, "GettingDevDB"),
            (Reason::ApprovalPending, "ApprovalPending"),
        ] {
            check(
                &Progress::NotReady {
                    reason,
                    message: message(),
                },
                [
                    &format!("Ready=False/{word}/m"),
                    &format!("Reconciling=True/{word}/m"),
                    &format!("Stalled=False/{word}/"),
                ],
                1,
            );
        }
        check(
            &Progress::NotReady {
                reason: Reason::ApplyingSchema,
                message: message(),
            },
            [
                "Ready=False/ApplyingSchema/m",
                "Reconciling=False/ApplyingSchema/m",
                "Stalled=True/ApplyingSchema/m",
            ],
            2,
        );
    }

    #[test]
    fn a_transition_time_moves_only_with_its_status() {
        let before = conditions(
            &Progress::Reconciling { message: message() },
            &[],
            1,
            "then",
        );
        let after = conditions(&Progress::Ready { message: message() }, &before, 2, "now");
        let times: Vec<_> = after
            .iter()
            .map(|c| c.last_transition_time.as_str())
            .collect();
        assert_eq!(times, ["now", "now", "then"]);
    }

    #[test]
    fn a_message_is_cut_at_the_api_servers_limit() {
        let long = "ö".repeat(MESSAGE_LIMIT + 1);
        let written = conditions(&Progress::Ready { message: long }, &[], 1, "now");
        assert_eq!(
            written.first().map(|c| c.message.chars().count()),
            Some(MESSAGE_LIMIT)
        );
    }
}
