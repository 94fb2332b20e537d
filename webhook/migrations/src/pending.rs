//! What of a directory is still to be run, given what a database remembers.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::directive;
use crate::directory::{Directory, DirectoryError, File};
use crate::revision::Revision;
use crate::sum::{SumError, base64};

/// What to do about files that were added before the last one applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Refuse.
    #[default]
    Linear,
    /// Leave them out.
    LinearSkip,
    /// Run them first.
    NonLinear,
}

/// How far to go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Until {
    /// Everything.
    #[default]
    All,
    /// So many files.
    Amount(usize),
    /// This version and nothing behind it.
    Version(String),
}

/// What the caller knows and wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The version that a database without revisions already has.
    pub baseline: Option<String>,
    /// What to do about files out of order.
    pub order: Order,
    /// Start on a database that has tables, though none of them came from here.
    pub allow_dirty: bool,
    /// Go on although a file was edited after it was applied.
    pub allow_edited: bool,
    /// How far to go.
    pub until: Until,
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending<'d> {
    /// The file whose version is written as a baseline first.
    pub baseline: Option<&'d File>,
    /// In the order in which they run; the first may be partially applied.
    pub files: Vec<&'d File>,
}

/// Why nothing may be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PendingError {
    /// The folder and its `atlas.sum` disagree.
    #[error(transparent)]
    Sum(#[from] SumError),
    /// The folder is wrong in itself.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A first run on a database that has something.
    #[error(
        "connected database is not clean: {reason}. baseline version or allow-dirty is required"
    )]
    NotClean {
        /// What it has.
        reason: String,
    },
    /// Both would say where to begin.
    #[error("baseline and allow-dirty are mutually exclusive")]
    BaselineAndDirty,
    /// No such file.
    #[error("baseline version {version:?} not found")]
    BaselineNotFound {
        /// As asked for.
        version: String,
    },
    /// The rest of a file cannot be run without the file.
    #[error(
        "missing migration: revision {file:?} is partially applied but migration file was not found"
    )]
    Missing {
        /// What the file was called.
        file: String,
    },
    /// Files came between those that were applied.
    #[error(
        "migration {} added out of order. See: https://atlasgo.io/versioned/apply#non-linear-error",
        named(files)
    )]
    OutOfOrder {
        /// Their names.
        files: Vec<String>,
    },
    /// An applied file is not what it was.
    #[error(
        "{file} was edited after it was applied (or a file before it was added, edited or removed): the database has something else than the folder says. Put it back and write a new migration, or say --allow-edited"
    )]
    Edited {
        /// Its name.
        file: String,
    },
    /// Nothing of this version is to be run.
    #[error("migration with version {version:?} not found among those that are pending")]
    VersionNotPending {
        /// As asked for.
        version: String,
    },
}

fn named(files: &[String]) -> String {
    match files {
        [one] => format!("file {one} was"),
        several => format!("files {} were", several.join(", ")),
    }
}

/// Decides what is to be run. `revisions` are all rows of the database in the order of their versions; `not_clean` says what a database without
/// revisions has in it.
///
/// # Errors
/// Why nothing may be run; a database on which nothing is left to do is no error.
pub fn pending<'d>(
    directory: &'d Directory,
    revisions: &[Revision],
    not_clean: Option<&str>,
    expected: &Expectation,
) -> Result<Pending<'d>, PendingError> {
    directory.verify()?;
    directory.validate()?;
    if expected.baseline.is_some() && expected.allow_dirty {
        return Err(PendingError::BaselineAndDirty);
    }
    let mut pending = match (revisions.first(), revisions.last()) {
        (Some(first), Some(last)) => {
            if !expected.allow_edited
                && let Some(file) = edited(directory, revisions).into_iter().next()
            {
                return Err(PendingError::Edited {
                    file: file.name().to_owned(),
                });
            }
            Pending {
                baseline: None,
                files: later(directory, revisions, (first, last), expected.order)?,
            }
        }
        _ => first_run(directory, not_clean, expected)?,
    };
    match &expected.until {
        Until::All => {}
        Until::Amount(amount) => pending.files.truncate(*amount),
        Until::Version(version) => {
            let last = pending
                .files
                .iter()
                .rposition(|file| file.version() == version);
            let last = last.ok_or_else(|| PendingError::VersionNotPending {
                version: version.clone(),
            })?;
            pending.files.truncate(last + 1);
        }
    }
    Ok(pending)
}

/// A database without revisions.
fn first_run<'d>(
    directory: &'d Directory,
    not_clean: Option<&str>,
    expected: &Expectation,
) -> Result<Pending<'d>, PendingError> {
    if let Some(version) = &expected.baseline {
        let migrations = without_checkpoints(directory.files());
        let baseline = migrations
            .iter()
            .rposition(|file| file.version() == version);
        let baseline = baseline.ok_or_else(|| PendingError::BaselineNotFound {
            version: version.clone(),
        })?;
        return Ok(Pending {
            baseline: migrations.get(baseline).copied(),
            files: migrations.into_iter().skip(baseline + 1).collect(),
        });
    }
    if let Some(reason) = not_clean.filter(|_| !expected.allow_dirty) {
        return Err(PendingError::NotClean {
            reason: reason.to_owned(),
        });
    }
    let files = directory.files();
    let start = files
        .iter()
        .rposition(|file| file.directives().is_checkpoint())
        .unwrap_or_default();
    Ok(Pending {
        baseline: None,
        files: files.iter().skip(start).collect(),
    })
}

/// A database with revisions: what comes after the last, and what came between.
fn later<'d>(
    directory: &'d Directory,
    revisions: &[Revision],
    (first, last): (&Revision, &Revision),
    order: Order,
) -> Result<Vec<&'d File>, PendingError> {
    let all = directory.files();
    if !last.is_complete() {
        // Only a database's very first file can be a checkpoint: what follows it follows.
        let checkpoint = all
            .iter()
            .position(|file| file.version() == last.version && file.directives().is_checkpoint());
        if let Some(at) = checkpoint {
            let mut files: Vec<&File> = all.iter().skip(at).take(1).collect();
            files.extend(without_checkpoints(all.get(at..).unwrap_or_default()));
            return Ok(files);
        }
    }
    let migrations = without_checkpoints(all);
    let start = if last.is_complete() {
        let after = migrations
            .iter()
            .rposition(|file| file.version() <= last.version.as_str());
        after.map_or(0, |last| last + 1)
    } else {
        let same = migrations
            .iter()
            .rposition(|file| file.version() == last.version);
        same.ok_or_else(|| PendingError::Missing {
            file: last.file_name(),
        })?
    };
    let rest = migrations.iter().skip(start).copied();
    if order == Order::LinearSkip {
        return Ok(rest.collect());
    }
    let between = migrations.iter().take(start).copied().filter(|file| {
        let known = |revision: &Revision| revision.version == file.version();
        file.version() >= first.version.as_str() && !revisions.iter().any(known)
    });
    match order {
        Order::NonLinear => Ok(between.chain(rest).collect()),
        _ => {
            let files: Vec<String> = between.map(|file| file.name().to_owned()).collect();
            if files.is_empty() {
                Ok(rest.collect())
            } else {
                Err(PendingError::OutOfOrder { files })
            }
        }
    }
}

fn without_checkpoints(files: &[File]) -> Vec<&File> {
    let migrations = files
        .iter()
        .filter(|file| !file.directives().is_checkpoint());
    migrations.collect()
}

/// The files that were completely applied and are not now what they were then.
///
/// A revision keeps the running sum of `atlas.sum`, which covers the files before it too. A file that was run later than one behind it was not yet
/// there when that one ran, so sums are also tried without it. After the first difference nothing can be said of the files behind, whose sums it
/// changes: the list has one file, or none.
pub fn edited<'d>(directory: &'d Directory, revisions: &[Revision]) -> Vec<&'d File> {
    let sum = directory.sum();
    let by_version: BTreeMap<&str, &Revision> = revisions
        .iter()
        .map(|revision| (revision.version.as_str(), revision))
        .collect();
    let files = directory.files();
    for (index, file) in files.iter().enumerate() {
        let Some(revision) = by_version.get(file.version()) else {
            continue;
        };
        // Baselines and rows that people wrote have no sum.
        if revision.hash.is_empty() || !revision.is_complete() {
            continue;
        }
        let is = |hash: Option<&str>| hash == Some(revision.hash.as_str());
        if is(sum.of_file(file.name())) || is(Some(&as_it_was(files, index, revision, &by_version)))
        {
            continue;
        }
        return vec![file];
    }
    Vec::new()
}

/// The running sum of the files up to and with one, without those that were run later or not at all.
fn as_it_was(
    files: &[File],
    index: usize,
    revision: &Revision,
    by_version: &BTreeMap<&str, &Revision>,
) -> String {
    let first = by_version.keys().next().copied().unwrap_or_default();
    let mut running = Sha256::new();
    for file in files.iter().take(index + 1) {
        let was_there = by_version.get(file.version()).map_or_else(
            || file.version() < first || file.directives().is_checkpoint(),
            |other| other.executed_at <= revision.executed_at,
        );
        if !was_there {
            continue;
        }
        running.update(file.name());
        if !directive::ignores_sum(file.text()) {
            running.update(file.text());
        }
    }
    base64(&running.finalize())
}

#[cfg(test)]
mod tests;
