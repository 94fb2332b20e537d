//! What an AtlasSchema and an AtlasMigration do alike around their decisions: statements are judged, and what became of them is told.

use k8s_openapi::api::core::v1::ObjectReference;
use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::atlas::Condition;
use tidegate_sqlplan::Dialect;
use tracing::warn;

use crate::context::Context;
use crate::events;
use crate::gate::{Gate, GateFinding, GateVerdict, PlanChange, PlanReview};
use crate::standing::Standing;

/// Why statements may not run.
pub(crate) enum Refused {
    /// The policies say no.
    Denied(Vec<GateFinding>),
    /// They could not be asked; a sentence for a condition.
    Unasked(String),
}

/// Asks the gate about statements that are about to run, and returns what it warns about. A "no" to what somebody approved by its hash is noted, and is none: they have seen the statements.
pub(crate) async fn judge<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    subject: &Value,
    dialect: Option<Dialect>,
    statements: Vec<String>,
    is_approved: bool,
) -> Result<Vec<GateFinding>, Refused> {
    // Nothing is judged before a database was seen.
    let Some(dialect) = dialect else {
        return Ok(Vec::new());
    };
    let plan = PlanReview {
        subject: subject.to_string(),
        dialect: Some(dialect.to_string()),
        changes: statements.into_iter().map(PlanChange::Statement).collect(),
    };
    match context.judge(key, &plan).await {
        GateVerdict::Allowed { warnings } => Ok(warnings),
        GateVerdict::Denied { findings } if is_approved => {
            let rules: Vec<String> = findings.iter().map(ToString::to_string).collect();
            warn!(object = %key, ?rules, "a plan that the policies deny was approved by its hash, and runs");
            Ok(Vec::new())
        }
        GateVerdict::Denied { findings } => Err(Refused::Denied(findings)),
        GateVerdict::Unavailable { message } => Err(Refused::Unasked(message)),
    }
}

/// Events about what the status says now and did not say `before`; `applied` is what a success is called.
pub(crate) async fn tell<G: Gate>(
    context: &Context<G>,
    about: &ObjectReference,
    before: &[Condition],
    now: &Standing<'_>,
    applied: &str,
) {
    let told = events::told(before, now.conditions, applied);
    let given_up = events::given_up(now.failed, now.backoff_limit);
    events::tell(context, about, told.into_iter().chain(given_up)).await;
}
