//! `tidegate app patch | delete-resource | confirm-deletion`: changes that a person makes by hand.

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_model::object::at;
use tidegate_model::words::DELETION_APPROVED;

use super::cluster::ClusterArgs;
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
pub(crate) struct DeleteResourceArgs {
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
    #[arg(long, value_name = "NAME", required_unless_present = "all")]
    resource_name: Option<String>,
    /// The namespace that they are in.
    #[arg(long = "resource-namespace", value_name = "NAMESPACE")]
    resource_namespace: Option<String>,
    /// All that are meant, where they are several.
    #[arg(long)]
    all: bool,
    /// Leave what they own.
    #[arg(long)]
    orphan: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
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

pub(crate) async fn delete(args: &DeleteResourceArgs) -> Result<bool> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let application = remote.get(&place.namespace, &place.name).await?;
    let meant = args.meant(&application);
    match meant.len() {
        0 => bail!("application {place} has no such resource"),
        1 => {}
        _ if args.all => {}
        several => bail!("{several} resources are meant: say which, or give --all"),
    }
    for object in remote.live(&meant).await? {
        remote.delete_live(&object, args.orphan).await?;
        let at = |pointer: &str| at(&object, pointer).and_then(Value::as_str);
        crate::print(&format!(
            "{} {} deleted\n",
            at("/kind").unwrap_or_default(),
            at("/metadata/name").unwrap_or_default()
        ))?;
    }
    Ok(true)
}

impl DeleteResourceArgs {
    /// The resources of the Application's status that are meant.
    fn meant(&self, application: &Value) -> Vec<Value> {
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
