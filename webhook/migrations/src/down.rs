//! Going back: which versions are given up, and which files say what a database held then.
//!
//! Nobody writes the way back here. The state after a version is what its files make on an empty database, and the way from one state to another is a
//! plan like any other, with the same approvals; files `.down.sql`, which are seldom tried before they are needed, are not run.

use serde::{Deserialize, Serialize};

use crate::{Directory, File, Kind, Revision};

/// How far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Back {
    /// So many versions.
    Amount(usize),
    /// Until this is the last version.
    To(String),
}

/// A way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down<'d> {
    /// The versions that are given up, the last first.
    pub undone: Vec<String>,
    /// What made the database what it is now: files, and of the last one so many statements; all where there is no number. None where the folder has lost
    /// the file of a version that is given up: then nobody can say what it made, and what somebody changed by hand cannot be told from it.
    pub now: Option<Vec<(&'d File, Option<usize>)>>,
    /// What made it what it is to be.
    pub then: Vec<&'d File>,
}

/// Why there is no way back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DownError {
    /// Nobody was there.
    #[error("the database has no version {version:?}; it has {has}")]
    UnknownVersion {
        /// The version.
        version: String,
        /// Those that it has.
        has: String,
    },
    /// Nothing to go back from.
    #[error("the database has no migration that could be undone")]
    Nothing,
    /// The state before the first version is not known.
    #[error(
        "version {version} is the baseline of this database: what it held before is in no file, so it cannot be gone back behind"
    )]
    Baseline {
        /// The version.
        version: String,
    },
    /// The file of a version that is to stay is gone, so that nobody can say what it made.
    #[error(
        "the folder has no file of version {version}, which is to stay: without it nobody can say what the database should hold"
    )]
    Missing {
        /// The version.
        version: String,
    },
}

/// Decides the way back. `revisions` are all rows of the database in the order of their versions.
///
/// # Errors
/// Why there is none.
pub fn down<'d>(
    directory: &'d Directory,
    revisions: &[Revision],
    back: &Back,
) -> Result<Down<'d>, DownError> {
    let Some(first) = revisions.first() else {
        return Err(DownError::Nothing);
    };
    let keep = match back {
        Back::Amount(amount) => revisions.len().saturating_sub(*amount),
        Back::To(version) => {
            let found = revisions
                .iter()
                .position(|revision| revision.version == *version);
            found.ok_or_else(|| DownError::UnknownVersion {
                version: version.clone(),
                has: versions(revisions),
            })? + 1
        }
    };
    let (kept, undone) = revisions.split_at_checked(keep).unwrap_or((revisions, &[]));
    if undone.is_empty() {
        return Err(DownError::Nothing);
    }
    if let Some(baseline) = undone.iter().find(|undone| undone.kind == Kind::BASELINE) {
        return Err(DownError::Baseline {
            version: baseline.version.clone(),
        });
    }
    let is_lost = |revision: &&Revision| is_lost(directory, revision);
    if let Some(lost) = kept.iter().find(is_lost) {
        return Err(DownError::Missing {
            version: lost.version.clone(),
        });
    }
    Ok(Down {
        undone: undone.iter().rev().map(|it| it.version.clone()).collect(),
        now: made(directory, revisions),
        then: state(directory, first, kept),
    })
}

/// What made a database with these revisions what it is: files, and of one that was not finished so many of its statements. None where the folder has lost
/// the file of one of them.
pub fn made<'d>(
    directory: &'d Directory,
    revisions: &[Revision],
) -> Option<Vec<(&'d File, Option<usize>)>> {
    let first = revisions.first()?;
    if revisions
        .iter()
        .any(|revision| is_lost(directory, revision))
    {
        return None;
    }
    let partial = revisions.last().filter(|last| !last.is_complete());
    let now = state(directory, first, revisions).into_iter().map(|file| {
        let of_it = partial.filter(|partial| partial.version == file.version());
        (file, of_it.map(|partial| partial.applied))
    });
    Some(now.collect())
}

fn is_lost(directory: &Directory, revision: &Revision) -> bool {
    file(directory, &revision.version).is_none()
}

/// The files that make the state in which these are the revisions: the last checkpoint that was reached and what was run behind it. Files up to the very first
/// revision count whether or not there is a row for them: a baseline stands for all before it.
fn state<'d>(directory: &'d Directory, first: &Revision, revisions: &[Revision]) -> Vec<&'d File> {
    let Some(last) = revisions.last() else {
        return Vec::new();
    };
    let reached: Vec<&File> = directory
        .files()
        .iter()
        .filter(|file| file.version() <= last.version.as_str())
        .collect();
    let checkpoint = reached
        .iter()
        .rposition(|file| file.directives().is_checkpoint());
    let ran = |file: &File| {
        file.version() <= first.version.as_str()
            || revisions
                .iter()
                .any(|revision| revision.version == file.version())
    };
    let behind = reached.iter().skip(checkpoint.map_or(0, |at| at + 1));
    let start = checkpoint.and_then(|at| reached.get(at));
    start
        .into_iter()
        .chain(behind.filter(|file| ran(file)))
        .copied()
        .collect()
}

fn file<'d>(directory: &'d Directory, version: &str) -> Option<&'d File> {
    directory
        .files()
        .iter()
        .find(|file| file.version() == version)
}

/// The last versions, for a message.
fn versions(revisions: &[Revision]) -> String {
    const MOST: usize = 5;
    let shown: Vec<&str> = revisions
        .iter()
        .rev()
        .take(MOST)
        .map(|revision| revision.version.as_str())
        .collect();
    let more = if revisions.len() > MOST { ", .." } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Rows: a version each; `=` before it makes it a baseline, `/n` behind it says how many of 3 statements ran.
    fn revisions(rows: &[&str]) -> Vec<Revision> {
        let row = |row: &&str| {
            let (kind, row) = row
                .strip_prefix('=')
                .map_or((Kind::EXECUTED, *row), |row| (Kind::BASELINE, row));
            let (version, applied) = row.split_once('/').unwrap_or((row, "3"));
            Revision {
                version: version.to_owned(),
                description: String::new(),
                kind,
                applied: applied.parse().expect("a number"),
                total: 3,
                executed_at: Duration::ZERO,
                execution_time: Duration::ZERO,
                error: None,
                error_statement: None,
                hash: String::new(),
                partial_hashes: Vec::new(),
                operator_version: String::new(),
            }
        };
        rows.iter().map(row).collect()
    }

    /// Files by name; one that begins with `c` after its version is a checkpoint.
    fn directory(names: &[&str]) -> Directory {
        Directory::new(names.iter().map(|name| {
            let text = if name.contains("_c") {
                "-- atlas:checkpoint\n\nSELECT 1;"
            } else {
                "SELECT 1;"
            };
            ((*name).to_owned(), text.to_owned())
        }))
    }

    /// The way back in words: undone, now, then.
    #[track_caller]
    fn check(names: &[&str], rows: &[&str], back: &Back, expected: Result<[&str; 3], &str>) {
        let directory = directory(names);
        let found = down(&directory, &revisions(rows), back);
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                let file = |(file, part): &(&File, Option<usize>)| match part {
                    Some(part) => format!("{}/{part}", file.version()),
                    None => file.version().to_owned(),
                };
                let now = found.now.map_or_else(
                    || vec!["unknown".to_owned()],
                    |now| now.iter().map(file).collect(),
                );
                let then: Vec<&str> = found.then.iter().map(|file| file.version()).collect();
                let shown = [found.undone.join(" "), now.join(" "), then.join(" ")];
                assert_eq!(shown, expected);
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn versions_are_given_up_from_the_end() {
        let names = ["1.sql", "2.sql", "3.sql"];
        let rows = ["1", "2", "3"];
        check(&names, &rows, &Back::Amount(1), Ok(["3", "1 2 3", "1 2"]));
        check(
            &names,
            &rows,
            &Back::To("1".into()),
            Ok(["3 2", "1 2 3", "1"]),
        );
        check(&names, &rows, &Back::Amount(9), Ok(["3 2 1", "1 2 3", ""]));
        // Of a file that was cut off, only what ran is there.
        check(
            &names,
            &["1", "2/1"],
            &Back::Amount(1),
            Ok(["2", "1 2/1", "1"]),
        );
        // A file that was left out made nothing.
        check(&names, &["1", "3"], &Back::Amount(1), Ok(["3", "1 3", "1"]));
    }

    #[test]
    fn a_baseline_stands_for_all_before_it() {
        let names = ["1.sql", "2.sql", "3.sql"];
        check(
            &names,
            &["=2", "3"],
            &Back::Amount(1),
            Ok(["3", "1 2 3", "1 2"]),
        );
        check(
            &names,
            &["=2", "3"],
            &Back::Amount(2),
            Err("2 is the baseline"),
        );
    }

    #[test]
    fn a_checkpoint_stands_for_all_before_it() {
        let names = ["1.sql", "2.sql", "3_c.sql", "4.sql"];
        check(&names, &["3", "4"], &Back::Amount(1), Ok(["4", "3 4", "3"]));
        check(
            &names,
            &["1", "2", "4"],
            &Back::Amount(1),
            Ok(["4", "3 4", "1 2"]),
        );
    }

    #[test]
    fn what_nobody_can_say_is_refused() {
        let names = ["1.sql", "2.sql"];
        check(&names, &[], &Back::Amount(1), Err("no migration"));
        check(&names, &["1"], &Back::Amount(0), Err("no migration"));
        check(
            &names,
            &["1", "2"],
            &Back::To("2".into()),
            Err("no migration"),
        );
        check(
            &names,
            &["1", "2"],
            &Back::To("9".into()),
            Err("no version \"9\"; it has 2, 1"),
        );
        check(
            &["2.sql"],
            &["1", "2"],
            &Back::Amount(1),
            Err("no file of version 1, which is to stay"),
        );
        // What is given up need not be there; then what it made is not known.
        check(
            &["1.sql"],
            &["1", "2"],
            &Back::Amount(1),
            Ok(["2", "unknown", "1"]),
        );
    }
}
