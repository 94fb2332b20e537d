//! A report as SARIF 2.1.0, for code scanning.

use serde_json::{Value, json};
use tidegate_admission::{Action, JudgedFinding, RuleInfo};

use super::judge::Judged;
use super::report::Report;

/// The log. `rules` are those of all loaded policies, by `policy/rule`.
pub(crate) fn draw(report: &Report, rules: &[(String, RuleInfo)]) -> serde_json::Result<String> {
    let results: Vec<Value> = report
        .judged
        .iter()
        .flat_map(|judged| {
            judged
                .decision
                .findings
                .iter()
                .map(|finding| result(judged, finding))
        })
        .collect();
    let rules: Vec<Value> = rules
        .iter()
        .map(|(id, rule)| {
            json!({
                "id": id,
                "shortDescription": {"text": rule.title},
                "help": {"text": rule.title, "markdown": rule.documentation},
                "defaultConfiguration": {"level": match rule.severity {
                    tidegate_admission::Severity::Error => "error",
                    tidegate_admission::Severity::Warning => "warning",
                    tidegate_admission::Severity::Info => "note",
                }},
            })
        })
        .collect();
    let driver =
        json!({"name": "tidegate", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules});
    let log = json!({"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}]});
    let mut text = serde_json::to_string_pretty(&log)?;
    text.push('\n');
    Ok(text)
}

fn result(judged: &Judged, finding: &JudgedFinding) -> Value {
    let place = judged.place(finding);
    let suggestion = finding
        .suggestion
        .as_deref()
        .map_or_else(String::new, |text| format!("\n\n{text}"));
    json!({
        "ruleId": finding.id(),
        "level": match finding.action { Action::Deny => "error", Action::Warn => "warning", Action::Audit | Action::Off => "note" },
        "message": {"text": format!("{}{suggestion}", finding.message)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": judged.file},
            "region": {"startLine": place.line, "startColumn": place.column, "endLine": place.line, "endColumn": judged.end_column(place)},
        }}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge::dropped;

    #[test]
    fn a_region_has_an_end() {
        let log: Value = serde_json::from_str(&draw(&dropped(), &[]).unwrap()).unwrap();
        let region = log
            .pointer("/runs/0/results/0/locations/0/physicalLocation/region")
            .unwrap();
        assert_eq!(
            *region,
            json!({"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 15})
        );
    }
}
