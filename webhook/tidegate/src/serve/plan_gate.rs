//! The reconciler's gate: the policies that judged the object at admission judge what will really be done:
//! the statements of a schema, the objects of an Application.

use std::time::Duration;

use tidegate_admission::{Action, Decision, JudgedFinding};
use tidegate_host::Change;
use tidegate_reconcile::{Gate, GateFinding, GateVerdict, PlanChange, PlanReview};

use super::live::LivePolicies;
use crate::plan_review::{self, Question};

/// The reconciler can wait longer than an API server; each policy has its own, shorter limit.
const BUDGET: Duration = Duration::from_secs(15);

/// Judges with whatever set is live when the question comes.
pub(crate) struct PlanGate(pub(crate) LivePolicies);

impl Gate for PlanGate {
    async fn judge(&self, plan: &PlanReview) -> GateVerdict {
        let question = Question {
            subject: &plan.subject,
            namespace: plan_review::namespace(&plan.subject),
            changes: plan.changes.iter().map(change).collect(),
            dialect: plan.dialect.clone(),
            budget: BUDGET,
        };
        verdict(&plan_review::judge(&self.0.set(), question).await)
    }
}

fn change(change: &PlanChange) -> Change {
    match change {
        PlanChange::Statement(sql) => Change::Statement(sql.clone()),
        PlanChange::Apply(object) => Change::Apply(object.clone()),
        PlanChange::Delete(object) => Change::Delete(object.clone()),
    }
}

fn verdict(decision: &Decision) -> GateVerdict {
    let found = |action: Action| {
        decision
            .findings
            .iter()
            .filter(move |finding| finding.action == action)
            .map(finding)
    };
    let failed = decision
        .failures
        .iter()
        .find(|(_, _, action)| *action == Action::Deny);
    let denied: Vec<GateFinding> = found(Action::Deny).collect();
    match failed {
        _ if !denied.is_empty() => GateVerdict::Denied { findings: denied },
        Some((policy, why, _)) => GateVerdict::Unavailable {
            message: plan_review::could_not_judge(policy, why),
        },
        None => GateVerdict::Allowed {
            warnings: found(Action::Warn).collect(),
        },
    }
}

fn finding(finding: &JudgedFinding) -> GateFinding {
    GateFinding {
        policy: finding.policy.to_string(),
        rule: finding.rule.clone(),
        message: finding.message.clone(),
        change: plan_review::change_of(finding).map(|(change, _)| change),
        suggestion: finding.suggestion.clone(),
    }
}
