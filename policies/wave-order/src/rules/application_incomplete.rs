//! An Application that Argo CD refuses to look at, because something that it needs is not there.

use std::collections::BTreeSet;

use tidegate_model::application::Application;
use tidegate_model::object::text;
use tidegate_policy_sdk::prelude::*;

use crate::fields::dotted;
use crate::rules::MOST;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::warning(
    "application-incomplete",
    "An Application lacks something without which Argo CD does nothing",
    include_str!("application_incomplete.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    if !subject.at("/spec").is_some_and(Value::is_object) {
        return;
    }
    if application.server().is_none() && application.cluster_name().is_none() {
        add(
            findings,
            "/spec/destination",
            "this Application names no cluster: Argo CD stops with InvalidSpecError",
            "Write spec.destination.server: https://kubernetes.default.svc",
        );
    }
    if text(application.0, "/spec/project").is_none() {
        add(
            findings,
            "/spec",
            "this Application has no spec.project: the API server refuses it",
            "Write spec.project: the AppProject's name",
        );
    }
    let sources = application.sources();
    if sources.is_empty() && subject.at("/spec/sourceHydrator").is_none() {
        add(
            findings,
            "/spec",
            "this Application has no source: Argo CD stops with InvalidSpecError",
            "Write spec.source with repoURL, path and targetRevision",
        );
    }
    for (pointer, source) in sources.iter().take(MOST) {
        check_source(pointer, source, findings);
    }
    check_references(application, findings);
}

fn check_source(pointer: &str, source: &Value, findings: &mut Vec<Finding>) {
    if !source.is_object() {
        return;
    }
    let has = |field: &str| {
        source
            .get(field)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    let written = dotted(pointer);
    if !has("repoURL") {
        let message = format!("{written} has no repoURL: Argo CD stops with InvalidSpecError");
        add(
            findings,
            pointer,
            &message,
            "Write the url of the repository",
        );
    } else if !has("path") && !has("chart") && !has("ref") {
        let message = format!(
            "{written} has neither path nor chart nor ref: Argo CD stops with InvalidSpecError"
        );
        add(
            findings,
            pointer,
            &message,
            "Write path: . for the root of the repository",
        );
    }
    if has("chart") && !has("targetRevision") {
        let message = format!(
            "{written} is a chart without a targetRevision: Argo CD stops with InvalidSpecError"
        );
        add(
            findings,
            pointer,
            &message,
            "Write the version of the chart as targetRevision",
        );
    }
    if has("chart") && has("ref") {
        let message =
            format!("{written} has both chart and ref: Argo CD stops with InvalidSpecError");
        add(
            findings,
            pointer,
            &message,
            "Keep ref for a Git source of values, chart for the source that is rendered",
        );
    }
}

/// `$name/...` in value files stands for the source with that `ref`.
fn check_references(application: Application, findings: &mut Vec<Finding>) {
    let sources = application.sources();
    let names: BTreeSet<&str> = sources
        .iter()
        .filter_map(|(_, source)| source.get("ref")?.as_str())
        .collect();
    for (pointer, source) in sources.iter().take(MOST) {
        let files = source
            .get("helm")
            .and_then(|helm| helm.get("valueFiles")?.as_array());
        for (index, file) in files.into_iter().flatten().enumerate().take(MOST) {
            let name = file
                .as_str()
                .and_then(|file| file.strip_prefix('$')?.split_once('/'))
                .map(|(name, _)| name)
                .filter(|name| !name.starts_with("ARGOCD_") && !name.starts_with('{'));
            if let Some(name) = name.filter(|name| !names.contains(name)) {
                let message = format!(
                    "a value file begins with {}, but no source has the ref {name}: Argo CD cannot render the chart",
                    quote(&format!("${name}"))
                );
                add(
                    findings,
                    &format!("{pointer}/helm/valueFiles/{index}"),
                    &message,
                    &format!("Add a source with ref: {name} to spec.sources"),
                );
            }
        }
    }
}

fn add(findings: &mut Vec<Finding>, pointer: &str, message: &str, suggestion: &str) {
    findings.push(Finding::new(&RULE, message).at(pointer).suggest(suggestion));
}
