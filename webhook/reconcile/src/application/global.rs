//! What every project is given besides what it says: the global projects of `argocd-cm`. Pure.
//!
//! `globalProjects` names projects and, by a selector of labels, those that inherit from them: what is permitted, what is refused, and when nothing is
//! synced (Argo CD `GetAppVirtualProject` in `util/argo`). Lists are put together; a list of refusals, or a window, only ever takes something away.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_model::object::{at, name};

/// The setting.
const GLOBAL_PROJECTS: &str = "globalProjects";
/// What is inherited.
const INHERITED: [&str; 7] = [
    "sourceRepos",
    "destinations",
    "clusterResourceWhitelist",
    "clusterResourceBlacklist",
    "namespaceResourceWhitelist",
    "namespaceResourceBlacklist",
    "syncWindows",
];

/// One entry of the setting.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Global {
    #[serde(default)]
    project_name: String,
    /// Of the projects that inherit.
    #[serde(default)]
    label_selector: LabelSelector,
}

/// A project with what it inherits.
///
/// # Errors
/// The setting cannot be read, or a project that it names is not there: what is refused is not known then.
pub(super) fn inherited(
    project: Value,
    settings: &BTreeMap<String, String>,
    projects: &BTreeMap<String, Value>,
) -> Result<Value, String> {
    let Some(text) = settings
        .get(GLOBAL_PROJECTS)
        .filter(|text| !text.trim().is_empty())
    else {
        return Ok(project);
    };
    let globals: Vec<Global> = serde_saphyr::from_str(text)
        .map_err(|error| format!("{GLOBAL_PROJECTS} of argocd-cm cannot be read: {error}"))?;
    let labels = at(&project, "/metadata/labels").cloned();
    let labels: BTreeMap<String, String> =
        serde_json::from_value(labels.unwrap_or_default()).unwrap_or_default();
    let mut project = project;
    for global in globals {
        if global.project_name == name(&project) {
            continue;
        }
        let selector = Selector::try_from(global.label_selector)
            .map_err(|error| format!("{GLOBAL_PROJECTS} of argocd-cm: {error}"))?;
        if !selector.matches(&labels) {
            continue;
        }
        let from = projects.get(&global.project_name).ok_or_else(|| {
            format!(
                "{GLOBAL_PROJECTS} of argocd-cm names the project {}, which does not exist",
                global.project_name
            )
        })?;
        add(&mut project, from);
    }
    Ok(project)
}

fn add(project: &mut Value, from: &Value) {
    for field in INHERITED {
        let listed = at(from, &format!("/spec/{field}")).and_then(Value::as_array);
        let Some(listed) = listed.filter(|listed| !listed.is_empty()) else {
            continue;
        };
        let Some(fields) = project.as_object_mut() else {
            return;
        };
        let spec = fields.entry("spec").or_insert_with(|| json!({}));
        let Some(spec) = spec.as_object_mut() else {
            return;
        };
        let own = spec.entry(field).or_insert_with(|| json!([]));
        if own.is_null() {
            *own = json!([]);
        }
        if let Some(own) = own.as_array_mut() {
            own.extend(listed.iter().cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_inherit_by_their_labels() {
        let strict = json!({"metadata": {"name": "strict"}, "spec": {
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
            "syncWindows": [{"kind": "deny"}], "description": "not inherited",
        }});
        let projects = BTreeMap::from([("strict".to_owned(), strict.clone())]);
        let project = |labels: Value| {
            json!({"metadata": {"name": "team", "labels": labels}, "spec": {
                "sourceRepos": ["*"], "namespaceResourceBlacklist": [{"group": "", "kind": "LimitRange"}],
            }})
        };
        let check = |setting: &str, project: Value, expected: Result<Value, &str>| {
            let settings = BTreeMap::from([(GLOBAL_PROJECTS.to_owned(), setting.to_owned())]);
            let found = inherited(project, &settings, &projects);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{setting}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, _) => panic!("{setting}: {found:?}"),
            }
        };
        let prod = || project(json!({"env": "prod"}));
        let with_strict = json!({"metadata": {"name": "team", "labels": {"env": "prod"}}, "spec": {
            "sourceRepos": ["*"],
            "namespaceResourceBlacklist": [{"group": "", "kind": "LimitRange"}, {"group": "", "kind": "Secret"}],
            "syncWindows": [{"kind": "deny"}],
        }});
        let in_prod = "- labelSelector: {matchExpressions: [{key: env, operator: In, values: [prod]}]}\n  projectName: strict\n";
        let by_label = "- labelSelector: {matchLabels: {env: prod}}\n  projectName: strict\n";
        check("", prod(), Ok(prod()));
        check(in_prod, prod(), Ok(with_strict.clone()));
        check(by_label, prod(), Ok(with_strict));
        check(in_prod, project(json!(null)), Ok(project(json!(null))));
        check("- projectName: strict\n", strict.clone(), Ok(strict));
        check(
            "- projectName: nobody\n",
            prod(),
            Err("names the project nobody, which does not exist"),
        );
        check(
            "a",
            prod(),
            Err("globalProjects of argocd-cm cannot be read"),
        );
    }
}
