//! The reconciler's gate: the policies that judged the object at admission judge the statements that will really run.

use std::time::Duration;

use serde::Deserialize;
use tidegate_admission::{
    Action, Decision, GroupVersionKind, GroupVersionResource, JudgedFinding, Operation, Review,
    Stage, UserInfo, decide,
};
use tidegate_host::{Change, PlanRequest};
use tidegate_reconcile::{Gate, GateFinding, GateVerdict, PlanReview};

use super::live::LivePolicies;
use crate::policies::today;

/// The reconciler can wait longer than an API server; each policy has its own, shorter limit.
const BUDGET: Duration = Duration::from_secs(15);

/// Judges with whatever set is live when the question comes.
pub(crate) struct PlanGate(pub(crate) LivePolicies);

impl Gate for PlanGate {
    async fn judge(&self, plan: &PlanReview) -> GateVerdict {
        let subject = as_review(&plan.subject);
        let request = PlanRequest {
            kind: subject.kind.clone(),
            namespace: subject.namespace.clone(),
            subject: plan.subject.as_str().into(),
            changes: plan
                .statements
                .iter()
                .cloned()
                .map(Change::Statement)
                .collect(),
            dialect: Some(plan.dialect.clone()),
            budget: BUDGET,
            day: today(),
        };
        let evaluated = self.0.set().judge_plan(request).await;
        verdict(&decide(&subject, Stage::Validate, &evaluated))
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
            message: format!("policy {policy} could not judge the plan: {why}"),
        },
        None => GateVerdict::Allowed {
            warnings: found(Action::Warn).collect(),
        },
    }
}

fn finding(finding: &JudgedFinding) -> GateFinding {
    let statement = finding.path.as_deref().and_then(|path| {
        path.strip_prefix("/changes/")?
            .split('/')
            .next()?
            .parse()
            .ok()
    });
    GateFinding {
        policy: finding.policy.to_string(),
        rule: finding.rule.clone(),
        message: finding.message.clone(),
        statement,
        suggestion: finding.suggestion.clone(),
    }
}

/// The subject as a review: what names it, and its secrets, which are then kept out of the findings.
fn as_review(subject: &str) -> Review {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Subject {
        api_version: String,
        kind: String,
        metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Metadata {
        name: String,
        namespace: Option<String>,
    }
    let named: Subject = serde_json::from_str(subject).unwrap_or_default();
    let (group, version) = named
        .api_version
        .split_once('/')
        .unwrap_or(("", &named.api_version));
    Review {
        uid: String::new(),
        operation: Operation::Update,
        kind: GroupVersionKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: named.kind,
        },
        resource: GroupVersionResource::default(),
        sub_resource: None,
        name: named.metadata.name,
        namespace: named.metadata.namespace,
        user: UserInfo::default(),
        dry_run: false,
        object: Some(subject.into()),
        old_object: None,
    }
}
