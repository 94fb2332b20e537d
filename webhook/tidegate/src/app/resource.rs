//! `tidegate app patch | get-resource | patch-resource | delete-resource | confirm-deletion`: looks at single objects, and changes that a person makes by hand.

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_model::object::{at, kind, name};
use tidegate_model::words::DELETION_APPROVED;
use tidegate_reconcile::remote::{DeleteLive, PatchKind, Remote};

use super::cluster::ClusterArgs;
use super::diff::HIDDEN;
use super::spec::change;

/// Which Application, and what to change of it.
#[derive(Debug, Args)]
pub(crate) struct PatchArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// The patch, in JSON.
    #[arg(long, value_name = "PATCH")]
    patch: String,
    /// What kind of patch it is: RFC 6902, or RFC 7386.
    #[arg(long, value_name = "TYPE", default_value = "json")]
    r#type: PatchType,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PatchType {
    Json,
    Merge,
}

/// Which of an Application's objects.
#[derive(Debug, Args)]
struct Meant {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// Their kind.
    #[arg(long, value_name = "KIND")]
    kind: String,
    /// Their API group.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// The name of one.
    #[arg(long, value_name = "NAME")]
    resource_name: Option<String>,
    /// The namespace that they are in.
    #[arg(long = "resource-namespace", value_name = "NAMESPACE")]
    resource_namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Which live objects are shown, and how much of them.
#[derive(Debug, Args)]
pub(crate) struct GetResourceArgs {
    #[command(flatten)]
    meant: Meant,
    /// Only these fields, such as `spec.replicas`. May be repeated, or written with commas.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    filter_fields: Vec<String>,
    /// Field managers, too.
    #[arg(long)]
    show_managed_fields: bool,
    /// How they are printed; several in JSON are a list.
    #[arg(short, long, default_value = "yaml")]
    output: ObjectOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ObjectOutput {
    Yaml,
    Json,
}

/// Which live objects get a patch.
#[derive(Debug, Args)]
pub(crate) struct PatchResourceArgs {
    #[command(flatten)]
    meant: Meant,
    /// The patch, in JSON.
    #[arg(long, value_name = "PATCH")]
    patch: String,
    /// What kind of patch it is: RFC 7386, RFC 6902, or Kubernetes' own. Argo CD's names (`application/merge-patch+json`) are understood.
    #[arg(long, value_name = "TYPE", default_value = "merge")]
    patch_type: ResourcePatchType,
    /// All that are meant, where they are several.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ResourcePatchType {
    #[value(alias = "application/merge-patch+json")]
    Merge,
    #[value(alias = "application/json-patch+json")]
    Json,
    #[value(alias = "application/strategic-merge-patch+json")]
    Strategic,
}

/// Which live objects go.
#[derive(Debug, Args)]
pub(crate) struct DeleteResourceArgs {
    #[command(flatten)]
    meant: Meant,
    /// All that are meant, where they are several.
    #[arg(long)]
    all: bool,
    /// At once, without the time that they are given to end.
    #[arg(long, conflicts_with = "orphan")]
    force: bool,
    /// Leave what they own.
    #[arg(long)]
    orphan: bool,
}

/// Whose deletions.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn patch(args: &PatchArgs) -> Result<bool> {
    let written: Value = serde_json::from_str(&args.patch).context("--patch is not JSON")?;
    change(&args.cluster, &args.name, |application| {
        match args.r#type {
            PatchType::Merge => json_patch::merge(application, &written),
            PatchType::Json => {
                let patch: json_patch::Patch = serde_json::from_value(written.clone())
                    .context("--patch is not a JSON patch; for a merge patch give --type merge")?;
                json_patch::patch(application, &patch)?;
            }
        }
        Ok(())
    })
    .await
}

pub(crate) async fn confirm(args: &ConfirmArgs) -> Result<bool> {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    change(&args.cluster, &args.name, |application| {
        let approval = json!({"metadata": {"annotations": {DELETION_APPROVED: now}}});
        json_patch::merge(application, &approval);
        Ok(())
    })
    .await?;
    let place = args.cluster.place(&args.name);
    crate::print(&format!("Application '{place}' updated\n"))?;
    Ok(true)
}

pub(crate) async fn show(args: &GetResourceArgs) -> Result<()> {
    let (_, objects) = args.meant.live(true).await?;
    let mut shown = Vec::new();
    for mut object in objects {
        if object.get("kind").and_then(Value::as_str) == Some("Secret") {
            hide(&mut object);
        }
        if let (false, Some(metadata)) = (
            args.show_managed_fields,
            object.get_mut("metadata").and_then(Value::as_object_mut),
        ) {
            metadata.remove("managedFields");
        }
        shown.push(only_fields(&object, &args.filter_fields));
    }
    crate::print(&match (args.output, shown.as_slice()) {
        (ObjectOutput::Json, [one]) => serde_json::to_string_pretty(one)? + "\n",
        (ObjectOutput::Json, several) => serde_json::to_string_pretty(several)? + "\n",
        (ObjectOutput::Yaml, several) => {
            let texts: Result<Vec<String>, _> =
                several.iter().map(serde_saphyr::to_string).collect();
            texts?.join("---\n")
        }
    })
}

/// Those fields of an object, and what says which one it is; all of it where none is named.
fn only_fields(object: &Value, fields: &[String]) -> Value {
    if fields.is_empty() {
        return object.clone();
    }
    let name = at(object, "/metadata/name").cloned();
    let mut only = json!({"kind": object.get("kind"), "metadata": {"name": name}});
    for field in fields {
        let parts: Vec<&str> = field.trim_start_matches('.').split('.').collect();
        let found = parts
            .iter()
            .try_fold(object, |value, part| match part.parse::<usize>() {
                Ok(index) => value.get(index).or_else(|| value.get(part)),
                Err(_) => value.get(part),
            });
        if let Some(found) = found {
            let nested = parts
                .iter()
                .rev()
                .fold(found.clone(), |value, part| json!({ *part: value }));
            json_patch::merge(&mut only, &nested);
        }
    }
    only
}

fn hide(secret: &mut Value) {
    for field in ["data", "stringData"] {
        let map = secret.get_mut(field).and_then(Value::as_object_mut);
        for value in map.into_iter().flat_map(|map| map.values_mut()) {
            *value = json!(HIDDEN);
        }
    }
}

pub(crate) async fn patch_live(args: &PatchResourceArgs) -> Result<bool> {
    let patch: Value = serde_json::from_str(&args.patch).context("--patch is not JSON")?;
    let patch_kind = match args.patch_type {
        ResourcePatchType::Merge => PatchKind::Merge,
        ResourcePatchType::Json => PatchKind::Json,
        ResourcePatchType::Strategic => PatchKind::Strategic,
    };
    let (remote, objects) = args.meant.live(args.all).await?;
    for object in objects {
        remote.patch_live(&object, &patch, patch_kind).await?;
        crate::print(&format!("Resource '{}' patched\n", name(&object)))?;
    }
    Ok(true)
}

pub(crate) async fn delete(args: &DeleteResourceArgs) -> Result<bool> {
    let how = match (args.orphan, args.force) {
        (true, _) => DeleteLive::Orphan,
        (false, true) => DeleteLive::Force,
        (false, false) => DeleteLive::Foreground,
    };
    let (remote, objects) = args.meant.live(args.all).await?;
    for object in objects {
        remote.delete_live(&object, how).await?;
        crate::print(&format!("{} {} deleted\n", kind(&object), name(&object)))?;
    }
    Ok(true)
}

impl Meant {
    /// Those that are meant, as they are in the cluster: one, unless several may be.
    async fn live(&self, may_be_several: bool) -> Result<(Remote, Vec<Value>)> {
        let remote = self.cluster.remote().await?;
        let place = self.cluster.place(&self.name);
        let application = remote.get(&place.namespace, &place.name).await?;
        let meant = self.among(&application);
        match meant.len() {
            0 => bail!("application {place} has no such resource"),
            1 => {}
            _ if may_be_several => {}
            several => bail!("{several} resources are meant: say which, or give --all"),
        }
        let objects = remote.live(&meant).await?;
        if objects.is_empty() {
            bail!("not in the cluster");
        }
        Ok((remote, objects))
    }

    /// The resources of the Application's status that are meant.
    fn among(&self, application: &Value) -> Vec<Value> {
        let resources = at(application, "/status/resources").and_then(Value::as_array);
        let resources = resources.into_iter().flatten();
        let is_meant = |resource: &&Value| {
            let of = |field: &str| {
                let value = resource.get(field).and_then(Value::as_str);
                value.unwrap_or_default()
            };
            let is = |wanted: &Option<String>, field: &str| {
                wanted.as_deref().is_none_or(|wanted| wanted == of(field))
            };
            self.kind == of("kind")
                && is(&self.group, "group")
                && is(&self.resource_name, "name")
                && is(&self.resource_namespace, "namespace")
        };
        resources.filter(is_meant).map(super::diff::named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_picked_by_their_path() {
        let object = json!({"kind": "Deployment", "metadata": {"name": "web", "labels": {"a": "b"}}, "spec": {"replicas": 2, "paused": false}});
        let only = |fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            only_fields(&object, &fields)
        };
        assert_eq!(only(&[]), object);
        assert_eq!(
            only(&[".spec.replicas", "spec.none"]),
            json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2}})
        );
    }
}
