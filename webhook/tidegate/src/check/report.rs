//! What a check found, as data, and as the JSON that scripts read.

use serde::Serialize;
use tidegate_admission::{Action, JudgedFinding};
use tidegate_waves::{Manifest, OrderedResource};

use super::judge::{Judged, ObjectName};
use super::source::{Content, Item};

/// Everything that was checked.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) judged: Vec<Judged>,
    /// As Argo CD would sync it; for folders.
    pub(crate) order: Option<Vec<OrderedResource>>,
    /// Files of SQL that only undo a migration.
    pub(crate) not_judged: Vec<String>,
}

/// Counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) checked: usize,
    pub(crate) denied: usize,
    pub(crate) warnings: usize,
}

impl Report {
    pub(crate) fn new(
        judged: Vec<Judged>,
        order: Option<Vec<OrderedResource>>,
        not_judged: Vec<String>,
    ) -> Self {
        Self {
            judged,
            order,
            not_judged,
        }
    }

    pub(crate) fn denied(&self) -> usize {
        self.judged
            .iter()
            .filter(|judged| !judged.decision.allowed())
            .count()
    }

    pub(crate) fn summary(&self) -> Summary {
        let warns = |judged: &Judged| {
            let findings = judged
                .decision
                .findings
                .iter()
                .filter(|finding| finding.action == Action::Warn)
                .count();
            let failures = judged
                .decision
                .failures
                .iter()
                .filter(|(.., action)| *action == Action::Warn)
                .count();
            findings + failures
        };
        Summary {
            checked: self.judged.len(),
            denied: self.denied(),
            warnings: self.judged.iter().map(warns).sum(),
        }
    }

    /// The contract of `-o json`.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let results = self.judged.iter().map(ResultLine::of).collect();
        let mut text = serde_json::to_string_pretty(&Json {
            results,
            summary: self.summary(),
            order: self.order.as_deref(),
            not_judged: &self.not_judged,
        })?;
        text.push('\n');
        Ok(text)
    }
}

/// A line for each thing checked: what the webhooks would answer, byte for byte.
pub(crate) fn reviews(report: &Report) -> String {
    let mut text = String::new();
    for judged in &report.judged {
        let (validate, mutate) = judged.answers();
        text.push_str("{\"validate\":");
        text.push_str(&String::from_utf8_lossy(&validate));
        if let Some(mutate) = mutate {
            text.push_str(",\"mutate\":");
            text.push_str(&String::from_utf8_lossy(&mutate));
        }
        text.push_str("}\n");
    }
    text
}

/// The order in which Argo CD would sync the objects of a folder; none when there are none.
pub(crate) fn order(items: &[Item]) -> Option<Vec<OrderedResource>> {
    let manifests: Vec<Manifest> = items
        .iter()
        .filter_map(|item| match &item.content {
            Content::Manifest { object, .. } => Some(Manifest {
                object,
                origin: &item.file,
            }),
            Content::Sql(_) | Content::WayBack | Content::Review(_) => None,
        })
        .collect();
    (!manifests.is_empty()).then(|| tidegate_waves::order(&manifests))
}

#[derive(Serialize)]
struct Json<'r> {
    results: Vec<ResultLine<'r>>,
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'r [OrderedResource]>,
    #[serde(rename = "notJudged", skip_serializing_if = "<[_]>::is_empty")]
    not_judged: &'r [String],
}

#[derive(Serialize)]
struct ResultLine<'r> {
    source: String,
    object: Option<&'r ObjectName>,
    allowed: bool,
    findings: Vec<FindingLine<'r>>,
    failures: Vec<FailureLine<'r>>,
    patch: &'r [json_patch::PatchOperation],
}

#[derive(Serialize)]
struct FindingLine<'r> {
    policy: &'r str,
    rule: &'r str,
    severity: &'r str,
    action: &'r str,
    message: &'r str,
    path: Option<&'r str>,
    line: Option<u32>,
    column: Option<u32>,
    suggestion: Option<&'r str>,
}

#[derive(Serialize)]
struct FailureLine<'r> {
    policy: &'r str,
    action: &'r str,
    message: &'r str,
}

impl<'r> ResultLine<'r> {
    fn of(judged: &'r Judged) -> Self {
        Self {
            source: format!("{}:{}", judged.file, judged.start.line),
            object: judged.object.as_ref(),
            allowed: judged.decision.allowed(),
            findings: judged
                .decision
                .findings
                .iter()
                .map(|finding| FindingLine::of(judged, finding))
                .collect(),
            failures: judged
                .decision
                .failures
                .iter()
                .map(|(policy, message, action)| FailureLine {
                    policy,
                    action: action.as_str(),
                    message,
                })
                .collect(),
            patch: judged
                .mutation
                .as_ref()
                .map_or(&[], |mutation| mutation.patch.0.as_slice()),
        }
    }
}

impl<'r> FindingLine<'r> {
    fn of(judged: &'r Judged, finding: &'r JudgedFinding) -> Self {
        Self {
            policy: &finding.policy,
            rule: &finding.rule,
            severity: finding.severity.as_str(),
            action: finding.action.as_str(),
            message: &finding.message,
            // The object that carried a SQL file is ours; its fields would mean nothing to the reader.
            path: finding.path.as_deref().filter(|_| judged.object.is_some()),
            line: finding.position.map(|position| position.line),
            column: finding.position.map(|position| position.column),
            suggestion: finding.suggestion.as_deref(),
        }
    }
}
