//! What is known of the fields of Kubernetes' own kinds, as tables: enough to compare without a server.
//!
//! Argo CD compiles all of Kubernetes' Go types in and runs their defaulting over both sides. Comparing only what the manifest says makes most of
//! that unnecessary; what is left is in these tables: which lists are maps in disguise, which fields fall back to a value when they are
//! taken out of a manifest, and which zero values the API server drops.

use serde_json::{Value, json};

/// Groups whose kinds are compiled into Kubernetes.
const BUILT_IN_GROUPS: [&str; 20] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Whether a group's kinds are Kubernetes' own, merged by their Go types; all others are merged as plain JSON.
pub(crate) fn is_built_in(group: &str) -> bool {
    BUILT_IN_GROUPS.contains(&group)
}

/// The field by which the elements of a list are told apart; none where the list is replaced as a whole (`patchMergeKey` in
/// Kubernetes' API types). `kind` settles the two lists that are called `ports`.
pub(crate) fn merge_key(kind: &str, field: &str) -> Option<&'static str> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "webhooks"
        | "resourceClaims"
        | "schedulingGates" => "name",
        "secrets" if kind == "ServiceAccount" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "ports" if matches!(kind, "Service" | "Endpoints") => "port",
        "ports" if kind != "NetworkPolicy" => "containerPort",
        "hostAliases" => "ip",
        "topologySpreadConstraints" => "topologyKey",
        "ownerReferences" => "uid",
        _ => return None,
    })
}

/// Lists of words in which order and repetition mean nothing.
pub(crate) fn is_set(field: &str) -> bool {
    field == "finalizers"
}

/// Whether a value is what the API server would fill in for a field that a manifest does not have.
pub(crate) fn is_default(field: &str, value: &Value) -> bool {
    let defaults: Value = match field {
        "protocol" => json!(["TCP"]),
        "imagePullPolicy" => json!(["IfNotPresent", "Always"]),
        "restartPolicy" => json!(["Always"]),
        "terminationGracePeriodSeconds" => json!([30]),
        "dnsPolicy" => json!(["ClusterFirst"]),
        "schedulerName" => json!(["default-scheduler"]),
        "serviceAccountName" | "serviceAccount" => json!(["default"]),
        "terminationMessagePath" => json!(["/dev/termination-log"]),
        "terminationMessagePolicy" => json!(["File"]),
        "sessionAffinity" => json!(["None"]),
        "type" => json!(["ClusterIP", "RollingUpdate", "Opaque"]),
        "internalTrafficPolicy" | "externalTrafficPolicy" => json!(["Cluster"]),
        "ipFamilyPolicy" => json!(["SingleStack"]),
        "replicas" | "parallelism" | "completions" | "periodSeconds" | "timeoutSeconds"
        | "successThreshold" | "failureThreshold" => match field {
            "periodSeconds" => json!([10]),
            "failureThreshold" => json!([3]),
            _ => json!([1]),
        },
        "revisionHistoryLimit" => json!([10]),
        "progressDeadlineSeconds" => json!([600]),
        "maxSurge" | "maxUnavailable" => json!(["25%", 1]),
        "backoffLimit" => json!([6]),
        "completionMode" => json!(["NonIndexed"]),
        "podReplacementPolicy" => json!(["TerminatingOrFailed"]),
        "concurrencyPolicy" => json!(["Allow"]),
        "successfulJobsHistoryLimit" => json!([3]),
        "failedJobsHistoryLimit" => json!([1]),
        "podManagementPolicy" => json!(["OrderedReady"]),
        "defaultMode" => json!([420]),
        "scheme" => json!(["HTTP"]),
        "apiVersion" => json!(["v1"]),
        "enableServiceLinks" => json!([true]),
        "volumeMode" => json!(["Filesystem"]),
        "failurePolicy" => json!(["Fail"]),
        "matchPolicy" => json!(["Equivalent"]),
        "reinvocationPolicy" => json!(["Never"]),
        _ => json!([]),
    };
    is_empty(value)
        || is_zero(value)
        || defaults
            .as_array()
            .is_some_and(|defaults| defaults.contains(value))
}

/// Fields that the API server leaves out when they are false, zero or empty; writing that value is the same as writing nothing.
const LEFT_OUT_WHEN_ZERO: [&str; 23] = [
    "externalName",
    "hostIP",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostPort",
    "hostname",
    "initialDelaySeconds",
    "loadBalancerIP",
    "minReadySeconds",
    "nodeName",
    "nodePort",
    "paused",
    "preserveUnknownFields",
    "priorityClassName",
    "publishNotReadyAddresses",
    "readOnly",
    "stdin",
    "stdinOnce",
    "subPath",
    "tty",
    "unschedulable",
    "value",
];

/// Whether a field with this value is dropped by the API server.
pub(crate) fn is_left_out(field: &str, value: &Value) -> bool {
    is_zero(value) && LEFT_OUT_WHEN_ZERO.contains(&field)
}

/// An empty map, an empty list or null.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// Empty maps that mean something: an empty `emptyDir` is a volume, an empty selector selects everything.
pub(crate) fn counts_when_empty(field: &str) -> bool {
    matches!(field, "emptyDir" | "podSelector" | "namespaceSelector")
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Maps whose values are quantities.
const QUANTITY_MAPS: [&str; 11] = [
    "allocatable",
    "capacity",
    "default",
    "defaultRequest",
    "hard",
    "limits",
    "max",
    "maxLimitRequestRatio",
    "min",
    "overhead",
    "requests",
];

/// Fields that are quantities.
const QUANTITIES: [&str; 4] = ["averageValue", "divisor", "sizeLimit", "storage"];

/// Whether what is at `field` of `parent` is a quantity.
pub(crate) fn is_quantity(parent: &str, field: &str) -> bool {
    QUANTITY_MAPS.contains(&parent) || QUANTITIES.contains(&field)
}
