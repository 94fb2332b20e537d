//! What was deployed before, and how to go back to it: `status.history`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `spec.revisionHistoryLimit` where it is not given.
pub const DEFAULT_LIMIT: usize = 10;

/// One deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Counted up from 0, never used twice.
    pub id: i64,
    /// The commit.
    pub revision: String,
    /// `spec.source` as it was.
    pub source: Value,
    /// When the sync began.
    pub deploy_started_at: Timestamp,
    /// When it ended.
    pub deployed_at: Timestamp,
}

/// What is known of a sync that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Whether it ended well.
    pub succeeded: bool,
    /// Whether it changed nothing on purpose.
    pub dry_run: bool,
    /// Whether it was of some resources only, as heals are.
    pub selective: bool,
}

impl Ended {
    /// Whether it is a deployment: only a whole sync that really happened and went well.
    pub const fn is_deployment(self) -> bool {
        self.succeeded && !self.dry_run && !self.selective
    }
}

/// The history with one more deployment: the oldest go when there are more than `limit`.
pub fn recorded(history: &[Deployment], deployment: Deployment, limit: usize) -> Vec<Deployment> {
    let id = history.last().map_or(0, |last| last.id.saturating_add(1));
    let mut history = history.to_vec();
    history.push(Deployment { id, ..deployment });
    let superfluous = history.len().saturating_sub(limit);
    history.split_off(superfluous)
}

/// Why there is no way back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// The next automated sync would undo it.
    #[error("rollback cannot be initiated when auto-sync is enabled")]
    Automated,
    /// No such deployment.
    #[error("application {application} does not have deployment with id {id}")]
    Unknown {
        /// The Application.
        application: String,
        /// What was asked for.
        id: i64,
    },
    /// There is nothing before the one that is there.
    #[error("Application '{application}' should have at least two successful deployments")]
    Nothing {
        /// The Application.
        application: String,
    },
}

/// The deployment to go back to: the one asked for, else the one before the last. It is synced with its own source and revision, without hooks.
///
/// # Errors
/// See [`RollbackError`].
pub fn rollback<'h>(
    application: &str,
    history: &'h [Deployment],
    id: Option<i64>,
    is_automated: bool,
) -> Result<&'h Deployment, RollbackError> {
    if is_automated {
        return Err(RollbackError::Automated);
    }
    let application = || application.to_owned();
    match id {
        Some(id) => history
            .iter()
            .find(|deployment| deployment.id == id)
            .ok_or_else(|| RollbackError::Unknown {
                application: application(),
                id,
            }),
        None => history
            .iter()
            .rev()
            .nth(1)
            .ok_or_else(|| RollbackError::Nothing {
                application: application(),
            }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(revision: &str) -> Deployment {
        Deployment {
            id: -1,
            revision: revision.to_owned(),
            source: json!({"path": revision}),
            deploy_started_at: Timestamp::UNIX_EPOCH,
            deployed_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn history(length: i64, limit: usize) -> Vec<Deployment> {
        (0..length).fold(Vec::new(), |history, n| {
            recorded(&history, deployment(&n.to_string()), limit)
        })
    }

    #[test]
    fn the_oldest_go() {
        for (length, limit, expected) in [
            (0, 10, vec![]),
            (1, 10, vec![0]),
            (3, 10, vec![0, 1, 2]),
            (12, 10, (2..12).collect()),
            (5, 1, vec![4]),
        ] {
            let ids: Vec<i64> = history(length, limit).iter().map(|one| one.id).collect();
            assert_eq!(ids, expected);
        }
        assert!(history(3, 0).is_empty());
    }

    #[test]
    fn only_whole_syncs_are_deployments() {
        for (succeeded, dry_run, selective, expected) in [
            (true, false, false, true),
            (false, false, false, false),
            (true, true, false, false),
            (true, false, true, false),
        ] {
            let ended = Ended {
                succeeded,
                dry_run,
                selective,
            };
            assert_eq!(ended.is_deployment(), expected);
        }
    }

    #[test]
    fn the_way_back() {
        let long = history(3, 10);
        let check = |id, is_automated, history: &[Deployment], expected: Result<&str, &str>| {
            let found =
                rollback("web", history, id, is_automated).map_err(|error| error.to_string());
            let found = found
                .as_ref()
                .map(|one| one.revision.as_str())
                .map_err(String::as_str);
            assert_eq!(found, expected);
        };
        check(None, false, &long, Ok("1"));
        check(Some(0), false, &long, Ok("0"));
        check(Some(2), false, &long, Ok("2"));
        check(
            Some(7),
            false,
            &long,
            Err("application web does not have deployment with id 7"),
        );
        check(
            None,
            false,
            &history(1, 10),
            Err("Application 'web' should have at least two successful deployments"),
        );
        check(
            Some(0),
            true,
            &long,
            Err("rollback cannot be initiated when auto-sync is enabled"),
        );
    }
}
