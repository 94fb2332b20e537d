//! Applying a policy's patch as the API server would, and refusing what would hurt there.
//!
//! A patch that does not apply is a hard 500 for the user whatever the failure policy, an annotation that is no string silently wipes all
//! annotations of the object, and a changed name creates another object (measured on Kubernetes 1.36). So every patch is applied here first.

use json_patch::Patch;
use serde_json::Value;

/// The largest object that a patch may make: the API server stores at most 1.5 MiB with etcd's defaults and 2 MiB at all.
const LARGEST_OBJECT_BYTES: usize = 3 << 20;
/// The most operations in one patch.
const MOST_OPERATIONS: usize = 1_000;

/// Fields that name the object; a patch of them would make another object or be dropped silently.
const IDENTITY: [&str; 10] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/uid",
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/creationTimestamp",
    "/metadata/managedFields",
    "/metadata/ownerReferences",
];

/// Why a patch cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The object is not JSON that can be patched; nested deeper than 128 levels, for example.
    #[error("the object cannot be patched: {0}")]
    Object(String),
    /// An operation failed.
    #[error("the patch does not apply: {0}")]
    Apply(String),
    /// It would change what names the object.
    #[error("the patch changes {0}, which names the object")]
    Identity(&'static str),
    /// Annotations and labels must be strings.
    #[error("the patch gives {pointer} a value that is not a string")]
    NotAString {
        /// Of the annotation or label.
        pointer: String,
    },
    /// Too many operations, or too large a result.
    #[error("the patch is too large: {0}")]
    TooLarge(String),
}

/// The object, as JSON text, after the patch.
pub fn apply_checked(object: &str, patch: &Patch) -> Result<String, PatchError> {
    if patch.0.len() > MOST_OPERATIONS {
        return Err(PatchError::TooLarge(format!(
            "{} operations, at most {MOST_OPERATIONS} are allowed",
            patch.0.len()
        )));
    }
    let before: Value =
        serde_json::from_str(object).map_err(|error| PatchError::Object(error.to_string()))?;
    let mut after = before.clone();
    json_patch::patch(&mut after, patch).map_err(|error| PatchError::Apply(error.to_string()))?;
    if let Some(pointer) = IDENTITY
        .into_iter()
        .find(|pointer| before.pointer(pointer) != after.pointer(pointer))
    {
        return Err(PatchError::Identity(pointer));
    }
    for map in ["/metadata/annotations", "/metadata/labels"] {
        check_strings(&after, map)?;
    }
    let text = after.to_string();
    if text.len() > LARGEST_OBJECT_BYTES {
        return Err(PatchError::TooLarge(format!(
            "the object would have {} bytes",
            text.len()
        )));
    }
    Ok(text)
}

fn check_strings(object: &Value, map: &str) -> Result<(), PatchError> {
    match object.pointer(map) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(entries)) => {
            match entries.iter().find(|(_, value)| !value.is_string()) {
                None => Ok(()),
                Some((key, _)) => Err(PatchError::NotAString {
                    pointer: format!("{map}/{key}"),
                }),
            }
        }
        Some(_) => Err(PatchError::NotAString {
            pointer: map.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(patch: Value, expected: Result<Value, &str>) {
        let object = json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "annotations": {"x": "1"}}, "spec": {"a": [1]}});
        let patch: Patch = serde_json::from_value(patch).unwrap();
        match (apply_checked(&object.to_string(), &patch), expected) {
            (Ok(after), Ok(expected)) => {
                assert_eq!(
                    serde_json::from_str::<Value>(&after)
                        .unwrap()
                        .pointer("/spec")
                        .unwrap(),
                    &expected
                );
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (got, expected) => panic!("got {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn patches_apply_or_say_why_not() {
        check(
            json!([{"op": "add", "path": "/spec/b", "value": 2}]),
            Ok(json!({"a": [1], "b": 2})),
        );
        check(json!([]), Ok(json!({"a": [1]})));
        check(
            json!([{"op": "remove", "path": "/spec/b"}]),
            Err("does not apply"),
        );
        check(
            json!([{"op": "test", "path": "/spec/a", "value": 2}]),
            Err("does not apply"),
        );
        check(
            json!([{"op": "add", "path": "/nowhere/b", "value": 2}]),
            Err("does not apply"),
        );
        check(
            json!([{"op": "replace", "path": "/metadata/name", "value": "b"}]),
            Err("changes /metadata/name"),
        );
        check(
            json!([{"op": "replace", "path": "", "value": {"spec": {}}}]),
            Err("changes /apiVersion"),
        );
        check(
            json!([{"op": "add", "path": "/metadata/annotations/y", "value": 1}]),
            Err("/metadata/annotations/y a value"),
        );
        check(
            json!([{"op": "add", "path": "/metadata/labels", "value": "a"}]),
            Err("/metadata/labels a value"),
        );
    }

    #[test]
    fn a_copy_bomb_is_stopped() {
        let mut operations =
            vec![json!({"op": "add", "path": "/spec/a", "value": ["x".repeat(1024)]})];
        operations
            .extend((0..13).map(|_| json!({"op": "copy", "from": "/spec/a", "path": "/spec/a/-"})));
        check(Value::Array(operations), Err("too large"));
    }
}
