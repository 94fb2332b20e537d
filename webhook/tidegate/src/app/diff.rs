//! `tidegate app diff`: what the sources make now against what is in the cluster.
//!
//! The sources are rendered here and compared by the reconciler's own comparison; the API server is only read. What is printed is what Argo CD prints: a line
//! with the object, then `diff` of the live object's YAML and of what a sync would make of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use similar::{ChangeTag, DiffTag, TextDiff};
use tidegate_model::ObjectKey;
use tidegate_model::application::Application;
use tidegate_model::object::{at, name, namespace};
use tidegate_model::words::{INSTALLATION_ID, TRACKING_ID};
use tidegate_syncplan::compare::{Comparison, Pair, Settings, SyncStatus, compare};
use tidegate_syncplan::differences::{Comparing, applied};
use tidegate_syncplan::ignore::Rules;

use super::cluster::ClusterArgs;
use super::manifests::{RenderingArgs, local, rendered_for, without_bookkeeping};

/// In place of what a Secret holds.
pub(super) const HIDDEN: &str = "++++++++";
/// In place of what a Secret holds where that is to be another.
const HIDDEN_OTHER: &str = "++++++++++++";

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
    crate::print(&drawn(&comparison, &rules)?)?;
    Ok(!args.exit_code || comparison.status == SyncStatus::Synced)
}

/// Takes the marks away that a sync puts on an object: the sources never had them.
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
    for mark in [TRACKING_ID, INSTALLATION_ID] {
        annotations.remove(mark);
    }
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

/// Each object that differs, and how: `<` is in the cluster, `>` is what a sync would make of it.
fn drawn(comparison: &Comparison<'_>, rules: &Rules) -> Result<String> {
    let mut text = String::new();
    for pair in &comparison.pairs {
        if pair.status != Some(SyncStatus::OutOfSync) {
            continue;
        }
        let (live, predicted) = sides(pair, rules);
        let yaml = |side: Option<Value>| match side {
            Some(object) => serde_saphyr::to_string(&object),
            None => Ok(String::new()),
        };
        let _ = writeln!(
            text,
            "\n===== {}/{} {} ======",
            pair.key.group,
            pair.key.kind,
            place(&pair.key)
        );
        text.push_str(&line_diff(&yaml(live)?, &yaml(predicted)?));
    }
    Ok(text)
}

/// What is there, and what would be, without what nobody asks about: ignored differences, the bookkeeping of field managers, the values of Secrets.
fn sides(pair: &Pair<'_>, rules: &Rules) -> (Option<Value>, Option<Value>) {
    let (mut live, mut predicted) = match (pair.live, pair.target) {
        (Some(live), Some(target)) => {
            let (mut live, mut target) = (live.clone(), target.clone());
            rules.apply(&mut target, &mut live);
            let predicted = applied(&target, &live, Comparing::default());
            (Some(live), Some(predicted))
        }
        (live, target) => (live.cloned(), target.cloned()),
    };
    for object in [&mut live, &mut predicted].into_iter().flatten() {
        without_bookkeeping(object);
    }
    if pair.key.group.is_empty() && pair.key.kind == "Secret" {
        hide(&mut live, &mut predicted);
    }
    (live, predicted)
}

/// Takes the values out of a Secret's two sides, and leaves visible which of them differ.
fn hide(live: &mut Option<Value>, predicted: &mut Option<Value>) {
    const FIELDS: [&str; 2] = ["data", "stringData"];
    let values = |object: &mut Option<Value>| -> Vec<(&str, String, Value)> {
        let mut taken = Vec::new();
        for field in FIELDS {
            let map = object.as_mut().and_then(|object| object.get_mut(field));
            for (key, value) in map.and_then(Value::as_object_mut).into_iter().flatten() {
                taken.push((field, key.clone(), std::mem::replace(value, json!(HIDDEN))));
            }
        }
        taken
    };
    let wanted = values(predicted);
    for (field, key, value) in values(live) {
        let other = wanted
            .iter()
            .any(|(in_field, of, wanted)| (*in_field, of) == (field, &key) && *wanted != value);
        let shown = live
            .as_mut()
            .and_then(|live| live.get_mut(field)?.get_mut(&key));
        if let (true, Some(shown)) = (other, shown) {
            *shown = json!(HIDDEN_OTHER);
        }
    }
}

/// What `diff` prints of two texts when it is given no flags.
fn line_diff(old: &str, new: &str) -> String {
    let range = |range: &Range<usize>| match range.len() {
        0 => range.start.to_string(),
        1 => (range.start + 1).to_string(),
        _ => format!("{},{}", range.start + 1, range.end),
    };
    let diff = TextDiff::from_lines(old, new);
    let mut text = String::new();
    for op in diff.ops() {
        let (tag, before, after) = op.as_tag_tuple();
        let letter = match tag {
            DiffTag::Equal => continue,
            DiffTag::Delete => 'd',
            DiffTag::Insert => 'a',
            DiffTag::Replace => 'c',
        };
        let _ = writeln!(text, "{}{letter}{}", range(&before), range(&after));
        let mut sides = [String::new(), String::new()];
        for change in diff.iter_changes(op) {
            let (side, sign) = match change.tag() {
                ChangeTag::Insert => (&mut sides[1], '>'),
                ChangeTag::Delete | ChangeTag::Equal => (&mut sides[0], '<'),
            };
            let _ = writeln!(side, "{sign} {}", change.value().trim_end_matches('\n'));
        }
        let [before, after] = sides;
        text.push_str(&before);
        if tag == DiffTag::Replace {
            text.push_str("---\n");
        }
        text.push_str(&after);
    }
    text
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
            object["metadata"]["annotations"] = json!({TRACKING_ID: "x", INSTALLATION_ID: "y"});
            unmark(&mut object);
            object
        };
        assert_eq!(live.each_ref().map(marked), live, "a mark is no difference");
        let comparison = compare(&targets, &live, &Settings::default());
        assert_eq!(
            drawn(&comparison, &Rules::default()).expect("YAML"),
            "\n===== /ConfigMap shop/a ======\n3c3\n<   k: old\n---\n>   k: new\n\
             \n===== /ConfigMap shop/fresh ======\n0a1,6\n> apiVersion: v1\n> data: {}\n> kind: ConfigMap\n> metadata:\n>   name: fresh\n>   namespace: shop\n\
             \n===== /ConfigMap shop/gone ======\n1,6d0\n< apiVersion: v1\n< data: {}\n< kind: ConfigMap\n< metadata:\n<   name: gone\n<   namespace: shop\n\
             \n===== /Secret shop/s ======\n3c3\n<   p: ++++++++++++\n---\n>   p: ++++++++\n"
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
