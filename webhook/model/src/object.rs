//! Reading any Kubernetes object out of its JSON, and naming it.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An API group and a kind, the part of a type that survives version changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}

/// Where an object lives. Two manifests with the same key are the same object to Argo CD, whatever version they are written in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; none for a cluster-scoped object or where the manifest leaves it out.
    pub namespace: Option<String>,
    /// Name; empty where the API server is to make one up (generateName).
    pub name: String,
}

impl ObjectKey {
    /// Reads the key of a manifest. Missing parts are empty.
    pub fn of(object: &Value) -> Self {
        Self {
            group: group(object).to_owned(),
            kind: kind(object).to_owned(),
            namespace: namespace(object).map(str::to_owned),
            name: name(object).to_owned(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// A view could not be read: a field has another type than the custom resource definition gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {object}: {problem}")]
pub struct ViewError {
    /// The object, as a person would name it.
    pub object: String,
    /// What does not fit. Never quotes a value of the object, which may be a password.
    pub problem: String,
}

/// Reads a typed view of an object.
pub(crate) fn view<T: DeserializeOwned>(object: &Value) -> Result<T, ViewError> {
    T::deserialize(object).map_err(|error| ViewError {
        object: ObjectKey::of(object).to_string(),
        problem: without_values(&error.to_string()),
    })
}

/// serde's messages quote what they found (`invalid type: string "...", expected a map`); what they found may be a secret.
fn without_values(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            let before = message.get(..first).unwrap_or_default();
            let after = message.get(last + 1..).unwrap_or_default();
            format!("{}{after}", before.trim_end())
        }
        _ => message.to_owned(),
    }
}

/// What is at a JSON pointer, `""` being the whole. `Value::pointer` allocates two strings a segment, which rules that look at
/// dozens of fields of each object would pay for more dearly than for anything else they do.
pub fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.is_empty() {
        return Some(object);
    }
    pointer
        .strip_prefix('/')?
        .split('/')
        .try_fold(object, |value, segment| {
            if segment.contains('~') {
                return step(value, &segment.replace("~1", "/").replace("~0", "~"));
            }
            step(value, segment)
        })
}

/// One segment further. An index has no sign and no leading zero (RFC 6901 section 4).
fn step<'a>(value: &'a Value, segment: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(segment),
        Value::Array(list) if segment == "0" || !segment.starts_with(['0', '+']) => {
            list.get(segment.parse::<usize>().ok()?)
        }
        _ => None,
    }
}

/// The text at a JSON pointer.
pub fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    at(object, pointer)?.as_str()
}

/// `apiVersion`, empty when missing.
pub fn api_version(object: &Value) -> &str {
    text(object, "/apiVersion").unwrap_or_default()
}

/// The group in `apiVersion`; empty for the core group.
pub fn group(object: &Value) -> &str {
    api_version(object)
        .split_once('/')
        .map_or("", |(group, _)| group)
}

/// `kind`, empty when missing.
pub fn kind(object: &Value) -> &str {
    text(object, "/kind").unwrap_or_default()
}

/// `metadata.name`, empty when missing.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name").unwrap_or_default()
}

/// `metadata.namespace`; none when missing or empty.
pub fn namespace(object: &Value) -> Option<&str> {
    text(object, "/metadata/namespace").filter(|namespace| !namespace.is_empty())
}

/// One annotation as Argo CD reads it: a single annotation that is not a string makes Go's `unstructured.GetAnnotations` give up on all of
/// them, so every annotation of such an object counts as missing.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    let annotations = at(object, "/metadata/annotations")?.as_object()?;
    if annotations.values().any(|value| !value.is_string()) {
        return None;
    }
    annotations.get(key)?.as_str()
}

/// One label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    at(object, "/metadata/labels")?.get(key)?.as_str()
}

/// The words of a comma-separated annotation, trimmed, without empty ones and repetitions, in the order written
/// (argo-cd gitops-engine/pkg/sync/resource/annotations.go).
pub fn annotation_words<'a>(object: &'a Value, key: &str) -> Vec<&'a str> {
    words(annotation(object, key).unwrap_or_default())
}

/// Splits a comma-separated list as [`annotation_words`] does.
pub fn words(list: &str) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    list.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty() && seen.insert(*word))
        .collect()
}

/// The merge patch (RFC 7386) from one value to another; none where they are the same. Lists are exchanged whole, as the standard has it.
pub fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            merge_patch_of_maps(before, after).map(Value::Object)
        }
        _ => (before != after).then(|| after.clone()),
    }
}

/// As [`merge_patch`].
pub fn merge_patch_of_maps(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Option<Map<String, Value>> {
    let mut patch = Map::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, after) in after {
        let change = before
            .get(key)
            .map_or_else(|| Some(after.clone()), |before| merge_patch(before, after));
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    (!patch.is_empty()).then_some(patch)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_lead_where_rfc_6901_says() {
        let object = json!({"a": {"b/c": [10, {"~d": 11}]}, "": 12, "01": 13});
        for pointer in [
            "",
            "/",
            "/a",
            "/a/b~1c/0",
            "/a/b~1c/1/~0d",
            "/a/b~1c/01",
            "/a/b~1c/+1",
            "/a/b~1c/-",
            "/01",
            "a",
            "/x/y",
            "/a/b~1c/2",
        ] {
            assert_eq!(at(&object, pointer), object.pointer(pointer), "{pointer:?}");
        }
    }

    #[test]
    fn keys_are_read_and_shown() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}});
        let key = ObjectKey::of(&object);
        assert_eq!(
            (key.group.as_str(), key.to_string().as_str()),
            ("apps", "Deployment shop/web")
        );
        assert_eq!(ObjectKey::of(&json!(null)).to_string(), " ");
    }

    #[test]
    fn one_annotation_that_is_no_string_hides_all() {
        let object = json!({"metadata": {"annotations": {"a": "x", "b": 1}}});
        assert_eq!(annotation(&object, "a"), None);
        let object = json!({"metadata": {"annotations": {"a": "x, y,,x"}}});
        assert_eq!(annotation_words(&object, "a"), ["x", "y"]);
    }

    #[test]
    fn view_errors_quote_no_value() {
        let object = json!({"kind": "AtlasSchema", "metadata": {"name": "s"}, "spec": {"urlFrom": "mysql://root:hunter2@h/d"}});
        let error = view::<crate::atlas::AtlasSchema>(&object)
            .expect_err("a string is no reference")
            .to_string();
        assert!(
            error.starts_with("failed to read AtlasSchema s: invalid type: string"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}
