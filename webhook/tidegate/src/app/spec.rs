//! `tidegate app create | set`: an Application from a file or from flags, and what flags change of one.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{at, text};
use tidegate_model::words::{APPLICATION, ARGO_API_VERSION, IN_CLUSTER_SERVER};

use super::cluster::{ClusterArgs, Place};

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
            namespace: text(&application, "/metadata/namespace")
                .unwrap_or(&args.cluster.namespace)
                .to_owned(),
            name: name.to_owned(),
        },
        (None, None) => bail!("the application has no name"),
    };
    let patch = args.spec.patch(&application)?;
    json_patch::merge(&mut application, &patch);
    let mut own = json!({"metadata": {"name": place.name, "namespace": place.namespace}});
    let view = Application(&application);
    if view.server().or_else(|| view.cluster_name()).is_none() {
        let here = json!({"spec": {"destination": {"server": IN_CLUSTER_SERVER}}});
        json_patch::merge(&mut own, &here);
    }
    json_patch::merge(&mut application, &own);
    let remote = args.cluster.remote().await?;
    let done = if args.upsert && remote.get(&place.namespace, &place.name).await.is_ok() {
        let patch = json!({
            "metadata": {"labels": at(&application, "/metadata/labels"), "annotations": at(&application, "/metadata/annotations")},
            "spec": at(&application, "/spec"),
        });
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
    let version = text(&application, "/metadata/resourceVersion");
    json_patch::merge(
        &mut patch,
        &json!({"metadata": {"resourceVersion": version}}),
    );
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
                let (name, value) = pair
                    .split_once('=')
                    .with_context(|| format!("--parameter {pair}: write NAME=VALUE"))?;
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
        spec.extend(
            self.project
                .as_ref()
                .map(|project| ("project".to_owned(), json!(project))),
        );
        for (field, value) in [
            ("source", source),
            ("destination", destination),
            ("syncPolicy", self.policy(application)?),
        ] {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::status::tests::synced;

    #[track_caller]
    fn check(change: impl FnOnce(&mut SpecArgs), expected: &Result<Value, &str>) {
        let mut args = SpecArgs::default();
        change(&mut args);
        let mut application = synced();
        application["spec"]["syncPolicy"]["syncOptions"] = json!(["A=true", "B=true"]);
        let patch = args.patch(&application).map_err(|error| error.to_string());
        assert_eq!(
            patch.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|error| *error)
        );
    }

    #[test]
    fn flags_change_only_what_they_name() {
        check(|_| {}, &Ok(json!({"spec": {}})));
        check(
            |args| {
                args.repo = Some("/r".to_owned());
                args.dest_name = Some("in-cluster".to_owned());
                args.self_heal = Some(true);
                args.sync_option = vec!["!A=true".to_owned(), "C=true".to_owned()];
                args.parameter = vec!["a=b=c".to_owned()];
            },
            &Ok(json!({"spec": {
                "source": {"repoURL": "/r", "helm": {"parameters": [{"name": "a", "value": "b=c"}]}},
                "destination": {"name": "in-cluster", "server": null},
                "syncPolicy": {"automated": {"selfHeal": true}, "syncOptions": ["B=true", "C=true"]},
            }})),
        );
        check(
            |args| args.sync_policy = Some(Policy::None),
            &Ok(json!({"spec": {"syncPolicy": {"automated": null}}})),
        );
        check(
            |args| {
                args.sync_policy = Some(Policy::None);
                args.auto_prune = Some(true);
            },
            &Err("--auto-prune means something only where --sync-policy is automated"),
        );
        check(
            |args| args.parameter = vec!["a".to_owned()],
            &Err("--parameter a: write NAME=VALUE"),
        );
    }
}
