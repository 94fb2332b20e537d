//! Automated pruning of the thing that would repair it.
//!
//! Only good evidence counts, because an Application in the namespace of Argo CD that brings other Applications is a common and
//! sound pattern: the chart or repository of Argo CD itself, or its name together with its namespace.

use tidegate_model::application::Application;
use tidegate_model::object::{name, text};
use tidegate_policy_sdk::prelude::*;

use crate::Settings;
use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "prune-on-control-plane",
    "An Application that manages Argo CD or this gate prunes automatically",
    include_str!("prune_on_control_plane.md"),
);

/// Sync options that keep a person between a bad render and the deletion.
const GUARDED: [&str; 2] = ["Prune=false", "Prune=confirm"];

/// Words in the name of an Application that brings Applications, projects or settings rather than Argo CD.
const CONTENT: [&str; 10] = [
    "app",
    "apps",
    "application",
    "applications",
    "applicationsets",
    "appsets",
    "bootstrap",
    "example",
    "projects",
    "root",
];

/// Folders below the manifests of one thing that only hold its variants.
const VARIANTS: [&str; 12] = [
    "base",
    "dev",
    "ha",
    "install",
    "manifests",
    "overlay",
    "overlays",
    "prod",
    "production",
    "stage",
    "staging",
    "test",
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    if !application.prunes()
        || application
            .sync_options()
            .any(|option| GUARDED.contains(&option))
    {
        return;
    }
    let Some(evidence) = evidence(application, subject.settings) else {
        return;
    };
    let message = format!(
        "this Application manages Argo CD or this gate itself ({evidence}) and prunes automatically: one bad commit deletes what would undo it"
    );
    findings.push(
        Finding::new(&RULE, message)
            .at("/spec/syncPolicy/automated/prune")
            .suggest("Set prune: false, or add Prune=confirm to spec.syncPolicy.syncOptions"),
    );
}

/// Why the Application is taken to manage the control plane, if it is.
fn evidence(application: Application, settings: &Settings) -> Option<String> {
    if !application.is_in_cluster() {
        return None;
    }
    let is_name = |text: &str| {
        settings
            .control_plane_names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(text))
    };
    let sources = application.sources();
    for (_, source) in &sources {
        if let Some(chart) = text(source, "/chart")
            .filter(|chart| is_name(chart.rsplit('/').next().unwrap_or(chart)))
        {
            return Some(format!("its chart is {chart}"));
        }
        if text(source, "/repoURL").is_some_and(is_argo_repository) {
            return Some("its source is Argo CD's own repository".to_owned());
        }
    }
    let namespace = application.namespace().filter(|namespace| {
        settings
            .control_plane_namespaces
            .iter()
            .any(|own| own == namespace)
    })?;
    let own_name = name(application.0);
    if is_name(own_name) {
        return Some(format!(
            "it is called {own_name} and its destination is the namespace {namespace}"
        ));
    }
    let folder = sources
        .iter()
        .filter_map(|(_, source)| text(source, "/path"))
        .find(|path| is_own_folder(path, is_name))?;
    (!is_content(own_name))
        .then(|| format!("its path is {folder} and its destination is the namespace {namespace}"))
}

/// Whether a path leads to the manifests of the control plane: `infra/argocd`, `clusters/prod/argocd/overlays/ha`. A folder of that name at the top
/// of a repository mostly holds Applications.
fn is_own_folder(path: &str, is_name: impl Fn(&str) -> bool) -> bool {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "."))
        .collect();
    segments
        .iter()
        .rposition(|segment| !VARIANTS.contains(segment))
        .and_then(|last| Some((last, segments.get(last)?)))
        .is_some_and(|(last, segment)| last > 0 && is_name(segment))
}

/// `github.com/argoproj/argo-cd` in any spelling of a repository url.
fn is_argo_repository(url: &str) -> bool {
    let path = url.trim_end_matches('/').trim_end_matches(".git");
    let mut segments = path.rsplit(['/', ':']);
    segments.next() == Some("argo-cd") && segments.next() == Some("argoproj")
}

fn is_content(name: &str) -> bool {
    name.split(['-', '_', '.'])
        .any(|word| CONTENT.contains(&word.to_ascii_lowercase().as_str()))
}
