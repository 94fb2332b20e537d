//! Requests from objects.

use crate::{Admission, Key, Operation};
use serde_json::Value;

/// The request that one or both objects make: the API server's rule that a create has no old object and a delete no new one.
pub(crate) fn admission(object: Option<Value>, old_object: Option<Value>) -> Admission {
    let operation = match (&object, &old_object) {
        (None, Some(_)) => Operation::Delete,
        (Some(_), Some(_)) => Operation::Update,
        (_, None) => Operation::Create,
    };
    let key = key(object
        .as_ref()
        .or(old_object.as_ref())
        .unwrap_or(&Value::Null));
    Admission {
        operation,
        key,
        object,
        old_object,
    }
}

fn key(object: &Value) -> Key {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let api_version = text("/apiVersion").unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Key {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text("/kind").unwrap_or_default().to_owned(),
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name").unwrap_or_default().to_owned(),
    }
}
