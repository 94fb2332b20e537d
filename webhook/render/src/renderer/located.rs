//! One source whose revision is known, and what its files make.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tidegate_model::SourceType;

use crate::charts::Chart;
use crate::directory::{self, read};
use crate::error::RenderError;
use crate::following::Followed;
use crate::git::Repository;
use crate::helm;
use crate::jsonnet;
use crate::kustomize;
use crate::manifests::{Manifests, yaml};
use crate::plugin;
use crate::secret::Credential;
use crate::source::Source;
use crate::surroundings::Surroundings;
use crate::tree::Tree;

/// Where a source's files come from.
pub(super) enum Origin {
    Git(Arc<Repository>),
    Chart(Credential),
    Folder(PathBuf),
}

/// A source whose revision is known.
pub(super) struct Located {
    pub(super) source: Source,
    pub(super) written: Value,
    pub(super) place: String,
    pub(super) origin: Origin,
    /// As the request says it.
    pub(super) asked: String,
    /// The commit or version.
    pub(super) revision: String,
}

impl Located {
    /// Adds the manifests of its files, and what there is to warn of.
    pub(super) fn render(
        &self,
        around: &Surroundings<'_>,
        tree: &Tree,
        manifests: &mut Manifests<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<SourceType, RenderError> {
        if self.source.path.starts_with('/') {
            return Err(RenderError::path(
                &self.source.path,
                "the path of a source begins at the repository's root, without a slash",
            ));
        }
        let folder = match (self.source.chart.is_empty(), self.source.path.as_str()) {
            (true, "") => tree.root().to_owned(),
            (true, path) => tree.folder(path)?,
            (false, _) => tree.root().to_owned(),
        };
        let source = self.with_overrides(around, tree, &folder)?;
        let declared = source.declared(&self.place)?;
        if matches!(declared, None | Some(SourceType::Plugin)) {
            let choice = source.plugin.as_ref();
            let plugin = plugin::chosen(around, tree, &folder, choice, &self.place)?;
            if let Some(plugin) = plugin {
                let choice = source.plugin.clone().unwrap_or_default();
                let out = plugin::output(around, tree, &folder, plugin, &choice)?;
                let name = format!("plugin {}", plugin.full_name());
                manifests.printed(&name, &tree.shown(&folder), &out)?;
                return Ok(SourceType::Plugin);
            }
        }
        let kind = declared.unwrap_or_else(|| discovered(&folder));
        match kind {
            SourceType::Helm => {
                let options = source.helm.unwrap_or_default();
                let out = helm::output(around, tree, &folder, &options)?;
                manifests.printed("helm", &tree.shown(&folder), &out)?;
            }
            SourceType::Kustomize => {
                let options = source.kustomize.unwrap_or_default();
                let out = kustomize::output(around, tree, &folder, &options)?;
                manifests.printed("kustomize", &tree.shown(&folder), &out)?;
            }
            SourceType::Directory | SourceType::Plugin => {
                let options = source.directory.unwrap_or_default();
                let limits = &around.settings.limits;
                let jsonnet =
                    |file: &Path| jsonnet::output(around, tree, &folder, file, &options.jsonnet);
                warnings.extend(directory::render(
                    tree, &folder, &options, limits, &jsonnet, manifests,
                )?);
            }
        }
        Ok(kind)
    }

    /// The source with what `.argocd-source.yaml` and `.argocd-source-NAME.yaml` beside its manifests lay over it: how it is rendered, never where it is
    /// from (argo-cd `reposerver/repository/repository.go`, `mergeSourceParameters`).
    fn with_overrides(
        &self,
        around: &Surroundings<'_>,
        tree: &Tree,
        folder: &Path,
    ) -> Result<Source, RenderError> {
        let mut written = self.written.clone();
        let mut is_changed = false;
        for name in [
            ".argocd-source.yaml".to_owned(),
            format!(".argocd-source-{}.yaml", around.name),
        ] {
            let Some(file) = tree.find(folder, &name)?.filter(|file| file.is_file()) else {
                continue;
            };
            let patch = yaml(
                &tree.shown(&file),
                &read(tree, &file, &around.settings.limits)?,
            )?;
            if !patch.is_object() {
                continue;
            }
            json_patch::merge(&mut written, &patch);
            is_changed = true;
        }
        if !is_changed {
            return Ok(self.source.clone());
        }
        let merged = Source::parse(
            &written,
            &format!("{} with .argocd-source.yaml", self.place),
        )?;
        Ok(Source {
            repository: self.source.repository.clone(),
            path: self.source.path.clone(),
            chart: self.source.chart.clone(),
            r#ref: self.source.r#ref.clone(),
            ..merged
        })
    }

    /// What is to be looked at again: a commit alone never moves.
    pub(super) fn followed(&self) -> Option<Followed> {
        let Origin::Git(repository) = &self.origin else {
            return None;
        };
        (self.asked.trim() != self.revision).then(|| Followed {
            repository: repository.clone(),
            revision: self.asked.clone(),
            tag_prefix: self.source.tag_prefix.clone(),
            commit: self.revision.clone(),
        })
    }

    /// What the files are, whoever else has the same.
    pub(super) fn key(&self) -> String {
        match &self.origin {
            Origin::Git(repository) => repository.key().to_owned(),
            Origin::Chart(credential) => chart(&self.source, credential).key(&self.revision),
            Origin::Folder(folder) => folder.to_string_lossy().into_owned(),
        }
    }
}

/// What the files of a folder make it, in the order of Argo CD's own discovery (`util/app/discovery`).
pub(crate) fn discovered(folder: &Path) -> SourceType {
    if folder.join("Chart.yaml").is_file() {
        SourceType::Helm
    } else if kustomize::file_of(folder).is_some() {
        SourceType::Kustomize
    } else {
        SourceType::Directory
    }
}

pub(super) fn chart<'a>(source: &'a Source, credential: &'a Credential) -> Chart<'a> {
    let written = (source.repository.as_str(), source.chart.as_str());
    let (repository, name) = source.packed().unwrap_or(written);
    Chart {
        repository,
        name,
        credential,
        pass_credentials: source
            .helm
            .as_ref()
            .is_some_and(|helm| helm.pass_credentials),
    }
}
