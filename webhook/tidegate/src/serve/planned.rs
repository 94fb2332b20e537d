//! The policies at admission, of an Application with its plan: where the reconciler has rendered its sources before, what they make is judged when the
//! Application is written, and not only before the first object is.
//!
//! A request never waits for a repository. What is not remembered is admitted with a warning, and judged by the reconciler's gate. `/validate` asks for
//! both, the Application and its plan; `/validate/plan` for the plan alone, where the webhook is another process than the reconciler.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidegate_admission::{
    Call, Enforcement, Evaluate, Evaluated, Finding, Operation, PolicyStatus, Selection, Severity,
    Stage, Timing, Verdict,
};
use tidegate_host::{Change, PlanRequest, PolicySet};
use tidegate_model::object::at;
use tidegate_model::words::{APPLICATION, ARGO_GROUP};
use tidegate_reconcile::Scope;
use tokio::time::timeout;

use super::render::Sources;
use crate::plan_review;

/// How long an admission may take longer for its plan, and never more than half of what the API server waits.
const LONGEST: Duration = Duration::from_secs(1);

/// Asks for the plan alone, as the name of a policy asks for that policy alone.
const PLAN: &str = "plan";

/// Under what name it is told that a plan was not judged, and how.
const GATE: &str = "tidegate";
const PLAN_UNKNOWN: &str = "plan-unknown";

/// The plans of the Applications that this process brings about.
#[derive(Debug, Clone)]
pub(super) struct Plans {
    pub(super) sources: Arc<Sources>,
    /// Which Applications it brings about.
    pub(super) scope: Scope,
}

/// The policies of the moment, and where plans are known.
#[derive(Debug)]
pub(super) struct Admission {
    set: Arc<PolicySet>,
    plans: Option<Plans>,
}

impl Admission {
    pub(super) fn new(set: Arc<PolicySet>, plans: Option<Plans>) -> Self {
        Self { set, plans }
    }
}

impl Evaluate for Admission {
    async fn evaluate(&self, call: Call) -> Vec<Evaluated> {
        let asked = self
            .plans
            .as_ref()
            .and_then(|plans| plans.about(&call))
            .map(|planned| {
                let limit = LONGEST.min(call.budget / 2);
                let call = call.clone();
                async move { timeout(limit, self.judge(planned, &call, limit)).await }
            });
        let Some(asked) = asked else {
            return self.set.evaluate(call).await;
        };
        let (mut evaluated, plan) = if call.selection == Selection::Matching {
            tokio::join!(self.set.evaluate(call), asked)
        } else {
            (Vec::new(), asked.await)
        };
        match plan {
            Ok(Some(plan)) => add(&mut evaluated, plan),
            Ok(None) => evaluated.push(unknown(
                "what its sources make is not known yet; it is judged before the first object is written",
            )),
            Err(_) => evaluated.push(unknown(
                "what its sources make was not judged in time; it is judged before the first object is written",
            )),
        }
        evaluated
    }

    fn policies(&self) -> Vec<PolicyStatus> {
        self.set.policies()
    }
}

/// An Application whose sources are about to change, as it was and as it is to be.
#[derive(Debug)]
struct Planned {
    sources: Arc<Sources>,
    old: Option<Value>,
    new: Value,
}

impl Plans {
    /// The Application of a call, where this process brings it about and its spec is new.
    fn about(&self, call: &Call) -> Option<Planned> {
        let review = &call.review;
        let is_application = review.kind.group == ARGO_GROUP && review.kind.kind == APPLICATION;
        let is_written = matches!(review.operation, Operation::Create | Operation::Update);
        let is_asked = match &call.selection {
            Selection::Matching => true,
            Selection::Named(name) => name == PLAN,
        };
        let is_asked = is_asked && call.stage == Stage::Validate && review.sub_resource.is_none();
        if !(is_application && is_written && is_asked) {
            return None;
        }
        let object = |text: &Option<Arc<str>>| -> Option<Value> {
            serde_json::from_str(text.as_deref()?).ok()
        };
        let new = object(&review.object)?;
        let old = object(&review.old_object);
        let is_ours = self.sources.is_following() && self.scope.has(&new);
        let is_same = old
            .as_ref()
            .is_some_and(|old| at(old, "/spec") == at(&new, "/spec"));
        let is_going = at(&new, "/metadata/deletionTimestamp").is_some();
        (is_ours && !is_same && !is_going).then(|| Planned {
            sources: self.sources.clone(),
            old,
            new,
        })
    }
}

impl Admission {
    /// What the policies say of the plan; none where it is not known.
    async fn judge(
        &self,
        planned: Planned,
        call: &Call,
        budget: Duration,
    ) -> Option<Vec<Evaluated>> {
        let (review, day) = (call.review.clone(), call.day);
        let request = move |subject: &Value, manifests: Vec<Value>| PlanRequest {
            kind: review.kind.clone(),
            namespace: review.namespace.clone(),
            subject: subject.to_string().into(),
            changes: manifests
                .into_iter()
                .map(|manifest| Change::Apply(manifest.to_string()))
                .collect(),
            dialect: None,
            budget,
            day,
        };
        let Planned { sources, old, new } = planned;
        // Reading a large plan takes milliseconds that other requests need not wait.
        let (new, old) = tokio::task::spawn_blocking(move || {
            let with_plan = |application: Value| {
                let manifests = sources.known(&application)?;
                Some(request(&application, manifests))
            };
            (with_plan(new), old.and_then(with_plan))
        })
        .await
        .ok()?;
        Some(plan_review::evaluate(&self.set, new?, old).await)
    }
}

/// Adds what the policies say of the plan to what they say of the Application. A policy that could not judge the plan is asked again by the reconciler.
fn add(evaluated: &mut Vec<Evaluated>, plan: Vec<Evaluated>) {
    for mut one in plan {
        let Ok(verdict) = &mut one.outcome else {
            continue;
        };
        for finding in &mut verdict.findings {
            // A place among the changes is no place in the Application.
            finding.path = None;
            finding.position = None;
        }
        let Some(whole) = evaluated
            .iter_mut()
            .find(|other| other.policy == one.policy)
        else {
            evaluated.push(one);
            continue;
        };
        whole.memory_bytes = whole.memory_bytes.max(one.memory_bytes);
        if let (Ok(own), Ok(verdict)) = (&mut whole.outcome, one.outcome) {
            own.findings.extend(verdict.findings);
        }
    }
}

/// A warning of the gate itself.
fn unknown(message: &str) -> Evaluated {
    Evaluated {
        policy: GATE.into(),
        enforcement: Arc::new(Enforcement::default()),
        outcome: Ok(Verdict {
            findings: vec![Finding {
                rule: PLAN_UNKNOWN.to_owned(),
                severity: Severity::Warning,
                message: message.to_owned(),
                path: None,
                position: None,
                suggestion: None,
                mended: false,
            }],
            ..Verdict::default()
        }),
        timing: Timing::default(),
        memory_bytes: 0,
    }
}
