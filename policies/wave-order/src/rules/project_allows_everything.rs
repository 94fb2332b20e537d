//! A project that is none.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "project-allows-everything",
    "An AppProject lets any repository go anywhere",
    include_str!("project_allows_everything.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(project) = subject.project() else {
        return;
    };
    let any_repository = project
        .source_repositories()
        .any(|repository| repository == "*");
    let denies = project
        .source_repositories()
        .any(|repository| repository.starts_with('!'));
    let any_kind = subject
        .at("/spec/clusterResourceWhitelist")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|entry| {
            let is_any = |field: &str| entry.get(field).and_then(Value::as_str) == Some("*");
            is_any("group") && is_any("kind")
        });
    let everywhere = project.destinations().any(|destination| {
        let any_cluster = destination.server == Some("*") || destination.name == Some("*");
        destination.namespace == Some("*") && (any_cluster || any_kind)
    });
    if any_repository && !denies && everywhere {
        let kinds = if any_kind {
            ", with any kind of object"
        } else {
            ""
        };
        findings.push(
            Finding::new(
                &RULE,
                format!("this AppProject lets any repository deploy anywhere{kinds}: it separates nothing from nothing"),
            )
            .at("/spec")
            .suggest("Name the team's repositories in sourceRepos, and its namespaces in destinations"),
        );
    }
}
