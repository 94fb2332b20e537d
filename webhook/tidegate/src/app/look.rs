//! `tidegate app list | get | history | resources`: looks, and changes nothing but the wish to be refreshed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use tidegate_model::object::{annotation, at, text};
use tidegate_model::words::REFRESH;
use tidegate_reconcile::remote::Remote;

use super::cluster::{ClusterArgs, Place};
use super::table::table;
use super::{Output, status};

/// How long a refresh may take before it is no longer waited for.
const REFRESH_TIME: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(150);

/// Which Applications.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Those with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Those of these projects. May be repeated.
    #[arg(short, long, value_name = "PROJECT")]
    project: Vec<String>,
    /// Those of this repository.
    #[arg(short, long, value_name = "URL")]
    repo: Option<String>,
    /// Those of every namespace.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// `name` gives names alone.
    #[arg(short, long, default_value = "wide")]
    output: ListOutput,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListOutput {
    Wide,
    Name,
    Json,
    Yaml,
}

/// Which Application, and how much of it.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// Have it compared with its sources first.
    #[arg(long)]
    refresh: bool,
    /// As --refresh, and have what was remembered of its sources forgotten.
    #[arg(long)]
    hard_refresh: bool,
    /// Show what the last operation did.
    #[arg(long)]
    show_operation: bool,
    /// `tree` draws the resources below the Application.
    #[arg(short, long, default_value = "wide")]
    output: Output,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Which Application.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// `id` gives the numbers alone.
    #[arg(short, long, default_value = "wide")]
    output: HistoryOutput,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum HistoryOutput {
    Wide,
    Id,
}

/// Which Application.
#[derive(Debug, Args)]
pub(crate) struct ResourcesArgs {
    /// NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    name: String,
    /// Only what is in its namespace and in no Application, which its project must want to know (`orphanedResources`); `false`: only what is its own.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    orphaned: Option<bool>,
    /// `tree` draws them below the Application.
    #[arg(short, long, default_value = "wide")]
    output: Output,
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn list(args: &ListArgs) -> Result<()> {
    let remote = args.cluster.remote().await?;
    let namespace = (!args.all_namespaces).then_some(args.cluster.namespace.as_str());
    let mut found = remote.list(namespace, args.selector.as_deref()).await?;
    found.retain(|application| args.takes(application));
    let text = match args.output {
        ListOutput::Wide => status::list(&found, true),
        ListOutput::Name => {
            let names: Vec<String> = found
                .iter()
                .map(|found| Place::of(found).to_string())
                .collect();
            names.join(
                "
",
            ) + "
"
        }
        ListOutput::Json => serde_json::to_string_pretty(&found)? + "\n",
        ListOutput::Yaml => serde_saphyr::to_string(&found)?,
    };
    crate::print(&text)
}

impl ListArgs {
    fn takes(&self, application: &Value) -> bool {
        let project = text(application, "/spec/project").unwrap_or_default();
        let sources = tidegate_model::application::Application(application).sources();
        let is_of = |repository: &str| {
            let wanted = tidegate_render::normalized(repository);
            sources.iter().any(|(_, source)| {
                let address = source.get("repoURL").and_then(Value::as_str);
                address.is_some_and(|address| tidegate_render::normalized(address) == wanted)
            })
        };
        (self.project.is_empty() || self.project.iter().any(|wanted| wanted == project))
            && self.repo.as_deref().is_none_or(is_of)
    }
}

pub(crate) async fn get(args: &GetArgs) -> Result<()> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let application = if args.refresh || args.hard_refresh {
        refreshed(&remote, &place, args.hard_refresh).await?
    } else {
        remote.get(&place.namespace, &place.name).await?
    };
    crate::print(&args.output.drawn(&application, |application| {
        let operation = if args.show_operation {
            format!("{}\n", status::operation(application))
        } else {
            String::new()
        };
        format!(
            "{}\n{operation}{}",
            status::summary(application),
            status::resource_table(application)
        )
    })?)
}

/// Asks for a comparison, and waits until whoever compares has taken the wish away.
pub(crate) async fn refreshed(remote: &Remote, place: &Place, hard: bool) -> Result<Value> {
    let word = if hard { "hard" } else { "normal" };
    let patch = json!({"metadata": {"annotations": {REFRESH: word}}});
    remote.patch(&place.namespace, &place.name, &patch).await?;
    let until = Instant::now() + REFRESH_TIME;
    loop {
        let application = remote.get(&place.namespace, &place.name).await?;
        if annotation(&application, REFRESH).is_none() {
            return Ok(application);
        }
        if Instant::now() >= until {
            bail!(
                "application {place} was not refreshed within {REFRESH_TIME:?}: is its reconciler running?"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

pub(crate) async fn history(args: &HistoryArgs) -> Result<()> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let application = remote.get(&place.namespace, &place.name).await?;
    crate::print(&history_text(&application, args.output))
}

fn history_text(application: &Value, output: HistoryOutput) -> String {
    let entries = at(application, "/status/history").and_then(Value::as_array);
    let id = |entry: &Value| {
        entry
            .get("id")
            .and_then(Value::as_i64)
            .unwrap_or_default()
            .to_string()
    };
    if output == HistoryOutput::Id {
        return entries
            .into_iter()
            .flatten()
            .map(|entry| id(entry) + "\n")
            .collect();
    }
    let rows: Vec<Vec<String>> = entries
        .into_iter()
        .flatten()
        .map(|entry| {
            let of = |pointer: &str| text(entry, pointer).unwrap_or_default();
            let revisions = entry.get("revisions").and_then(Value::as_array);
            let several: Vec<&str> = revisions
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let revision = match (several.as_slice(), of("/source/targetRevision")) {
                ([], "") => of("/revision").to_owned(),
                ([], target) => format!(
                    "{target} ({})",
                    of("/revision").get(..7).unwrap_or_default()
                ),
                (several, _) => several.join(", "),
            };
            vec![id(entry), of("/deployedAt").to_owned(), revision]
        })
        .collect();
    table(&["ID", "DATE", "REVISION"], &rows)
}

pub(crate) async fn resources(args: &ResourcesArgs) -> Result<()> {
    let remote = args.cluster.remote().await?;
    let place = args.cluster.place(&args.name);
    let application = remote.get(&place.namespace, &place.name).await?;
    let orphans = if args.orphaned == Some(false) {
        Vec::new()
    } else {
        let orphans = remote.orphans(&args.cluster.namespace, &application);
        orphans.await?
    };
    let own = at(&application, "/status/resources").filter(|_| args.orphaned != Some(true));
    let own = own.and_then(Value::as_array).cloned().unwrap_or_default();
    crate::print(&match args.output {
        Output::Tree => status::tree(&application),
        Output::Wide => status::resource_list(&own, &orphans),
        Output::Json | Output::Yaml => {
            let mut listed = own;
            for orphan in &orphans {
                let mut orphan = serde_json::to_value(orphan)?;
                json_patch::merge(&mut orphan, &json!({"orphaned": true}));
                listed.push(orphan);
            }
            args.output
                .drawn(&Value::Array(listed), |_| String::new())?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deployments_are_listed_with_what_they_were_of() {
        let application = json!({"status": {"history": [
            {"id": 0, "deployedAt": "2026-01-01T00:00:00Z", "revision": "0123456789", "source": {"targetRevision": "main"}},
            {"id": 1, "deployedAt": "2026-01-02T00:00:00Z", "revisions": ["aa", "bb"]},
        ]}});
        assert_eq!(
            history_text(&application, HistoryOutput::Wide),
            "ID  DATE                  REVISION\n0   2026-01-01T00:00:00Z  main (0123456)\n1   2026-01-02T00:00:00Z  aa, bb\n"
        );
        assert_eq!(history_text(&application, HistoryOutput::Id), "0\n1\n");
        assert_eq!(
            history_text(&json!({}), HistoryOutput::Wide),
            "ID  DATE  REVISION\n"
        );
    }
}
