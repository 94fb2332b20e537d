//! An Application's options, written into a kustomization as `kustomize edit` would. Pure.

use serde_json::{Map, Value, json};

use super::Kustomize;
use crate::error::RenderError;

/// What an option does not go with.
pub(super) enum Wrong {
    Option(String),
    Path(RenderError),
}

impl Kustomize {
    /// Writes the options into a kustomization, as Argo CD does by `kustomize edit` (`util/kustomize/kustomize.go`).
    pub(super) fn edit(
        &self,
        fields: &mut Map<String, Value>,
        substituted: &dyn Fn(&str) -> String,
        has: &dyn Fn(&str) -> Result<bool, RenderError>,
    ) -> Result<(), Wrong> {
        for (field, text) in [
            ("namePrefix", &self.name_prefix),
            ("nameSuffix", &self.name_suffix),
            ("namespace", &self.namespace),
        ] {
            if !text.is_empty() {
                fields.insert(field.to_owned(), json!(text));
            }
        }
        for image in &self.images {
            set_image(list(fields, "images"), &substituted(image));
        }
        for replica in &self.replicas {
            let count = replica.get("count").cloned().unwrap_or_default();
            let count = match count.as_str().map(str::parse::<u64>) {
                Some(Ok(count)) => json!(count),
                Some(Err(_)) => {
                    return Err(Wrong::Option("replicas: count is no number".to_owned()));
                }
                None => count,
            };
            let name = replica.get("name").cloned().unwrap_or_default();
            let known = list(fields, "replicas");
            known.retain(|known| known.get("name") != Some(&name));
            known.push(json!({"name": name, "count": count}));
        }
        if self.label_without_selector && !self.common_labels.is_empty() {
            let pairs = values(&self.common_labels, substituted);
            list(fields, "labels").push(json!({
                "pairs": pairs, "includeSelectors": false, "includeTemplates": self.label_include_templates,
            }));
        } else {
            let pairs = values(&self.common_labels, substituted);
            merge(fields, "commonLabels", pairs, self.force_common_labels)?;
        }
        let keep = |text: &str| text.to_owned();
        let substituted: &dyn Fn(&str) -> String = if self.common_annotations_envsubst {
            substituted
        } else {
            &keep
        };
        let pairs = values(&self.common_annotations, substituted);
        merge(
            fields,
            "commonAnnotations",
            pairs,
            self.force_common_annotations,
        )?;
        for component in &self.components {
            if self.ignore_missing_components && !has(component).map_err(Wrong::Path)? {
                continue;
            }
            let known = list(fields, "components");
            if !known.iter().any(|known| known == component) {
                known.push(json!(component));
            }
        }
        if !self.patches.is_empty() {
            list(fields, "patches").extend(self.patches.iter().cloned());
        }
        Ok(())
    }
}

fn values(pairs: &Map<String, Value>, substituted: &dyn Fn(&str) -> String) -> Map<String, Value> {
    pairs
        .iter()
        .map(|(key, value)| match value.as_str() {
            Some(text) => (key.clone(), json!(substituted(text))),
            None => (key.clone(), value.clone()),
        })
        .collect()
}

/// `kustomize edit add label` refuses a key that is there, unless told to force it.
fn merge(
    fields: &mut Map<String, Value>,
    field: &str,
    pairs: Map<String, Value>,
    force: bool,
) -> Result<(), Wrong> {
    if pairs.is_empty() {
        return Ok(());
    }
    let known = fields.entry(field).or_insert_with(|| json!({}));
    if !known.is_object() {
        *known = json!({});
    }
    if let Value::Object(known) = known {
        for (key, value) in pairs {
            if !force && known.get(&key).is_some_and(|known| *known != value) {
                let force = if field == "commonLabels" {
                    "forceCommonLabels"
                } else {
                    "forceCommonAnnotations"
                };
                return Err(Wrong::Option(format!(
                    "{field}: the kustomization already has {key} with another value; set {force} to change it"
                )));
            }
            known.insert(key, value);
        }
    }
    Ok(())
}

/// A list of the kustomization, made where there is none.
fn list<'f>(fields: &'f mut Map<String, Value>, field: &str) -> &'f mut Vec<Value> {
    let value = fields.entry(field).or_insert_with(|| json!([]));
    if !value.is_array() {
        *value = json!([]);
    }
    value
        .as_array_mut()
        .expect("it is a list by the line before")
}

/// `[old=]new[:tag][@digest]`, laid over what is there for the same image (kustomize `edit/set/setimage.go`).
fn set_image(images: &mut Vec<Value>, image: &str) {
    let (name, rest) = match image.split_once('=') {
        Some((name, rest)) => (Some(name), rest),
        None => (None, image),
    };
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (rest, None),
    };
    // A colon before a slash is the registry's port.
    let (new_name, tag) = match rest.rsplit_once(':') {
        Some((new_name, tag)) if !tag.contains('/') => (new_name, Some(tag)),
        _ => (rest, None),
    };
    let name = name.unwrap_or(new_name);
    let place = images
        .iter()
        .position(|known| known.get("name").and_then(Value::as_str) == Some(name));
    let mut entry = match place {
        Some(place) => images.remove(place),
        None => json!({"name": name}),
    };
    if let Value::Object(entry) = &mut entry {
        if new_name != name && new_name != "*" {
            entry.insert("newName".to_owned(), json!(new_name));
        }
        if tag.is_some() || digest.is_some() {
            entry.remove("newTag");
            entry.remove("digest");
        }
        if let Some(tag) = tag.filter(|tag| *tag != "*") {
            entry.insert("newTag".to_owned(), json!(tag));
        }
        if let Some(digest) = digest {
            entry.insert("digest".to_owned(), json!(digest));
        }
    }
    images.push(entry);
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;

    use super::*;

    #[track_caller]
    fn check(before: &Value, options: &Value, expected: Result<Value, &str>) {
        let options = Kustomize::deserialize(options).expect("options");
        let mut fields = before.as_object().expect("an object").clone();
        let edited = options.edit(&mut fields, &|text| text.replace("$N", "web"), &|path| {
            Ok(path == "there")
        });
        match (edited, expected) {
            (Ok(()), Ok(expected)) => assert_eq!(Value::Object(fields), expected),
            (Err(Wrong::Option(problem)), Err(expected)) => assert_eq!(problem, expected),
            (_, expected) => panic!("{fields:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn options_change_a_kustomization_as_its_own_tool_would() {
        check(
            &json!({"namePrefix": "old-", "resources": ["a.yaml"]}),
            &json!({"namePrefix": "new-", "nameSuffix": "-x", "namespace": "shop"}),
            Ok(
                json!({"namePrefix": "new-", "nameSuffix": "-x", "namespace": "shop", "resources": ["a.yaml"]}),
            ),
        );
        check(
            &json!({"replicas": [{"name": "a", "count": 1}, {"name": "b", "count": 1}]}),
            &json!({"replicas": [{"name": "a", "count": "3"}]}),
            Ok(json!({"replicas": [{"name": "b", "count": 1}, {"name": "a", "count": 3}]})),
        );
        check(
            &json!({"commonLabels": {"a": "1"}}),
            &json!({"commonLabels": {"app": "$N"}, "commonAnnotations": {"by": "$N"}}),
            Ok(
                json!({"commonLabels": {"a": "1", "app": "web"}, "commonAnnotations": {"by": "$N"}}),
            ),
        );
        check(
            &json!({}),
            &json!({"commonLabels": {"app": "web"}, "labelWithoutSelector": true}),
            Ok(
                json!({"labels": [{"pairs": {"app": "web"}, "includeSelectors": false, "includeTemplates": false}]}),
            ),
        );
        check(
            &json!({"commonLabels": {"app": "old"}}),
            &json!({"commonLabels": {"app": "web"}}),
            Err(
                "commonLabels: the kustomization already has app with another value; set forceCommonLabels to change it",
            ),
        );
        check(
            &json!({"patches": [{"path": "a"}]}),
            &json!({"patches": [{"patch": "b", "target": {"kind": "Deployment"}}], "components": ["there", "gone"], "ignoreMissingComponents": true}),
            Ok(
                json!({"patches": [{"path": "a"}, {"patch": "b", "target": {"kind": "Deployment"}}], "components": ["there"]}),
            ),
        );
    }

    #[test]
    fn images_are_read_as_kustomize_does() {
        for (image, expected) in [
            ("nginx:1.2", json!([{"name": "nginx", "newTag": "1.2"}])),
            (
                "nginx=host:5000/nginx:1.2",
                json!([{"name": "nginx", "newName": "host:5000/nginx", "newTag": "1.2"}]),
            ),
            (
                "nginx=host:5000/nginx",
                json!([{"name": "nginx", "newName": "host:5000/nginx"}]),
            ),
            (
                "nginx@sha256:ab",
                json!([{"name": "nginx", "digest": "sha256:ab"}]),
            ),
            (
                "a=b@sha256:ab",
                json!([{"name": "a", "newName": "b", "digest": "sha256:ab"}]),
            ),
        ] {
            let mut images = Vec::new();
            set_image(&mut images, image);
            assert_eq!(Value::Array(images), expected, "{image}");
        }
        let mut images = vec![json!({"name": "nginx", "newName": "mirror/nginx", "newTag": "1"})];
        set_image(&mut images, "nginx@sha256:ab");
        assert_eq!(
            Value::Array(images),
            json!([{"name": "nginx", "newName": "mirror/nginx", "digest": "sha256:ab"}])
        );
    }
}
