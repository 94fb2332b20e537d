//! A folder of somebody's own, rendered where it lies, for whoever shows texts rather than objects.

use std::collections::BTreeMap;
use std::path::Path;

use tidegate_model::SourceType;

use crate::error::RenderError;
use crate::helm::{self, Helm};
use crate::kustomize::{self, Kustomize};
use crate::renderer::discovered;
use crate::secret::NoCredentials;
use crate::settings::Settings;
use crate::surroundings::{Cluster, Names, Surroundings};
use crate::tree::Tree;
use crate::work::Work;

/// What the tool of a folder prints of it, with no options; none for a plain folder. A chart's release has the folder's name.
///
/// # Errors
/// The tool is not there, or fails.
pub fn printed(settings: &Settings, folder: &Path) -> Result<Option<String>, RenderError> {
    let kind = discovered(folder);
    if kind == SourceType::Directory {
        return Ok(None);
    }
    let work = Work::new(&settings.cache)?;
    let tree = Tree::of_folder(folder)?;
    let name = tree.root().file_name().map_or_else(
        || "release".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let names = Names {
        name: &name,
        ..Names::default()
    };
    let around = Surroundings {
        settings,
        work: &work,
        credentials: &NoCredentials,
        cluster: &Cluster::default(),
        name: &name,
        destination: "",
        kustomize_options: &settings.kustomize_options,
        variables: names.variables(),
        references: &BTreeMap::new(),
        own_tree: &|| tree.copy(work.folder()?, &settings.limits),
    };
    let root = tree.root();
    let out = if kind == SourceType::Helm {
        helm::output(&around, &tree, root, &Helm::default())?
    } else {
        kustomize::output(&around, &tree, root, &Kustomize::default())?
    };
    match String::from_utf8(out) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(RenderError::Manifest {
            file: folder.display().to_string(),
            line: None,
            problem: "what the tool made of it is not UTF-8".to_owned(),
        }),
    }
}
