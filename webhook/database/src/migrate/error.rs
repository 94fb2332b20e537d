//! Why migrations were not run, or not to their end: what, in which file and line, and what is left.

use tidegate_migrations::table::{RowError, TABLE};
use tidegate_migrations::{DownError, ExecutionError, PendingError, ScriptError, TransactionMode};
use tidegate_schemaplan::Refusal;

use crate::DatabaseError;

/// Why migrations were not run, or not to their end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// Nothing may be run.
    #[error(transparent)]
    Pending(#[from] PendingError),
    /// A file cannot be read; found before anything ran.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A file cannot be gone on with.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// There is no way back.
    #[error(transparent)]
    Down(#[from] DownError),
    /// The server cannot be brought back to what the folder made.
    #[error("the database cannot be brought back: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoWayBack(Vec<Refusal>),
    /// Somebody changed the database beside the folder.
    #[error(
        "the database is not what its migrations made, and going back would undo that too. To make it so again: {}. Do that, or write a migration of it, first",
        listed(differences)
    )]
    Drifted {
        /// What would have to be done, in words.
        differences: Vec<String>,
    },
    /// The plan is not the one that was agreed to.
    #[error(
        "the way back is not the one that was approved: this is {hash}; look at it again, nothing was changed"
    )]
    AnotherPlan {
        /// Of the plan.
        hash: String,
    },
    /// No version is there whole, so that there is nothing to compare the database with.
    #[error(
        "no migration history found: no version of the folder was ever applied to the database"
    )]
    NoHistory,
    /// What the database should be cannot be said.
    #[error(
        "nobody can say what the database should be: the folder has lost the file of a version that the database has"
    )]
    FileLost,
    /// What is pending is not what was planned.
    #[error("what is pending changed while it was judged; nothing was run, look at it again")]
    Changed,
    /// The table of revisions has a row that is none.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Two tables of revisions could be meant.
    #[error(
        "ambiguous revision table: the connection's own schema has none, but schema {TABLE:?} has one. Say which with --revisions-schema"
    )]
    Ambiguous,
    /// The file asks for what the run excludes.
    #[error("{file}: atlas:txmode {file_mode} contradicts --tx-mode {mode}")]
    ModeConflict {
        /// The file.
        file: String,
        /// What it asks for.
        file_mode: TransactionMode,
        /// What the run asks for.
        mode: TransactionMode,
    },
    /// A statement would end the transaction around it.
    #[error(
        "{file}, line {line}: `{word}` would end the transaction that the file runs in, and what comes behind it would run without one. Take it out, or begin the file with `-- atlas:txmode none` and an empty line"
    )]
    TransactionControl {
        /// The file.
        file: String,
        /// Its line.
        line: u32,
        /// The statement's first word.
        word: String,
    },
    /// A check said no, or could not say.
    #[error(
        "{file}, line {line}: the check {check} does not hold ({answer}); no statement of this file was run"
    )]
    Check {
        /// The file.
        file: String,
        /// Its line.
        line: u32,
        /// Its section.
        check: String,
        /// What came back.
        answer: String,
    },
    /// All statements ran, and did not stay.
    #[error("{file} could not be committed: {message}")]
    Commit {
        /// The file.
        file: String,
        /// What the server said.
        message: String,
    },
    /// A statement failed.
    #[error(transparent)]
    Statement(Box<FailedStatement>),
    /// It is not known whether a statement ran, and looking does not tell.
    #[error(
        "{file}: statement {number} was begun and its end was not seen: {sql:?}. Look whether it is done. If it is not, and nothing is left of it, run again with --in-doubt again; if it is, with --in-doubt done"
    )]
    InDoubt {
        /// The file.
        file: String,
        /// Which one, from 1.
        number: usize,
        /// The statement, cut.
        sql: String,
    },
    /// Rows would refer to nothing.
    #[error(
        "{file}: {count} row(s) would refer to a row that does not exist (foreign keys); the file was rolled back"
    )]
    Dangling {
        /// The file.
        file: String,
        /// How many.
        count: usize,
    },
}

/// A statement that the server refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "executing statement {sql:?} from version {version:?}: {message} ({file}, line {line}, statement {number} of {total}; {kept})"
)]
pub struct FailedStatement {
    /// The file.
    pub file: String,
    /// Its version.
    pub version: String,
    /// The line where the statement begins.
    pub line: u32,
    /// Which one, from 1.
    pub number: usize,
    /// Of how many.
    pub total: usize,
    /// The statement, cut.
    pub sql: String,
    /// What the server said.
    pub message: String,
    /// What became of those before it.
    pub kept: &'static str,
}

/// What the server said, without what the session put around it.
pub(super) fn message_of(error: &DatabaseError) -> String {
    match error {
        DatabaseError::Apply { message, .. } | DatabaseError::Server { message, .. } => {
            message.clone()
        }
        other => other.to_string(),
    }
}

/// A statement as errors show it.
pub(super) fn shown(sql: &str) -> String {
    const MOST: usize = 500;
    if sql.chars().count() <= MOST {
        return sql.to_owned();
    }
    let mut shown: String = sql.chars().take(MOST).collect();
    shown.push_str(" ..");
    shown
}

/// The first few of a list, for a message.
fn listed(entries: &[String]) -> String {
    const MOST: usize = 10;
    let mut shown: Vec<&str> = entries.iter().take(MOST).map(String::as_str).collect();
    if entries.len() > MOST {
        shown.push("..");
    }
    shown.join("; ")
}
