//! Does the steps that were decided, in order, until one fails.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tidegate_database::{DatabaseError, TransactionMode};
use tidegate_model::atlas::Reason;
use tidegate_schemaplan::Statement;
use tracing::{info, warn};

use super::gather::Gathered;
use super::snapshot::{Status, Step};
use crate::context::{ApiError, Context};
use crate::events;
use crate::gate::{Gate, GateFinding, GateVerdict, PlanChange, PlanReview};
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
                say(context, gathered, &before).await;
                continue;
            }
            Step::Judge {
                statements,
                is_approved,
            } => match judge(context, gathered, statements).await {
                None => continue,
                Some(Outcome::Denied { findings }) if is_approved => {
                    let key = &gathered.snapshot.key;
                    let rules: Vec<String> = findings.iter().map(ToString::to_string).collect();
                    warn!(object = %key, ?rules, "a plan that the policies deny was approved by its hash, and runs");
                    continue;
                }
                Some(refused) => refused,
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

/// Events about what the status says now and did not before.
async fn say<G: Gate>(context: &Context<G>, gathered: &Gathered, before: &Status) {
    let status = &gathered.snapshot.status;
    let applied = "Applied schema";
    let told = events::told(&before.conditions, &status.conditions, applied);
    let limit = gathered.snapshot.wish.as_ref().map(|it| it.backoff_limit);
    let given_up = events::given_up(status.failed, limit.unwrap_or_default());
    events::tell(
        context,
        &gathered.reference,
        told.into_iter().chain(given_up),
    )
    .await;
}

/// None when the gate lets the plan through.
async fn judge<G: Gate>(
    context: &Context<G>,
    gathered: &Gathered,
    statements: Vec<String>,
) -> Option<Outcome> {
    let seen = gathered.snapshot.seen.as_ref().ok()?;
    let plan = PlanReview {
        subject: gathered.subject.clone(),
        dialect: Some(seen.current.engine.dialect.to_string()),
        changes: statements.into_iter().map(PlanChange::Statement).collect(),
    };
    match context.judge(&gathered.snapshot.key, &plan).await {
        GateVerdict::Allowed { .. } => None,
        GateVerdict::Denied { findings } => Some(Outcome::Denied { findings }),
        GateVerdict::Unavailable { message } => Some(Outcome::Failed(Problem::new(
            Reason::LintPolicyError,
            message,
        ))),
    }
}

async fn apply(
    gathered: &mut Gathered,
    statements: &[Statement],
    transaction: TransactionMode,
) -> Outcome {
    let key = &gathered.snapshot.key;
    let (Some(session), Ok(seen)) = (&mut gathered.session, &gathered.snapshot.seen) else {
        return Outcome::Failed(Problem::new(
            Reason::ApplyingSchema,
            "there is no database to apply the plan to",
        ));
    };
    let started = Timestamp::now();
    let applied = session
        .apply_to(&seen.current, statements, transaction)
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
