//! Kustomizations (`source.kustomize`), rendered by the real `kustomize`.
//!
//! Options change the kustomization itself, as `kustomize edit` would, in a check-out of its own: an overlay on top would put a second prefix before the
//! first. Before anything is run, the files that kustomizations name are looked at: what is not in the repository would be fetched, from wherever its author
//! wants this process to go.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::directory::read;
use crate::error::RenderError;
use crate::manifests::yaml;
use crate::process::{self, Run};
use crate::surroundings::Surroundings;
use crate::tree::Tree;

/// The names of a kustomization (kustomize `api/konfig/general.go`).
pub(crate) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// More kustomizations than this are not read for one Application.
const MOST_KUSTOMIZATIONS: usize = 1_000;

/// `source.kustomize`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Kustomize {
    name_prefix: String,
    name_suffix: String,
    namespace: String,
    images: Vec<String>,
    replicas: Vec<Value>,
    common_labels: Map<String, Value>,
    common_annotations: Map<String, Value>,
    common_annotations_envsubst: bool,
    force_common_labels: bool,
    force_common_annotations: bool,
    label_without_selector: bool,
    label_include_templates: bool,
    components: Vec<String>,
    ignore_missing_components: bool,
    patches: Vec<Value>,
    kube_version: String,
    api_versions: Vec<String>,
}

/// What kustomize prints of the kustomization in a folder.
pub(crate) fn output(
    around: &Surroundings<'_>,
    tree: &Tree,
    folder: &Path,
    options: &Kustomize,
) -> Result<Vec<u8>, RenderError> {
    let shown = tree.shown(folder);
    if options.changes_nothing() {
        return build(around, tree, folder, options);
    }
    let own = (around.own_tree)()?;
    let folder = own.folder(&shown)?;
    let file =
        file_of(&folder).ok_or_else(|| RenderError::path(&shown, "there is no kustomization"))?;
    let name = own.shown(&file);
    let mut kustomization = yaml(&name, &read(&own, &file, &around.settings.limits)?)?;
    if kustomization.is_null() {
        kustomization = json!({});
    }
    let Value::Object(fields) = &mut kustomization else {
        return Err(RenderError::path(name, "the kustomization is no object"));
    };
    let has = |component: &str| Ok(own.find(&folder, component)?.is_some());
    options
        .edit(fields, &|text| around.substituted(text), &has)
        .map_err(|error| match error {
            Wrong::Option(problem) => RenderError::Source {
                pointer: "source.kustomize".to_owned(),
                problem,
            },
            Wrong::Path(error) => error,
        })?;
    // JSON is YAML. A link would lead to another kustomization's file: the new one stands in its place.
    fs::remove_file(&file).map_err(RenderError::io("replace", &file))?;
    fs::write(&file, kustomization.to_string()).map_err(RenderError::io("write", &file))?;
    build(around, &own, &folder, options)
}

fn build(
    around: &Surroundings<'_>,
    tree: &Tree,
    folder: &Path,
    options: &Kustomize,
) -> Result<Vec<u8>, RenderError> {
    let shown = tree.shown(folder);
    if !around.settings.remote_files {
        refuse_remote(around, tree, folder)?;
    }
    let home = around.work.folder()?;
    let flags = around.kustomize_options;
    // The kustomize inside of kubectl is as good, where there is no other.
    let path = &around.settings.path;
    let is_there = |program| process::find(program, path).is_some();
    let (program, command) = if !is_there("kustomize") && is_there("kubectl") {
        ("kubectl", "kustomize")
    } else {
        ("kustomize", "build")
    };
    let mut run = Run::new(around.settings, program, home.path(), folder)
        .root(tree.root())
        .args([command, "."])
        .args(flags);
    if flags
        .iter()
        .any(|flag| flag == "--enable-helm" || flag == "--enable-helm=true")
    {
        // Kustomize pulls and renders charts by helm, which it finds on the PATH.
        for (flag, version) in [
            ("--helm-kube-version", &options.kube_version),
            ("--helm-kube-version", &around.cluster.kube_version),
        ] {
            if !version.is_empty() {
                run = run.args([flag, version]);
                break;
            }
        }
        let versions = match options.api_versions.as_slice() {
            [] => &around.cluster.api_versions,
            own => own,
        };
        for version in versions {
            run = run.args(["--helm-api-versions", version]);
        }
        run = run.time(around.settings.limits.fetch_time);
    } else if !around.settings.remote_files {
        run = run.alone();
    }
    run.output().map_err(|problem| RenderError::Tool {
        path: shown,
        problem,
    })
}

/// The kustomization of a folder.
pub(crate) fn file_of(folder: &Path) -> Option<PathBuf> {
    FILES
        .iter()
        .map(|name| folder.join(name))
        .find(|file| file.is_file())
}

/// Follows every kustomization that this one names, and refuses what would be fetched.
fn refuse_remote(around: &Surroundings<'_>, tree: &Tree, folder: &Path) -> Result<(), RenderError> {
    let mut open = vec![folder.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(folder) = open.pop() {
        if !seen.insert(folder.clone()) {
            continue;
        }
        if seen.len() > MOST_KUSTOMIZATIONS {
            return Err(RenderError::path(
                tree.shown(&folder),
                format!("more than {MOST_KUSTOMIZATIONS} kustomizations belong together"),
            ));
        }
        let Some(file) = file_of(&folder) else {
            continue;
        };
        let shown = tree.shown(&file);
        let kustomization = yaml(&shown, &read(tree, &file, &around.settings.limits)?)?;
        for (field, entry) in named(&kustomization) {
            let remote = || RenderError::Path {
                path: shown.clone(),
                problem: format!(
                    "{field} names `{}`, which is not in the repository; nothing is fetched from elsewhere: copy it into the repository",
                    crate::redact::redacted(entry)
                ),
            };
            // An inline patch or document has line breaks, a path has none.
            if entry.contains('\n') {
                continue;
            }
            let is_address = entry.contains("://") || entry.contains("::");
            let found = if is_address {
                None
            } else {
                tree.find(&folder, entry)?
            };
            match found {
                Some(found) if found.is_dir() => open.push(found),
                Some(_) => {}
                // Kustomize tells about a missing file itself; what is fetched is only a base, or an address.
                None if is_address || ["resources", "bases", "components"].contains(&field) => {
                    return Err(remote());
                }
                None => {}
            }
        }
    }
    Ok(())
}

/// Everything in a kustomization that may be a path: the field and the text.
fn named(kustomization: &Value) -> Vec<(&'static str, &str)> {
    const LISTS: [&str; 10] = [
        "resources",
        "bases",
        "components",
        "crds",
        "configurations",
        "generators",
        "transformers",
        "validators",
        "patchesStrategicMerge",
        "patchesJson6902",
    ];
    let mut found = Vec::new();
    for field in LISTS {
        for entry in kustomization
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = entry.as_str().or_else(|| entry.get("path")?.as_str());
            found.extend(text.map(|text| (field, text)));
        }
    }
    for field in ["patches", "replacements"] {
        let entries = kustomization.get(field).and_then(Value::as_array);
        let paths = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("path")?.as_str());
        found.extend(paths.map(|path| (field, path)));
    }
    if let Some(path) = kustomization
        .pointer("/openapi/path")
        .and_then(Value::as_str)
    {
        found.push(("openapi", path));
    }
    for field in ["configMapGenerator", "secretGenerator"] {
        for generator in kustomization
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            for key in ["files", "envs"] {
                for entry in generator
                    .get(key)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    // `key=path`.
                    let text = entry.as_str().unwrap_or_default();
                    let path = text.split_once('=').map_or(text, |(_, path)| path);
                    found.push((field, path));
                }
            }
        }
    }
    found
}

/// What an option does not go with.
enum Wrong {
    Option(String),
    Path(RenderError),
}

impl Kustomize {
    fn changes_nothing(&self) -> bool {
        let plain = Self {
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
            ..Self::default()
        };
        *self == plain
    }

    /// Writes the options into a kustomization, as Argo CD does by `kustomize edit` (`util/kustomize/kustomize.go`).
    fn edit(
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
