//! Folders of versioned migrations, in Atlas' format; pure.
//!
//! A [`Directory`] is names and texts. What its files are called, what their first comments ask for, what its `atlas.sum` must say, what of it
//! is still to be run on a database whose [`Revision`]s are known ([`pending`]), and what running a file does to its revision ([`Execution`]) are
//! decisions over plain data, made here once for the command line, the policy and the reconciler. Folders that were written for other tools
//! become directories of this format by [`import`](mod@import).
//!
//! The rules are Atlas' (community CLI 1.2), so that `atlas` and Tidegate can take turns on one folder and one database: same `atlas.sum`, same
//! table of revisions ([`table`]), same order. Where the peer goes wrong this room does not follow: an applied file that was edited is seen, a file
//! that grew after a partial failure gets its new total, checks of an `atlas:txtar` file are handed out to be run, two files of one version are refused.
//!
//! It reads no folder and connects to nothing.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod archive;
mod directive;
mod directory;
mod down;
mod execution;
pub mod import;
mod pending;
mod revision;
mod script;
mod sum;
pub mod table;

pub use directive::{DirectiveError, Directives, TransactionMode};
pub use directory::{Directory, DirectoryError, File};
pub use down::{Back, Down, DownError, down, made};
pub use execution::{Execution, ExecutionError};
pub use pending::{Expectation, Order, Pending, PendingError, Until, edited, pending};
pub use revision::{Kind, Revision};
pub use script::{Check, Migration, MigrationStatement, ScriptError};
pub use sum::{Difference, Reason, SUM_FILE, Sum, SumError};
