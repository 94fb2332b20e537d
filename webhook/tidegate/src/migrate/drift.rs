//! `drift`: whether somebody changed a database beside its migrations. Nothing is changed.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tidegate_database::{Drift, Migrator, TransactionMode};

use super::database::DatabaseArgs;
use super::folder::DirectoryArgs;
use crate::HumanOrJson;

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// What may differ: a glob such as `public.audit_*` or `*[type=extension]`; may be given again.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// `json` for scripts: `{"version","drifted","objects":[{"kind","name","how"}],"differences":[..],"fingerprint"}`; `how` is extra, missing or modified.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'a str,
    drifted: bool,
    objects: Vec<Object<'a>>,
    differences: &'a [String],
    fingerprint: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Object<'a> {
    kind: &'a str,
    name: &'a str,
    how: &'static str,
}

pub(crate) async fn run(args: &DriftArgs) -> Result<bool> {
    let directory = args.directory.read()?;
    let (mut session, address) = args.database.open().await?;
    let settings = args.database.settings(TransactionMode::File);
    let mut migrator = Migrator::new(&mut session, &address, settings);
    let drift = migrator.drift(&directory, &args.exclude).await?;
    crate::print(&match args.output {
        HumanOrJson::Human => human(&drift),
        HumanOrJson::Json => serde_json::to_string(&report(&drift))? + "\n",
    })?;
    Ok(drift.words.is_empty())
}

fn report(drift: &Drift) -> Report<'_> {
    let drifted = !drift.words.is_empty();
    let objects = drift.objects.iter();
    Report {
        version: &drift.version,
        drifted,
        objects: objects
            .map(|object| Object {
                kind: object.kind,
                name: &object.name,
                how: object.how.as_str(),
            })
            .collect(),
        differences: &drift.words,
        fingerprint: drifted.then_some(drift.fingerprint.as_str()),
    }
}

fn human(drift: &Drift) -> String {
    let version = &drift.version;
    if drift.words.is_empty() {
        return format!("The database is what its migrations up to {version} make.\n");
    }
    let objects = drift.objects.iter();
    let objects = objects.map(|it| format!("  {} {}: {}\n", it.kind, it.name, it.how.as_str()));
    let words = drift.words.iter().map(|it| format!("  {it}\n"));
    format!(
        "The database is not what its migrations up to {version} make:\n{}To make it so again:\n{}",
        objects.collect::<String>(),
        words.collect::<String>()
    )
}
