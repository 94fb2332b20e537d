//! The Application inside an `ApplicationSet`: judged like any other, as far as it is known.
//!
//! A set's `spec.template` is an Application with holes. What is written around the holes can be as wrong as elsewhere, and is wrong many times over.
//! What depends on a hole is not judged: a generator fills it, and nobody here sees with what. Nor is what may come from somewhere else:
//! the controller gives the finalizer itself, and a `templatePatch` or a generator's own template may add what seems to be missing.

use serde_json::{Map, json};
use tidegate_model::object::{at, group, kind};
use tidegate_model::words::{ARGO_API_VERSION, ARGO_GROUP};
use tidegate_policy_sdk::prelude::*;

use crate::rules::{application_incomplete, finalizer_missing, retry_missing};

/// Where the template is.
pub(crate) const TEMPLATE: &str = "/spec/template";

/// The Application of a set's template; none for any other object.
pub(crate) fn template(object: &Value) -> Option<Value> {
    if group(object) != ARGO_GROUP || kind(object) != "ApplicationSet" {
        return None;
    }
    let template = at(object, TEMPLATE)?;
    let part = |field: &str| template.get(field).cloned();
    Some(json!({
        "apiVersion": ARGO_API_VERSION,
        "kind": "Application",
        "metadata": part("metadata").unwrap_or_else(|| Map::new().into()),
        "spec": part("spec")?,
    }))
}

/// Whether a finding about the template holds for the Applications that are made of it.
pub(crate) fn holds(finding: &Finding, set: &Value, template: &Value) -> bool {
    let rule = finding.rule.as_str();
    if rule == finalizer_missing::RULE.id {
        return false;
    }
    let may_be_added = [application_incomplete::RULE.id, retry_missing::RULE.id];
    if may_be_added.contains(&rule) && is_completed_elsewhere(set) {
        return false;
    }
    let pointed = finding.path.as_deref().and_then(|path| at(template, path));
    !pointed.is_some_and(has_hole)
}

fn is_completed_elsewhere(set: &Value) -> bool {
    let overrides = |generator: &Value| {
        let kinds = generator.as_object();
        kinds.is_some_and(|kinds| kinds.values().any(|one| one.get("template").is_some()))
    };
    at(set, "/spec/templatePatch").is_some()
        || at(set, "/spec/generators")
            .and_then(Value::as_array)
            .is_some_and(|generators| generators.iter().any(overrides))
}

/// Whether a generator fills in a part of it.
fn has_hole(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(list) => list.iter().any(has_hole),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains("{{") || has_hole(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
