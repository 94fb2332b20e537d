//! From paths to things that can be judged: manifests, SQL files, admission reviews.
//!
//! Kubernetes' own habits are kept: several documents in a file, `List` objects, JSON beside YAML. A file that has no Kubernetes object in it (a
//! values file, a workflow) is skipped inside a folder, and an error when it was named. Links are followed only when they stay inside the
//! folder that was named.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::locations::{Document, Locations, Place, documents};
use super::migrations::{self, Forward};
use super::render;

/// The largest file read.
const LARGEST_FILE_BYTES: u64 = 16 << 20;
/// The most files of one folder.
const MOST_FILES: usize = 20_000;
/// The deepest folder.
const DEEPEST: usize = 32;

/// With this comment Argo CD leaves a file of a folder out.
const SKIP_MARK: &str = "+argocd:skip-file-rendering";

/// One thing to judge.
#[derive(Debug)]
pub(crate) struct Item {
    /// As named on the command line or found below it; `-` for standard input.
    pub(crate) file: String,
    /// The whole file, to show lines of.
    pub(crate) text: Arc<str>,
    /// Where it starts in the file.
    pub(crate) start: Place,
    /// What it is.
    pub(crate) content: Content,
}

/// What there is to judge.
#[derive(Debug)]
pub(crate) enum Content {
    /// A Kubernetes object, and where its fields stand.
    Manifest { object: Value, locations: Locations },
    /// A file of SQL statements.
    Sql(String),
    /// A file of SQL that is run only to undo a migration: not judged, and said so.
    WayBack,
    /// An AdmissionReview as the API server sends it: the body.
    Review(Vec<u8>),
}

/// Everything below the given paths, in the order of the command line and then by name.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            items.extend(manifests("-", &read_text(path)?, true)?);
            continue;
        }
        let metadata =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        let rendered = if metadata.is_dir() {
            render::render(path)?
        } else {
            None
        };
        if let Some(text) = rendered {
            items.extend(manifests(
                &format!("{} (rendered)", path.display()),
                &text,
                false,
            )?);
            continue;
        }
        if metadata.is_dir() {
            let root = path
                .canonicalize()
                .with_context(|| format!("cannot read {}", path.display()))?;
            let mut files = Vec::new();
            walk(path, &root, 0, &mut files)?;
            files.sort();
            let patches = patches(&files);
            for file in files.iter().filter(|file| !patches.contains(*file)) {
                items.extend(read_file(file, false)?);
            }
        } else {
            items.extend(read_file(path, true)?);
        }
    }
    Ok(items)
}

/// The files that a kustomization lays over other objects: parts of objects, which say nothing alone. A kustomization that cannot be read has none.
fn patches(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let kustomizations = files
        .iter()
        .filter(|file| file.file_stem().is_some_and(|stem| stem == "kustomization"));
    for file in kustomizations {
        let value: Value = fs::read_to_string(file)
            .ok()
            .and_then(|text| serde_saphyr::from_str(&text).ok())
            .unwrap_or_default();
        let list = |field: &str| {
            value
                .get(field)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let named = list("patches")
            .filter_map(|patch| patch.get("path"))
            .chain(list("patchesStrategicMerge"))
            .filter_map(Value::as_str);
        let folder = file.parent().unwrap_or(file);
        found.extend(named.map(|path| folder.join(path.trim_start_matches("./"))));
    }
    found
}

fn walk(folder: &Path, root: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if depth > DEEPEST {
        bail!(
            "{}: folders are nested deeper than {DEEPEST}",
            folder.display()
        );
    }
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read {}", folder.display()))?
            .path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let real = path
            .canonicalize()
            .with_context(|| format!("cannot follow {}", path.display()))?;
        if !real.starts_with(root) {
            bail!(
                "{}: the link leads out of {}",
                path.display(),
                root.display()
            );
        }
        if real.is_dir() {
            let here = folder.canonicalize();
            if here.is_ok_and(|here| here.starts_with(&real)) {
                bail!("{}: the link leads back up, in a circle", path.display());
            }
            walk(&path, root, depth + 1, files)?;
        } else if is_readable(&path) {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            bail!("{}: more than {MOST_FILES} files", root.display());
        }
    }
    Ok(())
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

fn is_readable(path: &Path) -> bool {
    matches!(extension(path), "yaml" | "yml" | "json" | "sql")
}

/// A file's text, or that of standard input for `-`.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let limit = LARGEST_FILE_BYTES + 1;
    let (shown, mut input): (String, Box<dyn std::io::Read>) = if path.as_os_str() == "-" {
        ("standard input".into(), Box::new(std::io::stdin().lock()))
    } else {
        let shown = path.display().to_string();
        let file = fs::File::open(path).with_context(|| format!("cannot read {shown}"))?;
        (shown, Box::new(file))
    };
    let mut bytes = Vec::new();
    input
        .by_ref()
        .take(limit)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {shown}"))?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        bail!("{shown} is larger than 16 MiB");
    }
    String::from_utf8(bytes).with_context(|| format!("cannot read {shown} as UTF-8 text"))
}

fn read_file(path: &Path, named: bool) -> Result<Vec<Item>> {
    let shown = path.display().to_string();
    let text = read_text(path)?;
    if extension(path) == "sql" {
        let start = Place { line: 1, column: 1 };
        let whole: Arc<str> = text.as_str().into();
        let content = match migrations::forward(path, &text, |name| is_beside(path, name)) {
            Forward::Part(part) => Content::Sql(part),
            Forward::None if !named => Content::WayBack,
            Forward::None | Forward::Whole => Content::Sql(text),
        };
        return Ok(vec![Item {
            file: shown,
            text: whole,
            start,
            content,
        }]);
    }
    manifests(&shown, &text, named)
}

/// Whether a folder's file has a neighbour of this name, or of one that begins so.
fn is_beside(path: &Path, name: &str) -> bool {
    let Some(start) = name.strip_suffix('*') else {
        return path.with_file_name(name).exists();
    };
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let entries = fs::read_dir(folder.unwrap_or_else(|| Path::new(".")));
    entries.is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(start))
        })
    })
}

pub(super) fn manifests(file: &str, text: &str, named: bool) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let whole: Arc<str> = text.into();
    let item = |start, content| Item {
        file: file.to_owned(),
        text: whole.clone(),
        start,
        content,
    };
    if !named && text.contains(SKIP_MARK) {
        return Ok(items);
    }
    let documents = match documents(text) {
        Ok(documents) => documents,
        // Charts keep templates that are no YAML before they are rendered.
        Err(_) if !named && text.contains("{{") => return Ok(items),
        Err(error) => bail!("{file}: {error}"),
    };
    for Document {
        text,
        start,
        locations,
    } in documents
    {
        let value: Value = match serde_saphyr::from_str(text) {
            Ok(value) => value,
            Err(_) if !named && text.contains("{{") => continue,
            Err(error) => bail!("{file}: the document at line {}: {error}", start.line),
        };
        if value.get("kind").and_then(Value::as_str) == Some("AdmissionReview") {
            items.push(item(start, Content::Review(value.to_string().into_bytes())));
            continue;
        }
        if !named && is_for_a_tool(&value) {
            continue;
        }
        if let Some(listed) = listed(&value) {
            for (index, object) in listed.into_iter().enumerate() {
                let pointer = format!("/items/{index}");
                let start = locations.of(&pointer).unwrap_or(start);
                let locations = locations.below(&pointer);
                items.push(item(start, Content::Manifest { object, locations }));
            }
        } else if is_object(&value) {
            items.push(item(
                start,
                Content::Manifest {
                    object: value,
                    locations,
                },
            ));
        } else if named && !value.is_null() {
            bail!(
                "{file}: the document at line {} has no apiVersion and kind",
                start.line
            );
        }
    }
    Ok(items)
}

fn is_object(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some_and(Value::is_string);
    has("apiVersion") && has("kind")
}

/// Whether it only looks like an object of a cluster: Kustomize reads it, nobody applies it.
fn is_for_a_tool(value: &Value) -> bool {
    value
        .get("apiVersion")
        .and_then(Value::as_str)
        .is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"))
}

/// The objects of a `List`, or of any kind ending so with `items`; none for anything else.
fn listed(value: &Value) -> Option<Vec<Value>> {
    let is_list = value
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    let items = value.get("items").and_then(Value::as_array)?;
    is_list.then(|| {
        items
            .iter()
            .filter(|item| is_object(item))
            .cloned()
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_and_kustomizations_are_no_objects() {
        let folder = tempfile::tempdir().expect("a folder");
        let object =
            |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
        for (file, text) in [
            ("prod/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\npatches: [{path: ./patch.yaml}]\npatchesStrategicMerge: [old.yaml]\n".to_owned()),
            ("prod/patch.yaml", object("patch")),
            ("prod/old.yaml", object("old")),
            ("prod/own.yaml", object("own")),
            ("prod/skipped.yaml", format!("# +argocd:skip-file-rendering\n{}", object("skipped"))),
            ("prod/template.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.name }}}\n".to_owned()),
            ("prod/empty.yaml", "apiVersion: v1\nkind: List\nitems: []\n".to_owned()),
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let items = read(&[folder.path().to_owned()]).expect("readable");
        let files: Vec<&str> = items
            .iter()
            .filter_map(|item| item.file.rsplit('/').next())
            .collect();
        assert_eq!(files, ["own.yaml"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_or_round_are_errors() {
        for (target, said) in [("/", "leads out of"), (".", "in a circle")] {
            let folder = tempfile::tempdir().expect("a folder");
            std::os::unix::fs::symlink(target, folder.path().join("link")).expect("linked");
            let error = read(&[folder.path().to_owned()]).expect_err("a bad link");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
