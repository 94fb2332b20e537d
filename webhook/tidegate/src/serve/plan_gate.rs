//! The reconciler's gate: the policies that judged the object at admission judge what will really be done: the statements of a schema, the objects of an
//! Application.
//!
//! Of an Application they see the whole, in its order, and then each AtlasSchema, AtlasMigration, Application and AppProject that would change, against what is
//! there: what the API server will ask about each of them later is known before the first object is written.

use std::collections::BTreeSet;
use std::time::Duration;

use tidegate_admission::{Action, Decision, JudgedFinding};
use tidegate_host::Change;
use tidegate_model::object::{group, kind};
use tidegate_model::words::{ARGO_GROUP, ATLAS_GROUP};
use tidegate_reconcile::{Gate, GateFinding, GateVerdict, PlanChange, PlanReview};

use super::live::LivePolicies;
use crate::plan_review::{self, Question};

/// The reconciler can wait longer than an API server; each policy has its own, shorter limit.
const BUDGET: Duration = Duration::from_secs(15);

/// Judges with whatever set is live when the question comes.
pub(crate) struct PlanGate(pub(crate) LivePolicies);

impl Gate for PlanGate {
    async fn judge(&self, plan: &PlanReview) -> GateVerdict {
        let policies = self.0.set();
        let question = Question {
            subject: &plan.subject,
            namespace: plan_review::namespace(&plan.subject),
            changes: plan.changes.iter().map(change).collect(),
            before: None,
            dialect: plan.dialect.clone(),
            budget: BUDGET,
        };
        let whole = plan_review::judge(&policies, question).await;
        let mut verdicts = vec![verdict(&whole, None)];
        for (index, change) in plan.changes.iter().enumerate() {
            if let PlanChange::Apply {
                object,
                live,
                unchanged: false,
            } = change
                && is_judged(object)
            {
                let decision =
                    plan_review::judge_object(&policies, object, live.as_deref(), BUDGET).await;
                verdicts.push(verdict(&decision, Some(index)));
            }
        }
        together(verdicts)
    }
}

/// Whether an object is of the kinds that the API server asks this gate about.
fn is_judged(object: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(object).unwrap_or_default();
    let holds_sql = || {
        value
            .pointer("/metadata/labels/gate.tidegate.dev~1sql")
            .is_some()
    };
    matches!(group(&value), ARGO_GROUP | ATLAS_GROUP) || kind(&value) == "ConfigMap" && holds_sql()
}

fn change(change: &PlanChange) -> Change {
    match change {
        PlanChange::Statement(sql) => Change::Statement(sql.clone()),
        PlanChange::Apply { object, .. } => Change::Apply(object.clone()),
        PlanChange::Delete(object) => Change::Delete(object.clone()),
    }
}

/// One verdict of several: a denial outweighs silence, silence outweighs the rest. What two of them found is told once.
fn together(verdicts: Vec<GateVerdict>) -> GateVerdict {
    let (mut denied, mut warned, mut silent) = (Vec::new(), Vec::new(), None);
    let mut seen = BTreeSet::new();
    let mut add = |all: &mut Vec<GateFinding>, findings: Vec<GateFinding>| {
        for finding in findings {
            if seen.insert((
                finding.policy.clone(),
                finding.rule.clone(),
                finding.message.clone(),
            )) {
                all.push(finding);
            }
        }
    };
    for verdict in verdicts {
        match verdict {
            GateVerdict::Denied { findings } => add(&mut denied, findings),
            GateVerdict::Allowed { warnings } => add(&mut warned, warnings),
            GateVerdict::Unavailable { message } => {
                silent.get_or_insert(message);
            }
        }
    }
    match silent {
        _ if !denied.is_empty() => GateVerdict::Denied { findings: denied },
        Some(message) => GateVerdict::Unavailable { message },
        None => GateVerdict::Allowed { warnings: warned },
    }
}

/// A decision as a verdict; `about` is the change that all of it is about.
fn verdict(decision: &Decision, about: Option<usize>) -> GateVerdict {
    let found = |action: Action| {
        decision
            .findings
            .iter()
            .filter(move |finding| finding.action == action)
            .map(|finding| self::finding(finding, about))
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

fn finding(finding: &JudgedFinding, about: Option<usize>) -> GateFinding {
    GateFinding {
        policy: finding.policy.to_string(),
        rule: finding.rule.clone(),
        message: finding.message.clone(),
        change: about.or_else(|| plan_review::change_of(finding).map(|(change, _)| change)),
        suggestion: finding.suggestion.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(message: &str) -> GateFinding {
        GateFinding {
            policy: "p".to_owned(),
            rule: "r".to_owned(),
            message: message.to_owned(),
            change: None,
            suggestion: None,
        }
    }

    #[test]
    fn a_denial_outweighs_silence_and_silence_the_rest() {
        let denied = |messages: &[&str]| GateVerdict::Denied {
            findings: messages.iter().map(|message| found(message)).collect(),
        };
        let allowed = |messages: &[&str]| GateVerdict::Allowed {
            warnings: messages.iter().map(|message| found(message)).collect(),
        };
        let silent = || GateVerdict::Unavailable {
            message: "late".to_owned(),
        };
        for (verdicts, expected) in [
            (
                vec![allowed(&["a"]), allowed(&["a", "b"])],
                allowed(&["a", "b"]),
            ),
            (vec![allowed(&["a"]), silent()], silent()),
            (
                vec![silent(), denied(&["a"]), denied(&["a", "b"])],
                denied(&["a", "b"]),
            ),
        ] {
            assert_eq!(together(verdicts), expected);
        }
    }
}
