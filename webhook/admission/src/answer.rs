//! A decision as the AdmissionReview v1 response that the API server understands.
//!
//! The limits follow what Kubernetes 1.36 does with an answer: a warning with a control character is dropped, warnings of more than 4096 characters
//! in all are cut to 256 each, an audit annotation with a bad key is dropped, a status code of 1000 or more ends the connection, and nothing
//! limits a denial's length but its reader's patience.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::{Action, Decision, JudgedFinding, StatusReason};

/// The longest denial.
const LONGEST_MESSAGE_BYTES: usize = 4096;
/// The longest single warning, in characters; the API server cuts there once the total passes its limit.
const LONGEST_WARNING: usize = 256;
/// The most warnings: with the longest ones the total stays under the API server's 4096 characters.
const MOST_WARNINGS: usize = 15;
/// The longest audit annotation, in bytes.
const LONGEST_ANNOTATION_BYTES: usize = 1024;
/// The most causes in a status.
const MOST_CAUSES: usize = 32;

/// The response body for a decision.
pub fn answer(uid: &str, decision: &Decision) -> Vec<u8> {
    let patch = (!decision.patch.0.is_empty()).then(|| {
        serde_json::to_vec(&decision.patch)
            .map(|json| BASE64_STANDARD.encode(json))
            .ok()
    });
    let patch = patch.flatten();
    write(&Response {
        uid,
        allowed: decision.allowed(),
        status: decision.denied.map(|reason| Status {
            code: reason.code(),
            reason: reason.as_str(),
            message: message(decision),
            details: Some(Details {
                causes: causes(decision),
            })
            .filter(|details| !details.causes.is_empty()),
        }),
        warnings: warnings(decision),
        audit_annotations: audit_annotations(decision),
        patch_type: patch.is_some().then_some("JSONPatch"),
        patch,
    })
}

/// The response body for a request that was not judged at all, such as one over the size limit.
pub fn failure(uid: &str, reason: StatusReason, message: &str) -> Vec<u8> {
    write(&Response {
        uid,
        allowed: false,
        status: Some(Status {
            code: reason.code(),
            reason: reason.as_str(),
            message: cut(&printable(message), LONGEST_MESSAGE_BYTES),
            details: None,
        }),
        warnings: vec![],
        audit_annotations: BTreeMap::new(),
        patch_type: None,
        patch: None,
    })
}

impl StatusReason {
    /// The HTTP-like code of the status.
    pub fn code(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::Invalid => 422,
            Self::TooLarge => 413,
        }
    }

    /// `metav1.StatusReason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "Forbidden",
            Self::Invalid => "Invalid",
            Self::TooLarge => "RequestEntityTooLarge",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionReview<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: &'a Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Serialize)]
struct Details {
    causes: Vec<Cause>,
}

#[derive(Serialize)]
struct Cause {
    reason: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

fn write(response: &Response<'_>) -> Vec<u8> {
    let review = AdmissionReview {
        api_version: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response,
    };
    serde_json::to_vec(&review)
        .expect("strings, numbers and maps with string keys always serialize")
}

/// The denial that a person reads in the terminal: one paragraph for each reason.
fn message(decision: &Decision) -> String {
    let denials = decision
        .findings
        .iter()
        .filter(|finding| finding.action == Action::Deny)
        .map(paragraph);
    let failures = decision
        .failures
        .iter()
        .filter(|(_, _, action)| *action == Action::Deny)
        .map(|(policy, why, _)| {
            format!(
                "policy {policy} could not judge this object and its failurePolicy is deny: {why}"
            )
        });
    let paragraphs: Vec<String> = denials.chain(failures).collect();
    let text = match paragraphs.as_slice() {
        [one] => one.clone(),
        many => {
            let numbered = many
                .iter()
                .enumerate()
                .map(|(index, text)| format!("\n{}. {text}", index + 1));
            format!("{} problems{}", many.len(), numbered.collect::<String>())
        }
    };
    cut(&printable(&text), LONGEST_MESSAGE_BYTES)
}

fn paragraph(finding: &JudgedFinding) -> String {
    let place = place(finding).map_or_else(String::new, |place| format!(" ({place})"));
    let instead = finding
        .suggestion
        .as_deref()
        .map_or_else(String::new, |text| format!(". Instead: {text}"));
    format!("[{}] {}{place}{instead}", finding.id(), finding.message)
}

fn place(finding: &JudgedFinding) -> Option<String> {
    let path = finding.path.as_deref()?;
    Some(match finding.position {
        Some(position) => format!("{path}, line {}, column {}", position.line, position.column),
        None => path.to_owned(),
    })
}

fn causes(decision: &Decision) -> Vec<Cause> {
    decision
        .findings
        .iter()
        .filter(|finding| finding.action == Action::Deny)
        .take(MOST_CAUSES)
        .map(|finding| Cause {
            reason: finding.id(),
            message: cut(&printable(&finding.message), LONGEST_ANNOTATION_BYTES),
            field: finding
                .path
                .as_deref()
                .map(|path| cut(&printable(path), LONGEST_ANNOTATION_BYTES)),
        })
        .collect()
}

fn warnings(decision: &Decision) -> Vec<String> {
    let findings = decision
        .findings
        .iter()
        .filter(|finding| finding.action == Action::Warn)
        .map(paragraph);
    let failures = decision
        .failures
        .iter()
        .filter(|(_, _, action)| *action == Action::Warn)
        .map(|(policy, why, _)| format!("policy {policy} did not judge this object: {why}"));
    let mut all: Vec<String> = findings
        .chain(failures)
        .map(|text| warning(&text))
        .collect();
    let more = all.len().saturating_sub(MOST_WARNINGS);
    if more > 0 {
        all.truncate(MOST_WARNINGS - 1);
        all.push(format!(
            "and {} more warnings; `tidegate check` shows all",
            more + 1
        ));
    }
    all
}

fn warning(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() <= LONGEST_WARNING {
        return line;
    }
    line.chars()
        .take(LONGEST_WARNING - 1)
        .chain(['…'])
        .collect()
}

fn audit_annotations(decision: &Decision) -> BTreeMap<String, String> {
    let mut annotations: BTreeMap<String, String> = decision
        .audit_annotations
        .iter()
        .filter(|(key, _)| is_annotation_key(key))
        .map(|(key, value)| {
            (
                key.clone(),
                cut(&printable(value), LONGEST_ANNOTATION_BYTES),
            )
        })
        .collect();
    if !decision.findings.is_empty() {
        let rules: Vec<String> = decision
            .findings
            .iter()
            .map(|finding| format!("{}={}", finding.id(), finding.action.as_str()))
            .collect();
        annotations.insert(
            "findings".into(),
            cut(&rules.join(","), LONGEST_ANNOTATION_BYTES),
        );
    }
    if !decision.failures.is_empty() {
        let policies: Vec<String> = decision
            .failures
            .iter()
            .map(|(policy, _, action)| format!("{policy}={}", action.as_str()))
            .collect();
        annotations.insert(
            "failures".into(),
            cut(&policies.join(","), LONGEST_ANNOTATION_BYTES),
        );
    }
    annotations
}

/// The name part of a qualified name: the API server puts the webhook's name in front.
fn is_annotation_key(key: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    key.len() <= 63
        && alphanumeric(key.chars().next())
        && alphanumeric(key.chars().last())
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Without what could drive a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}

fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Position, Severity};

    fn finding(action: Action, message: &str) -> JudgedFinding {
        JudgedFinding {
            policy: "unsafe-sql".into(),
            rule: "drop-column".into(),
            severity: Severity::Error,
            action,
            message: message.into(),
            path: Some("/spec/schema/sql".into()),
            position: Some(Position { line: 3, column: 5 }),
            suggestion: Some("keep it".into()),
        }
    }

    fn response(decision: &Decision) -> Value {
        let review: Value = serde_json::from_slice(&answer("u", decision)).unwrap();
        assert_eq!(
            (&review["apiVersion"], &review["kind"]),
            (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
        );
        review["response"].clone()
    }

    #[test]
    fn nothing_found_is_the_shortest_answer() {
        assert_eq!(
            response(&Decision::default()),
            json!({"uid": "u", "allowed": true})
        );
    }

    #[test]
    fn a_denial_says_what_where_and_what_instead() {
        let decision = Decision {
            denied: Some(StatusReason::Forbidden),
            findings: vec![finding(Action::Deny, "column `a.b` would be dropped")],
            ..Decision::default()
        };
        assert_eq!(
            response(&decision)["status"],
            json!({
                "code": 403, "reason": "Forbidden",
                "message": "[unsafe-sql/drop-column] column `a.b` would be dropped (/spec/schema/sql, line 3, column 5). Instead: keep it",
                "details": {"causes": [{"reason": "unsafe-sql/drop-column", "message": "column `a.b` would be dropped", "field": "/spec/schema/sql"}]},
            })
        );
        assert_eq!(
            response(&decision)["auditAnnotations"],
            json!({"findings": "unsafe-sql/drop-column=deny"})
        );
    }

    #[test]
    fn warnings_stay_within_what_the_api_server_keeps() {
        let long = format!("tab\there\u{1b}[31m {}", "ä".repeat(300));
        let decision = Decision {
            findings: vec![finding(Action::Warn, &long); 40],
            ..Decision::default()
        };
        let response = response(&decision);
        let warnings: Vec<&str> = response["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| w.as_str().unwrap())
            .collect();
        assert_eq!(warnings.len(), 15);
        assert!(warnings.iter().map(|w| w.chars().count()).sum::<usize>() <= 4096);
        assert!(
            warnings
                .iter()
                .all(|w| !w.chars().any(char::is_control) && w.chars().count() <= 256)
        );
        assert_eq!(
            *warnings.last().unwrap(),
            "and 26 more warnings; `tidegate check` shows all"
        );
    }

    #[test]
    fn long_denials_are_cut_and_cleaned() {
        let decision = Decision {
            denied: Some(StatusReason::Forbidden),
            findings: vec![finding(Action::Deny, &"é\u{1b}".repeat(3000)); 2],
            ..Decision::default()
        };
        let response = response(&decision);
        let message = response["status"]["message"].as_str().unwrap();
        assert!(message.len() <= 4096 && message.ends_with('…') && !message.contains('\u{1b}'));
        assert!(message.starts_with("2 problems\n1. [unsafe-sql/drop-column]"));
    }

    #[test]
    fn a_patch_is_base64_of_its_json() {
        let patch = r#"[{"op":"add","path":"/spec/a","value":1}]"#;
        let decision = Decision {
            patch: serde_json::from_str(patch).unwrap(),
            ..Decision::default()
        };
        let response = response(&decision);
        assert_eq!(response["patchType"], json!("JSONPatch"));
        let decoded = BASE64_STANDARD
            .decode(response["patch"].as_str().unwrap())
            .unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&decoded).unwrap(),
            serde_json::from_str::<Value>(patch).unwrap()
        );
    }

    #[test]
    fn only_good_annotation_keys_are_sent() {
        for (key, good) in [
            ("a", true),
            ("p.sql-sha256", true),
            ("", false),
            ("-a", false),
            ("a/b", false),
            ("a b", false),
        ] {
            assert_eq!(is_annotation_key(key), good, "{key}");
        }
        assert!(!is_annotation_key(&"a".repeat(64)));
    }
}
