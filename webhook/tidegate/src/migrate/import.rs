//! `import`: a folder of another tool becomes one of ours.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;
use tidegate_migrations::import::{self, Imported};
use tidegate_migrations::{Directory, SUM_FILE};
use tidegate_sqlplan::Dialect;

use super::folder;
use crate::{HumanOrJson, check};

/// From where, to where.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The other tool's folder: a path, or `file://path?format=flyway`.
    #[arg(long, value_name = "DIR")]
    from: String,
    /// The folder to write, which must have no migrations yet.
    #[arg(long, default_value = "migrations", value_name = "DIR")]
    to: String,
    /// Whose folder it is: flyway, golang-migrate, goose, dbmate or liquibase. Found out where it is not said.
    #[arg(long)]
    format: Option<String>,
    /// The database's SQL, which says where statements end.
    #[arg(long)]
    dialect: Option<check::Dialect>,
    /// `json` for scripts: `{"files":[..],"notes":[{"file","message"}]}`.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

pub(crate) fn run(args: &ImportArgs) -> Result<bool> {
    let (from, in_url) = folder::place(&args.from)?;
    let (to, _) = folder::place(&args.to)?;
    let entries = folder::entries_below(&from)?;
    let tool = match (&args.format, in_url) {
        (Some(name), _) => folder::tool_named(name)?,
        (None, Some(tool)) => tool,
        (None, None) => folder::detected(&entries, &from)?,
    };
    let imported = match import::import(tool, &entries, args.dialect.map(Dialect::from)) {
        Ok(imported) => imported,
        Err(error) => {
            crate::print_error(&error.to_string())?;
            return Ok(false);
        }
    };
    write(&imported, &to)?;
    crate::print(&match args.output {
        HumanOrJson::Json => json(&imported)?,
        HumanOrJson::Human => human(&imported, tool.as_str(), &args.to),
    })?;
    Ok(true)
}

fn write(imported: &Imported, to: &PathBuf) -> Result<()> {
    if to.is_dir() && !Directory::new(folder::entries(to)?).files().is_empty() {
        bail!(
            "{}: there are migrations already; name an empty folder",
            to.display()
        );
    }
    fs::create_dir_all(to).with_context(|| format!("cannot make the folder {}", to.display()))?;
    for file in &imported.files {
        folder::write(&to.join(file.name()), file.text())?;
    }
    let entries = imported
        .files
        .iter()
        .map(|file| (file.name().to_owned(), file.text().to_owned()));
    let sum = Directory::new(entries).sum().text();
    folder::write(&to.join(SUM_FILE), &sum)
}

fn json(imported: &Imported) -> Result<String> {
    #[derive(Serialize)]
    struct Json<'i> {
        files: Vec<&'i str>,
        notes: Vec<Note<'i>>,
    }
    #[derive(Serialize)]
    struct Note<'i> {
        file: Option<&'i str>,
        message: &'i str,
    }
    let json = Json {
        files: imported
            .files
            .iter()
            .map(tidegate_migrations::File::name)
            .collect(),
        notes: imported
            .notes
            .iter()
            .map(|note| Note {
                file: Some(note.file.as_str()).filter(|file| !file.is_empty()),
                message: &note.text,
            })
            .collect(),
    };
    Ok(serde_json::to_string(&json)? + "\n")
}

fn human(imported: &Imported, tool: &str, to: &str) -> String {
    let mut text = String::new();
    for note in &imported.notes {
        let file = if note.file.is_empty() {
            String::new()
        } else {
            format!("{}: ", note.file)
        };
        let _ = writeln!(text, "note: {file}{}", note.text);
    }
    let _ = writeln!(
        text,
        "{} migrations of {tool} are in {to}, sealed",
        imported.files.len()
    );
    text
}
