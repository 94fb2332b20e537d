//! What renders a source (`status.sourceType`).

use serde::{Deserialize, Serialize};

/// What a source is, as its files or its fields make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceType {
    /// A chart.
    Helm,
    /// A kustomization.
    Kustomize,
    /// A plain folder.
    Directory,
    /// What a config management plugin makes manifests of.
    Plugin,
}

impl SourceType {
    /// Argo CD's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Helm => "Helm",
            Self::Kustomize => "Kustomize",
            Self::Directory => "Directory",
            Self::Plugin => "Plugin",
        }
    }
}
