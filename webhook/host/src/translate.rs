//! Between the contract's generated types and the words of the admission room; and what an answer must keep to.

use tidegate_admission::{
    AuditAnnotation, Finding, MatchRule, Operation, PolicyFailure, PolicyInfo, Position, Review,
    RuleInfo, Severity, Verdict,
};

use crate::bindings::tidegate::policy::types as wit;
use crate::log::clean;
use crate::plan::{Change, PlanRequest};

/// The groups of a user, as the generated types borrow them.
pub(crate) fn groups(review: &Review) -> Vec<&str> {
    review.user.groups.iter().map(String::as_str).collect()
}

/// A review as the guest gets it.
pub(crate) fn admission<'a>(
    review: &'a Review,
    groups: &'a [&'a str],
    day: &'a str,
    settings: &'a str,
) -> wit::Request<'a> {
    wit::Request::Admission(wit::Admission {
        operation: match review.operation {
            Operation::Create => wit::Operation::Create,
            Operation::Update => wit::Operation::Update,
            Operation::Delete => wit::Operation::Delete,
            Operation::Connect => wit::Operation::Connect,
        },
        key: wit::ObjectKey {
            group: &review.kind.group,
            version: &review.kind.version,
            kind: &review.kind.kind,
            namespace: review.namespace.as_deref(),
            name: &review.name,
        },
        user: wit::UserInfo {
            username: &review.user.username,
            uid: &review.user.uid,
            groups,
        },
        dry_run: review.dry_run,
        day,
        object: review.object.as_deref(),
        old_object: review.old_object.as_deref(),
        settings,
    })
}

/// The changes of a plan, as the generated types borrow them.
pub(crate) fn changes(plan: &PlanRequest) -> Vec<wit::Change<'_>> {
    plan.changes
        .iter()
        .map(|change| match change {
            Change::Apply(object) => wit::Change::ApplyObject(object),
            Change::Delete(object) => wit::Change::DeleteObject(object),
            Change::Statement(statement) => wit::Change::RunStatement(statement),
        })
        .collect()
}

/// A plan as the guest gets it.
pub(crate) fn plan<'a>(
    plan: &'a PlanRequest,
    changes: &'a [wit::Change<'a>],
    day: &'a str,
    settings: &'a str,
) -> wit::Request<'a> {
    wit::Request::Plan(wit::Plan {
        subject: &plan.subject,
        changes,
        dialect: plan.dialect.as_deref(),
        day,
        settings,
    })
}

/// What the file says about itself, or what is wrong with that.
pub(crate) fn info(info: wit::PolicyInfo) -> Result<PolicyInfo, String> {
    let rules: Vec<RuleInfo> = info
        .rules
        .into_iter()
        .map(|rule| RuleInfo {
            id: rule.id,
            title: rule.title,
            severity: severity(rule.severity),
            documentation: rule.documentation,
        })
        .collect();
    if !is_words(&info.name) {
        return Err(format!(
            "its name `{}` is not lower-case words joined by `-`",
            clean(&info.name)
        ));
    }
    for (index, rule) in rules.iter().enumerate() {
        if !is_words(&rule.id) {
            return Err(format!(
                "its rule id `{}` is not lower-case words joined by `-`",
                clean(&rule.id)
            ));
        }
        if rules
            .iter()
            .take(index)
            .any(|earlier| earlier.id == rule.id)
        {
            return Err(format!("it has the rule `{}` twice", rule.id));
        }
    }
    let matches = info.matches.into_iter().map(|rule| MatchRule {
        groups: rule.groups,
        kinds: rule.kinds,
        operations: rule.operations.into_iter().map(operation).collect(),
    });
    Ok(PolicyInfo {
        name: info.name,
        version: info.version,
        summary: info.summary,
        matches: matches.collect(),
        mutates: info.mutates,
        rules,
        settings_schema: info.settings_schema,
        capabilities: info.capabilities,
    })
}

/// The answer, if it keeps to what the policy said about itself. `patchable`: there is an object that a patch could change.
pub(crate) fn verdict(
    verdict: wit::Verdict,
    info: &PolicyInfo,
    patchable: bool,
) -> Result<Verdict, PolicyFailure> {
    let wrong = |what: String| Err(PolicyFailure::Answer(what));
    let mut findings = Vec::with_capacity(verdict.findings.len());
    for finding in verdict.findings {
        if !info.rules.iter().any(|rule| rule.id == finding.rule) {
            return wrong(format!(
                "a finding of the rule `{}`, which the policy does not have",
                clean(&finding.rule)
            ));
        }
        findings.push(Finding {
            rule: finding.rule,
            severity: severity(finding.severity),
            message: finding.message,
            path: finding.path,
            position: finding.position.map(|at| Position {
                line: at.line,
                column: at.column,
            }),
            suggestion: finding.suggestion,
            mended: finding.mended,
        });
    }
    let patch = match verdict.patch {
        None => json_patch::Patch::default(),
        Some(_) if !info.mutates => {
            return wrong("a patch, but the policy says that it does not mutate".into());
        }
        Some(_) if !patchable => return wrong("a patch, but there is no object to change".into()),
        Some(text) => match serde_json::from_str(&text) {
            Ok(patch) => patch,
            Err(error) => {
                return wrong(format!(
                    "a patch that is no JSON patch (RFC 6902): {}",
                    clean(&error.to_string())
                ));
            }
        },
    };
    let audit_annotations = verdict
        .audit_annotations
        .into_iter()
        .map(|fact| AuditAnnotation {
            key: fact.key,
            value: fact.value,
        })
        .collect();
    Ok(Verdict {
        findings,
        patch,
        audit_annotations,
    })
}

fn severity(severity: wit::Severity) -> Severity {
    match severity {
        wit::Severity::Error => Severity::Error,
        wit::Severity::Warning => Severity::Warning,
        wit::Severity::Info => Severity::Info,
    }
}

fn operation(operation: wit::Operation) -> Operation {
    match operation {
        wit::Operation::Create => Operation::Create,
        wit::Operation::Update => Operation::Update,
        wit::Operation::Delete => Operation::Delete,
        wit::Operation::Connect => Operation::Connect,
    }
}

/// Lower-case words of letters and digits joined by `-`, at most 63 characters.
fn is_words(text: &str) -> bool {
    text.len() <= 63
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (text, expected) in [
            ("drop-column", true),
            ("a", true),
            ("sha256", true),
            ("", false),
            ("-a", false),
            ("a--b", false),
            ("Drop", false),
            ("a b", false),
            ("a\u{1b}", false),
        ] {
            assert_eq!(is_words(text), expected, "{text:?}");
        }
        assert!(!is_words(&"a".repeat(64)));
    }
}
