//! Does the steps that were decided, in order, until one fails.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_database::{InDoubt, MigrateError, Migrated, Planned, Progress};
use tidegate_model::atlas::Reason;
use tracing::{info, warn};

use super::gather::{Gathered, Work, problem};
use super::snapshot::{PendingFile, Step};
use crate::context::{ApiError, Context};
use crate::gate::{Gate, GateFinding};
use crate::judged::{self, Refused};
use crate::kinds::Kind;
use crate::object;
use crate::problem::Problem;

/// How the steps ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// There was nothing to run.
    Done,
    /// What was pending ran.
    Migrated {
        /// The last version that the database has now.
        last: String,
    },
    /// The gate said no; nothing ran.
    Denied {
        /// Why.
        findings: Vec<GateFinding>,
    },
    /// Something else was pending when it was to run; nothing ran.
    Overtaken,
    /// Something failed.
    Failed {
        /// What, and what became of it.
        problem: Problem,
        /// The last version that the database has as a whole; none where it is not known to have changed.
        last: Option<String>,
    },
}

/// Does the steps. Returns how they ended and when to look again.
///
/// # Errors
/// A status could not be written.
pub(crate) async fn act<G: Gate>(
    context: &Context<G>,
    gathered: &mut Gathered,
    steps: Vec<Step>,
) -> Result<(Outcome, Option<Duration>), ApiError> {
    let mut requeue = None;
    for step in steps {
        let outcome = match step {
            Step::Requeue(wait) => {
                requeue = Some(wait);
                continue;
            }
            Step::WriteStatus(status) => {
                let (key, reference) = (&gathered.snapshot.key, &gathered.reference);
                object::write_status(context, Kind::AtlasMigration, key, reference, &status)
                    .await?;
                let before = std::mem::replace(&mut gathered.snapshot.status, status);
                let applied = format!(
                    "Version {} applied",
                    gathered.snapshot.status.last_applied_version
                );
                let (before, now) = (&before.conditions, gathered.snapshot.standing());
                judged::tell(context, reference, before, &now, &applied).await;
                continue;
            }
            Step::Judge { texts, is_approved } => {
                match judged::judge(
                    context,
                    &gathered.snapshot.key,
                    &gathered.subject,
                    gathered.snapshot.dialect(),
                    texts,
                    is_approved,
                )
                .await
                {
                    Ok(_) => continue,
                    Err(Refused::Denied(findings)) => Outcome::Denied { findings },
                    Err(Refused::Unasked(message)) => Outcome::Failed {
                        problem: Problem::new(Reason::PlanRejected, message),
                        last: None,
                    },
                }
            }
            Step::Migrate => migrate(gathered).await,
            Step::GoDown => go_down(gathered).await,
        };
        return Ok((outcome, requeue));
    }
    Ok((Outcome::Done, requeue))
}

async fn migrate(gathered: &mut Gathered) -> Outcome {
    let key = &gathered.snapshot.key;
    let (Some(work), Ok(seen)) = (&mut gathered.work, &gathered.snapshot.seen) else {
        return Outcome::Failed {
            problem: Problem::new(Reason::Migrating, "there is no database to migrate"),
            last: None,
        };
    };
    let mut ran = run(work, &seen.pending, InDoubt::Ask).await;
    if let Err(MigrateError::InDoubt { file, number, .. }) = &ran
        && let Some(found) = found(work.found.as_deref(), file, *number)
    {
        ran = run(work, &seen.pending, found).await;
    }
    match ran {
        Ok(migrated) => {
            info!(object = %key, files = migrated.files.len(), "migrated");
            Outcome::Migrated {
                last: last(work).await.unwrap_or_default(),
            }
        }
        Err(MigrateError::Changed) => Outcome::Overtaken,
        Err(error) => {
            warn!(object = %key, "migrating failed");
            Outcome::Failed {
                problem: problem(&error),
                last: last(work).await,
            }
        }
    }
}

async fn go_down(gathered: &mut Gathered) -> Outcome {
    let key = &gathered.snapshot.key;
    let down = gathered.snapshot.seen.as_ref().ok();
    let down = down.and_then(|seen| seen.down.as_ref());
    let (Some(work), Some(down)) = (&mut gathered.work, down) else {
        return Outcome::Failed {
            problem: Problem::new(Reason::Migrating, "there is no way back"),
            last: None,
        };
    };
    let (mut migrator, directory, _) = work.parts();
    let gone = migrator.down(directory, &down.back, None, &down.hash).await;
    match gone {
        Ok(_) => {
            info!(object = %key, undone = ?down.undone, "migrated down");
            Outcome::Migrated {
                last: last(work).await.unwrap_or_default(),
            }
        }
        Err(MigrateError::AnotherPlan { .. }) => Outcome::Overtaken,
        Err(error) => {
            warn!(object = %key, "migrating down failed");
            Outcome::Failed {
                problem: problem(&error),
                last: last(work).await,
            }
        }
    }
}

async fn run(
    work: &mut Work,
    pending: &[PendingFile],
    in_doubt: InDoubt,
) -> Result<Migrated, MigrateError> {
    let planned: Vec<Planned> = pending
        .iter()
        .map(|file| (file.name.clone(), file.statements.clone()))
        .collect();
    let mut hear = |progress: Progress<'_>| match progress {
        Progress::File { file, from, total } => info!(file, from, total, "a migration begins"),
        Progress::Done { file, took } => info!(file, ?took, "a migration is done"),
        Progress::FoundDone { number, .. } => {
            info!(number, "a statement was already done when it was cut off");
        }
        _ => {}
    };
    let (mut migrator, directory, expected) = work.parts();
    migrator
        .apply_planned(directory, expected, &planned, in_doubt, &mut hear)
        .await
}

/// What a person found of this statement: `FILE:NUMBER done` or `FILE:NUMBER again`.
fn found(words: Option<&str>, file: &str, number: usize) -> Option<InDoubt> {
    let (place, word) = words?.trim().rsplit_once(' ')?;
    match word {
        _ if place.trim() != format!("{file}:{number}") => None,
        "done" => Some(InDoubt::Done),
        "again" => Some(InDoubt::Again),
        _ => None,
    }
}

/// The last version that the database has as a whole, as far as it still says so.
async fn last(work: &mut Work) -> Option<String> {
    let (mut migrator, ..) = work.parts();
    let revisions = migrator.revisions().await.ok()?;
    let whole = revisions.iter().rev().find(|it| it.is_complete());
    Some(whole.map_or_else(String::new, |revision| revision.version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_of_one_statement_of_one_file() {
        for (words, expected) in [
            (Some("1_a.sql:2 done"), Some(InDoubt::Done)),
            (Some(" 1_a.sql:2  again\n"), Some(InDoubt::Again)),
            (Some("1_a.sql:3 done"), None),
            (Some("2_a.sql:2 done"), None),
            (Some("1_a.sql:2 maybe"), None),
            (Some("done"), None),
            (None, None),
        ] {
            assert_eq!(found(words, "1_a.sql", 2), expected, "{words:?}");
        }
    }
}
