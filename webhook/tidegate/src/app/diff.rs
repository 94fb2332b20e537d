//! `tidegate app diff`: what the sources make now against what is in the cluster.
//!
//! The sources are rendered here and compared by the reconciler's own comparison; the API server is only read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::application::Application;
use tidegate_model::object::{at, name, namespace};
use tidegate_model::words::TRACKING_ID;
use tidegate_syncplan::compare::{Comparison, Settings, SyncStatus, compare};
use tidegate_syncplan::ignore::Rules;

use super::cluster::ClusterArgs;
use super::manifests::{RenderingArgs, local, rendered_for};

/// A value longer than this is cut.
const LONGEST_VALUE: usize = 120;
/// In place of what a Secret holds.
pub(super) const HIDDEN: &str = "++++++++";

/// Which Application, and what to compare the cluster with.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// Exit with 1 when there are differences; `false` always with 0.
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    exit_code: bool,
    /// Compare with the manifests of this folder here.
    #[arg(long, value_name = "FOLDER")]
    local: Option<PathBuf>,
    #[command(flatten)]
    rendering: RenderingArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Whether nothing differs, or nobody wants to know by the exit code.
pub(crate) async fn run(args: &DiffArgs) -> Result<bool> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let application = remote.get(&place.namespace, &place.name).await?;
    let (source, rendering) = match &args.local {
        Some(folder) => local(&application, folder, &args.rendering)?,
        None => (application.clone(), args.rendering.clone()),
    };
    let targets = rendered_for(&args.cluster, &remote, &rendering, &source)
        .await?
        .manifests;
    let mut live = remote.live(&wanted(&application, &targets)).await?;
    for object in &mut live {
        unmark(object);
    }
    let (rules, _) = Rules::of(&application);
    let view = Application(&application);
    let settings = Settings {
        namespace: view.namespace(),
        ignore: Some(&rules),
        creates_namespace: view
            .sync_options()
            .any(|option| option == "CreateNamespace=true"),
        ..Settings::default()
    };
    let comparison = compare(&targets, &live, &settings);
    crate::print(&drawn(&comparison))?;
    Ok(!args.exit_code || comparison.status == SyncStatus::Synced)
}

/// Takes the mark away that a sync puts on an object: the sources never had it.
fn unmark(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(annotations) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    annotations.remove(TRACKING_ID);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// What to read of the cluster: what the sources make, and what the Application had.
pub(super) fn wanted(application: &Value, targets: &[Value]) -> Vec<Value> {
    let destination = Application(application).namespace();
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::new();
    let mut add = |object: Value| {
        if seen.insert(ObjectKey::of(&object)) {
            wanted.push(object);
        }
    };
    for target in targets {
        add(json!({
            "apiVersion": target.get("apiVersion"), "kind": target.get("kind"),
            "metadata": {"name": name(target), "namespace": namespace(target).or(destination)},
        }));
    }
    let known = at(application, "/status/resources").and_then(Value::as_array);
    for resource in known.into_iter().flatten() {
        add(named(resource));
    }
    wanted
}

/// The object that an entry of `status.resources` names, as far as it can be looked up by it.
pub(super) fn named(resource: &Value) -> Value {
    let of = |field: &str| {
        let value = resource.get(field).and_then(Value::as_str);
        value.unwrap_or_default()
    };
    let version = match of("group") {
        "" => of("version").to_owned(),
        group => format!("{group}/{}", of("version")),
    };
    json!({
        "apiVersion": version, "kind": of("kind"),
        "metadata": {"name": of("name"), "namespace": of("namespace")},
    })
}

/// Each object that differs, and how: `-` is in the cluster, `+` is what the sources make. Values of Secrets are not shown.
fn drawn(comparison: &Comparison<'_>) -> String {
    let mut text = String::new();
    for pair in &comparison.pairs {
        if pair.status != Some(SyncStatus::OutOfSync) {
            continue;
        }
        let _ = writeln!(
            text,
            "===== {}/{} {} ======",
            pair.key.group,
            pair.key.kind,
            place(&pair.key)
        );
        let (Some(target), Some(live)) = (pair.target, pair.live) else {
            let _ = writeln!(
                text,
                "{}",
                if pair.target.is_some() {
                    "+ not in the cluster"
                } else {
                    "- no longer wanted"
                }
            );
            continue;
        };
        let is_secret = pair.key.group.is_empty() && pair.key.kind == "Secret";
        for pointer in &pair.differences {
            let _ = writeln!(text, "  {pointer}");
            for (sign, object) in [("-", live), ("+", target)] {
                if let Some(value) = object.pointer(pointer) {
                    let _ = writeln!(text, "  {sign} {}", shown(value, is_secret));
                }
            }
        }
    }
    text
}

fn shown(value: &Value, is_secret: bool) -> String {
    if is_secret {
        return HIDDEN.to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn place(key: &ObjectKey) -> String {
    match &key.namespace {
        Some(namespace) => format!("{namespace}/{}", key.name),
        None => key.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_shown_and_secrets_are_not() {
        let object = |kind: &str, name: &str, data: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "data": data});
        let targets = [
            object("ConfigMap", "a", json!({"k": "new", "same": "x"})),
            object("ConfigMap", "fresh", json!({})),
            object("Secret", "s", json!({"p": "bmV3"})),
        ];
        let live = [
            object("ConfigMap", "a", json!({"k": "old", "same": "x"})),
            object("ConfigMap", "gone", json!({})),
            object("Secret", "s", json!({"p": "b2xk"})),
        ];
        let marked = |object: &Value| {
            let mut object = object.clone();
            object["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"});
            unmark(&mut object);
            object
        };
        assert_eq!(live.each_ref().map(marked), live, "a mark is no difference");
        let comparison = compare(&targets, &live, &Settings::default());
        assert_eq!(
            drawn(&comparison),
            "===== /ConfigMap shop/a ======\n  /data/k\n  - \"old\"\n  + \"new\"\n\
             ===== /ConfigMap shop/fresh ======\n+ not in the cluster\n\
             ===== /ConfigMap shop/gone ======\n- no longer wanted\n\
             ===== /Secret shop/s ======\n  /data/p\n  - ++++++++\n  + ++++++++\n"
        );
    }

    #[test]
    fn what_is_read_is_what_was_and_what_will_be() {
        let application = json!({
            "spec": {"destination": {"namespace": "shop"}},
            "status": {"resources": [
                {"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "a"},
                {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "old"},
            ]},
        });
        let targets = [json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})];
        assert_eq!(
            wanted(&application, &targets),
            [
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}),
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "old", "namespace": "shop"}}),
            ]
        );
    }
}
