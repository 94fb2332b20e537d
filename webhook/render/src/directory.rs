//! Plain folders of manifests (`source.directory`).
//!
//! Files are taken in the order of their names; those of Argo CD's own marks are left out. What is YAML and no manifest is not an error: value files and
//! workflows live beside manifests.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tidegate_model::glob;

use crate::error::RenderError;
use crate::jsonnet::Jsonnet;
use crate::manifests::Manifests;
use crate::settings::Limits;
use crate::tree::Tree;

/// With this comment a file is left out (argo-cd `reposerver/repository/repository.go`).
const SKIP_MARK: &[u8] = b"+argocd:skip-file-rendering";

/// `source.directory`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Directory {
    recurse: bool,
    include: String,
    exclude: String,
    pub(crate) jsonnet: Jsonnet,
}

/// Adds the manifests of a folder; `jsonnet` says what one of its programs makes. What is to be warned about comes back.
pub(crate) fn render(
    tree: &Tree,
    folder: &Path,
    options: &Directory,
    limits: &Limits,
    jsonnet: &dyn Fn(&Path) -> Result<Vec<u8>, RenderError>,
    manifests: &mut Manifests<'_>,
) -> Result<Vec<String>, RenderError> {
    let mut files = Vec::new();
    list(tree, folder, options.recurse, 0, limits, &mut files)?;
    files.sort();
    let mut warnings = Vec::new();
    for file in files {
        let relative = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy();
        if !options.takes(&relative) {
            continue;
        }
        let shown = tree.shown(&file);
        if relative.ends_with(".jsonnet") {
            manifests.evaluated(&shown, &jsonnet(&file)?)?;
            continue;
        }
        let bytes = read(tree, &file, limits)?;
        if bytes
            .windows(SKIP_MARK.len())
            .any(|window| window == SKIP_MARK)
        {
            continue;
        }
        warnings.extend(manifests.file(&shown, &bytes)?);
    }
    Ok(warnings)
}

/// The bytes of a file of the tree, within the limit of one file.
pub(crate) fn read(tree: &Tree, file: &Path, limits: &Limits) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|file| file.take(limits.file_bytes + 1).read_to_end(&mut bytes))
        .map_err(RenderError::io("read", file))?;
    if bytes.len() as u64 > limits.file_bytes {
        return Err(RenderError::path(
            tree.shown(file),
            format!("the file is larger than {} bytes", limits.file_bytes),
        ));
    }
    Ok(bytes)
}

impl Directory {
    /// Excluding comes first, and slashes separate nothing, as in Argo CD: `*.yaml` is also in every folder.
    fn takes(&self, relative: &str) -> bool {
        let has_an_end = [".yaml", ".yml", ".json", ".jsonnet"]
            .iter()
            .any(|end| relative.ends_with(end));
        let is_excluded = !self.exclude.is_empty() && glob::matches(&self.exclude, relative);
        let is_included = self.include.is_empty() || glob::matches(&self.include, relative);
        has_an_end && !is_excluded && is_included
    }
}

/// The files of a folder, links to files of the tree among them.
pub(crate) fn list(
    tree: &Tree,
    folder: &Path,
    recurse: bool,
    depth: usize,
    limits: &Limits,
    files: &mut Vec<PathBuf>,
) -> Result<(), RenderError> {
    if depth > limits.depth {
        return Err(RenderError::path(
            tree.shown(folder),
            format!("folders are nested deeper than {}", limits.depth),
        ));
    }
    let entries = fs::read_dir(folder).map_err(RenderError::io("list", folder))?;
    for entry in entries {
        let path = entry.map_err(RenderError::io("list", folder))?.path();
        let shown = tree.shown(&path);
        let kind = path
            .symlink_metadata()
            .map_err(RenderError::io("read", &path))?;
        if kind.is_dir() {
            if recurse && path.file_name().is_none_or(|name| name != ".git") {
                list(tree, &path, recurse, depth + 1, limits, files)?;
            }
            continue;
        }
        // A link to a folder is not followed, as in Argo CD; one to a file is, inside the tree. One that leads nowhere is none.
        match tree.find(tree.root(), &format!("/{shown}"))? {
            Some(real) if real.is_file() => files.push(path),
            _ => {}
        }
        if files.len() > limits.tree_files {
            return Err(RenderError::path(
                tree.shown(folder),
                format!("there are more than {} files", limits.tree_files),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
    }

    #[track_caller]
    fn check(options: &str, expected: &[&str]) {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in [
            ("b.yaml", object("b")),
            ("a.yml", object("a")),
            (
                "c.json",
                r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}"#
                    .to_owned(),
            ),
            ("values.yaml", "replicas: 1\n".to_owned()),
            (
                "skipped.yaml",
                format!("# +argocd:skip-file-rendering\n{}", object("skipped")),
            ),
            ("readme.md", object("readme")),
            ("f.jsonnet", String::new()),
            ("f.libsonnet", String::new()),
            ("sub/d.yaml", object("d")),
            ("sub/deep/e.yaml", object("e")),
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        std::os::unix::fs::symlink("sub", folder.path().join("linked-folder")).expect("linked");
        let tree = Tree::of_folder(folder.path()).expect("a tree");
        let limits = Limits::default();
        let mut manifests = Manifests::new(&limits);
        let options: Directory = serde_json::from_str(options).expect("options");
        let jsonnet = |_: &Path| {
            Ok(
                br#"[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "f"}}, null]"#
                    .to_vec(),
            )
        };
        render(
            &tree,
            tree.root(),
            &options,
            &limits,
            &jsonnet,
            &mut manifests,
        )
        .expect("rendered");
        let objects = manifests.into_objects();
        let names: Vec<_> = objects
            .iter()
            .filter_map(|object| object["metadata"]["name"].as_str())
            .collect();
        assert_eq!(names, expected, "{options:?}");
    }

    #[test]
    fn the_options_choose_files() {
        check("{}", &["a", "b", "c", "f"]);
        check(r#"{"recurse": true}"#, &["a", "b", "c", "f", "d", "e"]);
        check(r#"{"recurse": true, "include": "*.json"}"#, &["c"]);
        check(
            r#"{"recurse": true, "include": "{a.yml,sub/*}"}"#,
            &["a", "d", "e"],
        );
        check(
            r#"{"recurse": true, "exclude": "sub/*", "include": "*.y*ml"}"#,
            &["a", "b"],
        );
        check(r#"{"recurse": true, "exclude": "*"}"#, &[]);
    }
}
