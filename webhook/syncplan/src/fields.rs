//! Who owns which field: `metadata.managedFields`, read.
//!
//! A set of fields is a tree (`fieldsV1` of Kubernetes' server-side apply): `f:name` is a key of a map, `k:{"name":"web"}` the element of a list with
//! these keys, `v:"word"` an element by its value, `i:3` one by its place, `.` the thing itself.

use serde_json::{Map, Value};
use tidegate_model::object::{at, text};

/// Whether an entry of `managedFields` is this manager's apply (not an update: who updates does not take fields back by leaving them out).
pub(crate) fn is_managed_by(entry: &Value, manager: &str) -> bool {
    text(entry, "/manager") == Some(manager) && text(entry, "/operation") == Some("Apply")
}

/// The part of a live object that a manager's server-side apply owns; none where it never applied.
pub(crate) fn owned_by(live: &Value, manager: &str) -> Option<Value> {
    let managed = at(live, "/metadata/managedFields")?.as_array()?;
    let entry = managed.iter().find(|entry| {
        is_managed_by(entry, manager) && text(entry, "/subresource").is_none_or(str::is_empty)
    })?;
    let fields = entry.get("fieldsV1")?.as_object()?;
    project(live, fields)
}

/// Takes every field that one of `managers` owns out of an object; `owner` is the live object, which says who owns what.
pub(crate) fn remove_owned(object: &mut Value, owner: &Value, managers: &[String]) {
    let managed = at(owner, "/metadata/managedFields").and_then(Value::as_array);
    for entry in managed.into_iter().flatten() {
        let manager = text(entry, "/manager").unwrap_or_default();
        if managers.iter().any(|wanted| wanted == manager)
            && let Some(fields) = entry.get("fieldsV1").and_then(Value::as_object)
        {
            remove(object, fields);
        }
    }
}

/// The part of `value` that a set of fields names.
fn project(value: &Value, fields: &Map<String, Value>) -> Option<Value> {
    let children: Vec<(&String, &Map<String, Value>)> = children(fields).collect();
    if children.is_empty() {
        return Some(value.clone());
    }
    match value {
        Value::Object(map) => {
            let mut part = Map::new();
            for (name, below) in children {
                let key = name.strip_prefix("f:")?;
                if let Some(value) = map.get(key).and_then(|value| project(value, below)) {
                    part.insert(key.to_owned(), value);
                }
            }
            Some(Value::Object(part))
        }
        Value::Array(list) => {
            let part = list.iter().enumerate().filter_map(|(index, element)| {
                let (_, below) = children
                    .iter()
                    .find(|(name, _)| names(name, index, element))?;
                project(element, below)
            });
            Some(Value::Array(part.collect()))
        }
        _ => Some(value.clone()),
    }
}

fn remove(value: &mut Value, fields: &Map<String, Value>) {
    match value {
        Value::Object(map) => {
            for (name, below) in children(fields) {
                let Some(key) = name.strip_prefix("f:") else {
                    continue;
                };
                if below.is_empty() {
                    map.remove(key);
                } else if let Some(value) = map.get_mut(key) {
                    remove(value, below);
                }
            }
        }
        Value::Array(list) => {
            let mut index = 0;
            list.retain_mut(|element| {
                let set = children(fields).find(|(name, _)| names(name, index, element));
                index += 1;
                match set {
                    None => true,
                    Some((name, below)) => {
                        if below.is_empty() || name.starts_with("v:") {
                            return false;
                        }
                        // The keys stay, or the element could not be told from the others any more.
                        let keys = element.clone();
                        remove(element, below);
                        restore_keys(element, &keys, name);
                        true
                    }
                }
            });
        }
        _ => {}
    }
}

fn restore_keys(element: &mut Value, before: &Value, name: &str) {
    let keys = name
        .strip_prefix("k:")
        .and_then(|keys| serde_json::from_str::<Map<String, Value>>(keys).ok());
    let (Some(map), Some(keys)) = (element.as_object_mut(), keys) else {
        return;
    };
    for key in keys.keys() {
        if let Some(value) = before.get(key) {
            map.insert(key.clone(), value.clone());
        }
    }
}

/// The names below a set, without the set itself.
fn children(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    fields
        .iter()
        .filter(|(name, _)| *name != ".")
        .filter_map(|(name, below)| Some((name, below.as_object()?)))
}

/// Whether a name in a set of fields means this element of a list.
fn names(name: &str, index: usize, element: &Value) -> bool {
    if let Some(keys) = name.strip_prefix("k:") {
        return serde_json::from_str::<Map<String, Value>>(keys).is_ok_and(|keys| {
            keys.iter()
                .all(|(key, value)| element.get(key) == Some(value))
        });
    }
    if let Some(value) = name.strip_prefix("v:") {
        return serde_json::from_str::<Value>(value).is_ok_and(|value| &value == element);
    }
    name.strip_prefix("i:")
        .is_some_and(|place| place.parse() == Ok(index))
}
