//! `down`: back to an earlier version.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;
use tidegate_database::{
    Counted, DownPlan, MigrateError, Migrator, Session, TransactionMode, count,
};
use tidegate_migrations::Back;

use super::database::DatabaseArgs;
use super::folder::DirectoryArgs;
use crate::HumanOrJson;
use crate::connect;

/// How far back, and who agreed.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// How many versions to give up.
    #[arg(default_value_t = 1)]
    amount: usize,
    /// The version that is to be the last one.
    #[arg(long, value_name = "VERSION", conflicts_with = "amount")]
    to_version: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// An empty database of the same engine where the folder is tried out; a scratch place beside the database without it.
    #[arg(long, value_name = "URL")]
    dev_url: Option<String>,
    /// Only say what would be run.
    #[arg(long)]
    dry_run: bool,
    /// Run the plan, whatever it loses, and ask nobody.
    #[arg(long)]
    auto_approve: bool,
    /// Run the plan, whatever it loses, if it is still the one with this hash.
    #[arg(long, value_name = "HASH", conflicts_with = "auto_approve")]
    approve: Option<String>,
    /// `json` for scripts: `{"undone":[..],"statements":[{"sql","destructive"}],"lost":[..],"compared","hash","applied","error"}`.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

/// What was found, and what became of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    undone: Vec<String>,
    statements: Vec<tidegate_schemaplan::Statement>,
    lost: Vec<Counted>,
    /// Whether the database was found to be what the folder makes.
    compared: bool,
    hash: String,
    applied: bool,
    error: Option<String>,
}

pub(crate) async fn run(args: &DownArgs) -> Result<bool> {
    let directory = args.directory.read()?;
    let (mut session, address) = args.database.open().await?;
    let mut dev = match &args.dev_url {
        Some(url) => Some(connect::open(url).await.context("the dev database")?),
        None => None,
    };
    let back = match &args.to_version {
        Some(version) => Back::To(version.clone()),
        None => Back::Amount(args.amount),
    };
    let settings = args.database.settings(TransactionMode::File);
    let mut migrator = Migrator::new(&mut session, &address, settings.clone());
    let found = match migrator.plan_down(&directory, &back, dev.as_mut()).await {
        Ok(found) => found,
        Err(error) => return refused(args, Report::default(), error),
    };
    let report = report(found, &mut session).await;
    if args.output == HumanOrJson::Human {
        crate::print(&human(&report))?;
    }
    if args.dry_run {
        return end(args, &report);
    }
    if let Some(refusal) = refusal(args, &report)? {
        return end(
            args,
            &Report {
                error: Some(refusal),
                ..report
            },
        );
    }
    let mut migrator = Migrator::new(&mut session, &address, settings);
    let gone = migrator.down(&directory, &back, dev.as_mut(), &report.hash);
    match gone.await {
        Ok(_) => end(
            args,
            &Report {
                applied: true,
                ..report
            },
        ),
        Err(error) => refused(args, report, error),
    }
}

async fn report(found: DownPlan, session: &mut Session) -> Report {
    Report {
        undone: found.undone,
        compared: found.is_compared,
        hash: found.plan.hash(),
        lost: count(session, found.losses).await,
        statements: found.plan.statements,
        ..Report::default()
    }
}

/// Why nothing is run; none when somebody agreed.
fn refusal(args: &DownArgs, report: &Report) -> Result<Option<String>> {
    let hash = &report.hash;
    if let Some(approved) = &args.approve {
        let is_it = tidegate_schemaplan::approves(approved, hash);
        return Ok((!is_it).then(|| {
            format!("the way back is not the one that was approved: this is {hash}; look at it again, nothing was changed")
        }));
    }
    if args.auto_approve {
        return Ok(None);
    }
    if let Some(agreed) = crate::agreed("Go back? Type yes: ")? {
        return Ok((!agreed).then(|| "not approved; nothing was changed".to_owned()));
    }
    Ok(Some(format!(
        "nobody approved it; nothing was changed. When the above is meant: --approve {hash}, or --auto-approve"
    )))
}

/// The database's no is an answer; that it cannot be reached is not.
fn refused(args: &DownArgs, report: Report, error: MigrateError) -> Result<bool> {
    match error {
        MigrateError::Database(error) if !error.is_answer() => Err(error.into()),
        error => end(
            args,
            &Report {
                error: Some(error.to_string()),
                ..report
            },
        ),
    }
}

fn end(args: &DownArgs, report: &Report) -> Result<bool> {
    match args.output {
        HumanOrJson::Json => crate::print(&(serde_json::to_string(report)? + "\n"))?,
        HumanOrJson::Human => {
            if report.applied {
                let versions = report.undone.len();
                let _ = writeln!(anstream::stderr(), "{versions} versions undone");
            }
            if let Some(error) = &report.error {
                crate::print_error(error)?;
            }
        }
    }
    Ok(report.error.is_none())
}

fn human(report: &Report) -> String {
    let lines = report.statements.iter().map(|statement| {
        let lost = if statement.destructive {
            "LOSES DATA: "
        } else {
            ""
        };
        format!(
            "-- {lost}{}\n{};\n",
            statement.purpose,
            statement.sql.trim_end_matches(';')
        )
    });
    let lost = report.lost.iter().map(|lost| format!("-- lost: {lost}\n"));
    let unknown = (!report.compared).then(|| {
        "-- the folder has lost files of what is undone: what was changed by hand goes with the rest\n"
            .to_owned()
    });
    let undone = format!(
        "-- undoes {}; plan {}\n",
        report.undone.join(", "),
        report.hash
    );
    lines.chain(lost).chain(unknown).chain([undone]).collect()
}
