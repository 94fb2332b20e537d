//! The objects of Applications, as a person at a terminal looks at them and changes them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use kube::discovery::{Scope, pinned_kind};
use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::application::Application;
use tidegate_model::object::{api_version, at, kind, name, namespace, text};

use super::{ANSWER, MANAGER, Problem, Remote, RemoteError, ask};
use crate::application::{SETTINGS, orphans_of};
use crate::cluster::Kinds;

/// How a live object is patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, which knows the keys of lists.
    Strategic,
}

/// How a live object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteLive {
    /// What it owns goes first.
    Foreground,
    /// What it owns stays.
    Orphan,
    /// At once, without the time that it is given to end; what it owns goes after it.
    Force,
}

impl Remote {
    /// The live objects of these manifests, of which only type, namespace and name count; those that are not there, or whose kind is not, are left out.
    ///
    /// # Errors
    /// The API server does not answer, or forbids it.
    pub async fn live(&self, wanted: &[Value]) -> Result<Vec<Value>, RemoteError> {
        let doing = "read the live objects";
        let mut kinds: BTreeMap<(String, String), Option<(ApiResource, bool)>> = BTreeMap::new();
        let mut found = Vec::new();
        for manifest in wanted {
            let (version, kind) = (api_version(manifest), kind(manifest));
            let key = (version.to_owned(), kind.to_owned());
            if !kinds.contains_key(&key) {
                let wanted = type_of(manifest);
                let known = tokio::time::timeout(ANSWER, pinned_kind(&self.client, &wanted)).await;
                let known = known.map_err(|_| RemoteError::TimedOut { doing })?;
                let known = known
                    .ok()
                    .map(|(resource, abilities)| (resource, abilities.scope == Scope::Namespaced));
                kinds.insert(key.clone(), known);
            }
            let Some(Some((resource, is_namespaced))) = kinds.get(&key) else {
                continue;
            };
            let api: Api<DynamicObject> = match (is_namespaced, namespace(manifest)) {
                (true, Some(namespace)) => {
                    Api::namespaced_with(self.client.clone(), namespace, resource)
                }
                (true, None) => continue,
                (false, _) => Api::all_with(self.client.clone(), resource),
            };
            let object = ask(doing, api.get_opt(name(manifest)))
                .await
                .map_err(|problem| problem.of("", name(manifest)))?;
            if let Some(object) = object {
                found.push(serde_json::to_value(object).unwrap_or_default());
            }
        }
        Ok(found)
    }

    /// Deletes a live object.
    ///
    /// # Errors
    /// The API server does not answer, or forbids it.
    pub async fn delete_live(&self, object: &Value, how: DeleteLive) -> Result<(), RemoteError> {
        let doing = "delete the live object";
        let api = self.api_of(doing, object).await?;
        let parameters = match how {
            DeleteLive::Foreground => DeleteParams::foreground(),
            DeleteLive::Orphan => DeleteParams::orphan(),
            DeleteLive::Force => DeleteParams::background().grace_period(0),
        };
        match ask(doing, api.delete(name(object), &parameters)).await {
            Ok(_) | Err(Problem::NotFound) => Ok(()),
            Err(problem) => Err(problem.of("", name(object))),
        }
    }

    /// Lays a patch over a live object.
    ///
    /// # Errors
    /// The patch is not one of its kind; the API server does not answer, or says no.
    pub async fn patch_live(
        &self,
        object: &Value,
        patch: &Value,
        patch_kind: PatchKind,
    ) -> Result<(), RemoteError> {
        let doing = "patch the live object";
        let api = self.api_of(doing, object).await?;
        let parameters = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = match patch_kind {
            PatchKind::Merge => Patch::Merge(patch.clone()),
            PatchKind::Strategic => Patch::Strategic(patch.clone()),
            PatchKind::Json => {
                let parsed = serde_json::from_value(patch.clone());
                Patch::Json(parsed.map_err(|error| RemoteError::Refused {
                    doing,
                    message: format!("not a JSON patch: {error}"),
                })?)
            }
        };
        ask(doing, api.patch(name(object), &parameters, &patch))
            .await
            .map(drop)
            .map_err(|problem| problem.of("", name(object)))
    }

    /// What is in the Application's namespace and in no Application, where its project wants to know: see `orphanedResources` of `AppProject`.
    ///
    /// # Errors
    /// The API server does not answer, or forbids it.
    pub async fn orphans(
        &self,
        control_namespace: &str,
        application: &Value,
    ) -> Result<Vec<ObjectKey>, RemoteError> {
        let doing = "list what is in the namespace";
        let project = text(application, "/spec/project").unwrap_or("default");
        let project = self.project(control_namespace, project).await?;
        let (Some(project), Some(namespace)) = (project, Application(application).namespace())
        else {
            return Ok(Vec::new());
        };
        let settings: Api<ConfigMap> = Api::namespaced(self.client.clone(), control_namespace);
        let settings = ask(doing, settings.get_opt(SETTINGS)).await;
        let settings = settings.map_err(|problem| problem.of("", SETTINGS))?;
        let settings = settings.and_then(|map| map.data).unwrap_or_default();
        let kinds = ask(doing, Kinds::discover(&self.client)).await;
        let kinds = kinds.map_err(|problem| problem.of("", namespace))?;
        let resources = at(application, "/status/resources").and_then(Value::as_array);
        let own: BTreeSet<ObjectKey> = resources
            .into_iter()
            .flatten()
            .map(|resource| {
                let of = |field: &str| text(resource, field).unwrap_or_default().to_owned();
                ObjectKey {
                    group: of("/group"),
                    kind: of("/kind"),
                    namespace: Some(of("/namespace")).filter(|namespace| !namespace.is_empty()),
                    name: of("/name"),
                }
            })
            .collect();
        Ok(orphans_of(&self.client, &kinds, namespace, &own, &project, &settings).await)
    }

    async fn api_of(
        &self,
        doing: &'static str,
        object: &Value,
    ) -> Result<Api<DynamicObject>, RemoteError> {
        let (resource, _) = ask(doing, pinned_kind(&self.client, &type_of(object)))
            .await
            .map_err(|problem| problem.of("", name(object)))?;
        Ok(match namespace(object) {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        })
    }
}

/// What an object is, as discovery is asked for it.
fn type_of(object: &Value) -> GroupVersionKind {
    let version = api_version(object);
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    GroupVersionKind::gvk(group, version, kind(object))
}
