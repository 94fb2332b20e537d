//! What a workload's pods need before they can start, read from its manifest.

use serde_json::Value;
use tidegate_model::object::{at, kind, text};

/// The kinds that run pods, and where the pod's spec is.
const POD_SPECS: [(&str, &str); 9] = [
    ("Deployment", "/spec/template/spec"),
    ("StatefulSet", "/spec/template/spec"),
    ("DaemonSet", "/spec/template/spec"),
    ("ReplicaSet", "/spec/template/spec"),
    ("ReplicationController", "/spec/template/spec"),
    ("Rollout", "/spec/template/spec"),
    ("Job", "/spec/template/spec"),
    ("CronJob", "/spec/jobTemplate/spec/template/spec"),
    ("Pod", "/spec"),
];

/// The spec of the pods that an object runs; none for an object that runs none.
pub(crate) fn pod_spec(object: &Value) -> Option<&Value> {
    let (_, pointer) = POD_SPECS.iter().find(|(known, _)| *known == kind(object))?;
    at(object, pointer).filter(|spec| spec.is_object())
}

/// Objects of one namespace that a pod names and cannot start without: kind and name. Optional ones are not there.
pub(crate) fn references<'a>(pod: &'a Value) -> Vec<(&'static str, &'a str)> {
    let mut found = Vec::new();
    let mut add = |kind: &'static str, name: Option<&'a str>| {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            found.push((kind, name));
        }
    };
    let account = text(pod, "/serviceAccountName").or_else(|| text(pod, "/serviceAccount"));
    add("ServiceAccount", account.filter(|name| *name != "default"));
    for volume in list(pod, "/volumes") {
        let projected = list(volume, "/projected/sources");
        for source in std::iter::once(volume).chain(projected) {
            add("ConfigMap", required(source, "/configMap", "/name"));
            add("Secret", required(source, "/secret", "/secretName"));
            add("Secret", required(source, "/secret", "/name"));
        }
        add(
            "PersistentVolumeClaim",
            text(volume, "/persistentVolumeClaim/claimName"),
        );
    }
    for container in containers(pod) {
        for variable in list(container, "/env") {
            add(
                "Secret",
                required(variable, "/valueFrom/secretKeyRef", "/name"),
            );
            add(
                "ConfigMap",
                required(variable, "/valueFrom/configMapKeyRef", "/name"),
            );
        }
        for source in list(container, "/envFrom") {
            add("Secret", required(source, "/secretRef", "/name"));
            add("ConfigMap", required(source, "/configMapRef", "/name"));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Containers that run before the others, and those.
pub(crate) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, "/initContainers")
        .iter()
        .chain(main_containers(pod))
}

/// The containers that stay.
pub(crate) fn main_containers(pod: &Value) -> &[Value] {
    list(pod, "/containers")
}

/// The containers that must end before the others start. A restarting one is a sidecar and ends never.
pub(crate) fn init_containers(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, "/initContainers")
        .iter()
        .filter(|container| text(container, "/restartPolicy") != Some("Always"))
}

/// The texts of a container in which an address may be: the values of variables with the variable's name, and the words of its command.
pub(crate) fn texts(container: &Value) -> impl Iterator<Item = (&str, &str)> {
    let variables = list(container, "/env")
        .iter()
        .filter_map(|variable| Some((text(variable, "/name")?, text(variable, "/value")?)));
    let words = ["/command", "/args"]
        .into_iter()
        .flat_map(|field| list(container, field))
        .filter_map(|word| Some(("", word.as_str()?)));
    variables.chain(words)
}

/// The last part of a container's image, without registry, tag and digest: `mysql` of `registry.example.com/library/mysql:8.4`.
pub(crate) fn image_name(container: &Value) -> &str {
    let image = text(container, "/image").unwrap_or_default();
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map_or(last, |(name, _)| name)
}

/// The elements of a list; none where there is no list.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn required<'a>(object: &'a Value, source: &str, name: &str) -> Option<&'a str> {
    let source = at(object, source)?;
    let optional = at(source, "/optional").and_then(Value::as_bool) == Some(true);
    text(source, name).filter(|_| !optional)
}
