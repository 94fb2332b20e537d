//! `hash` and `validate`: what a folder says of itself.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tidegate_migrations::{Directory, Migration, SUM_FILE, ScriptError};
use tidegate_sqlplan::Dialect;

use super::folder::{self, DirectoryArgs};
use crate::HumanOrJson;
use crate::check;

/// Which folder to seal.
#[derive(Debug, Args)]
pub(crate) struct HashArgs {
    #[command(flatten)]
    directory: DirectoryArgs,
}

/// Which folder to look at.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    directory: DirectoryArgs,
    /// The database's SQL, which says where statements end. Without it only what is wrong for every database is.
    #[arg(long)]
    dialect: Option<check::Dialect>,
    /// `json` for scripts: `{"problems":[{"file","message"}],"warnings":[..]}`.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

/// What is wrong, or odd.
#[derive(Debug, Default, Serialize)]
struct Report {
    problems: Vec<Remark>,
    warnings: Vec<Remark>,
}

#[derive(Debug, Serialize)]
struct Remark {
    file: Option<String>,
    message: String,
}

pub(crate) fn hash(args: &HashArgs) -> Result<()> {
    let path = args.directory.path()?;
    let directory = Directory::new(folder::entries(&path)?);
    folder::write(&path.join(SUM_FILE), &directory.sum().text())
}

pub(crate) fn validate(args: &ValidateArgs) -> Result<bool> {
    let directory = args.directory.read()?;
    let report = report(&directory, args.dialect.map(Dialect::from));
    let text = match args.output {
        HumanOrJson::Json => serde_json::to_string(&report)? + "\n",
        HumanOrJson::Human => human(&report, directory.files().len()),
    };
    crate::print(&text)?;
    Ok(report.problems.is_empty())
}

fn report(directory: &Directory, dialect: Option<Dialect>) -> Report {
    let mut report = Report::default();
    let whole = [
        directory.verify().map_err(|error| error.to_string()),
        directory.validate().map_err(|error| error.to_string()),
    ];
    let whole = whole.into_iter().filter_map(Result::err);
    report.problems.extend(whole.map(|message| Remark {
        file: None,
        message,
    }));
    for file in directory.files() {
        for name in file.directives().without_effect() {
            report.warnings.push(Remark {
                file: Some(file.name().to_owned()),
                message: format!("atlas:{name} means nothing here: an empty line must follow the comments that a file begins with"),
            });
        }
        let read = match dialect {
            Some(dialect) => Migration::read(file, dialect).err(),
            None => wrong_for_all(file),
        };
        if let Some(error) = read {
            report.problems.push(Remark {
                file: Some(file.name().to_owned()),
                message: error.to_string(),
            });
        }
    }
    report
}

/// Why no database at all could run a file.
fn wrong_for_all(file: &tidegate_migrations::File) -> Option<ScriptError> {
    let mut errors = Dialect::ALL
        .map(|dialect| Migration::read(file, dialect).err())
        .into_iter();
    let first = errors.next().flatten()?;
    errors.all(|error| error.is_some()).then_some(first)
}

fn human(report: &Report, files: usize) -> String {
    let mut text = String::new();
    for (kind, remarks) in [("error", &report.problems), ("warning", &report.warnings)] {
        for remark in remarks {
            // Most messages begin with the file.
            let file = remark
                .file
                .as_deref()
                .filter(|file| !remark.message.starts_with(file));
            let file = file.map_or_else(String::new, |file| format!("{file}: "));
            let _ = writeln!(text, "{kind}: {file}{}", remark.message);
        }
    }
    if report.problems.is_empty() {
        let _ = writeln!(text, "{files} migrations, sealed and readable");
    }
    text
}
