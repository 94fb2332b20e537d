//! What a person, or a script, is told.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;
use tidegate_database::Progress;
use tidegate_migrations::{Directory, File, Revision};

/// What a database has of a folder.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    /// `OK` when nothing is pending.
    #[serde(rename = "status")]
    word: &'static str,
    /// The last version, with how far it got where it is partial.
    current: Option<String>,
    /// The version that is next.
    next: Option<String>,
    applied: Vec<AppliedLine>,
    pending: Vec<String>,
    /// Files of the folder whose versions the database has, edited since.
    edited: Vec<String>,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct AppliedLine {
    version: String,
    description: String,
    kind: &'static str,
    applied: usize,
    total: usize,
    error: Option<String>,
    #[serde(rename = "errorStatement")]
    error_statement: Option<String>,
    operator: String,
}

impl Status {
    pub(super) fn new(
        directory: &Directory,
        revisions: &[Revision],
        pending: Result<Vec<&File>, String>,
    ) -> Self {
        let edited = tidegate_migrations::edited(directory, revisions);
        let (pending, error) = match pending {
            Ok(pending) => (pending, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let current = revisions.last().map(|last| {
            if last.is_complete() {
                last.version.clone()
            } else {
                format!("{} ({} statements applied)", last.version, last.applied)
            }
        });
        Self {
            word: if pending.is_empty() && error.is_none() {
                "OK"
            } else {
                "PENDING"
            },
            current,
            next: pending.first().map(|file| file.version().to_owned()),
            applied: revisions.iter().map(AppliedLine::of).collect(),
            pending: pending.iter().map(|file| file.name().to_owned()).collect(),
            edited: edited.iter().map(|file| file.name().to_owned()).collect(),
            error,
        }
    }

    /// Whether the folder can be run, or was.
    pub(super) fn is_fine(&self) -> bool {
        self.error.is_none()
    }

    pub(super) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    pub(super) fn human(&self) -> String {
        let mut text = format!("Migration Status: {}\n", self.word);
        let or = |text: &Option<String>, otherwise: &str| {
            text.clone().unwrap_or_else(|| otherwise.to_owned())
        };
        let none = if self.error.is_some() {
            "UNKNOWN"
        } else {
            "Already at latest version"
        };
        let _ = writeln!(
            text,
            "  -- Current Version: {}",
            or(&self.current, "No migration applied yet")
        );
        let _ = writeln!(text, "  -- Next Version:    {}", or(&self.next, none));
        let _ = writeln!(text, "  -- Executed Files:  {}", self.applied.len());
        let _ = writeln!(text, "  -- Pending Files:   {}", self.pending.len());
        if let Some(partial) = self
            .applied
            .last()
            .filter(|last| last.applied != last.total)
        {
            let _ = writeln!(
                text,
                "\nLast migration attempt had errors:\n  -- SQL:   {}\n  -- ERROR: {}",
                partial.error_statement.as_deref().unwrap_or_default(),
                partial.error.as_deref().unwrap_or_default()
            );
        }
        if let Some(error) = &self.error {
            let _ = writeln!(text, "\n  ERROR: {error}");
        }
        text
    }
}

impl AppliedLine {
    fn of(revision: &Revision) -> Self {
        Self {
            version: revision.version.clone(),
            description: revision.description.clone(),
            kind: revision.kind.as_str(),
            applied: revision.applied,
            total: revision.total,
            error: revision.error.clone(),
            error_statement: revision.error_statement.clone(),
            operator: revision.operator_version.clone(),
        }
    }
}

/// What was run, or would be.
#[derive(Debug, Default, Serialize)]
pub(super) struct Run {
    baseline: Option<String>,
    applied: Vec<AppliedFile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending: Vec<PendingFile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) findings: Vec<super::judged::Found>,
    pub(super) error: Option<String>,
}

#[derive(Debug, Serialize)]
struct AppliedFile {
    file: String,
    statements: usize,
    done: bool,
}

#[derive(Debug, Serialize)]
struct PendingFile {
    file: String,
    statements: Vec<String>,
}

impl Run {
    pub(super) fn note(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Baseline { file } => self.baseline = Some(file.to_owned()),
            Progress::File { file, .. } => self.applied.push(AppliedFile {
                file: file.to_owned(),
                statements: 0,
                done: false,
            }),
            Progress::Statement { .. } => {
                if let Some(last) = self.applied.last_mut() {
                    last.statements += 1;
                }
            }
            Progress::Done { .. } => {
                if let Some(last) = self.applied.last_mut() {
                    last.done = true;
                }
            }
            _ => {}
        }
    }

    /// Everything was rolled back.
    pub(super) fn take_back(&mut self) {
        self.applied.clear();
    }

    /// Files with the statements that would run.
    pub(super) fn plan(&mut self, plan: Vec<(String, Vec<String>)>) {
        let files = plan.into_iter();
        self.pending = files
            .map(|(file, statements)| PendingFile { file, statements })
            .collect();
    }

    pub(super) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    pub(super) fn human(&self, dry_run: bool) -> String {
        let mut text = String::new();
        if let Some(file) = &self.baseline {
            let _ = writeln!(
                text,
                "{file}: the database is taken to have it, and all before it"
            );
        }
        for file in &self.pending {
            let _ = writeln!(text, "-- {}", file.file);
            for statement in &file.statements {
                let _ = writeln!(text, "{statement}");
            }
        }
        for file in self.applied.iter().filter(|file| file.done) {
            let statements = crate::count(file.statements, "statement", "statements");
            let _ = writeln!(text, "{}: {statements}", file.file);
        }
        let nothing = self.pending.is_empty() && self.applied.is_empty() && self.baseline.is_none();
        if nothing && self.error.is_none() {
            let _ = writeln!(text, "No migration files to execute");
        } else if !dry_run && !self.applied.is_empty() {
            let done = self.applied.iter().filter(|file| file.done).count();
            let _ = writeln!(text, "{done} of {} migrations applied", self.applied.len());
        }
        text
    }
}
