//! `ConfigMap`s that hold SQL because an Atlas object among what is checked says so.
//!
//! The webhook sees one object at a time and goes by the label. Here both are at hand: a ConfigMap without the label is judged as if it had it, for what the
//! object that names it says it is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::judge::object_name;
use super::source::{Content, Item};

const LABEL: &str = "/metadata/labels/gate.tidegate.dev~1sql";

/// What a ConfigMap holds, and whose SQL.
struct Use {
    holds: &'static str,
    scheme: Option<String>,
}

/// Labels the `ConfigMap`s that are named and say nothing themselves.
pub(crate) fn label_named_config_maps(items: &mut [Item]) {
    let uses: BTreeMap<(Option<String>, String), Use> = items
        .iter()
        .filter_map(|item| match &item.content {
            Content::Manifest { object, .. } => used_by(object),
            Content::Sql(_) | Content::WayBack | Content::Review(_) => None,
        })
        .collect();
    for item in items {
        let Content::Manifest { object, .. } = &mut item.content else {
            continue;
        };
        let name = object_name(object);
        if name.kind != "ConfigMap" || object.pointer(LABEL).is_some() {
            continue;
        }
        if let Some(used) = uses.get(&(name.namespace, name.name)) {
            put(object, "labels", "gate.tidegate.dev/sql", used.holds);
            if let Some(scheme) = &used.scheme {
                put(object, "annotations", "gate.tidegate.dev/dialect", scheme);
            }
        }
    }
}

/// The ConfigMap that an Atlas object names.
fn used_by(object: &Value) -> Option<((Option<String>, String), Use)> {
    let name = object_name(object);
    let (pointer, holds) = match name.kind.as_str() {
        "AtlasSchema" => ("/spec/schema/configMapKeyRef/name", "schema"),
        "AtlasMigration" => ("/spec/dir/configMapRef/name", "migrations"),
        _ => return None,
    };
    let config_map = object.pointer(pointer)?.as_str()?.to_owned();
    let url = object.pointer("/spec/url").and_then(Value::as_str);
    let own = object
        .pointer("/spec/credentials/scheme")
        .and_then(Value::as_str);
    let scheme = url
        .and_then(|url| url.split_once(':'))
        .map(|(scheme, _)| scheme);
    let scheme = scheme.or(own).map(str::to_owned);
    Some(((name.namespace, config_map), Use { holds, scheme }))
}

/// What the ConfigMap says itself stays.
fn put(object: &mut Value, map: &str, key: &str, value: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let map = metadata.entry(map).or_insert_with(|| json!({}));
    if let Some(map) = map.as_object_mut() {
        map.entry(key).or_insert_with(|| json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::source;

    #[track_caller]
    fn check(manifests: &str, expected: &[Option<&str>]) {
        let mut items = source::manifests("f.yaml", manifests, true).expect("manifests");
        label_named_config_maps(&mut items);
        let labels: Vec<Option<String>> = items
            .iter()
            .filter_map(|item| match &item.content {
                Content::Manifest { object, .. } if object_name(object).kind == "ConfigMap" => {
                    Some(
                        object
                            .pointer(LABEL)
                            .and_then(Value::as_str)
                            .map(str::to_owned),
                    )
                }
                _ => None,
            })
            .collect();
        let labels: Vec<Option<&str>> = labels.iter().map(Option::as_deref).collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn only_what_is_named_is_labelled() {
        let migration = "apiVersion: db.atlasgo.io/v1alpha1\nkind: AtlasMigration\nmetadata: {name: m, namespace: a}\nspec: {url: 'postgres://h', dir: {configMapRef: {name: sql}}}\n---\n";
        let config_map = |namespace: &str, name: &str, labels: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\n---\n"
            )
        };
        let manifests = [
            migration.to_owned(),
            config_map("a", "sql", ""),
            config_map("b", "sql", ""),
            config_map("a", "other", ""),
        ];
        check(&manifests.concat(), &[Some("migrations"), None, None]);
        let own = config_map("a", "sql", "gate.tidegate.dev/sql: schema");
        check(&format!("{migration}{own}"), &[Some("schema")]);
    }
}
