//! `tidegate app create | set`: an Application from a file or from flags, and what flags change of one.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{at, merge_patch, text};
use tidegate_model::words::{APPLICATION, ARGO_API_VERSION, IN_CLUSTER_SERVER};
use tidegate_reconcile::remote::RemoteError;

use super::change::FOREGROUND;
use super::cluster::{ClusterArgs, Place};
use super::source_flags::SourceFlags;

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
    /// A label, `KEY=VALUE`. May be repeated.
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// An annotation, `KEY=VALUE`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    annotations: Vec<(String, String)>,
    /// Have its objects deleted with it.
    #[arg(long)]
    set_finalizer: bool,
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
#[derive(Debug, Default, PartialEq, Eq, Args)]
struct SpecArgs {
    #[command(flatten)]
    source: SourceFlags,
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
    /// Whether an automated sync may delete everything there is.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    allow_empty: Option<bool>,
    /// How often a sync that fails is tried again; negative is without end.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    sync_retry_limit: Option<i64>,
    /// The wait before the first further try, such as 5s.
    #[arg(long, value_name = "DURATION")]
    sync_retry_backoff_duration: Option<String>,
    /// The longest wait.
    #[arg(long, value_name = "DURATION")]
    sync_retry_backoff_max_duration: Option<String>,
    /// How much longer each wait is than the one before.
    #[arg(long, value_name = "FACTOR")]
    sync_retry_backoff_factor: Option<i64>,
    /// How many deployments the history keeps.
    #[arg(long, value_name = "COUNT")]
    revision_history_limit: Option<u32>,
    /// Argo CD's flag, for scripts that give it. Sources are looked at by the reconciler, and never here.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    validate: Option<bool>,
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
        // Flags may give what a part of an Application leaves out.
        Some(file) => super::only(file)?,
        None => json!({}),
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
    args.complete(&mut application, &place)?;
    let remote = args.cluster.remote().await?;
    let there = match remote.get(&place.namespace, &place.name).await {
        Ok(there) => Some(there),
        Err(RemoteError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let done = match there {
        None => {
            remote.create(&place.namespace, &application).await?;
            "created"
        }
        Some(there) => match replacement(&there, &application) {
            None => "unchanged",
            Some(patch) if args.upsert => {
                remote.patch(&place.namespace, &place.name, &patch).await?;
                "updated"
            }
            Some(_) => bail!(
                "existing application spec is different, use upsert flag to force update: application {place}"
            ),
        },
    };
    crate::print(&format!("application '{}' {done}\n", place.name))?;
    Ok(true)
}

/// What makes the one that is there the one that is wanted, another spec, labels, annotations and finalizers added; none where it is that already.
fn replacement(there: &Value, wanted: &Value) -> Option<Value> {
    let mut after = there.clone();
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = at(wanted, &format!("/metadata/{field}")) {
            json_patch::merge(&mut after, &json!({"metadata": {field: value}}));
        }
    }
    if let (Some(fields), Some(spec)) = (after.as_object_mut(), at(wanted, "/spec")) {
        fields.insert("spec".to_owned(), spec.clone());
    }
    merge_patch(there, &after)
}

pub(crate) async fn set(args: &SetArgs) -> Result<bool> {
    if args.spec == SpecArgs::default() {
        bail!("there is nothing to set: give a flag that says what");
    }
    change(&args.cluster, &args.name, |application| {
        args.spec.apply(application)
    })
    .await
}

/// Changes an Application as it was read, unless somebody else does meanwhile: lists are written whole, and must not undo what others did.
pub(super) async fn change(
    cluster: &ClusterArgs,
    name: &str,
    apply: impl Fn(&mut Value) -> Result<()>,
) -> Result<bool> {
    let remote = cluster.remote().await?;
    let place = cluster.place(name);
    patiently(|| async {
        let before = remote.get(&place.namespace, &place.name).await?;
        let mut after = before.clone();
        apply(&mut after)?;
        let Some(mut patch) = merge_patch(&before, &after) else {
            return Ok(());
        };
        let version = text(&before, "/metadata/resourceVersion");
        json_patch::merge(
            &mut patch,
            &json!({"metadata": {"resourceVersion": version}}),
        );
        remote.patch(&place.namespace, &place.name, &patch).await?;
        Ok(())
    })
    .await?;
    Ok(true)
}

/// Tries again where the reconciler, mostly, wrote the same Application at the same moment.
pub(super) async fn patiently<T, F: Future<Output = Result<T>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T> {
    const MOST_TRIES: usize = 10;
    for _ in 1..MOST_TRIES {
        match attempt().await {
            Err(error)
                if matches!(
                    error.downcast_ref::<RemoteError>(),
                    Some(RemoteError::Changed { .. })
                ) => {}
            done => return done,
        }
    }
    attempt().await
}

/// `KEY=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

impl CreateArgs {
    /// The whole Application that file and flags say.
    fn complete(&self, application: &mut Value, place: &Place) -> Result<()> {
        let mut whole = json!({
            "apiVersion": ARGO_API_VERSION, "kind": APPLICATION, "metadata": {},
            "spec": {"project": "default", "destination": {}},
        });
        json_patch::merge(&mut whole, application);
        *application = whole;
        self.spec.apply(application)?;
        let map = |pairs: &[(String, String)]| -> Map<String, Value> {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect()
        };
        let mut own = json!({"metadata": {"name": place.name, "namespace": place.namespace}});
        for (field, pairs) in [("labels", &self.label), ("annotations", &self.annotations)] {
            if !pairs.is_empty() {
                json_patch::merge(&mut own, &json!({"metadata": {field: map(pairs)}}));
            }
        }
        if self.set_finalizer {
            json_patch::merge(&mut own, &json!({"metadata": {"finalizers": [FOREGROUND]}}));
        }
        let view = Application(application);
        if view.server().or_else(|| view.cluster_name()).is_none() {
            let here = json!({"spec": {"destination": {"server": IN_CLUSTER_SERVER}}});
            json_patch::merge(&mut own, &here);
        }
        json_patch::merge(application, &own);
        Ok(())
    }
}

impl SpecArgs {
    /// Changes the Application as the flags say.
    fn apply(&self, application: &mut Value) -> Result<()> {
        self.source.apply(application)?;
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
        spec.extend(
            self.revision_history_limit
                .map(|limit| ("revisionHistoryLimit".to_owned(), json!(limit))),
        );
        for (field, value) in [
            ("destination", destination),
            ("syncPolicy", self.policy(application)?),
        ] {
            if !value.is_empty() {
                spec.insert(field.to_owned(), Value::Object(value));
            }
        }
        json_patch::merge(application, &json!({ "spec": spec }));
        Ok(())
    }

    /// How a sync is tried again.
    fn retry(&self) -> Map<String, Value> {
        let mut backoff = Map::new();
        for (field, value) in [
            ("duration", json!(self.sync_retry_backoff_duration)),
            ("maxDuration", json!(self.sync_retry_backoff_max_duration)),
            ("factor", json!(self.sync_retry_backoff_factor)),
        ] {
            if !value.is_null() {
                backoff.insert(field.to_owned(), value);
            }
        }
        let mut retry = Map::new();
        retry.extend(
            self.sync_retry_limit
                .map(|limit| ("limit".to_owned(), json!(limit))),
        );
        if !backoff.is_empty() {
            retry.insert("backoff".to_owned(), Value::Object(backoff));
        }
        retry
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
            ("--allow-empty", "allowEmpty", self.allow_empty),
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
        let retry = self.retry();
        if !retry.is_empty() {
            policy.insert("retry".to_owned(), Value::Object(retry));
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
        let mut after = application.clone();
        let patch = args
            .apply(&mut after)
            .map(|()| merge_patch(&application, &after).unwrap_or_default())
            .map_err(|error| error.to_string());
        assert_eq!(
            patch.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|error| *error)
        );
    }

    #[test]
    fn an_application_that_is_there_is_known_again() {
        let there = json!({"metadata": {"labels": {"a": "1", "b": "2"}, "resourceVersion": "7"}, "spec": {"project": "default"}, "status": {}});
        let same = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"project": "default"}});
        assert_eq!(replacement(&there, &same), None);
        let other = json!({"metadata": {"labels": {"c": "3"}}, "spec": {"project": "shop"}});
        assert_eq!(
            replacement(&there, &other),
            Some(json!({"metadata": {"labels": {"c": "3"}}, "spec": {"project": "shop"}}))
        );
    }

    #[test]
    fn flags_change_only_what_they_name() {
        check(|_| {}, &Ok(Value::Null));
        check(
            |args| {
                args.source.repo = Some("/r".to_owned());
                args.dest_name = Some("in-cluster".to_owned());
                args.self_heal = Some(true);
                args.sync_option = vec!["!A=true".to_owned(), "C=true".to_owned()];
                args.source.parameter = vec!["a=b=c".to_owned()];
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
            |args| args.source.parameter = vec!["a".to_owned()],
            &Err("--parameter a: write NAME=VALUE"),
        );
    }
}
