//! From what the policies said to what happens: the decision about one request.
//!
//! Only content decides here, so the answer is always a verdict and never an error: what an object makes a policy do (crash, run out of time or
//! memory) is a denial or, where the operator allows it, a warning. Otherwise the API server's `failurePolicy: Ignore` would let an attacker choose
//! what is not judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::{
    Action, Evaluated, Finding, Mode, Position, Redactor, Review, Scope, Severity, Stage,
    apply_checked,
};

/// A finding with what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedFinding {
    /// The policy's name in the policies file.
    pub policy: Arc<str>,
    /// Id of the rule, without the policy's name.
    pub rule: String,
    /// The policy's opinion.
    pub severity: Severity,
    /// The operator's decision.
    pub action: Action,
    /// What is wrong.
    pub message: String,
    /// JSON pointer.
    pub path: Option<String>,
    /// Where in the text at `path`.
    #[serde(flatten)]
    pub position: Option<Position>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl JudgedFinding {
    /// `policy/rule`, as people name it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.policy, self.rule)
    }
}

/// Why a request is denied, as `metav1.Status` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusReason {
    /// A rule says no: code 403, reason Forbidden.
    Forbidden,
    /// It could not be judged because of what it holds: code 422, reason Invalid.
    Invalid,
    /// The body is larger than the limit: code 413, reason `RequestEntityTooLarge`.
    TooLarge,
}

/// What happens to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// None: allowed.
    pub denied: Option<StatusReason>,
    /// Everything that was found, with what it does; `off` findings are left out.
    pub findings: Vec<JudgedFinding>,
    /// Policies without a verdict, and why.
    pub failures: Vec<(Arc<str>, String, Action)>,
    /// To be applied by the API server; only at the mutating stage.
    pub patch: json_patch::Patch,
    /// By key.
    pub audit_annotations: BTreeMap<String, String>,
}

impl Decision {
    /// Whether the request passes.
    pub fn allowed(&self) -> bool {
        self.denied.is_none()
    }
}

/// Weighs what the policies said.
///
/// At the mutating stage only patches count, and a finding that its patch mends becomes a warning that says what was changed; every other
/// finding is left for the validating stage, which sees the object as it will be stored.
pub fn decide(review: &Review, stage: Stage, evaluated: &[Evaluated]) -> Decision {
    let mut decision = Decision::default();
    let mut object = review.object.clone();
    let something_said = evaluated.iter().any(|one| {
        one.outcome
            .as_ref()
            .map_or(true, |verdict| *verdict != crate::Verdict::default())
    });
    if !something_said {
        return decision;
    }
    let redactor = Redactor::of(
        review
            .object
            .as_deref()
            .into_iter()
            .chain(review.old_object.as_deref()),
    );
    for one in evaluated {
        let scope = one.enforcement.scope(review);
        let verdict = match &one.outcome {
            Ok(verdict) => verdict,
            Err(failure) => {
                decision.fail(
                    one,
                    scope,
                    redactor.redact(&failure.to_string()).into_owned(),
                );
                continue;
            }
        };
        for finding in &verdict.findings {
            decision.find(one, scope, finding, stage, &redactor);
        }
        for annotation in &verdict.audit_annotations {
            let key = format!("{}.{}", one.policy, annotation.key);
            decision
                .audit_annotations
                .insert(key, redactor.redact(&annotation.value).into_owned());
        }
        let patches = stage == Stage::Mutate
            && one.enforcement.mutate
            && one.enforcement.mode == Mode::Enforce;
        if let (true, false, Some(text)) = (patches, verdict.patch.0.is_empty(), object.as_deref())
        {
            match apply_checked(text, &verdict.patch) {
                Ok(patched) => {
                    object = Some(patched.into());
                    decision.patch.0.extend(verdict.patch.0.iter().cloned());
                }
                Err(error) => decision.fail(one, scope, error.to_string()),
            }
        }
    }
    if decision.denied.is_some() {
        decision.patch.0.clear();
    }
    decision
}

impl Decision {
    fn deny(&mut self, reason: StatusReason) {
        // A rule's clear no outweighs "could not be judged".
        if self.denied != Some(StatusReason::Forbidden) {
            self.denied = Some(reason);
        }
    }

    fn fail(&mut self, one: &Evaluated, scope: Option<&Scope>, why: String) {
        let action = if one.enforcement.failure_binds(scope) {
            Action::Deny
        } else {
            Action::Warn
        };
        if action == Action::Deny {
            self.deny(StatusReason::Invalid);
        }
        self.failures.push((one.policy.clone(), why, action));
    }

    fn find(
        &mut self,
        one: &Evaluated,
        scope: Option<&Scope>,
        finding: &Finding,
        stage: Stage,
        redactor: &Redactor,
    ) {
        let action = one
            .enforcement
            .action(&finding.rule, finding.severity, scope);
        let action = match (stage, action) {
            (_, Action::Off) => return,
            (Stage::Mutate, _) if !finding.mended => return,
            (Stage::Mutate, action) => action.max(Action::Warn),
            (Stage::Validate, action) => action,
        };
        if action == Action::Deny {
            self.deny(StatusReason::Forbidden);
        }
        let redacted = |text: &String| redactor.redact(text).into_owned();
        self.findings.push(JudgedFinding {
            policy: one.policy.clone(),
            rule: finding.rule.clone(),
            severity: finding.severity,
            action,
            message: redacted(&finding.message),
            path: finding.path.as_ref().map(redacted),
            position: finding.position,
            suggestion: finding.suggestion.as_ref().map(redacted),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AuditAnnotation, Enforcement, FailurePolicy, PolicyFailure, Timing, Verdict, parse_review,
    };

    fn review() -> Review {
        let body = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE",
            "kind":{"group":"db.atlasgo.io","version":"v1alpha1","kind":"AtlasSchema"},
            "object":{"metadata":{"name":"shop"},"spec":{"url":"mysql://root:hunter22@db/shop"}}}}"#;
        parse_review(body.as_bytes()).unwrap()
    }

    fn finding(rule: &str, severity: Severity) -> Finding {
        Finding {
            rule: rule.into(),
            severity,
            message: format!("{rule} with hunter22"),
            path: Some("/spec/url".into()),
            position: None,
            suggestion: Some("not mysql://a:b@c".into()),
            mended: false,
        }
    }

    fn said(enforcement: Enforcement, outcome: Result<Verdict, PolicyFailure>) -> Evaluated {
        Evaluated {
            policy: "p".into(),
            enforcement: enforcement.into(),
            outcome,
            timing: Timing::default(),
            memory_bytes: 0,
        }
    }

    fn verdict(findings: Vec<Finding>, patch: &str) -> Verdict {
        Verdict {
            findings,
            patch: serde_json::from_str(patch).unwrap(),
            audit_annotations: vec![],
        }
    }

    const ADD: &str = r#"[{"op":"add","path":"/spec/x","value":1}]"#;

    #[test]
    fn severities_become_actions() {
        let found = vec![
            finding("a", Severity::Warning),
            finding("b", Severity::Error),
            finding("c", Severity::Info),
        ];
        let decision = decide(
            &review(),
            Stage::Validate,
            &[said(Enforcement::default(), Ok(verdict(found, "[]")))],
        );
        assert_eq!(decision.denied, Some(StatusReason::Forbidden));
        let actions: Vec<Action> = decision
            .findings
            .iter()
            .map(|finding| finding.action)
            .collect();
        assert_eq!(actions, [Action::Warn, Action::Deny, Action::Audit]);
    }

    #[test]
    fn what_is_in_a_scope_is_judged_by_it() {
        let enforcement = Enforcement {
            scopes: vec![Scope {
                namespaces: vec!["lab".into()],
                action: Some(Action::Warn),
                ..Scope::default()
            }],
            ..Enforcement::default()
        };
        let found = || verdict(vec![finding("b", Severity::Error)], "[]");
        for (namespace, outcome, denied) in [
            ("lab", Ok(found()), None),
            ("shop", Ok(found()), Some(StatusReason::Forbidden)),
            ("lab", Err(PolicyFailure::Stack), None),
            (
                "shop",
                Err(PolicyFailure::Stack),
                Some(StatusReason::Invalid),
            ),
        ] {
            let review = Review {
                namespace: Some(namespace.into()),
                ..review()
            };
            let said = said(enforcement.clone(), outcome);
            let decision = decide(&review, Stage::Validate, &[said]);
            assert_eq!(decision.denied, denied, "{namespace}");
        }
    }

    #[test]
    fn no_secret_of_the_object_leaves() {
        let mut said = said(
            Enforcement::default(),
            Ok(verdict(vec![finding("a", Severity::Error)], "[]")),
        );
        if let Ok(verdict) = &mut said.outcome {
            verdict.audit_annotations.push(AuditAnnotation {
                key: "k".into(),
                value: "hunter22".into(),
            });
        }
        let decision = decide(&review(), Stage::Validate, &[said]);
        assert!(
            !format!("{decision:?}").contains("hunter22"),
            "{decision:?}"
        );
        assert_eq!(
            decision.findings[0].suggestion.as_deref(),
            Some("not mysql://a:***@c")
        );
    }

    #[test]
    fn a_failure_is_judged_by_its_policy() {
        let failed = || Err(PolicyFailure::Stack);
        for (enforcement, denied) in [
            (Enforcement::default(), Some(StatusReason::Invalid)),
            (
                Enforcement {
                    failure_policy: FailurePolicy::Allow,
                    ..Enforcement::default()
                },
                None,
            ),
            (
                Enforcement {
                    mode: Mode::Monitor,
                    ..Enforcement::default()
                },
                None,
            ),
            (
                Enforcement {
                    action: Action::Warn,
                    ..Enforcement::default()
                },
                None,
            ),
        ] {
            let decision = decide(&review(), Stage::Validate, &[said(enforcement, failed())]);
            assert_eq!((decision.denied, decision.failures.len()), (denied, 1));
        }
    }

    #[test]
    fn mutation_patches_and_tells_what_it_mended() {
        let mutating = Enforcement {
            mutate: true,
            ..Enforcement::default()
        };
        let mut mended = finding("a", Severity::Error);
        mended.mended = true;
        let found = vec![mended, finding("b", Severity::Error)];
        let decision = decide(
            &review(),
            Stage::Mutate,
            &[said(mutating.clone(), Ok(verdict(found.clone(), ADD)))],
        );
        assert_eq!(
            (
                decision.allowed(),
                decision.patch.0.len(),
                decision.findings.len()
            ),
            (true, 1, 1)
        );
        assert_eq!(decision.findings[0].action, Action::Warn);

        let decision = decide(
            &review(),
            Stage::Validate,
            &[said(mutating.clone(), Ok(verdict(found.clone(), ADD)))],
        );
        assert_eq!(
            (
                decision.allowed(),
                decision.patch.0.len(),
                decision.findings.len()
            ),
            (false, 0, 2)
        );

        let monitored = Enforcement {
            mode: Mode::Monitor,
            ..mutating
        };
        let decision = decide(
            &review(),
            Stage::Mutate,
            &[said(monitored, Ok(verdict(found, ADD)))],
        );
        assert!(decision.patch.0.is_empty());
    }

    #[test]
    fn a_patch_that_does_not_apply_is_the_policys_failure() {
        let mutating = Enforcement {
            mutate: true,
            ..Enforcement::default()
        };
        let bad = r#"[{"op":"remove","path":"/spec/nothing"}]"#;
        let evaluated = [
            said(mutating.clone(), Ok(verdict(vec![], ADD))),
            said(mutating, Ok(verdict(vec![], bad))),
        ];
        let decision = decide(&review(), Stage::Mutate, &evaluated);
        assert_eq!(
            (decision.denied, decision.patch.0.len()),
            (Some(StatusReason::Invalid), 0)
        );
    }
}
