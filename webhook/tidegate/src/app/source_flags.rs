//! What of a source flags can say: where it is, and how Helm, Kustomize or a plain folder make manifests of it.
//!
//! The flags, and what they do to what is there already, are those of Argo CD (`cmd/util/app.go`): value files are exchanged, parameters and images are
//! replaced by name, the rest is set. An Application of several sources has one of them changed, by `--source-position`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::at;

/// The flags.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(super) struct SourceFlags {
    /// Which of several sources is meant, counted from 1.
    #[arg(long, value_name = "NUMBER")]
    source_position: Option<usize>,
    /// The repository.
    #[arg(long, value_name = "URL")]
    pub(super) repo: Option<String>,
    /// The folder in it.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The branch, tag, commit, version or range of versions.
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// The chart, of a chart repository.
    #[arg(long, value_name = "CHART")]
    helm_chart: Option<String>,
    /// A value file of a chart. May be repeated.
    #[arg(long, value_name = "FILE")]
    values: Vec<String>,
    /// A file here, whose text becomes the chart's values.
    #[arg(long, value_name = "FILE")]
    values_literal_file: Option<PathBuf>,
    /// Whether value files may be missing.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    ignore_missing_value_files: Option<bool>,
    /// The name of the chart's release.
    #[arg(long, value_name = "NAME")]
    release_name: Option<String>,
    /// Leave out the definitions of kinds that the chart has.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    helm_skip_crds: Option<bool>,
    /// A parameter of a chart, `NAME=VALUE`. May be repeated.
    #[arg(short, short_alias = 'P', long, value_name = "NAME=VALUE")]
    pub(super) parameter: Vec<String>,
    /// The same.
    #[arg(long, value_name = "NAME=VALUE")]
    helm_set: Vec<String>,
    /// A parameter that is text, whatever it looks like.
    #[arg(long, value_name = "NAME=VALUE")]
    helm_set_string: Vec<String>,
    /// A parameter whose value is in a file of the repository.
    #[arg(long, value_name = "NAME=PATH")]
    helm_set_file: Vec<String>,
    /// What goes before each name, by Kustomize.
    #[arg(long, value_name = "TEXT")]
    nameprefix: Option<String>,
    /// What goes after each name, by Kustomize.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    namesuffix: Option<String>,
    /// An image to take in place of another, as `kustomize edit set image` writes it. May be repeated.
    #[arg(long, value_name = "IMAGE")]
    kustomize_image: Vec<String>,
    /// How many replicas, `NAME=COUNT`, by Kustomize. May be repeated.
    #[arg(long, value_name = "NAME=COUNT")]
    kustomize_replica: Vec<String>,
    /// The namespace of everything, by Kustomize.
    #[arg(long, value_name = "NAMESPACE")]
    kustomize_namespace: Option<String>,
    /// A label of everything, `KEY=VALUE`, by Kustomize. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    kustomize_common_label: Vec<String>,
    /// An annotation of everything, `KEY=VALUE`, by Kustomize. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    kustomize_common_annotation: Vec<String>,
    /// Whether manifests of folders in the folder count.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    directory_recurse: Option<bool>,
    /// Which files count, a glob.
    #[arg(long, value_name = "GLOB")]
    directory_include: Option<String>,
    /// Which files do not, a glob.
    #[arg(long, value_name = "GLOB")]
    directory_exclude: Option<String>,
    /// An argument of the jsonnet's own function, a text. May be repeated.
    #[arg(long, value_name = "NAME=TEXT")]
    jsonnet_tla_str: Vec<String>,
    /// An argument of the jsonnet's own function, as jsonnet. May be repeated.
    #[arg(long, value_name = "NAME=CODE")]
    jsonnet_tla_code: Vec<String>,
    /// What `std.extVar` gives, a text. May be repeated.
    #[arg(long, value_name = "NAME=TEXT")]
    jsonnet_ext_var_str: Vec<String>,
    /// What `std.extVar` gives, as jsonnet. May be repeated.
    #[arg(long, value_name = "NAME=CODE")]
    jsonnet_ext_var_code: Vec<String>,
    /// A folder of the repository that jsonnet imports from. May be repeated.
    #[arg(long, value_name = "FOLDER")]
    jsonnet_libs: Vec<String>,
}

impl SourceFlags {
    /// Changes the Application's source as the flags say; it is left alone where they say nothing.
    pub(super) fn apply(&self, application: &mut Value) -> Result<()> {
        let mut source = source(application, self.source_position)?;
        let before = source.clone();
        for (field, text) in [
            ("repoURL", &self.repo),
            ("path", &self.path),
            ("targetRevision", &self.revision),
            ("chart", &self.helm_chart),
        ] {
            put(&mut source, field, text.as_ref().map(|text| json!(text)));
        }
        self.helm(&mut source)?;
        self.kustomize(&mut source)?;
        for (field, value) in [
            ("recurse", self.directory_recurse.map(Value::from)),
            ("include", self.directory_include.clone().map(Value::from)),
            ("exclude", self.directory_exclude.clone().map(Value::from)),
        ] {
            put_in(&mut source, "directory", field, value);
        }
        self.jsonnet(&mut source)?;
        if source == before {
            return Ok(());
        }
        write(application, self.source_position, source)
    }

    fn helm(&self, source: &mut Value) -> Result<()> {
        let values = match &self.values_literal_file {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .with_context(|| format!("--values-literal-file {}", path.display()))?,
            ),
            None => None,
        };
        let files = (!self.values.is_empty()).then(|| json!(self.values));
        for (field, value) in [
            ("valueFiles", files),
            ("values", values.map(Value::from)),
            ("releaseName", self.release_name.clone().map(Value::from)),
            ("skipCrds", self.helm_skip_crds.map(Value::from)),
            (
                "ignoreMissingValueFiles",
                self.ignore_missing_value_files.map(Value::from),
            ),
        ] {
            put_in(source, "helm", field, value);
        }
        let set = self.parameter.iter().map(|pair| ("--parameter", pair));
        let set = set.chain(self.helm_set.iter().map(|pair| ("--helm-set", pair)));
        for (flag, pair) in set {
            let (name, value) = split(flag, pair)?;
            put_named(source, "parameters", json!({"name": name, "value": value}));
        }
        for pair in &self.helm_set_string {
            let (name, value) = split("--helm-set-string", pair)?;
            let parameter = json!({"name": name, "value": value, "forceString": true});
            put_named(source, "parameters", parameter);
        }
        for pair in &self.helm_set_file {
            let (name, path) = split("--helm-set-file", pair)?;
            put_named(
                source,
                "fileParameters",
                json!({"name": name, "path": path}),
            );
        }
        Ok(())
    }

    fn jsonnet(&self, source: &mut Value) -> Result<()> {
        let mut jsonnet = at(source, "/directory/jsonnet")
            .cloned()
            .unwrap_or_else(|| json!({}));
        let before = jsonnet.clone();
        for (flag, field, pairs, is_code) in [
            ("--jsonnet-tla-str", "tlas", &self.jsonnet_tla_str, false),
            ("--jsonnet-tla-code", "tlas", &self.jsonnet_tla_code, true),
            (
                "--jsonnet-ext-var-str",
                "extVars",
                &self.jsonnet_ext_var_str,
                false,
            ),
            (
                "--jsonnet-ext-var-code",
                "extVars",
                &self.jsonnet_ext_var_code,
                true,
            ),
        ] {
            for pair in pairs {
                let (name, value) = split(flag, pair)?;
                let mut known = list(&jsonnet, &format!("/{field}"));
                known.retain(|known| known.get("name").and_then(Value::as_str) != Some(name));
                let mut variable = json!({"name": name, "value": value});
                put(&mut variable, "code", is_code.then_some(json!(true)));
                known.push(variable);
                put(&mut jsonnet, field, Some(Value::Array(known)));
            }
        }
        let libs = (!self.jsonnet_libs.is_empty()).then(|| json!(self.jsonnet_libs));
        put(&mut jsonnet, "libs", libs);
        let is_changed = (jsonnet != before).then_some(jsonnet);
        put_in(source, "directory", "jsonnet", is_changed);
        Ok(())
    }

    fn kustomize(&self, source: &mut Value) -> Result<()> {
        for (field, text) in [
            ("namePrefix", &self.nameprefix),
            ("nameSuffix", &self.namesuffix),
            ("namespace", &self.kustomize_namespace),
        ] {
            let value = text.as_ref().map(|text| json!(text));
            put_in(source, "kustomize", field, value);
        }
        for (flag, field, pairs) in [
            (
                "--kustomize-common-label",
                "commonLabels",
                &self.kustomize_common_label,
            ),
            (
                "--kustomize-common-annotation",
                "commonAnnotations",
                &self.kustomize_common_annotation,
            ),
        ] {
            let mut map = Map::new();
            for pair in pairs {
                let (key, value) = split(flag, pair)?;
                map.insert(key.to_owned(), json!(value));
            }
            let map = (!map.is_empty()).then_some(Value::Object(map));
            put_in(source, "kustomize", field, map);
        }
        let mut images = list(source, "/kustomize/images");
        for image in &self.kustomize_image {
            images.retain(|known| known.as_str().map(image_name) != Some(image_name(image)));
            images.push(json!(image));
        }
        let images = (!self.kustomize_image.is_empty()).then_some(Value::Array(images));
        put_in(source, "kustomize", "images", images);
        let mut replicas = list(source, "/kustomize/replicas");
        for pair in &self.kustomize_replica {
            let (name, count) = split("--kustomize-replica", pair)?;
            let count: u32 = count
                .parse()
                .with_context(|| format!("--kustomize-replica {pair}: the count is no number"))?;
            replicas.retain(|known| known.get("name").and_then(Value::as_str) != Some(name));
            replicas.push(json!({"name": name, "count": count}));
        }
        let replicas = (!self.kustomize_replica.is_empty()).then_some(Value::Array(replicas));
        put_in(source, "kustomize", "replicas", replicas);
        Ok(())
    }
}

/// The source that is meant, as it is.
pub(super) fn source(application: &Value, position: Option<usize>) -> Result<Value> {
    let sources = Application(application).sources();
    let index = match position {
        None if sources.len() > 1 => {
            // Known only once something is to be changed; what is left alone may be any.
            return Ok(json!({}));
        }
        None => 0,
        Some(position) => match position.checked_sub(1) {
            Some(index) if index < sources.len().max(1) => index,
            _ => bail!(
                "--source-position {position}: the application has {} sources",
                sources.len()
            ),
        },
    };
    let source = sources.get(index).map(|(_, source)| (*source).clone());
    Ok(source.unwrap_or_else(|| json!({})))
}

/// Whether it is said which source is meant.
pub(super) fn is_one(application: &Value, position: Option<usize>) -> Result<()> {
    if Application(application).sources().len() > 1 && position.is_none() {
        bail!("the application has several sources: say which by --source-position");
    }
    Ok(())
}

/// Puts a changed source where it was.
pub(super) fn write(application: &mut Value, position: Option<usize>, source: Value) -> Result<()> {
    is_one(application, position)?;
    let listed = application
        .pointer_mut("/spec/sources")
        .and_then(Value::as_array_mut)
        .and_then(|sources| sources.get_mut(position.unwrap_or(1).saturating_sub(1)));
    if let Some(slot) = listed {
        *slot = source;
    } else {
        // Not merged: what is gone from it goes.
        json_patch::merge(application, &json!({"spec": {"source": null}}));
        json_patch::merge(application, &json!({"spec": {"source": source}}));
    }
    Ok(())
}

fn put(object: &mut Value, field: &str, value: Option<Value>) {
    if let (Some(map), Some(value)) = (object.as_object_mut(), value) {
        map.insert(field.to_owned(), value);
    }
}

fn put_in(source: &mut Value, tool: &str, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        json_patch::merge(source, &json!({ tool: { field: null } }));
        json_patch::merge(source, &json!({ tool: { field: value } }));
    }
}

/// Puts a parameter among those of Helm, in place of one of its name.
fn put_named(source: &mut Value, field: &str, parameter: Value) {
    let mut parameters = list(source, &format!("/helm/{field}"));
    parameters.retain(|known| known.get("name") != parameter.get("name"));
    parameters.push(parameter);
    put_in(source, "helm", field, Some(Value::Array(parameters)));
}

fn list(source: &Value, pointer: &str) -> Vec<Value> {
    let listed = source.pointer(pointer).and_then(Value::as_array);
    listed.cloned().unwrap_or_default()
}

fn split<'p>(flag: &str, pair: &'p str) -> Result<(&'p str, &'p str)> {
    pair.split_once('=')
        .with_context(|| format!("{flag} {pair}: write NAME=VALUE"))
}

/// What an image stands for: the name before `=`, else the name without tag and digest.
pub(super) fn image_name(image: &str) -> &str {
    if let Some((name, _)) = image.split_once('=') {
        return name;
    }
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        // A colon before the last slash is a registry's port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        change: impl FnOnce(&mut SourceFlags),
        source: &Value,
        expected: &Result<Value, &str>,
    ) {
        let mut flags = SourceFlags::default();
        change(&mut flags);
        let mut application = json!({"spec": {"source": source}});
        let done = flags
            .apply(&mut application)
            .map_err(|error| error.to_string());
        let after = done.map(|()| application["spec"]["source"].clone());
        assert_eq!(
            after.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|error| *error)
        );
    }

    #[test]
    fn what_is_named_is_replaced_and_the_rest_stays() {
        check(
            |flags| {
                flags.jsonnet_tla_str = vec!["a=new".to_owned()];
                flags.jsonnet_ext_var_code = vec!["e=1 + 1".to_owned()];
            },
            &json!({"directory": {"recurse": true, "jsonnet": {"tlas": [{"name": "a", "value": "old", "code": true}, {"name": "b", "value": "b"}]}}}),
            &Ok(json!({"directory": {"recurse": true, "jsonnet": {
                "tlas": [{"name": "b", "value": "b"}, {"name": "a", "value": "new"}],
                "extVars": [{"name": "e", "value": "1 + 1", "code": true}],
            }}})),
        );
        check(
            |flags| {
                flags.helm_set = vec!["a=2".to_owned()];
                flags.helm_set_string = vec!["c=true".to_owned()];
                flags.values = vec!["new.yaml".to_owned()];
            },
            &json!({"path": "p", "helm": {"valueFiles": ["old.yaml"], "parameters": [{"name": "a", "value": "1"}, {"name": "b", "value": "1"}]}}),
            &Ok(
                json!({"path": "p", "helm": {"valueFiles": ["new.yaml"], "parameters": [
                    {"name": "b", "value": "1"}, {"name": "a", "value": "2"}, {"name": "c", "value": "true", "forceString": true},
                ]}}),
            ),
        );
        check(
            |flags| {
                flags.kustomize_image = vec!["host:5000/a=b:2".to_owned(), "c:1".to_owned()];
                flags.namesuffix = Some("-x".to_owned());
            },
            &json!({"kustomize": {"images": ["host:5000/a:1", "d:1"]}}),
            &Ok(
                json!({"kustomize": {"images": ["d:1", "host:5000/a=b:2", "c:1"], "nameSuffix": "-x"}}),
            ),
        );
        check(
            |flags| flags.helm_set_file = vec!["a".to_owned()],
            &json!({}),
            &Err("--helm-set-file a: write NAME=VALUE"),
        );
    }

    #[test]
    fn one_of_several_sources_is_named_by_its_position() {
        let mut application = json!({"spec": {"sources": [{"path": "a"}, {"path": "b"}]}});
        let mut flags = SourceFlags {
            path: Some("c".to_owned()),
            ..SourceFlags::default()
        };
        assert!(flags.apply(&mut application).is_err(), "which one?");
        flags.source_position = Some(2);
        flags.apply(&mut application).expect("changed");
        assert_eq!(
            application,
            json!({"spec": {"sources": [{"path": "a"}, {"path": "c"}]}})
        );
        flags.source_position = Some(3);
        assert!(flags.apply(&mut application).is_err(), "there are two");
    }
}
