//! Charts (`source.helm`), rendered by the real `helm`.
//!
//! `helm template` asks no cluster and starts no program; it runs where it could do neither. Only what a chart needs and its repository lacks, its
//! dependencies, is fetched, in a check-out of its own.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use tidegate_model::glob;

use crate::charts;
use crate::directory::read;
use crate::error::{ProcessError, RenderError};
use crate::process::Run;
use crate::surroundings::Surroundings;
use crate::tree::Tree;

/// What helm says when a dependency is not in `charts/`.
const MISSING_DEPENDENCIES: [&str; 2] = [
    "found in Chart.yaml, but missing in charts/ directory",
    "found in requirements.yaml, but missing in charts/ directory",
];

/// `source.helm`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Helm {
    value_files: Vec<String>,
    values: String,
    values_object: Option<Value>,
    parameters: Vec<Parameter>,
    file_parameters: Vec<FileParameter>,
    release_name: String,
    namespace: String,
    kube_version: String,
    api_versions: Vec<String>,
    skip_crds: bool,
    skip_tests: bool,
    skip_schema_validation: bool,
    ignore_missing_value_files: bool,
    pub(crate) pass_credentials: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parameter {
    name: String,
    value: String,
    force_string: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FileParameter {
    name: String,
    path: String,
}

/// What helm prints of the chart in a folder.
pub(crate) fn output(
    around: &Surroundings<'_>,
    tree: &Tree,
    folder: &Path,
    options: &Helm,
) -> Result<Vec<u8>, RenderError> {
    let home = around.work.folder()?;
    let arguments = options.arguments(around, tree, folder, home.path())?;
    let template = |tree: &Tree, folder: &Path| {
        let run = Run::new(around.settings, "helm", home.path(), folder)
            .root(tree.root())
            .args(["template", "."])
            .args(&arguments);
        let run = if options.asks_the_network() {
            run
        } else {
            run.alone()
        };
        run.output()
    };
    let shown = tree.shown(folder);
    let failed = |problem| RenderError::Tool {
        path: shown.clone(),
        problem,
    };
    let lacks = |said: &str| {
        MISSING_DEPENDENCIES
            .iter()
            .any(|words| said.contains(words))
    };
    match template(tree, folder) {
        Err(ProcessError::Failed { said, .. }) if lacks(&said) => {
            let own = (around.own_tree)()?;
            let folder = own.folder(&shown)?;
            charts::fetch_dependencies(
                around,
                &own,
                &folder,
                home.path(),
                options.pass_credentials,
            )?;
            template(&own, &folder).map_err(failed)
        }
        out => out.map_err(failed),
    }
}

impl Helm {
    fn asks_the_network(&self) -> bool {
        self.value_files.iter().any(|file| is_remote(file))
    }

    /// The flags of `helm template`, in the order in which helm lets the later win. Value files are copied, so that neither a comma in a path
    /// nor a link means anything to helm.
    fn arguments(
        &self,
        around: &Surroundings<'_>,
        tree: &Tree,
        folder: &Path,
        home: &Path,
    ) -> Result<Vec<String>, RenderError> {
        let or =
            |first: &str, second: &str| if first.is_empty() { second } else { first }.to_owned();
        let mut arguments = vec![
            "--name-template".to_owned(),
            or(&self.release_name, around.name),
        ];
        let namespace = or(&self.namespace, around.destination);
        if !namespace.is_empty() {
            arguments.extend(["--namespace".to_owned(), namespace]);
        }
        let version = or(&self.kube_version, &around.cluster.kube_version);
        if !version.is_empty() {
            arguments.extend(["--kube-version".to_owned(), version]);
        }
        for (index, file) in self
            .value_files(around, tree, folder)?
            .into_iter()
            .enumerate()
        {
            let file = match file {
                ValueFile::Remote(address) => address,
                ValueFile::Here(bytes) => write(home, &format!("values-{index}.yaml"), &bytes)?,
            };
            arguments.extend(["--values".to_owned(), file]);
        }
        let values = match &self.values_object {
            Some(values) => values.to_string(),
            None => self.values.clone(),
        };
        if !values.trim().is_empty() {
            let file = write(home, "values.yaml", values.as_bytes())?;
            arguments.extend(["--values".to_owned(), file]);
        }
        for Parameter {
            name,
            value,
            force_string,
        } in &self.parameters
        {
            let flag = if *force_string {
                "--set-string"
            } else {
                "--set"
            };
            let value = with_commas(&around.substituted(value));
            arguments.extend([flag.to_owned(), format!("{name}={value}")]);
        }
        for (index, FileParameter { name, path }) in self.file_parameters.iter().enumerate() {
            let path = around.substituted_path(path);
            let bytes = match one_file(around, tree, folder, &path)? {
                Some((tree, file)) => read(tree, &file, &around.settings.limits)?,
                None => {
                    return Err(RenderError::path(
                        path,
                        "no such file or directory; it is named by helm.fileParameters",
                    ));
                }
            };
            let file = write(home, &format!("file-{index}"), &bytes)?;
            arguments.extend(["--set-file".to_owned(), format!("{name}={file}")]);
        }
        let api_versions = match self.api_versions.as_slice() {
            [] => &around.cluster.api_versions,
            own => own,
        };
        for version in api_versions {
            arguments.extend(["--api-versions".to_owned(), version.clone()]);
        }
        let switches = [
            (!self.skip_crds, "--include-crds"),
            (self.skip_tests, "--skip-tests"),
            (self.skip_schema_validation, "--skip-schema-validation"),
        ];
        let on = switches.iter().filter(|(on, _)| *on);
        arguments.extend(on.map(|(_, flag)| (*flag).to_owned()));
        Ok(arguments)
    }

    /// The value files in their order. A pattern stands for its files by name, without those that are also written out.
    fn value_files(
        &self,
        around: &Surroundings<'_>,
        tree: &Tree,
        folder: &Path,
    ) -> Result<Vec<ValueFile>, RenderError> {
        let limits = &around.settings.limits;
        let mut found: Vec<(Option<PathBuf>, bool, ValueFile)> = Vec::new();
        for written in &self.value_files {
            if is_remote(written) {
                if !around.settings.remote_files {
                    return Err(RenderError::path(
                        crate::redact::redacted(written),
                        "value files are not fetched from addresses; put the file into a repository and name it by `$ref/path`",
                    ));
                }
                found.push((None, false, ValueFile::Remote(written.clone())));
                continue;
            }
            let path = around.substituted_path(written);
            if glob::is_pattern(&path) {
                let (tree, from, pattern) = around.place(tree, folder, &path)?;
                let mut matching = matching(tree, from, pattern, limits.depth, limits.tree_files)?;
                matching.sort();
                for file in matching {
                    let bytes = read(tree, &file, limits)?;
                    found.push((Some(file), true, ValueFile::Here(bytes)));
                }
                continue;
            }
            match one_file(around, tree, folder, &path)? {
                Some((tree, file)) => {
                    let bytes = read(tree, &file, limits)?;
                    found.push((Some(file), false, ValueFile::Here(bytes)));
                }
                None if self.ignore_missing_value_files => {}
                None => {
                    return Err(RenderError::path(
                        written,
                        "no such file or directory; correct the path, or set helm.ignoreMissingValueFiles",
                    ));
                }
            }
        }
        let explicit: Vec<PathBuf> = found
            .iter()
            .filter(|(_, by_pattern, _)| !by_pattern)
            .filter_map(|(path, ..)| path.clone())
            .collect();
        found.retain(|(path, by_pattern, _)| {
            !(*by_pattern && path.as_ref().is_some_and(|path| explicit.contains(path)))
        });
        Ok(found.into_iter().map(|(.., file)| file).collect())
    }
}

enum ValueFile {
    Remote(String),
    Here(Vec<u8>),
}

impl Surroundings<'_> {
    /// A path with its variables replaced, where the first word is not the name of another source.
    fn substituted_path(&self, path: &str) -> String {
        let reference = path
            .strip_prefix('$')
            .and_then(|rest| rest.split('/').next());
        match reference {
            Some(name) if !name.starts_with(['{', '$']) && !self.variables.contains_key(name) => {
                let rest = path.get(name.len() + 1..).unwrap_or_default();
                format!("${name}{}", self.substituted(rest))
            }
            _ => self.substituted(path),
        }
    }
}

/// A file of this source or of the one that the path names; none when there is none.
fn one_file<'t>(
    around: &'t Surroundings<'_>,
    tree: &'t Tree,
    folder: &'t Path,
    path: &'t str,
) -> Result<Option<(&'t Tree, PathBuf)>, RenderError> {
    let (tree, from, path) = around.place(tree, folder, path)?;
    let found = tree.find(from, path)?;
    Ok(found.filter(|file| file.is_file()).map(|file| (tree, file)))
}

/// `a,b` is one value and not two; `{a,b}` is a list, and stays one (argo-cd `util/helm/cmd.go`, `cleanSetParameters`).
fn with_commas(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut made = String::with_capacity(value.len());
    let mut is_escaped = false;
    for c in value.chars() {
        if c == ',' && !is_escaped {
            made.push('\\');
        }
        is_escaped = c == '\\';
        made.push(c);
    }
    made
}

fn is_remote(file: &str) -> bool {
    file.contains("://")
}

/// The files of a tree whose path matches a pattern.
fn matching(
    tree: &Tree,
    from: &Path,
    pattern: &str,
    depth: usize,
    most: usize,
) -> Result<Vec<PathBuf>, RenderError> {
    // The part before the first pattern is a folder; only there is anything looked for.
    let whole = pattern
        .split('/')
        .take_while(|part| !glob::is_pattern(part));
    let start: String = whole.flat_map(|part| [part, "/"]).collect();
    let rest = pattern.strip_prefix(&start).unwrap_or(pattern);
    let start = if start.is_empty() { "." } else { &start };
    let Some(folder) = tree.find(from, start)?.filter(|folder| folder.is_dir()) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut open = vec![(folder.clone(), 0)];
    while let Some((at, level)) = open.pop() {
        let entries = fs::read_dir(&at).map_err(RenderError::io("list", &at))?;
        for entry in entries {
            let path = entry.map_err(RenderError::io("list", &at))?.path();
            let Some(real) = tree.find(tree.root(), &format!("/{}", tree.shown(&path)))? else {
                continue;
            };
            if path.is_dir() && !path.is_symlink() && level < depth {
                open.push((path, level + 1));
                continue;
            }
            let relative = path.strip_prefix(&folder).unwrap_or(&path);
            if real.is_file() && glob::matches_path(rest, &relative.to_string_lossy()) {
                found.push(real);
            }
            if found.len() > most {
                return Err(RenderError::path(
                    pattern,
                    format!("it matches more than {most} files"),
                ));
            }
        }
    }
    Ok(found)
}

fn write(home: &Path, name: &str, bytes: &[u8]) -> Result<String, RenderError> {
    let path = home.join(name);
    fs::write(&path, bytes).map_err(RenderError::io("write", &path))?;
    Ok(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_part_of_a_value() {
        for (value, expected) in [
            ("a,b", r"a\,b"),
            (r"a\,b", r"a\,b"),
            ("{a,b}", "{a,b}"),
            ("", ""),
        ] {
            assert_eq!(with_commas(value), expected);
        }
    }

    #[test]
    fn patterns_of_value_files_stay_in_the_tree() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in [
            "envs/eu/a.yaml",
            "envs/us/b.yaml",
            "envs/c.yaml",
            "other/d.yaml",
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        let tree = Tree::of_folder(folder.path()).expect("a tree");
        let chart = tree.root().join("other");
        for (pattern, expected) in [
            ("../envs/*.yaml", &["envs/c.yaml"][..]),
            (
                "/envs/**/*.yaml",
                &["envs/c.yaml", "envs/eu/a.yaml", "envs/us/b.yaml"],
            ),
            ("*.yaml", &["other/d.yaml"]),
            ("none/*.yaml", &[]),
        ] {
            let mut found = matching(&tree, &chart, pattern, 32, 100).expect("inside");
            found.sort();
            let found: Vec<String> = found.iter().map(|file| tree.shown(file)).collect();
            assert_eq!(found, expected, "{pattern}");
        }
        assert!(matching(&tree, &chart, "../../*", 32, 100).is_err());
    }
}
