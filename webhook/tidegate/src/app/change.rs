//! `tidegate app delete | terminate-op | rollback`.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{at, text};
use tidegate_syncplan::history::{Deployment, rollback as chosen_deployment};

use super::cluster::ClusterArgs;
use super::spec::patiently;
use super::sync::{ask, user, verdict};
use super::wait::{Wish, deadline, wait};
use super::{chosen, seconds};

/// The finalizers by which the objects go with their Application.
pub(super) const FOREGROUND: &str = "resources-finalizer.argocd.argoproj.io";
const BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";

/// What to delete, and what of it.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The Applications: NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    names: Vec<String>,
    /// Those with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Whether its objects go with it.
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    cascade: bool,
    /// How its objects go.
    #[arg(short, long, value_name = "POLICY", default_value = "foreground")]
    propagation_policy: Propagation,
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// Wait until it is gone.
    #[arg(long)]
    wait: bool,
    /// How many seconds to wait; 0 is for ever.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Propagation {
    Foreground,
    Background,
}

/// Whose operation.
#[derive(Debug, Args)]
pub(crate) struct TerminateArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Where to go back to.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// The number of the deployment in `app history` [default: the one before the last].
    #[arg(value_name = "ID")]
    id: Option<i64>,
    /// Delete what was not there then.
    #[arg(long)]
    prune: bool,
    /// How many seconds to wait; 0 is for ever.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn delete(args: &DeleteArgs) -> Result<bool> {
    let (remote, places) = chosen(&args.cluster, &args.names, args.selector.as_deref()).await?;
    let until = deadline(args.timeout);
    let mut all = true;
    for place in places {
        let what = if args.cascade {
            "and all its resources"
        } else {
            "and leave its resources"
        };
        let question = format!("Delete '{place}' {what}? Type yes: ");
        if !args.yes && crate::agreed(&question)? != Some(true) {
            writeln!(anstream::stderr(), "application '{place}' is left alone")?;
            continue;
        }
        let application = remote.get(&place.namespace, &place.name).await?;
        let patch = finalizers(&application, args.cascade, args.propagation_policy);
        if let Some(patch) = patch {
            remote.patch(&place.namespace, &place.name, &patch).await?;
        }
        let uid = text(&application, "/metadata/uid").unwrap_or_default();
        remote.delete(&place.namespace, &place.name, uid).await?;
        crate::print(&format!("application '{place}' deleted\n"))?;
        if args.wait {
            let wish = Wish {
                gone: true,
                ..Wish::default()
            };
            all &= wait(&remote, &place, &wish, until, args.timeout).await?;
        }
    }
    Ok(all)
}

/// What to change of the finalizers before the deletion, so that its objects go or stay; none where they are right.
fn finalizers(application: &Value, cascade: bool, propagation: Propagation) -> Option<Value> {
    let known = at(application, "/metadata/finalizers").and_then(Value::as_array);
    let known: Vec<&str> = known
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut wanted: Vec<&str> = known
        .iter()
        .copied()
        .filter(|finalizer| !finalizer.starts_with(FOREGROUND))
        .collect();
    if cascade {
        wanted.push(match propagation {
            Propagation::Foreground => FOREGROUND,
            Propagation::Background => BACKGROUND,
        });
    }
    let mut sorted = (known, wanted.clone());
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    (sorted.0 != sorted.1).then(|| {
        json!({"metadata": {"resourceVersion": text(application, "/metadata/resourceVersion"), "finalizers": wanted}})
    })
}

pub(crate) async fn terminate(args: &TerminateArgs) -> Result<bool> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    patiently(|| async {
        let application = remote.get(&place.namespace, &place.name).await?;
        let version = text(&application, "/metadata/resourceVersion");
        let phase = text(&application, "/status/operationState/phase");
        let patch = match (
            phase,
            at(&application, "/operation").is_some_and(Value::is_object),
        ) {
            (Some("Running"), _) => {
                json!({"metadata": {"resourceVersion": version}, "status": {"operationState": {"phase": "Terminating"}}})
            }
            // Nobody has begun it: it is enough to take it back.
            (_, true) => json!({"metadata": {"resourceVersion": version}, "operation": null}),
            (_, false) => bail!("application {place}: no operation is in progress"),
        };
        remote.patch(&place.namespace, &place.name, &patch).await?;
        Ok(())
    })
    .await?;
    crate::print(&format!("application '{place}' operation terminating\n"))?;
    Ok(true)
}

pub(crate) async fn rollback(args: &RollbackArgs) -> Result<bool> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let way = |application: &Value| way_back(application, args.id, args.prune, &user());
    let meant = way(&remote.get(&place.namespace, &place.name).await?)?;
    patiently(|| async {
        let application = remote.get(&place.namespace, &place.name).await?;
        // The last deployment but one is another once a sync has ended.
        if way(&application)? != meant {
            bail!("application {place} was synced at the same moment; look at its history and ask again");
        }
        ask(&remote, &place, &application, meant.clone()).await
    })
    .await?;
    let wish = Wish {
        no_operation: true,
        ..Wish::default()
    };
    if !wait(&remote, &place, &wish, deadline(args.timeout), args.timeout).await? {
        return Ok(false);
    }
    let application = remote.get(&place.namespace, &place.name).await?;
    crate::print(&super::status::operation(&application))?;
    match verdict(&application, false) {
        None => Ok(true),
        Some(problem) => {
            crate::print_error(&format!("application {place}: {problem}"))?;
            Ok(false)
        }
    }
}

/// The operation that brings an earlier deployment back: its sources and revisions, and no hooks (argo-cd `server/application/application.go`, `Rollback`).
fn way_back(application: &Value, id: Option<i64>, prune: bool, user: &str) -> Result<Value> {
    let entries = at(application, "/status/history").and_then(Value::as_array);
    let entries: Vec<&Value> = entries.into_iter().flatten().collect();
    let deployments: Vec<Deployment> = entries
        .iter()
        .map(|entry| Deployment {
            id: entry.get("id").and_then(Value::as_i64).unwrap_or_default(),
            revision: text(entry, "/revision").unwrap_or_default().to_owned(),
            source: Value::Null,
            deploy_started_at: Timestamp::UNIX_EPOCH,
            deployed_at: Timestamp::UNIX_EPOCH,
        })
        .collect();
    let view = Application(application);
    let name = text(application, "/metadata/name").unwrap_or_default();
    let deployment = chosen_deployment(name, &deployments, id, view.is_automated())?;
    let entry = entries
        .iter()
        .find(|entry| entry.get("id").and_then(Value::as_i64).unwrap_or_default() == deployment.id)
        .context("the deployment is in the history")?;
    let mut sync = Map::from_iter([("syncStrategy".to_owned(), json!({"apply": {}}))]);
    if prune {
        sync.insert("prune".to_owned(), json!(true));
    }
    for field in ["revision", "revisions", "source", "sources"] {
        if let Some(value) = entry.get(field).filter(|value| !value.is_null()) {
            sync.insert(field.to_owned(), value.clone());
        }
    }
    let options: Vec<&str> = view.sync_options().collect();
    if !options.is_empty() {
        sync.insert("syncOptions".to_owned(), json!(options));
    }
    Ok(json!({"initiatedBy": {"username": user}, "sync": sync}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::status::tests::synced;

    #[test]
    fn the_way_back_is_an_operation_with_the_old_source() {
        let mut application = synced();
        application["spec"]["syncPolicy"] = json!({"syncOptions": ["PruneLast=true"]});
        application["status"]["history"] = json!([
            {"id": 3, "revision": "aaa", "source": {"path": "old"}},
            {"id": 4, "revision": "bbb", "source": {"path": "new"}},
        ]);
        assert_eq!(
            way_back(&application, None, true, "ann").expect("a way"),
            json!({"initiatedBy": {"username": "ann"}, "sync": {"syncStrategy": {"apply": {}}, "prune": true, "revision": "aaa", "source": {"path": "old"}, "syncOptions": ["PruneLast=true"]}})
        );
        let error = |application: &Value, id| {
            way_back(application, id, false, "ann")
                .expect_err("no way")
                .to_string()
        };
        assert_eq!(
            error(&application, Some(9)),
            "application web does not have deployment with id 9"
        );
        application["spec"]["syncPolicy"] = json!({"automated": {}});
        assert_eq!(
            error(&application, None),
            "rollback cannot be initiated when auto-sync is enabled"
        );
    }

    #[test]
    fn finalizers_say_what_goes_along() {
        let with = |finalizers: Value| json!({"metadata": {"resourceVersion": "7", "finalizers": finalizers}});
        let change = |finalizers: Value| Some(with(finalizers));
        for (before, cascade, propagation, expected) in [
            (
                json!([]),
                true,
                Propagation::Foreground,
                change(json!([FOREGROUND])),
            ),
            (json!([FOREGROUND]), true, Propagation::Foreground, None),
            (
                json!([FOREGROUND, "other"]),
                true,
                Propagation::Background,
                change(json!(["other", BACKGROUND])),
            ),
            (
                json!([BACKGROUND, "other"]),
                false,
                Propagation::Foreground,
                change(json!(["other"])),
            ),
            (json!([]), false, Propagation::Foreground, None),
        ] {
            assert_eq!(
                finalizers(&with(before.clone()), cascade, propagation),
                expected,
                "{before}"
            );
        }
    }
}
