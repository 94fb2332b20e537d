//! Objects in an Application's namespace that no Application has: `orphanedResources` of its project. What is one is decided by a pure function
//! ([`orphans`]).
//!
//! As in Argo CD (`controller/appcontroller.go`, `getAppProj` and `setAppResourceTree`): what has an owner is its owner's, what carries a mark is an
//! Application's, what the project does not permit cannot be brought by Git anyway, and what every namespace has by itself is left out. Each kind in the
//! namespace is listed for it, metadata only, at each look: it costs requests, and so is done only where the project asks.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::object::{at, text};
use tidegate_model::words::{INSTANCE_LABEL, TRACKING_ID};

use super::excluded::Excluded;
use super::gather::LISTINGS;
use super::project::{Project, matches};
use crate::cluster::{Kinds, KnownKind};

/// Objects of one kind that are looked at.
const MOST: u32 = 1_000;

/// Whether the project wants to know of them.
pub(super) fn are_wanted(project: &Value) -> bool {
    at(project, "/spec/orphanedResources").is_some_and(Value::is_object)
}

/// Whether they are a warning, and not only shown (`warn`, true unless it says otherwise).
pub(super) fn are_warned_of(project: &Value) -> bool {
    are_wanted(project)
        && at(project, "/spec/orphanedResources/warn").and_then(Value::as_bool) != Some(false)
}

/// All objects of a namespace, of every kind that can be listed. Kinds that may not be, by rights or because their server is away, have none.
pub(super) async fn listed(
    client: &Client,
    kinds: &Kinds,
    namespace: &str,
) -> Vec<(ObjectKey, ObjectMeta)> {
    let of_kind = |known: &KnownKind| {
        let api: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), namespace, &known.resource);
        let (group, kind) = (known.resource.group.clone(), known.resource.kind.clone());
        async move {
            let page = api.list_metadata(&ListParams::default().limit(MOST)).await;
            let items = page.map(|page| page.items).unwrap_or_default();
            let found = items.into_iter().map(|object| {
                let metadata = object.metadata;
                let key = ObjectKey {
                    group: group.clone(),
                    kind: kind.clone(),
                    namespace: metadata.namespace.clone(),
                    name: metadata.name.clone().unwrap_or_default(),
                };
                (key, metadata)
            });
            found.collect::<Vec<_>>()
        }
    };
    let namespaced = kinds.preferred().filter(|known| known.is_namespaced);
    let listings: Vec<_> = namespaced.map(of_kind).collect();
    let lists: Vec<Vec<_>> = futures::stream::iter(listings)
        .buffer_unordered(LISTINGS)
        .collect()
        .await;
    lists.into_iter().flatten().collect()
}

/// The orphans of a namespace, looked for now; none where the project does not ask.
pub(crate) async fn orphans_of(
    client: &Client,
    kinds: &Kinds,
    namespace: &str,
    own: &BTreeSet<ObjectKey>,
    project: &Value,
    settings: &BTreeMap<String, String>,
) -> Vec<ObjectKey> {
    if !are_wanted(project) {
        return Vec::new();
    }
    let (excluded, _) = Excluded::of(settings);
    orphans(
        &listed(client, kinds, namespace).await,
        own,
        project,
        &excluded,
    )
}

/// Which of these nobody has, sorted. `own` are the Application's.
pub(super) fn orphans(
    listed: &[(ObjectKey, ObjectMeta)],
    own: &BTreeSet<ObjectKey>,
    project: &Value,
    excluded: &Excluded,
) -> Vec<ObjectKey> {
    let permits = Project::new(project);
    let ignored = at(project, "/spec/orphanedResources/ignore").and_then(Value::as_array);
    let is_ignored = |key: &ObjectKey| {
        ignored.into_iter().flatten().any(|rule| {
            let is = |field: &str, value: &str| {
                text(rule, field).is_none_or(|glob| glob.is_empty() || matches(glob, value))
            };
            // A rule without a group is of the core group, as Argo CD has it.
            matches(text(rule, "/group").unwrap_or_default(), &key.group)
                && is("/kind", &key.kind)
                && is("/name", &key.name)
        })
    };
    let mut found: Vec<ObjectKey> = listed
        .iter()
        .filter(|(key, metadata)| {
            !own.contains(key)
                && !has_owner(metadata)
                && !is_marked(metadata)
                && !is_everywhere(key)
                && !excluded.has(&key.group, &key.kind)
                && permits.refusal(key).is_none()
                && !is_ignored(key)
        })
        .map(|(key, _)| key.clone())
        .collect();
    found.sort();
    found.dedup();
    found
}

fn has_owner(metadata: &ObjectMeta) -> bool {
    metadata
        .owner_references
        .as_ref()
        .is_some_and(|owners| !owners.is_empty())
}

fn is_marked(metadata: &ObjectMeta) -> bool {
    let has = |map: &Option<BTreeMap<String, String>>, key: &str| {
        map.as_ref().is_some_and(|map| map.contains_key(key))
    };
    has(&metadata.annotations, TRACKING_ID) || has(&metadata.labels, INSTANCE_LABEL)
}

/// What Kubernetes itself puts into namespaces.
fn is_everywhere(key: &ObjectKey) -> bool {
    key.group.is_empty()
        && match (key.kind.as_str(), key.name.as_str()) {
            ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt") => true,
            ("Service", "kubernetes") => key.namespace.as_deref() == Some("default"),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
    use serde_json::json;

    use super::*;

    #[test]
    fn orphans_are_what_nobody_has_made_and_nobody_ignores() {
        let key = |of: &str| {
            let (kind, name) = of.split_once('/').expect("KIND/NAME");
            let group = if kind == "Deployment" { "apps" } else { "" };
            ObjectKey {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: Some("shop".to_owned()),
                name: name.to_owned(),
            }
        };
        let plain = |of: &str| (key(of), ObjectMeta::default());
        let owned = ObjectMeta {
            owner_references: Some(vec![OwnerReference::default()]),
            ..ObjectMeta::default()
        };
        let marked = ObjectMeta {
            annotations: Some([(TRACKING_ID.to_owned(), "x".to_owned())].into()),
            ..ObjectMeta::default()
        };
        let listed = [
            plain("ConfigMap/kube-root-ca.crt"),
            plain("ServiceAccount/default"),
            plain("ConfigMap/own"),
            plain("ConfigMap/left"),
            plain("ConfigMap/ignored-1"),
            plain("Event/e"),
            plain("Secret/not-permitted"),
            plain("Deployment/left"),
            (key("Pod/owned"), owned),
            (key("ConfigMap/of-another"), marked),
        ];
        let project = json!({"spec": {
            "orphanedResources": {"ignore": [{"kind": "ConfigMap", "name": "ignored*"}]},
            "destinations": [{"server": "*", "namespace": "*"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
        }});
        let found = orphans(
            &listed,
            &[key("ConfigMap/own")].into(),
            &project,
            &Excluded::default(),
        );
        assert_eq!(found, [key("ConfigMap/left"), key("Deployment/left")]);
        assert!(are_warned_of(&project) && !are_warned_of(&json!({"spec": {}})));
    }
}
