//! What is known of kinds without asking a cluster: their rank within a wave, and whether they live in a namespace.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_model::object::{group, kind, text};
use tidegate_model::words::{API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION};

/// Argo CD's order of kinds within a wave, which it has from Helm. A kind that is not here comes after all of these. Only the kind's name counts,
/// whatever its group.
const RANKED: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// The kinds of Kubernetes itself that live in no namespace.
const CLUSTER_SCOPED: [(&str, &str); 24] = [
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "IngressClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
];

/// The rank of a kind within a wave: lower is earlier, and every kind that Argo CD does not list ranks the same, last.
pub fn kind_rank(kind: &str) -> usize {
    RANKED
        .iter()
        .position(|ranked| *ranked == kind)
        .unwrap_or(RANKED.len())
}

/// Whether a kind of Kubernetes itself lives in no namespace.
pub fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    CLUSTER_SCOPED.contains(&(group, kind))
}

/// What is known of scopes from Kubernetes itself and from the definitions in the set.
#[derive(Debug)]
pub(crate) struct Scopes {
    /// Group and kind of the cluster-scoped kinds that the set defines.
    defined: BTreeSet<(String, String)>,
}

impl Scopes {
    pub(crate) fn of<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let defined = objects
            .filter(|object| text(object, "/spec/scope") == Some("Cluster"))
            .filter_map(defined_kind)
            .map(|(group, kind)| (group.to_owned(), kind.to_owned()))
            .collect();
        Self { defined }
    }

    /// Whether a kind lives in no namespace. A custom kind that nobody defines here is taken to live in one, unless its name
    /// is `Cluster` and another word, as such kinds are called by custom.
    pub(crate) fn is_cluster_scoped(&self, group: &str, kind: &str) -> bool {
        is_cluster_scoped(group, kind)
            || self.defined.contains(&(group.to_owned(), kind.to_owned()))
            || is_named_for_the_cluster(group, kind)
    }
}

/// Whether a custom kind is called as kinds of the whole cluster are: `ClusterIssuer`, but not `Cluster`, which is somebody's database.
pub(crate) fn is_named_for_the_cluster(group: &str, kind: &str) -> bool {
    group.contains('.')
        && kind
            .strip_prefix("Cluster")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// The group and kind that a `CustomResourceDefinition` defines; none for any other object.
pub(crate) fn defined_kind(object: &Value) -> Option<(&str, &str)> {
    if group(object) != API_EXTENSIONS_GROUP || kind(object) != CUSTOM_RESOURCE_DEFINITION {
        return None;
    }
    Some((
        text(object, "/spec/group")?,
        text(object, "/spec/names/kind")?,
    ))
}
