//! A source that several tools would render.

use tidegate_policy_sdk::prelude::*;

use crate::fields::dotted;
use crate::rules::MOST;
use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::error(
    "source-tools-conflict",
    "A source asks for more than one tool, or for a chart and a path",
    include_str!("source_tools_conflict.md"),
);

/// The tools; at most one may be configured (argo-cd `ApplicationSource.ExplicitType`).
const TOOLS: [&str; 4] = ["helm", "kustomize", "directory", "plugin"];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    for (pointer, source) in application.sources().into_iter().take(MOST) {
        let tools: Vec<&str> = TOOLS
            .into_iter()
            .filter(|tool| source.get(tool).is_some_and(says_something))
            .collect();
        let written = dotted(&pointer);
        if tools.len() > 1 {
            let message = format!(
                "{written} configures {}: Argo CD stops with \"multiple application sources defined\"",
                tools.join(" and ")
            );
            findings.push(
                Finding::new(&RULE, message)
                    .at(&pointer)
                    .suggest("Keep the block of the one tool that renders this source"),
            );
        }
        let has = |field: &str| {
            let text = source.get(field).and_then(Value::as_str);
            text.is_some_and(|text| !text.is_empty())
        };
        let has_chart = has("chart");
        if has_chart && has("path") {
            let message = format!(
                "{written} names a chart and a path: the chart is rendered, and nothing below the path is looked at"
            );
            findings.push(
                Finding::new(&RULE, message)
                    .severity(Severity::Warning)
                    .at(&pointer)
                    .suggest(
                        "Keep the one that is meant; for both, write two entries of spec.sources",
                    ),
            );
        }
        let other = TOOLS
            .into_iter()
            .skip(1)
            .find(|tool| *tool != "plugin" && source.get(tool).is_some_and(says_something));
        if let Some(other) = other.filter(|_| has_chart && tools.len() == 1) {
            let message = format!(
                "{written} is a chart and configures {other}, which does not render charts"
            );
            findings.push(
                Finding::new(&RULE, message)
                    .at(&pointer)
                    .suggest(format!("Remove {other}, and write values below helm")),
            );
        }
    }
}

/// Whether anything in it differs from what it would be if it were not there: Argo CD removes such blocks.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(map) => map.values().any(says_something),
        Value::Array(list) => !list.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}
