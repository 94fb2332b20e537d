//! `tidegate app unset`: takes away what flags of `set` have put into a source.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::cluster::ClusterArgs;
use super::source_flags::{image_name, is_one, source, write};
use super::spec::change;

/// What to take away.
#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// Which of several sources is meant, counted from 1.
    #[arg(long, value_name = "NUMBER")]
    source_position: Option<usize>,
    /// A chart's parameter. May be repeated.
    #[arg(short, long, value_name = "NAME")]
    parameter: Vec<String>,
    /// A value file. May be repeated.
    #[arg(long, value_name = "FILE")]
    values: Vec<String>,
    /// The values that are written in the Application.
    #[arg(long)]
    values_literal: bool,
    /// That value files may be missing.
    #[arg(long)]
    ignore_missing_value_files: bool,
    /// What goes before each name.
    #[arg(long)]
    nameprefix: bool,
    /// What goes after each name.
    #[arg(long)]
    namesuffix: bool,
    /// The namespace of everything.
    #[arg(long)]
    kustomize_namespace: bool,
    /// An image, by the name that it stands for. May be repeated.
    #[arg(long, value_name = "IMAGE")]
    kustomize_image: Vec<String>,
    /// How many replicas something has. May be repeated.
    #[arg(long, value_name = "NAME")]
    kustomize_replica: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn unset(args: &UnsetArgs) -> Result<bool> {
    change(&args.cluster, &args.name, |application| {
        args.apply(application)
    })
    .await
}

impl UnsetArgs {
    fn apply(&self, application: &mut Value) -> Result<()> {
        is_one(application, self.source_position)?;
        let mut source = source(application, self.source_position)?;
        let before = source.clone();
        for (is_asked, tool, field) in [
            (self.values_literal, "helm", "values"),
            (
                self.ignore_missing_value_files,
                "helm",
                "ignoreMissingValueFiles",
            ),
            (self.nameprefix, "kustomize", "namePrefix"),
            (self.namesuffix, "kustomize", "nameSuffix"),
            (self.kustomize_namespace, "kustomize", "namespace"),
        ] {
            if is_asked {
                json_patch::merge(&mut source, &json!({ tool: { field: null } }));
            }
        }
        let named = |wanted: &[String], known: &Value| {
            let name = known.get("name").and_then(Value::as_str);
            wanted.iter().any(|wanted| name == Some(wanted))
        };
        retain(&mut source, "/helm/parameters", |known| {
            !named(&self.parameter, known)
        });
        retain(&mut source, "/kustomize/replicas", |known| {
            !named(&self.kustomize_replica, known)
        });
        retain(&mut source, "/helm/valueFiles", |known| {
            !self.values.iter().any(|file| known == file)
        });
        retain(&mut source, "/kustomize/images", |known| {
            let name = known.as_str().map(image_name);
            !self
                .kustomize_image
                .iter()
                .any(|image| name == Some(image_name(image)))
        });
        if source == before {
            bail!("nothing of this is set");
        }
        write(application, self.source_position, source)
    }
}

fn retain(source: &mut Value, pointer: &str, keeps: impl Fn(&Value) -> bool) {
    if let Some(list) = source.pointer_mut(pointer).and_then(Value::as_array_mut) {
        list.retain(|known| keeps(known));
    }
}
