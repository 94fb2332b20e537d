//! What a renderer is asked, and what it answers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tidegate_model::SourceType;

use crate::surroundings::Cluster;

/// One Application's sources.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Who asks, as [`crate::Renderer::moved`] is to name them; empty for somebody who will not ask again.
    pub subject: String,
    /// The Application's name: the default of a release's name, and part of `.argocd-source-NAME.yaml`.
    pub name: String,
    /// `spec.project`.
    pub project: String,
    /// `spec.destination.namespace`.
    pub destination: String,
    /// `spec.source`, or all of `spec.sources`.
    pub sources: Vec<SourceRequest>,
    /// How old what is known of the repositories may be.
    pub refresh: Refresh,
    /// What the cluster is.
    pub cluster: Cluster,
    /// Flags for `kustomize build` besides those of the settings (`kustomize.buildOptions` of `argocd-cm`).
    pub kustomize_options: Vec<String>,
    /// Folders to take instead of repositories, as they are: a working copy instead of what is committed.
    pub overrides: BTreeMap<String, PathBuf>,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRequest {
    /// As it is written in the Application.
    pub source: Value,
    /// Which revision to take: that of the source, or the one that a sync is to bring about.
    pub revision: String,
    /// The keys of which one must have signed the commit, or the annotated tag that the source names, by their ids or fingerprints; none where no signature
    /// is asked for. A chart has none that could be asked for.
    pub signers: Option<Vec<String>>,
}

/// How much is to be asked again (`argocd.argoproj.io/refresh`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refresh {
    /// What is known of the repositories may be as old as [`crate::Settings::poll`].
    #[default]
    None,
    /// Branches, tags and charts are asked for now.
    Normal,
    /// As [`Self::Normal`], and rendered again though the same was rendered before.
    Hard,
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The manifests of all sources, in order; lists are taken apart.
    pub manifests: Vec<Value>,
    /// The commit or the chart's version of each source.
    pub revisions: Vec<String>,
    /// What each source is.
    pub source_types: Vec<SourceType>,
    /// What a person should know all the same.
    pub warnings: Vec<String>,
}
