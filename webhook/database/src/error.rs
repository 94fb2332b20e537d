//! What can go wrong with a database, one variant for each thing being done. Paths are named, because a person needs them; addresses
//! and their parameters never are.

use std::path::PathBuf;
use std::time::Duration;

use crate::AddressError;

/// Why a database could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The file lies outside the folder that the operator allows.
    #[error("the database file {} is outside the folder that this reconciler may use", path.display())]
    OutsideFolder {
        /// The file.
        path: PathBuf,
    },
    /// The folder of the file cannot be looked into, or the file is missing and may not be made.
    #[error("cannot reach the database file {}: {source}", path.display())]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Opening failed.
    #[error("cannot open the database file {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file that SQLite did not write, or a damaged one.
    #[error("{} is not an SQLite database, or is damaged; nothing was changed", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else holds the lock.
    #[error(
        "the database is locked by somebody else; gave up after {waited:?} and changed nothing"
    )]
    Busy {
        /// How long was waited.
        waited: Duration,
    },
    /// Somebody else holds the lock, which is one for all databases of a server.
    #[error(
        "the server is locked by somebody else{}: the lock {lock} is one for all databases of a MariaDB or MySQL server, so that it may be another one that is worked on; \
         gave up after {waited:?} and changed nothing, try again when they are done",
        holder.as_ref().map(|holder| format!(" (connection {holder})")).unwrap_or_default()
    )]
    BusyServer {
        /// Its name.
        lock: String,
        /// The number of the connection that has it, if the server still knew.
        holder: Option<String>,
        /// How long was waited.
        waited: Duration,
    },
    /// The file may not be written.
    #[error(
        "the database may not be written (read-only file, folder or mode=ro); nothing was changed"
    )]
    ReadOnly,
    /// The disk has no room.
    #[error("there is no room left for the database; the statement changed nothing")]
    Full,
    /// Reading the schema failed.
    #[error("cannot read the schema of the database: {source}")]
    Inspect {
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The schema is larger than anything that is worked on.
    #[error("the database's schema has more than {limit} {what}")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// The schema has a text that the schema model does not understand.
    #[error("the database has a schema that is not understood: {message}")]
    Model {
        /// What the schema model said.
        message: String,
    },
    /// The transaction could not be begun or committed.
    #[error("cannot {doing} the transaction: {source}; nothing was changed")]
    Transaction {
        /// `begin`, `prepare` or `commit`.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Somebody changed the schema after it was inspected.
    #[error(
        "the database's schema changed while the plan was judged; nothing was changed, the plan is made again"
    )]
    Changed,
    /// The result would have rows that refer to nothing.
    #[error(
        "the change leaves {count} row(s) of {table:?} whose foreign key refers to a row of {parent:?} that does not exist; nothing was changed"
    )]
    DanglingForeignKey {
        /// The table with the rows.
        table: String,
        /// The table that they refer to.
        parent: String,
        /// How many such rows there are.
        count: usize,
    },
    /// The time limit.
    #[error("{doing} took longer than {limit:?} and was stopped; nothing was changed")]
    TimedOut {
        /// What was being done.
        doing: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// A server does not answer, or does not let us in.
    #[error("cannot connect to {place}: {message}")]
    Connect {
        /// Host, port and database.
        place: String,
        /// What the driver or the server said.
        message: String,
    },
    /// A server refused what this room asked for its own purposes.
    #[error("cannot {doing}: {message}")]
    Server {
        /// What was being done, for example `inspect the database`.
        doing: String,
        /// What the server said.
        message: String,
    },
    /// A right is missing.
    #[error("cannot {doing}: {message}; {remedy}")]
    NotGranted {
        /// What was being done.
        doing: String,
        /// What the server said.
        message: String,
        /// What to grant.
        remedy: String,
    },
    /// A statement of the wanted schema reaches outside the scratch place that it would run in.
    #[error("statement {number} of the wanted schema cannot run: it {why}: {sql}")]
    Outside {
        /// Which one, from 1.
        number: usize,
        /// What it does.
        why: String,
        /// Its text, cut.
        sql: String,
    },
    /// A statement of the wanted schema is refused by the server.
    #[error("statement {number} of the wanted schema: {message}: {sql}")]
    Wanted {
        /// Which one, from 1.
        number: usize,
        /// What the server said.
        message: String,
        /// Its text, cut.
        sql: String,
    },
    /// The development database is not empty, so that it would be mixed with what is there.
    #[error(
        "the development database is not empty: it has {found}; give one that holds nothing, what is made in it goes away again"
    )]
    DevNotEmpty {
        /// One thing that is there.
        found: String,
    },
    /// A statement of a plan or migration failed on a server.
    #[error("statement {number} of {total} failed: {message}; {kept}: {sql}")]
    Apply {
        /// Which one, from 1.
        number: usize,
        /// Of how many.
        total: usize,
        /// What the server said.
        message: String,
        /// What became of those before it.
        kept: String,
        /// Its text, cut.
        sql: String,
    },
    /// The thread that did the work is gone.
    #[error(
        "the database thread ended early; nothing is known to have been changed, the database is inspected again"
    )]
    Thread,
}

impl DatabaseError {
    /// Whether the server said no to what it was asked to run. Anything else (nobody is there, a right is missing) is no answer.
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Apply { .. } | Self::DanglingForeignKey { .. })
    }

    /// A word for a metric's label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::OutsideFolder { .. } => "outside_folder",
            Self::Unreachable { .. } => "unreachable",
            Self::Open { .. } => "open",
            Self::NotADatabase { .. } => "not_a_database",
            Self::Busy { .. } | Self::BusyServer { .. } => "busy",
            Self::ReadOnly => "read_only",
            Self::Full => "full",
            Self::Inspect { .. } => "inspect",
            Self::TooLarge { .. } => "too_large",
            Self::Model { .. } => "model",
            Self::Transaction { .. } => "transaction",
            Self::Changed => "changed",
            Self::DanglingForeignKey { .. } => "dangling_foreign_key",
            Self::TimedOut { .. } => "timed_out",
            Self::Connect { .. } => "connect",
            Self::Server { .. } => "server",
            Self::NotGranted { .. } => "not_granted",
            Self::Outside { .. } => "outside",
            Self::Wanted { .. } => "wanted",
            Self::DevNotEmpty { .. } => "dev_not_empty",
            Self::Apply { .. } => "apply",
            Self::Thread => "thread",
        }
    }
}
