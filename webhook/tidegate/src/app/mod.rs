//! `tidegate app`: what Argo CD does with an Application, asked and answered with no Argo CD.
//!
//! `manifests`, `plan` and `health` need no cluster. The others need the Kubernetes API and nothing else: they read the Application and write into it what
//! they ask for, and so work with this program's reconciler and with Argo CD alike. Exit codes: 0 it is as was asked for; 1 it is not (a sync failed, a
//! wait ran out of time); 2 it could not be asked.

mod change;
mod cluster;
mod diff;
mod health;
mod look;
mod manifests;
mod plan;
mod resource;
mod source_flags;
mod spec;
mod status;
mod sync;
mod table;
mod unset;
mod wait;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;
use tidegate_model::object::{at, kind};
use tidegate_model::words::APPLICATION;
use tidegate_reconcile::remote::Remote;

use crate::check::source::{self, Content};
use cluster::{ClusterArgs, Place};

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// List Applications.
    List(look::ListArgs),
    /// Show an Application, and what became of each of its resources.
    Get(look::GetArgs),
    /// Have an Application synced, and wait for how it ends.
    Sync(Box<sync::SyncArgs>),
    /// Wait until Applications are synced, healthy and at rest, or whatever the flags say.
    Wait(wait::WaitArgs),
    /// Show where the cluster differs from what an Application's sources make. Exits with 1 when it does.
    Diff(Box<diff::DiffArgs>),
    /// List the deployments of an Application.
    History(look::HistoryArgs),
    /// List the resources of an Application.
    Resources(look::ResourcesArgs),
    /// Make an Application.
    Create(Box<spec::CreateArgs>),
    /// Change an Application.
    Set(Box<spec::SetArgs>),
    /// Take away what flags of `set` have put into an Application's source.
    Unset(unset::UnsetArgs),
    /// Lay a patch over an Application.
    Patch(resource::PatchArgs),
    /// Show live objects of an Application.
    GetResource(resource::GetResourceArgs),
    /// Lay a patch over live objects of an Application.
    PatchResource(resource::PatchResourceArgs),
    /// Delete live objects of an Application.
    DeleteResource(resource::DeleteResourceArgs),
    /// Agree to deletions that wait for it (`Prune=confirm`, `Delete=confirm`).
    ConfirmDeletion(resource::ConfirmArgs),
    /// Delete Applications, with or without what they brought.
    Delete(change::DeleteArgs),
    /// End the operation that runs.
    TerminateOp(change::TerminateArgs),
    /// Go back to an earlier deployment.
    Rollback(change::RollbackArgs),
    /// Say how healthy an object is, as Argo CD would: built-in rules and Lua customizations, with no cluster.
    ///
    /// With `-o json`: `status` and `message`, both null where nothing says what health means for the kind. Several objects give a list, each with `object`.
    Health(health::HealthArgs),
    /// Print the manifests that an Application's sources make: Git, Helm, Kustomize and plain folders; of a file with no cluster.
    Manifests(Box<manifests::ManifestsArgs>),
    /// Show what a sync would do, step by step, from files alone.
    ///
    /// Nothing is asked of a cluster: every object is taken to become healthy. With `-o json` the output is one object. `steps`, in order, each with
    /// `action`, `phase`, `wave`, `group`, `kind`, `namespace`, `name` and `hook`; actions are `create` (not there yet), `apply` (over what differs),
    /// `replace`, `update`, `prune`, `skipPrune`, `delete` (a hook, by its policy) and `wait` (with a `message`); what is unchanged has no step.
    /// `resources`, each with `group`, `kind`, `namespace`, `name`, `status` (`Synced`, `OutOfSync`, null for hooks), `requiresPruning`, `hook` and
    /// `differences` (JSON pointers, never values). `sync`: `Synced` or `OutOfSync`. `operation`: how the sync would end.
    Plan(plan::PlanArgs),
}

/// How an Application is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Wide,
    /// The resources below the Application.
    Tree,
    /// The object.
    Json,
    /// The object.
    Yaml,
}

impl Output {
    fn drawn(self, value: &Value, wide: impl FnOnce(&Value) -> String) -> Result<String> {
        Ok(match self {
            Self::Wide => wide(value),
            Self::Tree => status::tree(value),
            Self::Json => serde_json::to_string_pretty(value)? + "\n",
            Self::Yaml => serde_saphyr::to_string(value)?,
        })
    }
}

pub(crate) async fn run(command: &AppCommand) -> Result<bool> {
    match command {
        AppCommand::List(args) => look::list(args).await.map(|()| true),
        AppCommand::Get(args) => look::get(args).await.map(|()| true),
        AppCommand::Sync(args) => sync::run(args).await,
        AppCommand::Wait(args) => wait::run(args).await,
        AppCommand::Diff(args) => diff::run(args).await,
        AppCommand::History(args) => look::history(args).await.map(|()| true),
        AppCommand::Resources(args) => look::resources(args).await.map(|()| true),
        AppCommand::Create(args) => spec::create(args).await,
        AppCommand::Set(args) => spec::set(args).await,
        AppCommand::Unset(args) => unset::unset(args).await,
        AppCommand::Patch(args) => resource::patch(args).await,
        AppCommand::GetResource(args) => resource::show(args).await.map(|()| true),
        AppCommand::PatchResource(args) => resource::patch_live(args).await,
        AppCommand::DeleteResource(args) => resource::delete(args).await,
        AppCommand::ConfirmDeletion(args) => resource::confirm(args).await,
        AppCommand::Delete(args) => change::delete(args).await,
        AppCommand::TerminateOp(args) => change::terminate(args).await,
        AppCommand::Rollback(args) => change::rollback(args).await,
        AppCommand::Health(args) => health::run(args).map(|()| true),
        AppCommand::Manifests(args) => manifests::run(args).await.map(|()| true),
        AppCommand::Plan(args) => plan::run(args).map(|()| true),
    }
}

/// The cluster, and the Applications that names or labels mean; at least one.
async fn chosen(
    cluster: &ClusterArgs,
    names: &[String],
    selector: Option<&str>,
) -> Result<(Remote, Vec<Place>)> {
    let remote = cluster.remote().await?;
    let places: Vec<Place> = match (names, selector) {
        ([], None) => bail!("name an application, or choose some by --selector"),
        ([], Some(selector)) => {
            let found = remote
                .list(Some(&cluster.namespace), Some(selector))
                .await?;
            found.iter().map(Place::of).collect()
        }
        (_, Some(_)) => bail!("give either names or --selector"),
        (names, None) => names.iter().map(|name| cluster.place(name)).collect(),
    };
    if let (true, Some(selector)) = (places.is_empty(), selector) {
        bail!("No matching apps found for filter: selector {selector}");
    }
    Ok((remote, places))
}

/// A number of seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.trim_end_matches('s').parse::<u64>();
    seconds
        .map(Duration::from_secs)
        .map_err(|_| "write a number of seconds".to_owned())
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

/// The one object of a file, which may be a part of an Application.
fn only(path: &Path) -> Result<Value> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text)
        .with_context(|| format!("{}: one Application is wanted", path.display()))
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
