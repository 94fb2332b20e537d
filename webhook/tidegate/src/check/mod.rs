//! `tidegate check`: the webhook's verdict on files, with no cluster.
//!
//! Reading ([`source`]), judging ([`judge`]) and drawing ([`report`]) know nothing of each other. The verdict is the webhook's own: the same
//! components, called by the same host, weighed by the same function.

mod brought;
mod fix;
mod folders;
mod github;
mod human;
mod judge;
mod locations;
mod migrations;
mod named;
mod render;
mod report;
mod sarif;
mod sets;
pub(crate) mod source;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::policies::{self, PolicySource};
use crate::sources::stand_in;

/// What to check, and how to say it.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Manifests (YAML or JSON), SQL files, AdmissionReview documents, or folders of them; `-` reads standard input.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    policies: PolicySource,
    /// The previous version of PATH: what was there before the change. Objects and schemas in both are judged as an update.
    #[arg(long, value_name = "PATH")]
    old: Option<PathBuf>,
    /// The folder in which a repository is: what Applications bring from there is judged as well, and what those bring:
    /// `https://host/team/repo=.`. May be repeated.
    #[arg(long, value_name = "URL=FOLDER", value_parser = stand_in)]
    repo_override: Vec<(String, PathBuf)>,
    /// For SQL files, and for objects whose database URL is in a Secret.
    #[arg(long)]
    dialect: Option<Dialect>,
    /// Writes sync waves into the files where the order of a folder cannot work, and then judges. Comments and formatting stay.
    #[arg(long)]
    fix: bool,
    /// `sarif` for code scanning, `github` for annotations on a pull request, `review` for what the webhooks would answer, byte for byte.
    #[arg(short, long, default_value = "human")]
    output: Output,
}

/// How SQL is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    Mysql,
    Mariadb,
    Postgres,
    Sqlite,
}

impl Dialect {
    fn url_scheme(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }
}

impl From<Dialect> for tidegate_sqlplan::Dialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Mysql => Self::Mysql,
            Dialect::Mariadb => Self::Mariadb,
            Dialect::Postgres => Self::Postgres,
            Dialect::Sqlite => Self::Sqlite,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Human,
    Json,
    Sarif,
    Github,
    Review,
}

/// Judges everything and prints it. Whether nothing was denied.
pub(crate) async fn run(args: &CheckArgs) -> Result<bool> {
    let mut items = source::read(&args.paths)?;
    if items.is_empty() {
        bail!("nothing to check: no Kubernetes object and no SQL file there");
    }
    let roots: Vec<String> = args
        .paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if args.fix {
        let sets = sets::sets(&items, &roots, &brought::Brought::new());
        for line in fix::fix(&items, &sets)? {
            writeln!(anstream::stderr(), "fix: {line}")?;
        }
        items = source::read(&args.paths)?;
    }
    let (previous, sets_before) = match &args.old {
        Some(old) => {
            let mut items = source::read(std::slice::from_ref(old)).context("--old")?;
            named::label_named_config_maps(&mut items);
            let root = old.display().to_string();
            let nothing = brought::Brought::new();
            let sets = sets::sets(&items, std::slice::from_ref(&root), &nothing);
            (Some(judge::Previous::of(items, &root)), sets)
        }
        None => (None, Vec::new()),
    };
    let policies = policies::load(&args.policies, args.dialect.map(Dialect::url_scheme)).await?;
    let order = if args.paths.iter().any(|path| path.is_dir()) {
        report::order(&items)
    } else {
        None
    };
    let mut not_judged: Vec<String> = items
        .iter()
        .filter(|item| matches!(item.content, source::Content::WayBack))
        .map(|item| item.file.clone())
        .collect();
    let brought = brought::follow(&mut items, &args.repo_override, &mut not_judged)?;
    // The webhooks see one object at a time.
    let sets = if args.output == Output::Review {
        Vec::new()
    } else {
        sets::sets(&items, &roots, &brought)
    };
    if args.output != Output::Review {
        named::label_named_config_maps(&mut items);
    }
    let folders = folders::folders(&items, &args.paths, args.old.as_deref(), &mut not_judged)?;
    let mut judged = judge::judge(
        items,
        previous.as_ref(),
        &roots,
        args.dialect,
        policies.as_ref(),
    )
    .await?;
    sets::judge(&mut judged, sets, sets_before, &policies).await;
    folders::judge(&mut judged, folders, args.dialect, policies.as_ref()).await;
    let report = report::Report::new(judged, order, not_judged);
    let text = match args.output {
        Output::Human => human::draw(&report),
        Output::Json => report.json()?,
        Output::Sarif => sarif::draw(&report, &policies::rules(policies.as_ref()))?,
        Output::Github => github::draw(&report),
        Output::Review => report::reviews(&report),
    };
    crate::print(&text)?;
    Ok(report.denied() == 0)
}
