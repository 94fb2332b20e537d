//! `status` and `apply`: a folder against a database.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use tidegate_database::{
    Address, InDoubt, MigrateError, MigrateSettings, Migrator, Progress, Session,
};
use tidegate_migrations::{Expectation, Order, TransactionMode, Until};

use super::folder::DirectoryArgs;
use super::judged::{self, Judged};
use super::show;
use crate::HumanOrJson;
use crate::connect::{self, UrlArgs};
use crate::gate::GateArgs;
use crate::tx_mode::TxMode;

/// As long as Atlas waits.
const WAIT: Duration = Duration::from_secs(10);

/// Which database.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgs {
    #[command(flatten)]
    url: UrlArgs,
    /// The schema (or database) of the table of revisions, `atlas_schema_revisions`. Without it: the connection's own, or one of that name.
    #[arg(long, value_name = "SCHEMA")]
    revisions_schema: Option<String>,
}

/// What is expected of the database.
#[derive(Debug, Args)]
struct ExpectationArgs {
    /// The version that a database without revisions already has: it and those before it are not run.
    #[arg(long, value_name = "VERSION")]
    baseline: Option<String>,
    /// What to do about files that were added before the last one applied.
    #[arg(long, default_value = "linear")]
    exec_order: ExecOrder,
    /// Begin though a database without revisions has tables.
    #[arg(long)]
    allow_dirty: bool,
    /// Go on though a file was edited after it was applied, and remember it as it is now.
    #[arg(long)]
    allow_edited: bool,
}

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
    #[command(flatten)]
    expectation: ExpectationArgs,
    /// `json` for scripts: `{"status","current","next","applied":[..],"pending":[..],"error"}`.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// At most so many files.
    amount: Option<usize>,
    /// Up to this version.
    #[arg(long, value_name = "VERSION", conflicts_with = "amount")]
    to_version: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
    #[command(flatten)]
    expectation: ExpectationArgs,
    /// What is one transaction, where a file does not say.
    #[arg(long, default_value = "file")]
    tx_mode: TxMode,
    /// What you found of a statement that was begun, and whose end a crash hid.
    #[arg(long, value_name = "done|again")]
    in_doubt: Option<Found>,
    /// Only say what would be run.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    gate: GateArgs,
    /// Say each statement on standard error, before it runs.
    #[arg(short, long)]
    verbose: bool,
    /// `json` for scripts: `{"applied":[{"file","statements"}],"pending":[{"file","statements":[..]}],"findings":[..],"error"}`.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExecOrder {
    /// Refuse.
    Linear,
    /// Leave them out.
    LinearSkip,
    /// Run them first.
    NonLinear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Found {
    /// It is done.
    Done,
    /// Nothing is left of it; run it again.
    Again,
}

impl ExpectationArgs {
    fn expectation(&self, until: Until) -> Expectation {
        Expectation {
            baseline: self.baseline.clone(),
            order: match self.exec_order {
                ExecOrder::Linear => Order::Linear,
                ExecOrder::LinearSkip => Order::LinearSkip,
                ExecOrder::NonLinear => Order::NonLinear,
            },
            allow_dirty: self.allow_dirty,
            allow_edited: self.allow_edited,
            until,
        }
    }
}

impl DatabaseArgs {
    pub(super) async fn open(&self) -> Result<(Session, Address)> {
        let url = self.url.url()?;
        let address = Address::parse(&url).context("--url")?;
        Ok((connect::open(&url).await?, address))
    }

    pub(super) fn settings(&self, mode: TransactionMode) -> MigrateSettings {
        MigrateSettings {
            revisions_schema: self.revisions_schema.clone(),
            mode,
            wait: WAIT,
            operator: concat!("Tidegate v", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

pub(crate) async fn status(args: &StatusArgs) -> Result<bool> {
    let directory = args.directory.read()?;
    let (mut session, address) = args.database.open().await?;
    let settings = args.database.settings(TransactionMode::File);
    let mut migrator = Migrator::new(&mut session, &address, settings);
    let revisions = migrator.revisions().await?;
    let expected = args.expectation.expectation(Until::All);
    let pending = match migrator.pending(&directory, &revisions, &expected).await {
        Ok(pending) => Ok(pending.files),
        Err(MigrateError::Pending(error)) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let status = show::Status::new(&directory, &revisions, pending);
    crate::print(&match args.output {
        HumanOrJson::Human => status.human(),
        HumanOrJson::Json => status.json()?,
    })?;
    Ok(status.is_fine())
}

pub(crate) async fn apply(args: &ApplyArgs) -> Result<bool> {
    let directory = args.directory.read()?;
    let (mut session, address) = args.database.open().await?;
    let settings = args.database.settings(args.tx_mode.into());
    let dialect = session.engine().dialect;
    let mut migrator = Migrator::new(&mut session, &address, settings);
    let until = match (args.amount, &args.to_version) {
        (Some(amount), _) => Until::Amount(amount),
        (None, Some(version)) => Until::Version(version.clone()),
        (None, None) => Until::All,
    };
    let expected = args.expectation.expectation(until);
    let in_doubt = match args.in_doubt {
        None => InDoubt::Ask,
        Some(Found::Done) => InDoubt::Done,
        Some(Found::Again) => InDoubt::Again,
    };
    let mut run = show::Run::default();
    let mut judged = Judged::default();
    let looked = if args.dry_run || args.gate.is_given() {
        migrator.look(&directory, &expected).await.map(Some)
    } else {
        Ok(None)
    };
    if let Ok(Some(look)) = &looked {
        let files: Vec<&str> = look.planned.iter().map(|(file, _)| file.as_str()).collect();
        judged = judged::judge(&args.gate, &directory, &files, dialect).await?;
        if args.dry_run || judged.is_denied {
            run.plan(look.planned.clone());
        }
    }
    let is_over = args.dry_run || judged.is_denied;
    let outcome = if is_over || looked.is_err() {
        looked.map(|_| ())
    } else {
        let quiet = args.output == HumanOrJson::Json;
        let mut hear = |progress: Progress<'_>| {
            run.note(progress);
            if !quiet || args.verbose {
                tell(progress, args.verbose);
            }
        };
        let applied = match looked.ok().flatten() {
            // What the policies agreed to, or nothing.
            Some(look) => {
                let planned = &look.planned;
                migrator
                    .apply_planned(&directory, &expected, planned, in_doubt, &mut hear)
                    .await
            }
            None => {
                migrator
                    .apply(&directory, &expected, in_doubt, &mut hear)
                    .await
            }
        };
        applied.map(|_| ())
    };
    // The address is not what it should be, or nobody is there: that is no answer about the folder.
    if let Err(MigrateError::Database(error)) = outcome {
        return Err(error.into());
    }
    if outcome.is_err() && args.tx_mode == TxMode::All && can_roll_back(&address) {
        run.take_back();
    }
    run.error = outcome.err().map(|error| error.to_string());
    if judged.is_denied {
        run.error = Some("the policies deny what is pending; nothing was run".to_owned());
    }
    let remarks = judged.human();
    run.findings = judged.findings;
    crate::print(&match args.output {
        HumanOrJson::Human => remarks + &run.human(args.dry_run),
        HumanOrJson::Json => run.json()?,
    })?;
    if let Some(error) = run
        .error
        .as_ref()
        .filter(|_| args.output == HumanOrJson::Human)
    {
        crate::print_error(error)?;
    }
    Ok(run.error.is_none())
}

/// Whether all files could be one transaction.
fn can_roll_back(address: &Address) -> bool {
    matches!(address, Address::Sqlite(_) | Address::Postgres(_))
}

/// What happens, as it happens, for a person who waits; with `verbose` every statement, whole, before it runs.
fn tell(progress: Progress<'_>, verbose: bool) {
    let shown = |sql: &str| -> String {
        if verbose {
            return sql.to_owned();
        }
        let first = sql.lines().next().unwrap_or_default();
        first.chars().take(80).collect()
    };
    let line = match progress {
        Progress::Statement { number, total, sql }
            if verbose || std::io::stderr().is_terminal() =>
        {
            format!("  {number}/{total} {}", shown(sql))
        }
        Progress::FoundDone { number, sql } => {
            format!(
                "  {number} was already done when it was cut off: {}",
                shown(sql)
            )
        }
        _ => return,
    };
    let _ = writeln!(anstream::stderr(), "{line}");
}
