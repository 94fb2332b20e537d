//! The policies over the files that are pending, before the first of them runs.
//!
//! A file is judged whole, with its directives: what it does without a transaction, and where in it something is wrong. What a database has
//! already is not judged again; of a file that was cut off, all of it is.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;
use tidegate_admission::{Action, JudgedFinding};
use tidegate_migrations::Directory;
use tidegate_sqlplan::Dialect;

use crate::gate::{Finding, GateArgs, Judgement, Subject};

/// What the policies say of the pending files.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// In the order of the files.
    pub(super) findings: Vec<Found>,
    /// Policies without a verdict, and why.
    failures: Vec<String>,
    /// Whether nothing may run.
    pub(super) is_denied: bool,
}

/// One finding, as `check -o json` has it, and the file that it is about.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    file: Option<String>,
    #[serde(flatten)]
    found: JudgedFinding,
}

/// Asks the policies about these files of a folder.
pub(super) async fn judge(
    gate: &GateArgs,
    directory: &Directory,
    pending: &[&str],
    dialect: Dialect,
) -> Result<Judged> {
    let files: Vec<_> = directory
        .files()
        .iter()
        .filter(|file| pending.contains(&file.name()))
        .collect();
    let texts = files.iter().map(|file| file.text().to_owned());
    let judgement = gate.judge(Subject::AtlasMigration, texts, dialect).await?;
    let is_denied = judgement.is_denied();
    let Judgement { findings, failures } = judgement;
    let name = |finding: &Finding| {
        let file = files.get(finding.statement?.checked_sub(1)?)?;
        Some(file.name().to_owned())
    };
    Ok(Judged {
        findings: findings
            .into_iter()
            .map(|finding| Found {
                file: name(&finding),
                found: finding.found,
            })
            .collect(),
        failures: failures.into_iter().map(|(message, _)| message).collect(),
        is_denied,
    })
}

impl Judged {
    /// A line for each finding, and one for what to write instead.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        for Found { file, found } in &self.findings {
            let word = match found.action {
                Action::Deny => "DENIED",
                Action::Warn => "warning",
                _ => continue,
            };
            if let Some(file) = file {
                let line = found.position.map_or(0, |position| position.line);
                let _ = write!(text, "{file}:{line}: ");
            }
            let _ = writeln!(text, "{word} {}: {}", found.id(), found.message);
            if let Some(suggestion) = &found.suggestion {
                let _ = writeln!(text, "  instead: {suggestion}");
            }
        }
        for failure in &self.failures {
            let _ = writeln!(text, "{failure}");
        }
        text
    }
}
