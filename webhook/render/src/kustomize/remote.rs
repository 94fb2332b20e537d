//! What a kustomization would fetch from elsewhere, found before anything is run: what is not in the repository would come from wherever its author wants
//! this process to go.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::file_of;
use crate::directory::read;
use crate::error::RenderError;
use crate::manifests::yaml;
use crate::surroundings::Surroundings;
use crate::tree::Tree;

/// More kustomizations than this are not read for one Application.
const MOST_KUSTOMIZATIONS: usize = 1_000;

/// Follows every kustomization that this one names, and refuses what would be fetched.
pub(super) fn refuse_remote(
    around: &Surroundings<'_>,
    tree: &Tree,
    folder: &Path,
) -> Result<(), RenderError> {
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
