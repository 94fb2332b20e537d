//! The questions that make an Application's sources into manifests, and an AtlasMigration's remote folder into files; and their answers.
//!
//! The door implements [`Render`] with the room that knows Git, Helm and Kustomize; here nobody fetches or runs anything. A renderer is asked often,
//! mostly about what it has just rendered, and is expected to remember: the same commit and the same parameters are the same manifests.

use std::collections::BTreeMap;
use std::fmt;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_model::SourceType;
use tidegate_model::application::Application;
use tidegate_model::object::{name, namespace};

use crate::application::wish;

/// Renders sources. Shared by all workers and called by several at once.
///
/// The answer should come within [`crate::ReconcileSettings::render_timeout`]; later it is not waited for, and the future is dropped.
pub trait Render: Send + Sync + 'static {
    /// Renders all sources of an Application, in their order.
    fn render<'a>(
        &'a self,
        request: &'a RenderRequest,
    ) -> BoxFuture<'a, Result<Rendered, RenderFailure>>;

    /// Reads the migrations in a folder of a repository, with their `atlas.sum`; the commit comes with them.
    fn folder<'a>(
        &'a self,
        _request: &'a FolderRequest,
    ) -> BoxFuture<'a, Result<Folder, RenderFailure>> {
        Box::pin(async { Err(RenderFailure::nobody()) })
    }
}

/// Which folder is to be read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FolderRequest {
    /// Where the repository is.
    pub repository: String,
    /// A branch, a tag, a commit, or nothing (`HEAD`).
    pub revision: String,
    /// From the repository's root; empty is the root.
    pub path: String,
    /// What lets us in, where that takes something: a token, or a private key where the address is of ssh.
    pub token: Option<String>,
}

impl fmt::Debug for FolderRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FolderRequest")
            .field("path", &self.path)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// What was in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its files by their names.
    pub files: BTreeMap<String, String>,
    /// The commit.
    pub revision: String,
}

/// What is to be rendered.
#[derive(Debug, Clone)]
pub struct RenderRequest {
    /// The Application's name, in which `.argocd-source-NAME.yaml` is looked for, and the default of a Helm release.
    pub name: String,
    /// The Application's own namespace.
    pub namespace: String,
    /// `spec.project`; `default` where it is empty.
    pub project: String,
    /// `spec.destination.namespace`.
    pub destination: Option<String>,
    /// At least one. Those with `ref` and neither `path` nor `chart` render nothing and serve the others.
    pub sources: Vec<SourceRequest>,
    /// Whether branches, tags and chart versions are to be asked for now (`argocd.argoproj.io/refresh`, a new operation); otherwise what was heard in the poll
    /// interval will do, which costs a repository one question however many Applications come from it.
    pub fresh: bool,
    /// Whether everything remembered is to be forgotten first (`argocd.argoproj.io/refresh: hard`).
    pub hard: bool,
    /// Repositories and credentials that the cluster knows.
    pub repositories: Vec<RepositorySecret>,
    /// `data` of the `ConfigMaps` about the servers of repositories (`argocd-ssh-known-hosts-cm`, `argocd-tls-certs-cm`) and their keys (`argocd-gpg-keys-cm`), by their names.
    pub servers: BTreeMap<String, BTreeMap<String, String>>,
    /// `data` of `argocd-cm`: `kustomize.buildOptions`, `helm.valuesFileSchemes` and the like.
    pub settings: BTreeMap<String, String>,
    /// What the cluster is.
    pub cluster: Cluster,
}

impl RenderRequest {
    /// What an Application asks for as it is written, at its own revisions, where the cluster and its repositories are as another request has them.
    pub fn of(application: &Value, surroundings: &Self) -> Self {
        Self {
            name: name(application).to_owned(),
            namespace: namespace(application).unwrap_or_default().to_owned(),
            project: wish::project_name(application).to_owned(),
            destination: Application(application).namespace().map(str::to_owned),
            sources: wish::sources(application),
            fresh: false,
            hard: false,
            repositories: surroundings.repositories.clone(),
            servers: surroundings.servers.clone(),
            settings: surroundings.settings.clone(),
            cluster: surroundings.cluster.clone(),
        }
    }
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRequest {
    /// `spec.source` or one of `spec.sources`, as it is written.
    pub source: Value,
    /// The revision to render, which counts and not the one in `source`: a branch, a tag, a range of versions, nothing (`HEAD`), or the commit that an
    /// earlier answer gave.
    pub revision: String,
    /// The keys of which one must have signed the commit, or the annotated tag that the source names, by their ids or fingerprints; none where the project
    /// asks for no signature.
    pub signers: Option<Vec<String>>,
}

/// What Helm and Kustomize may ask about the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// `v1.36.3`; empty where it is not known.
    pub kube_version: String,
    /// `v1`, `apps/v1`, `apps/v1/Deployment` ..., sorted.
    pub api_versions: Vec<String>,
}

/// A Secret in the control plane's namespace with the label `argocd.argoproj.io/secret-type`.
#[derive(Clone, PartialEq, Eq)]
pub struct RepositorySecret {
    /// Its name, for messages.
    pub name: String,
    /// The label's value: `repository`, `repo-creds`.
    pub secret_type: String,
    /// `url`, `type`, `username`, `password`, `sshPrivateKey` and the like, decoded.
    pub fields: BTreeMap<String, String>,
}

impl fmt::Debug for RepositorySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RepositorySecret")
            .field("name", &self.name)
            .field("secret_type", &self.secret_type)
            .finish_non_exhaustive()
    }
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// The manifests of all sources, in order; lists taken apart. Namespaces and marks are not filled in here.
    pub manifests: Vec<Value>,
    /// The commit, or the chart's version, of each source.
    pub revisions: Vec<String>,
    /// What each source turned out to be.
    pub source_types: Vec<SourceType>,
}

/// Nothing came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RenderFailure {
    /// What a person has to know or do: the message of a `ComparisonError` condition. Never a credential.
    pub message: String,
    /// Whether it may be different soon with nothing changed (a server that cannot be reached), or only once somebody changes something.
    pub transient: bool,
}

/// For a reconciler of other kinds: it is never asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRenderer;

impl Render for NoRenderer {
    fn render<'a>(
        &'a self,
        _: &'a RenderRequest,
    ) -> BoxFuture<'a, Result<Rendered, RenderFailure>> {
        Box::pin(async { Err(RenderFailure::nobody()) })
    }
}

impl RenderFailure {
    fn nobody() -> Self {
        Self {
            message: "this process fetches and renders no sources".to_owned(),
            transient: false,
        }
    }
}
