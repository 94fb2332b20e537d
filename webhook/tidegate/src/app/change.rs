//! `tidegate app create | set | delete | terminate-op | rollback`.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{at, text};
use tidegate_model::words::{APPLICATION, ARGO_API_VERSION, IN_CLUSTER_SERVER};
use tidegate_syncplan::history::{Deployment, rollback as chosen_deployment};

use super::cluster::{ClusterArgs, Place};
use super::sync::{ask, user, verdict};
use super::wait::{Wish, deadline, wait};
use super::{chosen, seconds};

/// The finalizers by which the objects go with their Application.
const FOREGROUND: &str = "resources-finalizer.argocd.argoproj.io";
const BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";

/// The Application, from a file or from flags.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name; not with a file.
    #[arg(value_name = "APP", required_unless_present = "file")]
    name: Option<String>,
    /// An Application: YAML or JSON, `-` for standard input. Flags change it.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Change it where it is there already.
    #[arg(long)]
    upsert: bool,
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// An Application, and what to change of it.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What of an Application can be said by flags.
#[derive(Debug, Default, Args)]
struct SpecArgs {
    /// The repository.
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// The folder in it.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The branch, tag, commit, version or range of versions.
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// The chart, of a chart repository.
    #[arg(long, value_name = "CHART")]
    helm_chart: Option<String>,
    /// A value file of a chart. May be repeated.
    #[arg(long, value_name = "FILE")]
    values: Vec<String>,
    /// A parameter of a chart, `NAME=VALUE`. May be repeated.
    #[arg(short = 'P', long, value_name = "NAME=VALUE")]
    parameter: Vec<String>,
    /// The project.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// The cluster's address.
    #[arg(long, value_name = "URL")]
    dest_server: Option<String>,
    /// The cluster's name, instead of its address.
    #[arg(long, value_name = "NAME", conflicts_with = "dest_server")]
    dest_name: Option<String>,
    /// The namespace of objects that name none.
    #[arg(long, value_name = "NAMESPACE")]
    dest_namespace: Option<String>,
    /// Whether it syncs on its own.
    #[arg(long, value_name = "POLICY")]
    sync_policy: Option<Policy>,
    /// Whether automated syncs delete what is no longer wanted.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    auto_prune: Option<bool>,
    /// Whether what drifts is set right.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    self_heal: Option<bool>,
    /// A sync option, such as `CreateNamespace=true`; with a leading `!` it is taken away. May be repeated.
    #[arg(long, value_name = "OPTION")]
    sync_option: Vec<String>,
    /// Whether manifests of folders in the folder count.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    directory_recurse: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    #[value(alias = "auto", alias = "automatic")]
    Automated,
    #[value(alias = "manual")]
    None,
}

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

pub(crate) async fn create(args: &CreateArgs) -> Result<bool> {
    let mut application = match &args.file {
        Some(file) => super::application(file)?,
        None => json!({
            "apiVersion": ARGO_API_VERSION, "kind": APPLICATION, "metadata": {},
            "spec": {"project": "default", "destination": {}, "source": {}},
        }),
    };
    let place = match (&args.name, text(&application, "/metadata/name")) {
        (Some(name), _) => args.cluster.place(name),
        (None, Some(name)) => Place {
            namespace: text(&application, "/metadata/namespace").unwrap_or(&args.cluster.namespace).to_owned(),
            name: name.to_owned(),
        },
        (None, None) => bail!("the application has no name"),
    };
    application["metadata"]["name"] = json!(place.name);
    application["metadata"]["namespace"] = json!(place.namespace);
    let patch = args.spec.patch(&application)?;
    json_patch::merge(&mut application, &patch);
    let destination = &mut application["spec"]["destination"];
    if destination.get("server").is_none() && destination.get("name").is_none() {
        destination["server"] = json!(IN_CLUSTER_SERVER);
    }
    let remote = args.cluster.remote().await?;
    let done = if args.upsert && remote.get(&place.namespace, &place.name).await.is_ok() {
        let patch = json!({"metadata": {"labels": at(&application, "/metadata/labels"), "annotations": at(&application, "/metadata/annotations")}, "spec": application["spec"]});
        remote.patch(&place.namespace, &place.name, &patch).await?;
        "changed"
    } else {
        remote.create(&place.namespace, &application).await?;
        "created"
    };
    crate::print(&format!("application '{}' {done}\n", place.name))?;
    Ok(true)
}

pub(crate) async fn set(args: &SetArgs) -> Result<bool> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let application = remote.get(&place.namespace, &place.name).await?;
    let mut patch = args.spec.patch(&application)?;
    if patch == json!({"spec": {}}) {
        bail!("nothing to set: give at least one flag");
    }
    // Lists were made from what was read: they must not undo what somebody else did meanwhile.
    patch["metadata"] = json!({"resourceVersion": text(&application, "/metadata/resourceVersion")});
    remote.patch(&place.namespace, &place.name, &patch).await?;
    Ok(true)
}

impl SpecArgs {
    /// The merge patch that says what the flags say.
    fn patch(&self, application: &Value) -> Result<Value> {
        let mut source = Map::new();
        for (field, text) in [
            ("repoURL", &self.repo),
            ("path", &self.path),
            ("targetRevision", &self.revision),
            ("chart", &self.helm_chart),
        ] {
            if let Some(text) = text {
                source.insert(field.to_owned(), json!(text));
            }
        }
        let mut helm = Map::new();
        if !self.values.is_empty() {
            helm.insert("valueFiles".to_owned(), json!(self.values));
        }
        if !self.parameter.is_empty() {
            let known = at(application, "/spec/source/helm/parameters").and_then(Value::as_array);
            let mut parameters = known.cloned().unwrap_or_default();
            for pair in &self.parameter {
                let (name, value) = pair.split_once('=').with_context(|| format!("--parameter {pair}: write NAME=VALUE"))?;
                parameters.retain(|known| known.get("name").and_then(Value::as_str) != Some(name));
                parameters.push(json!({"name": name, "value": value}));
            }
            helm.insert("parameters".to_owned(), json!(parameters));
        }
        if !helm.is_empty() {
            source.insert("helm".to_owned(), Value::Object(helm));
        }
        if let Some(recurse) = self.directory_recurse {
            source.insert("directory".to_owned(), json!({"recurse": recurse}));
        }
        if !source.is_empty() && Application(application).sources().len() > 1 {
            bail!("the application has several sources: change them in its manifest");
        }
        let mut destination = Map::new();
        // One of the two only: the other goes.
        if let Some(server) = &self.dest_server {
            destination.insert("server".to_owned(), json!(server));
            destination.insert("name".to_owned(), Value::Null);
        }
        if let Some(name) = &self.dest_name {
            destination.insert("name".to_owned(), json!(name));
            destination.insert("server".to_owned(), Value::Null);
        }
        if let Some(namespace) = &self.dest_namespace {
            destination.insert("namespace".to_owned(), json!(namespace));
        }
        let mut spec = Map::new();
        spec.extend(self.project.as_ref().map(|project| ("project".to_owned(), json!(project))));
        for (field, value) in [("source", source), ("destination", destination), ("syncPolicy", self.policy(application)?)] {
            if !value.is_empty() {
                spec.insert(field.to_owned(), Value::Object(value));
            }
        }
        Ok(json!({"spec": spec}))
    }

    fn policy(&self, application: &Value) -> Result<Map<String, Value>> {
        let mut policy = Map::new();
        let is_automated = match self.sync_policy {
            Some(sync_policy) => sync_policy == Policy::Automated,
            None => at(application, "/spec/syncPolicy/automated").is_some_and(Value::is_object),
        };
        let mut automated = Map::new();
        for (flag, field, is_on) in [
            ("--auto-prune", "prune", self.auto_prune),
            ("--self-heal", "selfHeal", self.self_heal),
        ] {
            if let Some(is_on) = is_on {
                if !is_automated {
                    bail!("{flag} means something only where --sync-policy is automated");
                }
                automated.insert(field.to_owned(), json!(is_on));
            }
        }
        if self.sync_policy == Some(Policy::None) {
            policy.insert("automated".to_owned(), Value::Null);
        } else if self.sync_policy.is_some() || !automated.is_empty() {
            policy.insert("automated".to_owned(), Value::Object(automated));
        }
        if !self.sync_option.is_empty() {
            let mut options: Vec<&str> = Application(application).sync_options().collect();
            for option in &self.sync_option {
                let word = option.trim_start_matches('!');
                options.retain(|known| *known != word);
                if !option.starts_with('!') {
                    options.push(word);
                }
            }
            policy.insert("syncOptions".to_owned(), json!(options));
        }
        Ok(policy)
    }
}

pub(crate) async fn delete(args: &DeleteArgs) -> Result<bool> {
    let remote = args.cluster.remote().await?;
    let places = chosen(&remote, &args.cluster, &args.names, args.selector.as_deref()).await?;
    let until = deadline(args.timeout);
    let mut all = true;
    for place in places {
        let what = if args.cascade { "and all its resources" } else { "and leave its resources" };
        if !args.yes && !agreed(&format!("Delete '{place}' {what}?"))? {
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
    let known: Vec<&str> = known.into_iter().flatten().filter_map(Value::as_str).collect();
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
    let application = remote.get(&place.namespace, &place.name).await?;
    let version = text(&application, "/metadata/resourceVersion");
    let phase = text(&application, "/status/operationState/phase");
    let patch = match (phase, at(&application, "/operation").is_some_and(Value::is_object)) {
        (Some("Running"), _) => json!({"metadata": {"resourceVersion": version}, "status": {"operationState": {"phase": "Terminating"}}}),
        // Nobody has begun it: it is enough to take it back.
        (_, true) => json!({"metadata": {"resourceVersion": version}, "operation": null}),
        (_, false) => bail!("application {place}: no operation is in progress"),
    };
    remote.patch(&place.namespace, &place.name, &patch).await?;
    crate::print(&format!("application '{place}' operation terminating\n"))?;
    Ok(true)
}

pub(crate) async fn rollback(args: &RollbackArgs) -> Result<bool> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let application = remote.get(&place.namespace, &place.name).await?;
    let operation = way_back(&application, args.id, args.prune, &user())?;
    ask(&remote, &place, &application, operation).await?;
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

/// Whether a person at the terminal says yes; nobody there is a no.
fn agreed(question: &str) -> Result<bool> {
    write!(anstream::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
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
        let error = |application: &Value, id| way_back(application, id, false, "ann").expect_err("no way").to_string();
        assert_eq!(error(&application, Some(9)), "application web does not have deployment with id 9");
        application["spec"]["syncPolicy"] = json!({"automated": {}});
        assert_eq!(error(&application, None), "rollback cannot be initiated when auto-sync is enabled");
    }

    #[test]
    fn finalizers_say_what_goes_along() {
        let with = |finalizers: Value| json!({"metadata": {"resourceVersion": "7", "finalizers": finalizers}});
        let change = |finalizers: Value| Some(with(finalizers));
        for (before, cascade, propagation, expected) in [
            (json!([]), true, Propagation::Foreground, change(json!([FOREGROUND]))),
            (json!([FOREGROUND]), true, Propagation::Foreground, None),
            (json!([FOREGROUND, "other"]), true, Propagation::Background, change(json!(["other", BACKGROUND]))),
            (json!([BACKGROUND, "other"]), false, Propagation::Foreground, change(json!(["other"]))),
            (json!([]), false, Propagation::Foreground, None),
        ] {
            assert_eq!(finalizers(&with(before.clone()), cascade, propagation), expected, "{before}");
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut SpecArgs), expected: Result<Value, &str>) {
        let mut args = SpecArgs::default();
        change(&mut args);
        let mut application = synced();
        application["spec"]["syncPolicy"]["syncOptions"] = json!(["A=true", "B=true"]);
        let patch = args.patch(&application).map_err(|error| error.to_string());
        assert_eq!(patch.as_ref().map_err(String::as_str), expected.as_ref().map_err(|error| *error));
    }

    #[test]
    fn flags_change_only_what_they_name() {
        check(|_| {}, Ok(json!({"spec": {}})));
        check(
            |args| {
                args.repo = Some("/r".to_owned());
                args.dest_name = Some("in-cluster".to_owned());
                args.self_heal = Some(true);
                args.sync_option = vec!["!A=true".to_owned(), "C=true".to_owned()];
                args.parameter = vec!["a=b=c".to_owned()];
            },
            Ok(json!({"spec": {
                "source": {"repoURL": "/r", "helm": {"parameters": [{"name": "a", "value": "b=c"}]}},
                "destination": {"name": "in-cluster", "server": null},
                "syncPolicy": {"automated": {"selfHeal": true}, "syncOptions": ["B=true", "C=true"]},
            }})),
        );
        check(|args| args.sync_policy = Some(Policy::None), Ok(json!({"spec": {"syncPolicy": {"automated": null}}})));
        check(
            |args| {
                args.sync_policy = Some(Policy::None);
                args.auto_prune = Some(true);
            },
            Err("--auto-prune means something only where --sync-policy is automated"),
        );
        check(|args| args.parameter = vec!["a".to_owned()], Err("--parameter a: write NAME=VALUE"));
    }
}
