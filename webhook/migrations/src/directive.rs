//! What comments ask for: `-- atlas:txmode none` and its like.
//!
//! Directives for a file stand in the comments that it begins with, and an empty line follows these; otherwise they belong to the first statement.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Directives that mean something for a whole file only.
const OF_A_FILE: &[&str] = &["txmode", "checkpoint"];

/// How much of a run is one transaction: Atlas' `txMode`, for migrations and for the plan of a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionMode {
    /// Each file and its revision; a plan.
    #[default]
    File,
    /// All files; a plan.
    All,
    /// Nothing: every statement on its own.
    None,
}

impl TransactionMode {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::All => "all",
            Self::None => "none",
        }
    }
}

impl fmt::Display for TransactionMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What the first comments of a file ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    /// Name and argument of each, in order.
    all: Vec<(String, String)>,
    /// Those that mean nothing, because no empty line follows the comments.
    attached: Vec<String>,
    /// The file is an archive, by its very first line.
    archive: bool,
}

/// A directive that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveError {
    /// Several that contradict or repeat each other.
    #[error("atlas:txmode is given {count} times; a file has one")]
    SeveralTransactionModes {
        /// How many.
        count: usize,
    },
    /// A word that is none.
    #[error("unknown atlas:txmode {found:?}; a file's is `file` or `none`")]
    UnknownTransactionMode {
        /// As written.
        found: String,
    },
    /// `all` is for a whole run.
    #[error(
        "atlas:txmode all cannot be asked for by a file; it is a setting of the whole run (--tx-mode all)"
    )]
    AllInAFile,
}

impl Directives {
    /// Reads a file's first comments.
    pub fn of(text: &str) -> Self {
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut all = Vec::new();
        let archive = directive(first_line(rest)).is_some_and(|(name, _)| name == "txtar");
        while rest.starts_with("--") || rest.starts_with('#') {
            let line = first_line(rest);
            all.extend(
                directive(line).map(|(name, argument)| (name.to_owned(), argument.to_owned())),
            );
            rest = rest
                .get(line.len()..)
                .and_then(|rest| rest.strip_prefix('\n'))
                .unwrap_or_default();
        }
        if rest.is_empty() || rest.starts_with('\n') || rest.starts_with("\r\n") {
            return Self {
                all,
                attached: Vec::new(),
                archive,
            };
        }
        let attached = all.into_iter().map(|(name, _)| name);
        Self {
            all: Vec::new(),
            attached: attached
                .filter(|name| OF_A_FILE.contains(&name.as_str()))
                .collect(),
            archive,
        }
    }

    /// Whether and how the file wants a transaction.
    ///
    /// # Errors
    /// When it says so twice, or in words that mean nothing.
    pub fn transaction(&self) -> Result<Option<TransactionMode>, DirectiveError> {
        let modes: Vec<&str> = self.arguments("txmode").collect();
        match modes.as_slice() {
            [] => Ok(None),
            ["none"] => Ok(Some(TransactionMode::None)),
            ["file"] => Ok(Some(TransactionMode::File)),
            ["all"] => Err(DirectiveError::AllInAFile),
            [other] => Err(DirectiveError::UnknownTransactionMode {
                found: other.chars().take(40).collect(),
            }),
            several => Err(DirectiveError::SeveralTransactionModes {
                count: several.len(),
            }),
        }
    }

    /// Whether the file makes at once what the files before it made, for databases that have nothing yet.
    pub fn is_checkpoint(&self) -> bool {
        self.arguments("checkpoint").next().is_some()
    }

    /// Whether the file is an archive with checks.
    pub fn is_archive(&self) -> bool {
        self.archive
    }

    /// Directives for a file that mean nothing where they stand: no empty line follows the comments, so Atlas takes them for the first statement's.
    pub fn without_effect(&self) -> &[String] {
        &self.attached
    }

    fn arguments(&self, wanted: &str) -> impl Iterator<Item = &str> {
        let named = self.all.iter().filter(move |(name, _)| name == wanted);
        named.map(|(_, argument)| argument.as_str())
    }
}

/// Whether a file's first line keeps its contents out of the sum.
pub(crate) fn ignores_sum(text: &str) -> bool {
    directive(first_line(text)) == Some(("sum", "ignore"))
}

/// The name and argument of a directive that a comment's line holds.
pub(crate) fn directive(line: &str) -> Option<(&str, &str)> {
    let is_plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let (before, after) = line.rsplit_once("atlas:")?;
    let name_length = after
        .find(|next: char| !(next.is_ascii_alphanumeric() || next == '_'))
        .unwrap_or(after.len());
    let (name, argument) = after.split_at_checked(name_length)?;
    (is_plain(before) && !name.is_empty()).then(|| (name, argument.trim()))
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_of_a_file_are_followed_by_an_empty_line() {
        let none = Ok(Some(TransactionMode::None));
        for (text, expected) in [
            (
                "-- atlas:txmode none\n\nCREATE INDEX i ON t (a);",
                none.clone(),
            ),
            (
                "-- atlas:txmode none\r\n\r\nCREATE INDEX i ON t (a);",
                none.clone(),
            ),
            ("# why\n# atlas:txmode  none \n\nx", none.clone()),
            ("-- atlas:txmode none", none),
            ("-- atlas:txmode file\n\nx", Ok(Some(TransactionMode::File))),
            ("-- atlas:txmode none\nCREATE INDEX i ON t (a);", Ok(None)),
            ("\n-- atlas:txmode none\n\nx", Ok(None)),
            ("/* atlas:txmode none */\n\nx", Ok(None)),
            ("-- atlas:txmode all\n\nx", Err(DirectiveError::AllInAFile)),
            (
                "-- atlas:txmode none\n-- atlas:txmode none\n\nx",
                Err(DirectiveError::SeveralTransactionModes { count: 2 }),
            ),
            (
                "-- atlas:txmode never\n\nx",
                Err(DirectiveError::UnknownTransactionMode {
                    found: "never".to_owned(),
                }),
            ),
        ] {
            assert_eq!(Directives::of(text).transaction(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_directive_without_effect_is_known() {
        let of = |text: &str| Directives::of(text).without_effect().to_vec();
        assert_eq!(
            of("-- atlas:txmode none\nCREATE INDEX i ON t (a);"),
            ["txmode"]
        );
        assert_eq!(of("-- atlas:nolint\nDROP TABLE t;"), [""; 0]);
        assert_eq!(of("-- atlas:txmode none\n\nx"), [""; 0]);
    }

    #[test]
    fn checkpoints_archives_and_sums() {
        assert!(Directives::of("-- atlas:checkpoint v2\n\nx").is_checkpoint());
        assert!(!Directives::of("-- atlas:checkpoints\n\nx").is_checkpoint());
        assert!(Directives::of("-- atlas:txtar\n-- checks.sql --\nx").is_archive());
        assert!(!Directives::of("x -- atlas:txtarget").is_archive());
        assert!(ignores_sum("-- atlas:sum ignore\nx"));
        assert!(ignores_sum("# see atlas:sum ignore"));
        assert!(!ignores_sum("\n-- atlas:sum ignore"));
        assert!(!ignores_sum("-- é atlas:sum ignore"));
    }
}
