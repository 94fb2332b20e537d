//! `tidegate schema`: what a database holds, what it should hold, and the way from one to the other. No cluster.
//!
//! Both sides are read by the same inspector: a file's SQL runs in a scratch place of the same kind of server (`:memory:` for SQLite) and what it made is
//! inspected there. The way between is `schemaplan`'s, and the policies judge it as the reconciler's gate would.

mod apply;
mod report;
mod state;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use tidegate_database::Counted;
use tidegate_schemaplan::{Plan, Refusal, Settings};

use crate::connect::UrlArgs;
use crate::gate::{GateArgs, Judgement, Subject};
use state::{Scope, State};

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print what a database holds, as SQL that makes it.
    Inspect(InspectArgs),
    /// Print the statements between two states: databases, or files of SQL.
    ///
    /// Exits with 1 when there is no way from one to the other, or a policy denies it.
    Diff(DiffArgs),
    /// Print what `apply` would run.
    ///
    /// With `-o json`: `statements` (each with `sql`, `destructive`, `purpose`), `findings`, `refusals`, `notManaged` and `hash`, which `apply --approve`
    /// takes. Exits with 1 when there is no way, or a policy denies it.
    Plan(PlanArgs),
    /// Bring a database to the wanted schema.
    ///
    /// A plan that loses rows or columns runs when it is approved: at the terminal, by --auto-approve, or by --approve with the hash that `plan` printed.
    /// Otherwise it is shown and refused, with exit code 1, as is what a policy denies.
    Apply(apply::ApplyArgs),
}

/// How it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For a person: SQL with remarks.
    Human,
    /// One JSON object.
    Json,
    /// SQL and nothing else.
    Sql,
}

/// How two states are compared.
#[derive(Debug, Args)]
struct CompareArgs {
    /// A database of the same engine to try the wanted SQL in. It must be empty, and is emptied. Without it a scratch place on the server is made.
    #[arg(
        long,
        value_name = "URL",
        env = "TIDEGATE_DEV_URL",
        hide_env_values = true
    )]
    dev_url: Option<String>,
    /// Only these schemas; may be repeated, or with commas between.
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    schema: Vec<String>,
    /// What neither side is looked at for: `table`, `schema.table`, `table.column`, `*[type=view]`; globs, may be repeated, or with
    /// commas between.
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    exclude: Vec<String>,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    url: UrlArgs,
    #[command(flatten)]
    compare: CompareArgs,
    /// `json` for the catalog as data.
    #[arg(short, long, default_value = "human")]
    output: Output,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// What is: a url, or files or folders of SQL (also as `file://schema.sql`); may be repeated.
    #[arg(short, long, value_name = "STATE", required = true)]
    from: Vec<String>,
    /// What should be: as --from.
    #[arg(long, value_name = "STATE", required = true)]
    to: Vec<String>,
    #[command(flatten)]
    compare: CompareArgs,
    #[command(flatten)]
    gate: GateArgs,
    /// `json` for programs, `sql` to run it elsewhere.
    #[arg(short, long, default_value = "human")]
    output: Output,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    wish: WishArgs,
    /// `json` for programs, `sql` to run it elsewhere.
    #[arg(short, long, default_value = "human")]
    output: Output,
    /// Write it to a file instead.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// A database and what it should hold.
#[derive(Debug, Args)]
struct WishArgs {
    #[command(flatten)]
    url: UrlArgs,
    /// What it should hold: files or folders of SQL (also as `file://schema.sql`), or another database's url; may be repeated.
    #[arg(long, value_name = "STATE", required = true)]
    to: Vec<String>,
    #[command(flatten)]
    compare: CompareArgs,
    #[command(flatten)]
    gate: GateArgs,
}

/// A plan, or why there is none, and what the policies say.
struct Outcome {
    planned: Result<Plan, Vec<Refusal>>,
    judgement: Judgement,
    /// What would be gone, counted.
    losses: Vec<Counted>,
}

impl Outcome {
    fn is_allowed(&self) -> bool {
        self.planned.is_ok() && !self.judgement.is_denied()
    }
}

pub(crate) async fn run(command: SchemaCommand) -> Result<bool> {
    match command {
        SchemaCommand::Inspect(args) => inspect(&args).await.map(|()| true),
        SchemaCommand::Diff(args) => diff(&args).await,
        SchemaCommand::Plan(args) => plan(&args).await,
        SchemaCommand::Apply(args) => apply::run(&args).await,
    }
}

async fn inspect(args: &InspectArgs) -> Result<()> {
    let state = State::parse(&[args.url.url()?])?;
    let mut scope = Scope::of(&[&state], args.compare.dev_url.as_deref()).await?;
    let (mut catalog, _) = scope.read(&state).await?;
    catalog.restrict(&args.compare.schema);
    crate::print(&report::catalog(
        &catalog,
        &args.compare.exclude,
        args.output,
    )?)
}

async fn diff(args: &DiffArgs) -> Result<bool> {
    let (from, to) = (State::parse(&args.from)?, State::parse(&args.to)?);
    let mut scope = Scope::of(&[&from, &to], args.compare.dev_url.as_deref()).await?;
    let outcome = compare(&mut scope, (&from, &to), &args.compare, &args.gate).await?;
    crate::print(&report::outcome(&outcome, scope.dialect(), args.output)?)?;
    Ok(outcome.is_allowed())
}

async fn plan(args: &PlanArgs) -> Result<bool> {
    let wish = &args.wish;
    let (from, to) = (State::parse(&[wish.url.url()?])?, State::parse(&wish.to)?);
    let mut scope = Scope::of(&[&from, &to], wish.compare.dev_url.as_deref()).await?;
    let outcome = compare(&mut scope, (&from, &to), &wish.compare, &wish.gate).await?;
    let text = report::outcome(&outcome, scope.dialect(), args.output)?;
    match &args.save {
        None => crate::print(&text)?,
        Some(file) => std::fs::write(file, text)?,
    }
    Ok(outcome.is_allowed())
}

/// The plan from what is to what should be, judged.
async fn compare(
    scope: &mut Scope,
    (from, to): (&State, &State),
    compare: &CompareArgs,
    gate: &GateArgs,
) -> Result<Outcome> {
    let (mut current, _) = scope.read(from).await?;
    let (mut desired, renames) = scope.read(to).await?;
    current.restrict(&compare.schema);
    desired.restrict(&compare.schema);
    let settings = Settings {
        exclude: compare.exclude.clone(),
        renames,
        ..Settings::default()
    };
    let planned = tidegate_schemaplan::plan(&current, &desired, &settings);
    let judgement = match &planned {
        Ok(plan) => {
            let statements = plan
                .statements
                .iter()
                .map(|statement| statement.sql.clone());
            gate.judge(Subject::AtlasSchema, statements, scope.dialect())
                .await?
        }
        Err(_) => Judgement::default(),
    };
    let losses = match &planned {
        // Files have no rows.
        Ok(plan) if plan.is_destructive() && matches!(from, State::Database(_)) => {
            let losses = tidegate_schemaplan::losses(&current, &desired, &settings);
            tidegate_database::count(scope.session(), losses).await
        }
        _ => Vec::new(),
    };
    Ok(Outcome {
        planned,
        judgement,
        losses,
    })
}
