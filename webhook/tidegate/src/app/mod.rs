//! `tidegate app`: what Argo CD does with an Application, asked and answered with no Argo CD.

mod health;
mod manifests;
mod plan;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::Value;
use tidegate_model::object::{at, kind};
use tidegate_model::words::APPLICATION;

use crate::check::source::{self, Content};

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Say how healthy an object is, as Argo CD would: built-in rules and Lua customizations, with no cluster.
    ///
    /// With `-o json`: `status` and `message`, both null where nothing says what health means for the kind. Several objects give a list, each with `object`.
    Health(health::HealthArgs),
    /// Print the manifests that an Application's sources make: Git, Helm, Kustomize and plain folders, with no cluster.
    Manifests(manifests::ManifestsArgs),
    /// Show what a sync would do, step by step, from files alone.
    ///
    /// Nothing is asked of a cluster: every object is taken to become healthy. With `-o json` the output is one object. `steps`, in order, each with
    /// `action`, `phase`, `wave`, `group`, `kind`, `namespace`, `name` and `hook`; actions are `create` (not there yet), `apply` (over what differs),
    /// `replace`, `update`, `prune`, `skipPrune`, `delete` (a hook, by its policy) and `wait` (with a `message`); what is unchanged has no step.
    /// `resources`, each with `group`, `kind`, `namespace`, `name`, `status` (`Synced`, `OutOfSync`, null for hooks), `requiresPruning`, `hook` and
    /// `differences` (JSON pointers, never values). `sync`: `Synced` or `OutOfSync`. `operation`: how the sync would end.
    Plan(plan::PlanArgs),
}

pub(crate) fn run(command: &AppCommand) -> Result<bool> {
    match command {
        AppCommand::Health(args) => health::run(args).map(|()| true),
        AppCommand::Manifests(args) => manifests::run(args).map(|()| true),
        AppCommand::Plan(args) => plan::run(args).map(|()| true),
    }
}

/// The manifests of files and folders.
fn objects(paths: &[PathBuf]) -> Result<Vec<Value>> {
    let items = source::read(paths)?;
    Ok(items
        .into_iter()
        .filter_map(|item| match item.content {
            Content::Manifest { object, .. } => Some(object),
            _ => None,
        })
        .collect())
}

/// The one Application of a file.
fn application(path: &Path) -> Result<Value> {
    let found: Vec<Value> = objects(&[path.to_owned()])?
        .into_iter()
        .filter(|object| kind(object) == APPLICATION && at(object, "/spec").is_some())
        .collect();
    match <[Value; 1]>::try_from(found) {
        Ok([application]) => Ok(application),
        Err(found) => bail!(
            "{}: one Application is wanted, {} are there",
            path.display(),
            found.len()
        ),
    }
}
