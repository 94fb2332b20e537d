//! Spellings that mean the same, made the same, before anything is compared (`Normalize` of `gitops-engine/pkg/diff/diff.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tidegate_model::object::{group, kind};
use tidegate_model::words::LAST_APPLIED;

/// Fields of `metadata` that only the API server writes.
const WRITTEN_BY_THE_SERVER: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
];

/// One side of a comparison, without what must not be compared.
pub(crate) fn normalized(object: &Value, ignores_status: bool) -> Value {
    let Some(fields) = object.as_object() else {
        return object.clone();
    };
    let (group, kind) = (group(object), kind(object));
    // Left out before it is copied: what the server writes is more than half of many objects.
    let mut map: Map<String, Value> = fields
        .iter()
        // The version is a way of asking, not a property: the same object answers in several.
        .filter(|(key, _)| !(*key == "apiVersion" || ignores_status && *key == "status"))
        .map(|(key, value)| {
            let value = match value {
                Value::Object(metadata) if key == "metadata" => Value::Object(own(metadata)),
                value => value.clone(),
            };
            (key.clone(), value)
        })
        .collect();
    if group == "rbac.authorization.k8s.io" && kind == "ClusterRole" && is_aggregated(&map) {
        map.remove("rules");
    }
    if group.is_empty() && kind == "Secret" {
        encode_secret(&mut map);
    }
    if group.is_empty()
        && kind == "Endpoints"
        && let Some(Value::Array(subsets)) = map.get_mut("subsets")
    {
        sort_subsets(subsets);
    }
    Value::Object(map)
}

/// The API server keeps subsets, their addresses and their ports in an order of its own.
fn sort_subsets(subsets: &mut [Value]) {
    for subset in subsets.iter_mut() {
        for field in ["addresses", "notReadyAddresses", "ports"] {
            if let Some(Value::Array(list)) = subset.get_mut(field) {
                list.sort_by_cached_key(Value::to_string);
            }
        }
    }
    subsets.sort_by_cached_key(Value::to_string);
}

/// Metadata that a manifest may have written.
fn own(metadata: &Map<String, Value>) -> Map<String, Value> {
    let mut own: Map<String, Value> = metadata
        .iter()
        // Both sides were matched by the namespace; a manifest without one lives in the destination.
        .filter(|(key, _)| *key != "namespace" && !WRITTEN_BY_THE_SERVER.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(annotations) = own.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    own
}

/// A manifest as the API server would keep it.
pub(crate) fn stored(target: &Value) -> Value {
    let mut object = target.clone();
    if group(target).is_empty()
        && kind(target) == "Secret"
        && let Some(map) = object.as_object_mut()
    {
        encode_secret(map);
    }
    object
}

/// `stringData` becomes `data`, which is all that the API server keeps; null is the empty text.
fn encode_secret(map: &mut Map<String, Value>) {
    let plain = map.remove("stringData");
    let data = map
        .entry("data")
        .or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let Some(data) = data.as_object_mut() else {
        return;
    };
    for value in data.values_mut() {
        if value.is_null() {
            *value = Value::String(String::new());
        }
    }
    if let Some(Value::Object(plain)) = plain {
        for (key, value) in plain {
            if let Some(text) = value.as_str() {
                data.insert(key, Value::String(STANDARD.encode(text)));
            }
        }
    }
}

/// The rules of an aggregated role are written by a controller.
fn is_aggregated(map: &Map<String, Value>) -> bool {
    map.get("aggregationRule")
        .is_some_and(|rule| !rule.is_null())
}
