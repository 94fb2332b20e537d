//! The project that permits everything.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::error(
    "project-default",
    "An Application is in the project default, where that is forbidden",
    include_str!("project_default.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if !subject.settings.forbid_default_project || subject.application().is_none() {
        return;
    }
    let project = subject.at("/spec/project").and_then(Value::as_str);
    if project.is_none_or(|project| project.is_empty() || project == "default") {
        findings.push(
            Finding::new(
                &RULE,
                "this Application is in the project default, which lets any repository go anywhere",
            )
            .at("/spec/project")
            .suggest("Name the team's AppProject in spec.project"),
        );
    }
}
