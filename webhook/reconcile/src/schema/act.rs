//! Does the steps that were decided, in order, until one fails.

use std::time::Duration;

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidegate_database::DatabaseError;
use tracing::{info, warn};

use super::gather::Gathered;
use super::snapshot::{Cause, Problem, Status, Step};
use crate::context::{ApiError, Context};
use crate::gate::{Gate, GateFinding, GateVerdict, PlanChange, PlanReview};
use crate::kinds::Kind;

/// How the steps ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// There was nothing to run.
    Done,
    /// The statements ran and are committed.
    Applied {
        /// Which.
        statements: Vec<String>,
        /// The hash of the wanted schema.
        hash: String,
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
    /// Something failed; nothing is changed.
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
                write_status(context, gathered, status).await?;
                continue;
            }
            Step::Judge { statements } => match judge(context, gathered, statements).await {
                None => continue,
                Some(refused) => refused,
            },
            Step::Apply { statements, hash } => apply(gathered, statements, hash).await,
        };
        return Ok((outcome, requeue));
    }
    Ok((Outcome::Done, requeue))
}

async fn write_status<G: Gate>(
    context: &Context<G>,
    gathered: &mut Gathered,
    status: Status,
) -> Result<(), ApiError> {
    let key = &gathered.snapshot.key;
    // The uid makes the API server refuse when the object was deleted and made anew meanwhile.
    let patch = Patch::Merge(json!({"metadata": {"uid": gathered.uid}, "status": status}));
    let api = context.api(Kind::AtlasSchema, key);
    let parameters = PatchParams::default();
    let written = api.patch_status(&key.name, &parameters, &patch);
    let written = context.ask("write the status", written).await?;
    context.wrote(
        key,
        written
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default(),
    );
    gathered.snapshot.status = status;
    Ok(())
}

/// None when the gate lets the plan through.
async fn judge<G: Gate>(
    context: &Context<G>,
    gathered: &Gathered,
    statements: Vec<String>,
) -> Option<Outcome> {
    let key = &gathered.snapshot.key;
    let plan = PlanReview {
        subject: gathered.subject.clone(),
        dialect: Some("sqlite".to_owned()),
        changes: statements.into_iter().map(PlanChange::Statement).collect(),
    };
    let limit = context.settings.gate_timeout;
    let verdict = tokio::time::timeout(limit, context.gate.judge(&plan)).await;
    match verdict {
        Ok(GateVerdict::Allowed { warnings }) => {
            for finding in warnings {
                warn!(object = %key, policy = finding.policy, rule = finding.rule, message = finding.message, "the gate warns about a plan");
            }
            None
        }
        Ok(GateVerdict::Denied { findings }) => {
            let rules: Vec<_> = findings
                .iter()
                .map(|finding| format!("{}/{}", finding.policy, finding.rule))
                .collect();
            info!(object = %key, ?rules, "the gate denied a plan");
            Some(Outcome::Denied { findings })
        }
        Ok(GateVerdict::Unavailable { message }) => Some(unavailable(&message)),
        Err(_) => Some(unavailable(&format!("no answer within {limit:?}"))),
    }
}

fn unavailable(message: &str) -> Outcome {
    Outcome::Failed(Problem::new(
        Cause::LintPolicyError,
        format!(
            "the policies could not be asked about the plan, so nothing was changed: {message}"
        ),
    ))
}

async fn apply(gathered: &Gathered, statements: Vec<String>, hash: String) -> Outcome {
    let key = &gathered.snapshot.key;
    let (Some(locked), Ok(planned_from)) = (&gathered.locked, &gathered.snapshot.present) else {
        return Outcome::Failed(Problem::new(
            Cause::ApplyingSchema,
            "there is no database to apply the plan to",
        ));
    };
    let started = Timestamp::now();
    match locked.apply(planned_from, &statements).await {
        Ok(applied) => {
            info!(object = %key, statements = applied.statements, took = ?applied.took, "schema applied");
            Outcome::Applied {
                statements,
                hash,
                started,
                ended: Timestamp::now(),
            }
        }
        Err(DatabaseError::Changed) => Outcome::Overtaken,
        Err(error) => {
            warn!(object = %key, reason = error.reason(), "applying a schema failed");
            Outcome::Failed(Problem::new(Cause::ApplyingSchema, error.to_string()))
        }
    }
}
