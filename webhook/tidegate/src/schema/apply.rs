//! `tidegate schema apply`.

use std::io::Write as _;

use anyhow::{Result, bail};
use clap::Args;
use tidegate_database::{LOCK_WAIT, SCHEMA_LOCK};
use tidegate_sqlplan::Dialect;

use super::state::{Scope, State};
use super::{Outcome, Output, WishArgs, compare, report};
use crate::tx_mode::TxMode;

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    wish: WishArgs,
    /// Print what would run, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// Run the plan whatever it loses, and ask nobody. What a policy denies is not run.
    #[arg(long)]
    auto_approve: bool,
    /// Run the plan, whatever it loses, if it is still the one with this hash.
    #[arg(long, value_name = "HASH", conflicts_with = "auto_approve")]
    approve: Option<String>,
    /// What is one transaction: `file` and `all`, the plan; `none`, each statement.
    #[arg(long, value_name = "MODE", default_value = "file")]
    tx_mode: TxMode,
    /// `json` for programs.
    #[arg(short, long, default_value = "human")]
    output: Output,
}

pub(crate) async fn run(args: &ApplyArgs) -> Result<bool> {
    let wish = &args.wish;
    let (from, to) = (State::parse(&[wish.url.url()?])?, State::parse(&wish.to)?);
    if matches!(from, State::Files(_)) {
        bail!("--url is what is changed, and files are not: name a database");
    }
    let mut scope = Scope::of(&[&from, &to], wish.compare.dev_url.as_deref()).await?;
    let dialect = scope.dialect();
    // What is planned is what is there until it has run: two pipelines at once would both plan, and the second would fail or do worse. A file of SQLite is
    // looked at again when the plan has begun, which keeps all others out, and a plan from an older state does not run.
    if !args.dry_run && dialect != Dialect::Sqlite {
        scope.session().lock(SCHEMA_LOCK, LOCK_WAIT).await?;
    }
    let outcome = compare(&mut scope, (&from, &to), &wish.compare, &wish.gate).await?;
    let nothing_to_do = matches!(&outcome.planned, Ok(plan) if plan.statements.is_empty());
    if args.dry_run || nothing_to_do || !outcome.is_allowed() {
        let applied = (args.output == Output::Json && !args.dry_run).then_some(false);
        let text = match args.output {
            Output::Json => report::json(&outcome, applied, None)?,
            output => report::outcome(&outcome, dialect, output)?,
        };
        crate::print(&text)?;
        return Ok(outcome.is_allowed());
    }
    if args.output != Output::Json {
        crate::print(&report::outcome(&outcome, dialect, args.output)?)?;
    }
    if let Some(refusal) = refusal(args, &outcome)? {
        if args.output == Output::Json {
            crate::print(&report::json(&outcome, Some(false), Some(&refusal))?)?;
        }
        say(&format!("error: {refusal}\n"));
        return Ok(false);
    }
    let Ok(plan) = &outcome.planned else {
        return Ok(false);
    };
    let applied = scope.apply(&plan.statements, args.tx_mode.into()).await;
    match applied {
        Ok(applied) => {
            if args.output == Output::Json {
                crate::print(&report::json(&outcome, Some(true), None)?)?;
            }
            say(&format!(
                "applied {} in {:?}\n",
                crate::count(applied.statements, "statement", "statements"),
                applied.took
            ));
            Ok(true)
        }
        // The server's no is an answer; that it cannot be reached is not.
        Err(error) if error.is_answer() => {
            if args.output == Output::Json {
                crate::print(&report::json(
                    &outcome,
                    Some(false),
                    Some(&error.to_string()),
                )?)?;
            }
            say(&format!("error: {error}\n"));
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Why the plan is not run; none when it is.
fn refusal(args: &ApplyArgs, outcome: &Outcome) -> Result<Option<String>> {
    let Ok(plan) = &outcome.planned else {
        return Ok(None);
    };
    let hash = plan.hash();
    if let Some(approved) = &args.approve {
        let is_it = tidegate_schemaplan::approves(approved, &hash);
        return Ok((!is_it).then(|| {
            format!("the plan is not the one that was approved: this is {hash}; look at it again, nothing was changed")
        }));
    }
    if args.auto_approve {
        return Ok(None);
    }
    let loses = plan.is_destructive();
    let question = if loses {
        "The plan loses data. Apply it? Type yes: "
    } else {
        "Apply it? Type yes: "
    };
    if let Some(agreed) = crate::agreed(question)? {
        return Ok((!agreed).then(|| "not approved; nothing was changed".to_owned()));
    }
    Ok(loses.then(|| {
        format!("the plan loses data and nobody approved it; nothing was changed. When the above is meant: --approve {hash}, or --auto-approve")
    }))
}

/// What is not the plan goes to standard error, so that standard output is the plan alone.
fn say(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}
