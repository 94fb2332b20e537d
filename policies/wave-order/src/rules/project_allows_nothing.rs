//! A project in which no Application can work.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "project-allows-nothing",
    "An AppProject permits no repository, no destination or no kind",
    include_str!("project_allows_nothing.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(project) = subject.project() else {
        return;
    };
    if !subject.at("/spec").is_some_and(Value::is_object) {
        return;
    }
    let mut add = |pointer: &str, what: &str, suggestion: &str| {
        findings.push(
            Finding::new(
                &RULE,
                format!("this AppProject permits {what}: every Application in it is refused"),
            )
            .at(pointer)
            .suggest(suggestion),
        );
    };
    if !project
        .source_repositories()
        .any(|repository| !repository.starts_with('!'))
    {
        add(
            "/spec/sourceRepos",
            "no repository",
            "Name at least one in spec.sourceRepos",
        );
    }
    let is_denied = |part: Option<&str>| part.is_some_and(|part| part.starts_with('!'));
    let any_destination = project.destinations().any(|destination| {
        !is_denied(destination.server)
            && !is_denied(destination.name)
            && !is_denied(destination.namespace)
    });
    if !any_destination {
        add(
            "/spec/destinations",
            "no destination",
            "Name at least one server and namespace in spec.destinations",
        );
    }
    let is_empty = |pointer: &str| {
        subject
            .at(pointer)
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty)
    };
    if is_empty("/spec/namespaceResourceWhitelist") {
        add(
            "/spec/namespaceResourceWhitelist",
            "no namespaced kind at all",
            "Remove namespaceResourceWhitelist to permit all of them, or list some",
        );
    }
    if subject
        .at("/spec/namespaceResourceBlacklist")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|entry| {
            ["group", "kind"]
                .iter()
                .all(|field| entry.get(field).and_then(Value::as_str) == Some("*"))
        })
    {
        add(
            "/spec/namespaceResourceBlacklist",
            "no namespaced kind at all",
            "List the kinds that are forbidden",
        );
    }
}
