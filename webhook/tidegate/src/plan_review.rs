//! How the policies are asked about a plan: by the reconciler's gate, by `check` for a folder, and by `schema` at a terminal.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidegate_admission::{
    Call, Decision, Evaluate as _, Evaluated, Finding, GroupVersionKind, GroupVersionResource,
    JudgedFinding, Operation, Review, Selection, Severity, Stage, UserInfo, decide,
};
use tidegate_host::{Change, PlanRequest, PolicySet};

use crate::policies::today;

/// What is asked.
pub(crate) struct Question<'a> {
    /// The object that is being brought about, as JSON text. Policies are asked that match its kind.
    pub(crate) subject: &'a str,
    /// The namespace whose exemption and scopes count; none where none do.
    pub(crate) namespace: Option<String>,
    /// In the order of application.
    pub(crate) changes: Vec<Change>,
    /// What they were before somebody changed them, where that is known.
    pub(crate) before: Option<Vec<Change>>,
    /// The database's SQL, where there are statements.
    pub(crate) dialect: Option<String>,
    /// How long all policies may take; each has its own, shorter limit.
    pub(crate) budget: Duration,
}

/// Asks, and weighs the answers. What is secret in the subject is kept out of them.
pub(crate) async fn judge(policies: &PolicySet, question: Question<'_>) -> Decision {
    let mut review = update_of(question.subject, None);
    review.namespace.clone_from(&question.namespace);
    let request = PlanRequest {
        kind: review.kind.clone(),
        namespace: question.namespace,
        subject: question.subject.into(),
        changes: question.changes,
        dialect: question.dialect,
        budget: question.budget,
        day: today(),
    };
    let before = question.before.map(|changes| PlanRequest {
        changes,
        ..request.clone()
    });
    let evaluated = evaluate(policies, request, before).await;
    decide(&review, Stage::Validate, &evaluated)
}

/// Asks about a plan. What would deny and was found of the plan before as well becomes a warning: whoever changes something else need not mend it, and
/// the policies treat an object alone in the same way.
pub(crate) async fn evaluate(
    policies: &PolicySet,
    plan: PlanRequest,
    before: Option<PlanRequest>,
) -> Vec<Evaluated> {
    let mut evaluated = policies.judge_plan(plan).await;
    if let Some(before) = before.filter(|_| errors(&evaluated).next().is_some()) {
        soften(&mut evaluated, &policies.judge_plan(before).await);
    }
    evaluated
}

fn errors(evaluated: &[Evaluated]) -> impl Iterator<Item = (&str, &Finding)> {
    evaluated.iter().flat_map(|one| {
        let findings = one.outcome.iter().flat_map(|verdict| &verdict.findings);
        findings
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| (&*one.policy, finding))
    })
}

/// Messages name what they are about; places among the changes are others before and after.
fn soften(evaluated: &mut [Evaluated], before: &[Evaluated]) {
    let known: BTreeSet<(&str, &str, &str)> = errors(before)
        .map(|(policy, finding)| (policy, finding.rule.as_str(), finding.message.as_str()))
        .collect();
    for one in evaluated {
        let Ok(verdict) = &mut one.outcome else {
            continue;
        };
        for finding in &mut verdict.findings {
            if known.contains(&(&one.policy, &finding.rule, &finding.message)) {
                finding.severity = Severity::Warning;
            }
        }
    }
}

/// Judges one object as the API server would ask about it, were it written now over what is there.
pub(crate) async fn judge_object(
    policies: &PolicySet,
    object: &str,
    live: Option<&str>,
    budget: Duration,
) -> Decision {
    let mut review = update_of(object, live);
    if live.is_none() {
        review.operation = Operation::Create;
    }
    let review = Arc::new(review);
    let call = Call {
        stage: Stage::Validate,
        selection: Selection::Matching,
        review: Arc::clone(&review),
        budget,
        day: today(),
    };
    decide(&review, Stage::Validate, &policies.evaluate(call).await)
}

/// An update of an object by nobody in particular.
fn update_of(object: &str, live: Option<&str>) -> Review {
    let value: Value = serde_json::from_str(object).unwrap_or_default();
    let api_version = text(&value, "/apiVersion").unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    Review {
        uid: String::new(),
        operation: Operation::Update,
        kind: GroupVersionKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(&value, "/kind").unwrap_or_default(),
        },
        resource: GroupVersionResource::default(),
        sub_resource: None,
        name: text(&value, "/metadata/name").unwrap_or_default(),
        namespace: text(&value, "/metadata/namespace"),
        user: UserInfo::default(),
        dry_run: false,
        object: Some(object.into()),
        old_object: live.map(Into::into),
    }
}

/// The namespace that a subject names.
pub(crate) fn namespace(subject: &str) -> Option<String> {
    let subject: Value = serde_json::from_str(subject).ok()?;
    text(&subject, "/metadata/namespace")
}

/// The change that a finding is about, from 0, and the pointer inside it.
pub(crate) fn change_of(finding: &JudgedFinding) -> Option<(usize, &str)> {
    change_in(finding.path.as_deref()?)
}

/// A policy that gave no verdict, in words.
pub(crate) fn could_not_judge(policy: &str, why: &str) -> String {
    format!("policy {policy} could not judge the plan: {why}")
}

fn change_in(path: &str) -> Option<(usize, &str)> {
    let rest = path.strip_prefix("/changes/")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (change, inside) = rest.split_at_checked(end)?;
    Some((change.parse().ok()?, inside))
}

fn text(object: &Value, pointer: &str) -> Option<String> {
    object.pointer(pointer)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_its_change() {
        for (path, expected) in [
            ("/changes/3/metadata/name", Some((3, "/metadata/name"))),
            ("/changes/0", Some((0, ""))),
            ("/changes/x/y", None),
            ("/metadata", None),
        ] {
            assert_eq!(change_in(path), expected, "{path}");
        }
    }
}
