//! What a database remembers of a migration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a version came to be applied; the numbers are those of Atlas' table, where they may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind(pub u32);

impl Kind {
    /// The database was taken as it was: this version and those before it were never run here.
    pub const BASELINE: Self = Self(1);
    /// It was run.
    pub const EXECUTED: Self = Self(2);
    /// A person said so.
    pub const RESOLVED: Self = Self(4);

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self.0 {
            1 => "baseline",
            2 => "applied",
            4 => "manually set",
            6 => "applied + manually set",
            _ => "unknown",
        }
    }
}

/// A row of the table of revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The file's.
    pub version: String,
    /// The file's.
    pub description: String,
    /// How it came to be applied.
    pub kind: Kind,
    /// How many of its statements were run.
    pub applied: usize,
    /// How many it has.
    pub total: usize,
    /// When its run began, since the Unix epoch.
    pub executed_at: Duration,
    /// How long it ran.
    pub execution_time: Duration,
    /// Why it is not complete.
    pub error: Option<String>,
    /// The statement that failed.
    pub error_statement: Option<String>,
    /// The file's line of `atlas.sum` when it ran, without its prefix.
    pub hash: String,
    /// The sums of the statements that were run (see [`crate::Migration::hashes`]), with prefix; kept only while it is not complete.
    pub partial_hashes: Vec<String>,
    /// Who ran it.
    pub operator_version: String,
}

impl Revision {
    /// Whether all its statements were run.
    pub fn is_complete(&self) -> bool {
        self.applied == self.total
    }

    /// The name of the file that it is of, as far as can be told.
    pub fn file_name(&self) -> String {
        if self.description.is_empty() {
            format!("{}.sql", self.version)
        } else {
            format!("{}_{}.sql", self.version, self.description)
        }
    }
}
