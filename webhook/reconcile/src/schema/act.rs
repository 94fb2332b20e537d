//! Does the steps that were decided, in order, until one fails.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tidegate_database::{DatabaseError, TransactionMode};
use tidegate_model::atlas::Reason;
use tidegate_schemaplan::Statement;
use tracing::{info, warn};

use super::gather::Gathered;
use super::snapshot::Step;
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
    /// The statements ran and are committed.
    Applied {
        /// Which.
        statements: Vec<String>,
        /// When they began.
        started: Timestamp,
        /// When they were committed.
        ended: Timestamp,
    },
    /// The gate said no; nothing ran.
    Denied {
        /// Why.
        findings: Vec<GateFinding>,
    },
    /// The gate warns, and somebody wants to see what it warns about; nothing ran.
    Warned {
        /// What about, at least one.
        findings: Vec<GateFinding>,
    },
    /// The database changed between inspection and change; nothing ran.
    Overtaken,
    /// Something failed; the problem says what was changed.
    Failed(Problem),
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
                object::write_status(context, Kind::AtlasSchema, key, reference, &status).await?;
                let before = std::mem::replace(&mut gathered.snapshot.status, status);
                let (before, now) = (&before.conditions, gathered.snapshot.standing());
                judged::tell(context, reference, before, &now, "Applied schema").await;
                continue;
            }
            Step::Judge {
                statements,
                is_approved,
                warnings_wait,
            } => match judged::judge(
                context,
                &gathered.snapshot.key,
                &gathered.subject,
                gathered.snapshot.dialect(),
                statements,
                is_approved,
            )
            .await
            {
                Ok(findings) if warnings_wait && !is_approved && !findings.is_empty() => {
                    Outcome::Warned { findings }
                }
                Ok(_) => continue,
                Err(Refused::Denied(findings)) => Outcome::Denied { findings },
                Err(Refused::Unasked(message)) => {
                    Outcome::Failed(Problem::new(Reason::LintPolicyError, message))
                }
            },
            Step::Apply {
                statements,
                transaction,
            } => apply(gathered, &statements, transaction).await,
        };
        return Ok((outcome, requeue));
    }
    Ok((Outcome::Done, requeue))
}

async fn apply(
    gathered: &mut Gathered,
    statements: &[Statement],
    transaction: TransactionMode,
) -> Outcome {
    let key = &gathered.snapshot.key;
    let sides = gathered.snapshot.seen.as_ref().ok();
    let sides = sides.and_then(|seen| seen.sides.as_ref());
    let (Some(session), Some(sides)) = (&mut gathered.session, sides) else {
        return Outcome::Failed(Problem::new(
            Reason::ApplyingSchema,
            "there is no database to apply the plan to",
        ));
    };
    let started = Timestamp::now();
    let applied = session
        .apply_to(&sides.planned_from(), statements, transaction)
        .await;
    match applied {
        Ok(applied) => {
            info!(object = %key, statements = applied.statements, took = ?applied.took, "schema applied");
            Outcome::Applied {
                statements: statements.iter().map(|it| it.sql.clone()).collect(),
                started,
                ended: Timestamp::now(),
            }
        }
        Err(DatabaseError::Changed) => Outcome::Overtaken,
        Err(error) => {
            warn!(object = %key, reason = error.reason(), "applying a schema failed");
            Outcome::Failed(Problem::new(Reason::ApplyingSchema, error.to_string()))
        }
    }
}
