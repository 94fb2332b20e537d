//! Kustomizations (`source.kustomize`), rendered by the real `kustomize`.
//!
//! Options change the kustomization itself, as `kustomize edit` would, in a check-out of its own: an overlay on top would put a second prefix before the
//! first. Before anything is run, the files that kustomizations name are looked at ([`remote`]).

mod edit;
mod remote;

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
use edit::Wrong;
use remote::refuse_remote;

/// The names of a kustomization (kustomize `api/konfig/general.go`).
pub(crate) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

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

impl Kustomize {
    fn changes_nothing(&self) -> bool {
        let plain = Self {
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
            ..Self::default()
        };
        *self == plain
    }
}
