//! What an object names by kind and name and cannot become healthy without.
//!
//! For what runs pods this is what the kubelet or the API server insists on: a Secret that is not there, a priority class that nobody defined. For the
//! others it is what their controller waits for: a claim waits for its storage class, a certificate for its issuer. Optional references are
//! no needs, and names of what another controller would make by itself are not here.

use serde_json::Value;
use tidegate_model::object::{group, kind, text};

use crate::pods::{self, list};

/// An object that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference<'a> {
    /// Its kind.
    pub(crate) kind: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// Whether it lives beside what names it, or in no namespace.
    pub(crate) is_beside: bool,
}

/// Everything that an object needs by name; each once.
pub(crate) fn references(object: &Value) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    if let Some(pod) = pods::pod_spec(object) {
        let named = pods::references(pod);
        found.extend(named.into_iter().map(|(kind, name)| beside(kind, name)));
        found.extend(cluster_wide(
            "PriorityClass",
            text(pod, "/priorityClassName"),
        ));
        found.extend(cluster_wide("RuntimeClass", text(pod, "/runtimeClassName")));
    }
    match (group(object), kind(object)) {
        ("", "PersistentVolumeClaim") => {
            found.extend(cluster_wide(
                "StorageClass",
                text(object, "/spec/storageClassName"),
            ));
        }
        ("apps", "StatefulSet") => {
            for claim in list(object, "/spec/volumeClaimTemplates") {
                found.extend(cluster_wide(
                    "StorageClass",
                    text(claim, "/spec/storageClassName"),
                ));
            }
        }
        ("cert-manager.io", "Certificate") => {
            found.extend(either(object, "/spec/issuerRef", "Issuer", "ClusterIssuer"));
        }
        ("external-secrets.io", "ExternalSecret") => {
            found.extend(either(
                object,
                "/spec/secretStoreRef",
                "SecretStore",
                "ClusterSecretStore",
            ));
        }
        _ => {}
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Secrets with which the images of an object's pods are pulled. Where one is missing, the kubelet tries without it.
pub(crate) fn pull_secrets(object: &Value) -> impl Iterator<Item = Reference<'_>> {
    pods::pod_spec(object)
        .into_iter()
        .flat_map(|pod| list(pod, "/imagePullSecrets"))
        .filter_map(|entry| text(entry, "/name"))
        .map(|name| beside("Secret", name))
}

fn beside<'a>(kind: &'a str, name: &'a str) -> Reference<'a> {
    Reference {
        kind,
        name,
        is_beside: true,
    }
}

fn cluster_wide<'a>(kind: &'a str, name: Option<&'a str>) -> Option<Reference<'a>> {
    let name = name.filter(|name| !name.is_empty())?;
    Some(Reference {
        kind,
        name,
        is_beside: false,
    })
}

/// A reference whose `kind` says whether it is the namespace's or the cluster's; without one it is the namespace's.
fn either<'a>(
    object: &'a Value,
    pointer: &str,
    of_namespace: &'a str,
    of_cluster: &'a str,
) -> Option<Reference<'a>> {
    let name = text(object, &format!("{pointer}/name"))?;
    match text(object, &format!("{pointer}/kind")) {
        Some(kind) if kind == of_cluster => cluster_wide(of_cluster, Some(name)),
        Some(kind) if kind != of_namespace => None,
        _ => Some(beside(of_namespace, name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(object: &Value, expected: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = references(object)
            .iter()
            .map(|reference| (reference.kind, reference.name))
            .collect();
        assert_eq!(found, expected, "{object}");
    }

    #[test]
    fn pods_name_what_they_cannot_start_without() {
        let pod = json!({
            "priorityClassName": "high",
            "serviceAccountName": "web",
            "imagePullSecrets": [{"name": "registry"}],
            "containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "db"}}, {"secretRef": {"name": "x", "optional": true}}]}],
        });
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}}});
        check(
            &deployment,
            &[
                ("PriorityClass", "high"),
                ("Secret", "db"),
                ("ServiceAccount", "web"),
            ],
        );
        let pulled: Vec<&str> = pull_secrets(&deployment)
            .map(|reference| reference.name)
            .collect();
        assert_eq!(pulled, ["registry"]);
    }

    #[test]
    fn others_name_what_their_controllers_wait_for() {
        check(
            &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"storageClassName": "fast"}}),
            &[("StorageClass", "fast")],
        );
        // An empty name asks for no class at all.
        check(
            &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"storageClassName": ""}}),
            &[],
        );
        check(
            &json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"volumeClaimTemplates": [{"spec": {"storageClassName": "fast"}}]}}),
            &[("StorageClass", "fast")],
        );
        for (kind, expected) in [
            (json!(null), "Issuer"),
            (json!("Issuer"), "Issuer"),
            (json!("ClusterIssuer"), "ClusterIssuer"),
        ] {
            check(
                &json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "spec": {"issuerRef": {"name": "i", "kind": kind}}}),
                &[(expected, "i")],
            );
        }
        check(
            &json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "spec": {"secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"}}}),
            &[("ClusterSecretStore", "vault")],
        );
        check(
            &json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "spec": {"issuerRef": {"name": "i", "kind": "AWSPCAIssuer"}}}),
            &[],
        );
    }
}
