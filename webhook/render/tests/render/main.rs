//! Sources rendered for real: repositories made by git, charts by helm, kustomizations by kustomize.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy's in-tests exceptions stop at helper functions"
)]

mod git;
mod hostile;
mod http;
mod jsonnet;
mod multiple;
mod plugins;
mod registry;
mod servers;
mod signatures;
mod submodules;
mod support;
mod tools;
