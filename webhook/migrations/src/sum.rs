//! `atlas.sum`: the seal on a folder of migrations.
//!
//! One line for each file with the SHA-256 of all files so far, names and contents, and a first line over the others. Because the sums run on, a
//! change anywhere changes every line below it, and two branches that each add a file conflict when they are merged: which is the purpose.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::directive;
use crate::directory::File;

/// What the file is called.
pub const SUM_FILE: &str = "atlas.sum";

/// Every sum is written behind this.
const PREFIX: &str = "h1:";

/// 32 bytes in base64.
const HASH_LENGTH: usize = 44;

/// What `atlas.sum` says, or should say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sum {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    file: String,
    /// In base64, without its prefix.
    hash: String,
}

/// Why a folder's sum does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SumError {
    /// There are migrations and no `atlas.sum`.
    #[error("checksum file not found: the folder has no atlas.sum ({SEAL})")]
    Missing,
    /// A line that is none of the format's.
    #[error("checksum file format invalid: atlas.sum, line {line} ({SEAL})")]
    Format {
        /// Counted from 1.
        line: usize,
    },
    /// The first line is not the sum of the others.
    #[error("checksum mismatch: atlas.sum, line 1 is not the sum of the lines below it ({SEAL})")]
    Total,
    /// The folder is not what was summed.
    #[error("checksum mismatch: {0} ({SEAL})")]
    Mismatch(Difference),
}

/// What to do when the files are as they should be.
const SEAL: &str = "when it is meant: `tidegate migrate hash`";

/// The first place where a folder is not what was summed. What comes after it cannot be told apart: the sums run on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} was {reason}, atlas.sum line {line}")]
pub struct Difference {
    /// The file.
    pub file: String,
    /// The line of `atlas.sum` where it stands, or would stand; counted from 1.
    pub line: usize,
    /// What happened to it.
    pub reason: Reason,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is in the folder only.
    Added,
    /// Its text is another, or that of a file above it whose lines are not summed.
    Edited,
    /// It is in `atlas.sum` only.
    Removed,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Added => "added",
            Self::Edited => "edited",
            Self::Removed => "removed",
        })
    }
}

impl Sum {
    /// The sum of files in their order. A file whose first line says `atlas:sum ignore` counts with its name only and has no line.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a File>) -> Self {
        let mut running = Sha256::new();
        let mut rows = Vec::new();
        for file in files {
            running.update(file.name());
            if directive::ignores_sum(file.text()) {
                continue;
            }
            running.update(file.text());
            rows.push(Row {
                file: file.name().to_owned(),
                hash: base64(&running.clone().finalize()),
            });
        }
        Self { rows }
    }

    /// Reads `atlas.sum`.
    ///
    /// # Errors
    /// [`SumError::Format`] and [`SumError::Total`].
    pub fn parse(text: &str) -> Result<Self, SumError> {
        let mut lines = text.lines().enumerate();
        let total = lines.next().map_or("", |(_, line)| line.trim_end());
        let total = total.strip_prefix(PREFIX).unwrap_or(total);
        let mut rows: Vec<Row> = Vec::new();
        for (index, line) in lines {
            let wrong = || SumError::Format { line: index + 1 };
            let (file, hash) = line.split_once(PREFIX).ok_or_else(wrong)?;
            let (file, hash) = (file.trim(), hash.trim_end());
            let is_base64 = |next: u8| next.is_ascii_alphanumeric() || b"+/=".contains(&next);
            if hash.len() != HASH_LENGTH || !hash.bytes().all(is_base64) {
                return Err(wrong());
            }
            rows.push(Row {
                file: file.to_owned(),
                hash: hash.to_owned(),
            });
        }
        let sum = Self { rows };
        if sum.total() == total {
            Ok(sum)
        } else {
            Err(SumError::Total)
        }
    }

    /// The sum over all, in base64 without its prefix: what changes when anything does.
    pub fn total(&self) -> String {
        let mut total = Sha256::new();
        for row in &self.rows {
            total.update(&row.file);
            total.update(&row.hash);
        }
        base64(&total.finalize())
    }

    /// The running sum up to and with a file, in base64 without its prefix; none for a file that has no line.
    pub fn of_file(&self, name: &str) -> Option<&str> {
        let row = self.rows.iter().find(|row| row.file == name);
        row.map(|row| row.hash.as_str())
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = format!("{PREFIX}{}\n", self.total());
        for row in &self.rows {
            let _ = writeln!(text, "{} {PREFIX}{}", row.file, row.hash);
        }
        text
    }

    /// Compares what was written down with what is there.
    ///
    /// # Errors
    /// [`SumError::Mismatch`] with the first difference.
    pub fn compare(&self, folder: &Self) -> Result<(), SumError> {
        let found = |file: &str, index: usize, reason| {
            Err(SumError::Mismatch(Difference {
                file: file.to_owned(),
                line: index + 2,
                reason,
            }))
        };
        let longest = self.rows.len().max(folder.rows.len());
        for index in 0..longest {
            match (self.rows.get(index), folder.rows.get(index)) {
                (Some(written), Some(there)) if written == there => {}
                (Some(written), Some(there)) if written.file == there.file => {
                    return found(&there.file, index, Reason::Edited);
                }
                (written, Some(there))
                    if written.is_none_or(|written| there.file < written.file) =>
                {
                    return found(&there.file, index, Reason::Added);
                }
                (Some(written), _) => return found(&written.file, index, Reason::Removed),
                (None, _) => {}
            }
        }
        Ok(())
    }
}

/// A sum as it is written everywhere: base64 with its filling. Written out here, because the policy carries this code into every sandbox.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(HASH_LENGTH);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, place| {
            bits << 8 | usize::from(chunk.get(place).copied().unwrap_or_default())
        });
        for place in 0..4 {
            let letter = LETTERS.get(bits >> (18 - 6 * place) & 63);
            let letter = letter.filter(|_| place <= chunk.len());
            text.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests;
