//! What an Application asks for, read out of its JSON. Pure.

use serde_json::{Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{annotation, at, name, namespace, text};
use tidegate_model::words::{INSTANCE_LABEL, REFRESH};
use tidegate_syncplan::tracking::{Method, Tracking};

use super::project::Project;
use super::snapshot::{Condition, Problem};
use crate::render::SourceRequest;

/// Leaves an Application alone.
const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";

/// Whether the Application asks to be left alone.
pub(super) fn is_skipped(application: &Value) -> bool {
    annotation(application, SKIP_RECONCILE) == Some("true")
}

/// What a person asked for with the refresh annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresh {
    /// Nothing.
    No,
    /// Look now.
    Normal,
    /// Look now, and forget what was remembered of the source.
    Hard,
}

impl Refresh {
    pub(super) fn of(application: &Value) -> Self {
        match annotation(application, REFRESH) {
            None => Self::No,
            Some("hard") => Self::Hard,
            Some(_) => Self::Normal,
        }
    }
}

/// `spec.project`; `default` where it is empty.
pub(crate) fn project_name(application: &Value) -> &str {
    text(application, "/spec/project")
        .filter(|name| !name.is_empty())
        .unwrap_or("default")
}

/// How the Application marks its objects. Outside the control plane's namespace, with its own.
pub(super) fn tracking(
    application: &Value,
    control_namespace: &str,
    setting: impl Fn(&str) -> Option<String>,
) -> Tracking {
    let own = namespace(application).unwrap_or_default();
    let name = name(application);
    Tracking {
        application: if own == control_namespace {
            name.to_owned()
        } else {
            format!("{own}_{name}")
        },
        method: Method::parse(&setting("application.resourceTrackingMethod").unwrap_or_default()),
        label_key: setting("application.instanceLabelKey")
            .filter(|key| !key.is_empty())
            .unwrap_or_else(|| INSTANCE_LABEL.to_owned()),
        installation: setting("installationID").unwrap_or_default(),
    }
}

/// What is to be rendered for a comparison: the sources of the spec at their own revisions.
pub(crate) fn sources(application: &Value) -> Vec<SourceRequest> {
    let sources = Application(application).sources();
    sources
        .into_iter()
        .map(|(_, source)| request(source))
        .collect()
}

/// One source at the revision that it names.
pub(super) fn request(source: &Value) -> SourceRequest {
    SourceRequest {
        source: source.clone(),
        revision: text(source, "/targetRevision")
            .unwrap_or_default()
            .to_owned(),
        signers: None,
    }
}

/// Whether the Application has several sources, and so its status several revisions.
pub(super) fn is_multi_source(application: &Value) -> bool {
    at(application, "/spec/sources")
        .and_then(Value::as_array)
        .is_some_and(|sources| !sources.is_empty())
}

/// `status.sync.comparedTo`.
pub(super) fn compared_to(application: &Value) -> Value {
    let mut compared = json!({});
    let fields = ["source", "sources", "destination", "ignoreDifferences"];
    for field in fields {
        let is_other = field == "source" && is_multi_source(application);
        if let (Some(value), Some(map)) = (
            at(application, &format!("/spec/{field}"))
                .filter(|value| !value.is_null() && !is_other),
            compared.as_object_mut(),
        ) {
            map.insert(field.to_owned(), value.clone());
        }
    }
    compared
}

/// Whether the status speaks of the spec as it is now.
pub(super) fn is_compared(application: &Value) -> bool {
    at(application, "/status/sync/comparedTo") == Some(&compared_to(application))
}

/// Whether the destination's namespace is to be labelled otherwise than at the last sync (`HasChangedManagedNamespaceMetadata` of Argo CD's `types.go`).
pub(super) fn has_changed_namespace(application: &Value) -> bool {
    let wanted = at(application, "/spec/syncPolicy/managedNamespaceMetadata");
    let synced = at(application, "/status/operationState/syncResult");
    let (Some(wanted), Some(synced)) = (wanted.filter(|wanted| wanted.is_object()), synced) else {
        return false;
    };
    synced.get("managedNamespaceMetadata") != Some(wanted)
}

/// What in the spec cannot be followed, in Argo CD's words where it has some.
pub(super) fn problems_of_spec(
    application: &Value,
    project: &Value,
    control_namespace: &str,
) -> Vec<Problem> {
    let problem = |message: String| Problem::new(Condition::InvalidSpecError, message);
    let view = Application(application);
    let permits = Project::new(project);
    let project = name(project);
    let mut problems = Vec::new();
    let own = namespace(application).unwrap_or_default();
    if own != control_namespace && !permits.permits_namespace(own) {
        return vec![problem(format!(
            "application '{}' in namespace '{own}' is not permitted to use project '{project}'",
            name(application)
        ))];
    }
    let sources = view.sources();
    if sources.is_empty() {
        return vec![problem(
            "spec.source or spec.sources is required".to_owned(),
        )];
    }
    for (pointer, source) in sources {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        let is_there = |name: &str| {
            source
                .get(name)
                .and_then(Value::as_str)
                .is_some_and(|value| !value.is_empty())
        };
        if !is_there("repoURL") || !(is_there("path") || is_there("chart") || is_there("ref")) {
            problems.push(problem(format!(
                "{field}.repoURL and either {field}.path, {field}.chart, or {field}.ref are required"
            )));
            continue;
        }
        let repository = text(source, "/repoURL").unwrap_or_default();
        if !permits.permits_source(repository) {
            problems.push(problem(format!(
                "application repo {repository} is not permitted in project '{project}'"
            )));
        }
    }
    if let (Some(server), Some(cluster)) = (view.server(), view.cluster_name()) {
        problems.push(problem(format!(
            "application destination can't have both name and server defined: {cluster} {server}"
        )));
        return problems;
    }
    if !view.is_in_cluster() {
        problems.push(problem(format!(
            "the destination is the cluster {}, and this reconciler delivers to its own cluster only: write https://kubernetes.default.svc into \
             spec.destination.server",
            view.server()
                .or_else(|| view.cluster_name())
                .unwrap_or_default()
        )));
        return problems;
    }
    let namespace = view.namespace().unwrap_or_default();
    if !permits.permits_destination(namespace) {
        let server = view.server().unwrap_or("https://kubernetes.default.svc");
        problems.push(problem(format!(
            "application destination server '{server}' and namespace '{namespace}' do not match any of the allowed destinations in project '{project}'"
        )));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::project::default_project;
    use super::*;

    #[track_caller]
    fn check(spec: &Value, project: &Value, expected: &[&str]) {
        let application = json!({"metadata": {"name": "web", "namespace": "argocd"}, "spec": spec});
        let problems = problems_of_spec(&application, project, "argocd");
        let problems: Vec<&str> = problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        assert_eq!(problems, expected);
    }

    #[test]
    fn a_spec_that_cannot_be_followed_is_refused_in_argo_cds_words() {
        let all = default_project();
        let source = json!({"repoURL": "https://git.example/app", "path": "."});
        let here = json!({"server": "https://kubernetes.default.svc", "namespace": "shop"});
        check(&json!({"source": source, "destination": here}), &all, &[]);
        check(
            &json!({"source": {"repoURL": "https://git.example/app"}, "destination": here}),
            &all,
            &[
                "spec.source.repoURL and either spec.source.path, spec.source.chart, or spec.source.ref are required",
            ],
        );
        check(
            &json!({"source": source, "destination": {"server": "https://a", "name": "b"}}),
            &all,
            &["application destination can't have both name and server defined: b https://a"],
        );
        check(
            &json!({"source": source, "destination": {"name": "prod"}}),
            &all,
            &[
                "the destination is the cluster prod, and this reconciler delivers to its own cluster only: write https://kubernetes.default.svc into spec.destination.server",
            ],
        );
        let narrow = json!({"metadata": {"name": "team"}, "spec": {"sourceRepos": ["https://git.example/other"], "destinations": []}});
        check(
            &json!({"source": source, "destination": here}),
            &narrow,
            &[
                "application repo https://git.example/app is not permitted in project 'team'",
                "application destination server 'https://kubernetes.default.svc' and namespace 'shop' do not match any of the allowed destinations in project 'team'",
            ],
        );
        let nowhere = json!({"metadata": {"name": "team"}, "spec": {"sourceRepos": ["*"], "destinations": []}});
        check(
            &json!({"source": source, "destination": here}),
            &nowhere,
            &[
                "application destination server 'https://kubernetes.default.svc' and namespace 'shop' do not match any of the allowed destinations in project 'team'",
            ],
        );
    }

    #[test]
    fn marks_name_the_namespace_outside_the_control_planes() {
        let application = json!({"metadata": {"name": "web", "namespace": "team"}});
        let none = |_: &str| None;
        assert_eq!(tracking(&application, "team", none).application, "web");
        assert_eq!(
            tracking(&application, "argocd", none).application,
            "team_web"
        );
        let by_label =
            |key: &str| (key == "application.resourceTrackingMethod").then(|| "label".to_owned());
        assert_eq!(
            tracking(&application, "team", by_label).method,
            Method::Label
        );
    }
}
