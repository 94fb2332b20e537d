//! What can go wrong between a repository and its manifests, in words for an Application's `ComparisonError`.
//!
//! Whoever reads such a condition may not be who may read the repository's password or a Secret's values: addresses come masked, what programs printed
//! comes through [`crate::redact`], and a broken file is named by its line, never quoted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::redact::redacted;

/// Why there are no manifests. The message is the whole story: there is no cause behind it to be told as well.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The Application says something that cannot be meant.
    #[error("{pointer}: {problem}")]
    Source {
        /// Where in the Application.
        pointer: String,
        /// What is wrong and what to write.
        problem: String,
    },
    /// The address of a repository is of no kind that can be fetched.
    #[error("repository {}: {problem}", redacted(repository))]
    Address {
        /// The repository.
        repository: String,
        /// What is wrong and what to write.
        problem: String,
    },
    /// There is no such branch, tag or commit, or no version in such a range.
    #[error(
        "repository {}: unable to resolve '{revision}' to a {what}{hint}",
        redacted(repository)
    )]
    Revision {
        /// The repository.
        repository: String,
        /// What was looked for, and why it is none; begins with Argo CD's words (`commit SHA`).
        what: &'static str,
        /// What the Application asks for.
        revision: String,
        /// What there is instead, where that helps; begins with its own punctuation.
        hint: String,
    },
    /// A project asks for a signature, and there is none that it takes.
    #[error(
        "repository {}: {what} is not to be trusted: it {problem}",
        redacted(repository)
    )]
    Untrusted {
        /// The repository.
        repository: String,
        /// The commit or the tag.
        what: String,
        /// What is wrong with its signature.
        problem: String,
    },
    /// The repository could not be asked.
    #[error("repository {}: {problem}", redacted(repository))]
    Unreachable {
        /// The repository.
        repository: String,
        /// What the program said.
        problem: ProcessError,
    },
    /// A path leads out of its repository, or to nothing.
    #[error("{path}: {problem}")]
    Path {
        /// As it is written, from the repository's root where that is known.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A repository is larger than what is rendered.
    #[error("repository {}: {what} is more than {limit}", redacted(repository))]
    TooLarge {
        /// The repository.
        repository: String,
        /// What is too large.
        what: String,
        /// How large it may be.
        limit: String,
    },
    /// A file is not what it should be.
    #[error("{file}{}: {problem}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Manifest {
        /// The file, from the repository's root; or the program that printed it.
        file: String,
        /// The line, from 1, where it is known.
        line: Option<u64>,
        /// What is wrong.
        problem: String,
    },
    /// A tool failed.
    #[error("{path}: {problem}")]
    Tool {
        /// The folder, from the repository's root.
        path: String,
        /// What it said.
        problem: ProcessError,
    },
    /// Something that this program does not render.
    #[error("{path}: {problem}")]
    Unsupported {
        /// The folder or file.
        path: String,
        /// What it is and what to do.
        problem: String,
    },
    /// A file of our own could not be read or written.
    #[error("failed to {doing} {}: {cause}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}

/// Why a program gave no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessError {
    /// It is not on the PATH.
    #[error("{program} is needed and is not on the PATH; install it")]
    Missing {
        /// Its name.
        program: String,
    },
    /// It could not be started or waited for.
    #[error("failed to run {program}: {cause}")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        cause: Arc<std::io::Error>,
    },
    /// It was stopped.
    #[error("{program} was stopped after {limit:?}")]
    TimedOut {
        /// Its name.
        program: String,
        /// How long it may take.
        limit: Duration,
    },
    /// It was stopped.
    #[error("{program} was stopped: it printed more than {limit} bytes")]
    TooMuchOutput {
        /// Its name.
        program: String,
        /// How much it may print.
        limit: u64,
    },
    /// It said no.
    #[error("{program} failed: {said}")]
    Failed {
        /// Its name.
        program: String,
        /// The end of what it printed to standard error, without credentials.
        said: String,
    },
}

impl RenderError {
    /// Whether asking again without any change may help: the network, a server, a program that took too long.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Io { .. }
                | Self::Tool {
                    problem: ProcessError::TimedOut { .. } | ProcessError::Start { .. },
                    ..
                }
        )
    }

    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { doing, path, cause }
    }

    pub(crate) fn path(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Path {
            path: path.into(),
            problem: problem.into(),
        }
    }
}
