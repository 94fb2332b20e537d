//! What running a file does to its revision, step by step, without running anything.
//!
//! The caller writes [`Execution::revision`] to the database after each call that changes it: before the first statement, after each, at the end. So
//! a crash at any point leaves a row that says how far the file got, and [`Execution::begin`] goes on from there.

use std::time::Duration;

use crate::directory::{Directory, File};
use crate::revision::{Kind, Revision};
use crate::script::{Migration, MigrationStatement};

/// A file on its way into a database.
#[derive(Debug, Clone)]
pub struct Execution {
    file: String,
    migration: Migration,
    hashes: Vec<String>,
    revision: Revision,
    started: Duration,
}

/// Why a file cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionError {
    /// What was already run is not what the file says now.
    #[error(
        "history changed: statement {statement} from file {file:?} changed, though it was already run. Put it back; what comes behind it may be changed"
    )]
    HistoryChanged {
        /// The file.
        file: String,
        /// Which one, counted from 1.
        statement: usize,
    },
}

impl Execution {
    /// Begins a file, or goes on with it where `previous` says how far it got. The revision's total and hash become those of the file as it is now,
    /// so that a file that was mended by another statement comes to its end.
    ///
    /// # Errors
    /// [`ExecutionError::HistoryChanged`] when statements that were run are not those that the file begins with.
    pub fn begin(
        directory: &Directory,
        file: &File,
        migration: Migration,
        previous: Option<&Revision>,
        operator: &str,
        now: Duration,
    ) -> Result<Self, ExecutionError> {
        let hashes = migration.hashes();
        let known = previous.filter(|revision| !revision.is_complete());
        let done: Vec<String> = known
            .map(|revision| {
                let hashes = revision.partial_hashes.iter();
                hashes.take(revision.applied).cloned().collect()
            })
            .unwrap_or_default();
        for (index, hash) in done.iter().enumerate() {
            if hashes.get(index).map(String::as_str) != Some(hash.trim_start_matches("h1:")) {
                return Err(ExecutionError::HistoryChanged {
                    file: file.name().to_owned(),
                    statement: index + 1,
                });
            }
        }
        // A row that says more than it has sums for was not written by anybody who knows the format.
        if known.is_some_and(|revision| revision.applied > done.len()) {
            return Err(ExecutionError::HistoryChanged {
                file: file.name().to_owned(),
                statement: done.len() + 1,
            });
        }
        let hash = directory.sum();
        let revision = Revision {
            version: file.version().to_owned(),
            description: file.description().to_owned(),
            kind: known.map_or(Kind::EXECUTED, |revision| revision.kind),
            applied: done.len(),
            total: hashes.len(),
            executed_at: now,
            execution_time: Duration::ZERO,
            error: None,
            error_statement: None,
            hash: hash.of_file(file.name()).unwrap_or_default().to_owned(),
            partial_hashes: done,
            operator_version: operator.to_owned(),
        };
        Ok(Self {
            file: file.name().to_owned(),
            migration,
            hashes,
            revision,
            started: now,
        })
    }

    /// The row to write.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What the file is made of.
    pub fn migration(&self) -> &Migration {
        &self.migration
    }

    /// The next statement to run; none when all were.
    pub fn next(&self) -> Option<&MigrationStatement> {
        self.migration.statements.get(self.revision.applied)
    }

    /// The next statement ran.
    pub fn succeeded(&mut self, now: Duration) {
        if let Some(hash) = self.hashes.get(self.revision.applied) {
            self.revision.partial_hashes.push(format!("h1:{hash}"));
            self.revision.applied += 1;
        }
        self.revision.error = None;
        self.revision.error_statement = None;
        self.took(now);
        if self.revision.is_complete() {
            self.revision.partial_hashes.clear();
        }
    }

    /// The next statement, or a check before it, failed.
    pub fn failed(&mut self, why: &str, now: Duration) {
        self.revision.error = Some(why.to_owned());
        self.revision.error_statement = self.next().map(|statement| statement.text.clone());
        self.took(now);
    }

    fn took(&mut self, now: Duration) {
        self.revision.execution_time = now.saturating_sub(self.started);
    }
}

/// The row that says that a database was taken as it was.
fn baseline(file: &File, operator: &str, now: Duration) -> Revision {
    Revision {
        version: file.version().to_owned(),
        description: file.description().to_owned(),
        kind: Kind::BASELINE,
        applied: 0,
        total: 0,
        executed_at: now,
        execution_time: Duration::ZERO,
        error: None,
        error_statement: None,
        hash: String::new(),
        partial_hashes: Vec::new(),
        operator_version: operator.to_owned(),
    }
}

impl Revision {
    /// The row that says that a database was taken as it was: this file and those before it are not run.
    pub fn baseline(file: &File, operator: &str, now: Duration) -> Self {
        baseline(file, operator, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sqlplan::Dialect;

    const SECOND: Duration = Duration::from_secs(1);

    fn begin(text: &str, previous: Option<&Revision>) -> Result<Execution, ExecutionError> {
        let directory = Directory::new([("1_a.sql".to_owned(), text.to_owned())]);
        let file = directory.files().first().expect("one file");
        let migration = Migration::read(file, Dialect::Mysql).expect("it can be run");
        Execution::begin(&directory, file, migration, previous, "test", SECOND * 100)
    }

    /// A run of the file that fails at its last statement.
    fn half(text: &str) -> Revision {
        let mut execution = begin(text, None).expect("nothing was run yet");
        while execution.revision().applied + 1 < execution.revision().total {
            execution.succeeded(SECOND * 101);
        }
        execution.failed("no such table", SECOND * 102);
        execution.revision().clone()
    }

    #[test]
    fn a_file_runs_to_its_end() {
        let mut execution = begin("SELECT 1;\nSELECT 2;", None).expect("nothing was run yet");
        let mut seen = Vec::new();
        while let Some(statement) = execution.next() {
            seen.push(statement.text.clone());
            execution.succeeded(SECOND * 103);
        }
        assert_eq!(seen, ["SELECT 1;", "SELECT 2;"]);
        let revision = execution.revision();
        assert!(revision.is_complete() && revision.partial_hashes.is_empty());
        assert_eq!((revision.total, revision.execution_time), (2, SECOND * 3));
        assert_eq!(
            (revision.version.as_str(), revision.description.as_str()),
            ("1", "a")
        );
    }

    #[test]
    fn a_failure_is_kept_and_gone_on_from() {
        let revision = half("SELECT 1;\nSELECT x;");
        assert_eq!((revision.applied, revision.total), (1, 2));
        assert_eq!(revision.error.as_deref(), Some("no such table"));
        assert_eq!(revision.error_statement.as_deref(), Some("SELECT x;"));
        assert_eq!(revision.partial_hashes.len(), 1);
        // Mended, with a statement more than before: the total follows, and the hash.
        let mut execution = begin("SELECT 1;\nSELECT 2;\nSELECT 3;", Some(&revision))
            .expect("it can be gone on with");
        assert_eq!(execution.next().map(|next| next.line), Some(2));
        assert_eq!(
            (execution.revision().applied, execution.revision().total),
            (1, 3)
        );
        assert_eq!(execution.revision().error, None);
        assert_ne!(execution.revision().hash, revision.hash);
        execution.succeeded(SECOND);
        execution.succeeded(SECOND);
        assert!(execution.next().is_none() && execution.revision().is_complete());
    }

    #[test]
    fn what_was_run_may_not_change() {
        let revision = half("SELECT 1;\nSELECT 2;\nSELECT x;");
        let changed = |text: &str| {
            begin(text, Some(&revision))
                .err()
                .map(|error| error.to_string())
        };
        let message = |statement| {
            Some(format!(
                "history changed: statement {statement} from file \"1_a.sql\" changed, though it was already run. Put it back; what comes behind it may be changed"
            ))
        };
        assert_eq!(changed("SELECT 9;\nSELECT 2;\nSELECT 3;"), message(1));
        assert_eq!(changed("SELECT 1;\nSELECT 9;\nSELECT 3;"), message(2));
        assert_eq!(changed("SELECT 1;"), message(2));
        assert_eq!(changed("SELECT 1;\nSELECT 2;"), None);
        let odd = Revision {
            partial_hashes: vec![],
            ..revision.clone()
        };
        assert!(begin("SELECT 1;\nSELECT 2;\nSELECT 3;", Some(&odd)).is_err());
    }
}
