//! From an Application's sources to the manifests that are to be in the cluster.
//!
//! [`Renderer::render`] takes sources as they are written in an Application and gives objects: it finds the commit that a revision means, fetches that commit
//! and nothing else, and reads its plain manifests or has `helm` or `kustomize` make them. Argo CD's repo-server is the model, down to the order in which
//! values win; where it goes further (a base on the network) this says what it does not do and what to do instead.
//!
//! Everything here handles what strangers wrote. A repository can be endless, lead out of itself by links, or name addresses that only this process can
//! reach; a chart can loop; a program can print its password. So everything has a limit ([`Limits`]), programs run alone with an environment made for
//! them, paths are followed only inside a check-out, and what is said about a failure carries no credential and quotes no manifest.
//!
//! It asks no cluster: what Helm may know of it, and the credentials of repositories, come in as data. It waits while programs run, so it is called where
//! waiting is no harm. Whether what came out may be applied is for others to say.

mod cache;
mod charts;
mod digest;
mod directory;
mod error;
mod folder;
mod following;
mod git;
mod helm;
mod jsonnet;
mod known;
mod kustomize;
mod manifests;
mod places;
mod plugin;
mod process;
mod redact;
mod renderer;
mod request;
mod secret;
mod settings;
mod source;
mod submodules;
mod surroundings;
mod tree;
mod work;

pub use error::{ProcessError, RenderError};
pub use folder::printed;
pub use git::normalized;
pub use known::{
    KnownRepositories, OfProject, SECRET_TYPE, SIGNING_KEYS, SSH_KNOWN_HOSTS, TLS_CERTIFICATES,
};
pub use plugin::{Plugin, PluginError};
pub use renderer::{Folder, FolderRequest, Renderer};
pub use request::{Refresh, Rendered, Request, SourceRequest};
pub use secret::{Credential, Credentials, NoCredentials, Secret};
pub use settings::{Limits, Settings, Submodules};
pub use surroundings::Cluster;
