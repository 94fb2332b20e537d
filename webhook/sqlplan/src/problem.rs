//! What can be wrong with a text before anybody asks what it does.

use std::fmt;

use thiserror::Error;

use crate::position::Position;

/// What is wrong. Each has its own name, because a policy treats a limit, a trick and a plain mistake differently.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProblemKind {
    /// The whole text is over [`crate::limits::TEXT`].
    #[error("the text has {length} bytes, more than the {limit} that are read")]
    TextTooLong {
        /// Its bytes.
        length: usize,
        /// The most.
        limit: usize,
    },
    /// One statement is over [`crate::limits::STATEMENT`].
    #[error("the statement has {length} bytes, more than the {limit} that are read")]
    StatementTooLong {
        /// Its bytes.
        length: usize,
        /// The most.
        limit: usize,
    },
    /// More statements than [`crate::limits::STATEMENTS`].
    #[error("the text has more than {limit} statements")]
    TooManyStatements {
        /// The most.
        limit: usize,
    },
    /// More operators in a row than [`crate::limits::CHAIN`].
    #[error("an expression chains more than {limit} operators")]
    ChainTooLong {
        /// The most.
        limit: usize,
    },
    /// More open brackets than [`crate::limits::BRACKETS`].
    #[error("more than {limit} brackets are open at once")]
    TooDeep {
        /// The most.
        limit: usize,
    },
    /// A quote, comment, bracket or block that nothing closes.
    #[error("{what} is never closed")]
    Unclosed {
        /// For example `a quote`.
        what: &'static str,
    },
    /// A closing bracket that nothing opened.
    #[error("`{bracket}` closes nothing")]
    Unopened {
        /// The bracket.
        bracket: char,
    },
    /// A character that a reader does not see, or sees as another.
    #[error("the text holds the hidden character U+{code:04X}")]
    HiddenCharacter {
        /// Its code point.
        code: u32,
    },
    /// `/*!..*/` or `/*M!..*/`: a comment to one reader and code to another.
    #[error("an executable comment is code to some servers and versions, and a comment to others")]
    ExecutableComment,
    /// `/*` inside `/*`: PostgreSQL nests them, the others and many tools do not.
    #[error(
        "a comment opens inside a comment; PostgreSQL nests comments, other servers and tools do not"
    )]
    NestedComment,
    /// `-- atlas:delimiter` or `DELIMITER`, which change where a statement ends for some tools only.
    #[error("`{directive}` changes where statements end, for some tools only")]
    DelimiterDirective {
        /// As written, shortened.
        directive: String,
    },
    /// `U&"..."`: a name written in code points.
    #[error("a name is written in Unicode escapes")]
    EscapedIdentifier,
    /// The statement could not be read.
    #[error("{message}")]
    Unparsed {
        /// What was expected or found, without values from the text.
        message: String,
    },
    /// The splitter and the parser see a different number of statements.
    #[error("{message}")]
    Disagreement {
        /// What each sees.
        message: String,
    },
}

/// One problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlProblem {
    /// What.
    pub kind: ProblemKind,
    /// Where.
    pub position: Position,
}

impl fmt::Display for SqlProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.position, self.kind)
    }
}

impl std::error::Error for SqlProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}
