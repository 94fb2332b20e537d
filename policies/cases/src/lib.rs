//! Test cases of policies, as data.
//!
//! A rule's Markdown page is its documentation and its tests: each fenced block of SQL or YAML is an object on its way into
//! the cluster, and comments in it say what the policy must find. [`parse`] turns such a page, or a plain YAML file, into
//! [`Case`]s; [`compare`] holds what a policy reported against what a case expects and draws the difference.
//!
//! The same cases run natively (`tidegate-policy-sdk`'s `testing`) and through the compiled component (`tidegate policy test`).
//! Hence this crate knows neither: no files, no sandbox, no policy. The format:
//!
//! - ```` ```sql dialect=postgres ```` makes an AtlasMigration with the text as its inline file; `kind=AtlasSchema` makes it a
//!   desired schema. Whole lines `-- old` and `-- new` split the text: an UPDATE of an AtlasSchema.
//! - ```` ```yaml ```` is one object being created. Documents are split by `---`; one that starts with the line `# old` is what
//!   is stored now (an UPDATE, or a DELETE when it stands alone), `# patched` is the object expected after the verdict's patch.
//!   ```` ```yaml patch ```` directly after such a block says the latter, too.
//! - `settings='{"a": 1}'` in the info string, or a line `# settings: {"a": 1}` in YAML, are the policy's settings.
//! - `-- error: drop-column "part of the message"` in SQL, `# error: drop-column /spec/x "part"` in YAML: a finding that must be
//!   reported, with severity, rule, optionally the JSON pointer and a part of the message. In SQL it stands on the line of the
//!   finding's position, or alone on the line above.
//! - The findings must be exactly those. `info` findings may stay unlisted when none is listed.
//! - It is the first of June 2026 ([`DAY`]).
//! - Blocks of other languages, or with the word `example`, are prose.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod compare;
mod expectation;
mod markdown;
mod object;
mod sql;
mod yaml;

use std::fmt;

use serde_json::Value;

pub use compare::{compare, compare_object};

/// The day on which every case is judged.
pub const DAY: &str = "2026-06-01";

/// One object on its way into the cluster, and what a policy must say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The file's name and the line, for example `drop-column.md:12`.
    pub name: String,
    /// The line of the file where the case begins, from 1.
    pub line: u32,
    /// What is to be judged.
    pub request: Admission,
    /// The policy's settings: `{}` when the case has none.
    pub settings: Value,
    /// What the policy must find.
    pub expected: Vec<Expectation>,
    /// The object after the verdict's patch; none when the case does not say.
    pub patched: Option<Value>,
}

/// The request of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Create, update or delete, by which of the two objects there are.
    pub operation: Operation,
    /// The object's place, from its own fields.
    pub key: Key,
    /// The object; none for a delete.
    pub object: Option<Value>,
    /// What is stored now; none for a create.
    pub old_object: Option<Value>,
}

/// What the API server is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A change of a stored one.
    Update,
    /// A removal.
    Delete,
}

/// The object's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Empty for the core group.
    pub group: String,
    /// For example `v1alpha1`.
    pub version: String,
    /// For example `AtlasSchema`.
    pub kind: String,
    /// None for a cluster-wide object.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Denies by default.
    Error,
    /// Warns.
    Warning,
    /// Is recorded.
    Info,
}

/// A finding that a policy must report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The rule's id.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// The JSON pointer, if it matters.
    pub path: Option<String>,
    /// The line of the finding's position in the SQL text, from 1; a finding without a position matches any.
    pub line: Option<u32>,
    /// A part of the message, if it matters.
    pub part: Option<String>,
}

/// A finding that a policy did report, as far as a case can judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The rule's id.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where in the object.
    pub path: Option<String>,
    /// The line of its position, from 1.
    pub line: Option<u32>,
}

/// Why a file is no set of cases: the author's mistake, at a line of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {message}")]
pub struct Problem {
    /// The file's name.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// The cases of a file: Markdown when its name ends in `.md`, else YAML, which is one case.
///
/// # Errors
/// Every problem of the file, in its order.
pub fn parse(name: &str, text: &str) -> Result<Vec<Case>, Vec<Problem>> {
    let cases = if name.rsplit_once('.').is_some_and(|(_, end)| end == "md") {
        markdown::cases(text)
    } else {
        yaml::case(1, text, None)
            .map(|case| vec![case])
            .map_err(|problem| vec![problem])
    };
    match cases {
        Ok(mut cases) => {
            for case in &mut cases {
                case.name = format!("{name}:{}", case.line);
            }
            Ok(cases)
        }
        Err(problems) => Err(problems
            .into_iter()
            .map(|(line, message)| Problem {
                name: name.to_owned(),
                line,
                message,
            })
            .collect()),
    }
}

/// A problem before it knows its file: the line, and what is wrong.
type Trouble = (u32, String);

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

#[cfg(test)]
mod tests;
