//! Versioned migrations on a session: the table of revisions, and files run one after the other.
//!
//! What is pending, and what running a file does to its row, is decided in `tidegate-migrations`; here is only the doing. The promise that a crash at
//! any point must not break: **every statement ran exactly once, or was rolled back, and its row says which.**
//!
//! - Where the engine can roll back DDL (`PostgreSQL`, SQLite) and the file wants a transaction, statements and row are one transaction.
//! - Without one, each statement and the row that counts it are a transaction of their own, wherever the statement can be in one.
//! - What commits by itself (MySQL's DDL) or cannot be in a transaction (`CREATE INDEX CONCURRENTLY`) is announced in the row before and counted after
//!   it. A row that still holds the announcement when somebody comes back leaves a doubt ([`mod@doubt`]), which is settled by looking at the database.

mod doubt;
mod down;
mod drift;
mod run;
mod words;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use down::DownPlan;
pub use drift::Drift;
use tidegate_migrations::table::{RevisionTable, RowError, TABLE};
use tidegate_migrations::{
    Directory, DownError, ExecutionError, Expectation, File, Pending, PendingError, Revision,
    ScriptError, TransactionMode,
};
use tidegate_schemaplan::{ObjectKind, Refusal};
use tidegate_sqlplan::Dialect;

use crate::{Address, DatabaseError, Session};

/// The lock that the `atlas` CLI takes for the same work.
const LOCK: &str = "atlas_migrate_execute";

/// How migrations are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateSettings {
    /// The schema (or database) of the table of revisions, where it is not the usual one.
    pub revisions_schema: Option<String>,
    /// What is one transaction, where a file does not say.
    pub mode: TransactionMode,
    /// How long to wait for somebody else who migrates the same database.
    pub wait: Duration,
    /// Who runs it, for the rows.
    pub operator: String,
}

/// Something that a person who waits wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are what they are named")]
pub enum Progress<'a> {
    /// A database was taken as it was.
    Baseline { file: &'a str },
    /// A file begins at this statement, counted from 0.
    File {
        file: &'a str,
        from: usize,
        total: usize,
    },
    /// A check held.
    Checked { check: &'a str },
    /// A statement is about to run.
    Statement {
        number: usize,
        total: usize,
        sql: &'a str,
    },
    /// A statement whose end a crash had hidden was found done, and is not run again.
    FoundDone { number: usize, sql: &'a str },
    /// A file is done.
    Done { file: &'a str, took: Duration },
}

/// A file, and the texts of those of its statements that are left.
pub type Planned = (String, Vec<String>);

/// A database and a folder, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What the database remembers.
    pub revisions: Vec<Revision>,
    /// The file whose version would be written as a baseline first.
    pub baseline: Option<String>,
    /// What would run, in order.
    pub planned: Vec<Planned>,
    /// Whether rows of files that were edited since would be made to name them as they are now.
    pub settles: bool,
}

/// What was run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The files, in order, with the statements that ran.
    pub files: Vec<(String, usize)>,
}

/// Why migrations were not run, or not to their end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// Nothing may be run.
    #[error(transparent)]
    Pending(#[from] PendingError),
    /// A file cannot be read; found before anything ran.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A file cannot be gone on with.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// There is no way back.
    #[error(transparent)]
    Down(#[from] DownError),
    /// The server cannot be brought back to what the folder made.
    #[error("the database cannot be brought back: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoWayBack(Vec<Refusal>),
    /// Somebody changed the database beside the folder.
    #[error(
        "the database is not what its migrations made, and going back would undo that too. To make it so again: {}. Do that, or write a migration of it, first",
        listed(differences)
    )]
    Drifted {
        /// What would have to be done, in words.
        differences: Vec<String>,
    },
    /// The plan is not the one that was agreed to.
    #[error(
        "the way back is not the one that was approved: this is {hash}; look at it again, nothing was changed"
    )]
    AnotherPlan {
        /// Of the plan.
        hash: String,
    },
    /// No version is there whole, so that there is nothing to compare the database with.
    #[error(
        "no migration history found: no version of the folder was ever applied to the database"
    )]
    NoHistory,
    /// What the database should be cannot be said.
    #[error(
        "nobody can say what the database should be: the folder has lost the file of a version that the database has"
    )]
    FileLost,
    /// What is pending is not what was planned.
    #[error("what is pending changed while it was judged; nothing was run, look at it again")]
    Changed,
    /// The table of revisions has a row that is none.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Two tables of revisions could be meant.
    #[error(
        "ambiguous revision table: the connection's own schema has none, but schema {TABLE:?} has one. Say which with --revisions-schema"
    )]
    Ambiguous,
    /// The file asks for what the run excludes.
    #[error("{file}: atlas:txmode {file_mode} contradicts --tx-mode {mode}")]
    ModeConflict {
        /// The file.
        file: String,
        /// What it asks for.
        file_mode: TransactionMode,
        /// What the run asks for.
        mode: TransactionMode,
    },
    /// A statement would end the transaction around it.
    #[error(
        "{file}, line {line}: `{word}` would end the transaction that the file runs in, and what comes behind it would run without one. Take it out, or begin the file with `-- atlas:txmode none` and an empty line"
    )]
    TransactionControl {
        /// The file.
        file: String,
        /// Its line.
        line: u32,
        /// The statement's first word.
        word: String,
    },
    /// A check said no, or could not say.
    #[error(
        "{file}, line {line}: the check {check} does not hold ({answer}); no statement of this file was run"
    )]
    Check {
        /// The file.
        file: String,
        /// Its line.
        line: u32,
        /// Its section.
        check: String,
        /// What came back.
        answer: String,
    },
    /// All statements ran, and did not stay.
    #[error("{file} could not be committed: {message}")]
    Commit {
        /// The file.
        file: String,
        /// What the server said.
        message: String,
    },
    /// A statement failed.
    #[error(transparent)]
    Statement(Box<FailedStatement>),
    /// It is not known whether a statement ran, and looking does not tell.
    #[error(
        "{file}: statement {number} was begun and its end was not seen: {sql:?}. Look whether it is done. If it is not, and nothing is left of it, run again with --in-doubt again; if it is, with --in-doubt done"
    )]
    InDoubt {
        /// The file.
        file: String,
        /// Which one, from 1.
        number: usize,
        /// The statement, cut.
        sql: String,
    },
    /// Rows would refer to nothing.
    #[error(
        "{file}: {count} row(s) would refer to a row that does not exist (foreign keys); the file was rolled back"
    )]
    Dangling {
        /// The file.
        file: String,
        /// How many.
        count: usize,
    },
}

/// A statement that the server refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "executing statement {sql:?} from version {version:?}: {message} ({file}, line {line}, statement {number} of {total}; {kept})"
)]
pub struct FailedStatement {
    /// The file.
    pub file: String,
    /// Its version.
    pub version: String,
    /// The line where the statement begins.
    pub line: u32,
    /// Which one, from 1.
    pub number: usize,
    /// Of how many.
    pub total: usize,
    /// The statement, cut.
    pub sql: String,
    /// What the server said.
    pub message: String,
    /// What became of those before it.
    pub kept: &'static str,
}

/// What a person found about a statement in doubt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InDoubt {
    /// Nobody looked yet.
    #[default]
    Ask,
    /// It is done.
    Done,
    /// It is not, and may run again.
    Again,
}

/// Migrations on one database.
#[derive(Debug)]
pub struct Migrator<'s> {
    session: &'s mut Session,
    dialect: Dialect,
    table: RevisionTable,
    /// Whether the table's schema is the connection's own.
    own_schema: bool,
    settings: MigrateSettings,
}

impl<'s> Migrator<'s> {
    /// On a session that was opened by this address. Nothing is asked yet.
    pub fn new(session: &'s mut Session, address: &Address, settings: MigrateSettings) -> Self {
        let dialect = session.engine().dialect;
        let bound = is_bound(address);
        let schema = match &settings.revisions_schema {
            Some(schema) => Some(schema.as_str()),
            None if bound => None,
            None => Some(TABLE),
        };
        let table = RevisionTable::new(dialect, schema);
        Self {
            session,
            dialect,
            table,
            own_schema: schema.is_none(),
            settings,
        }
    }

    /// The database's SQL.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What the database remembers; nothing where there is no table yet.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn revisions(&mut self) -> Result<Vec<Revision>, MigrateError> {
        // Asking a file of SQLite that is not there would make it.
        let missing = self.dialect == Dialect::Sqlite && self.session.inspect().await?.is_empty();
        if missing || !self.is_there(&self.table.exists()).await? {
            let elsewhere = RevisionTable::new(self.dialect, Some(TABLE));
            if self.own_schema
                && self.dialect != Dialect::Sqlite
                && self.settings.revisions_schema.is_none()
                && self.is_there(&elsewhere.exists()).await?
            {
                return Err(MigrateError::Ambiguous);
            }
            return Ok(Vec::new());
        }
        let rows = self.session.query(&self.table.select(), &[]).await?;
        Ok(self.table.read(&rows)?)
    }

    /// What a database has that never saw a migration; none when it is clean.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn not_clean(&mut self) -> Result<Option<String>, MigrateError> {
        let catalog = self.session.inspect().await?;
        for (name, schema) in &catalog.schemas {
            let table = schema.tables.keys().find(|table| table.as_str() != TABLE);
            let object = schema
                .objects
                .iter()
                // An extension comes with the database more often than not.
                .filter(|(kind, _)| **kind != ObjectKind::Extension)
                .find_map(|(kind, objects)| Some((kind.as_str(), objects.keys().next()?)));
            let found = table.map(|table| ("table", table)).or(object);
            if let Some((kind, found)) = found {
                let schema = self.schema_name(name).await?;
                return Ok(Some(format!("found {kind} {found:?} in schema {schema:?}")));
            }
        }
        Ok(None)
    }

    /// What is pending behind these revisions, as [`tidegate_migrations::pending`] decides it.
    ///
    /// # Errors
    /// Why nothing may be run.
    pub async fn pending<'d>(
        &mut self,
        directory: &'d Directory,
        revisions: &[Revision],
        expected: &Expectation,
    ) -> Result<Pending<'d>, MigrateError> {
        let not_clean = if revisions.is_empty() {
            self.not_clean().await?
        } else {
            None
        };
        Ok(tidegate_migrations::pending(
            directory,
            revisions,
            not_clean.as_deref(),
            expected,
        )?)
    }

    /// What the database remembers, and what [`Migrator::apply`] would run, in one reading. Nothing is changed.
    ///
    /// # Errors
    /// Why nothing may be run, or a file cannot be read.
    pub async fn look(
        &mut self,
        directory: &Directory,
        expected: &Expectation,
    ) -> Result<Look, MigrateError> {
        let revisions = self.revisions().await?;
        let pending = self.pending(directory, &revisions, expected).await?;
        let steps = self.read(&pending.files)?;
        Ok(Look {
            settles: settles(directory, &revisions, expected),
            baseline: pending.baseline.map(|file| file.name().to_owned()),
            planned: steps.iter().map(|step| step.planned(&revisions)).collect(),
            revisions,
        })
    }

    /// Runs what is pending, holding the lock.
    ///
    /// # Errors
    /// Why it was not run, or not to its end; the rows say how far it got.
    pub async fn apply(
        &mut self,
        directory: &Directory,
        expected: &Expectation,
        in_doubt: InDoubt,
        tell: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Migrated, MigrateError> {
        self.session.lock(LOCK, self.settings.wait).await?;
        let outcome = self.apply_locked(directory, expected, in_doubt, tell).await;
        let unlocked = self.session.unlock(LOCK).await;
        let migrated = outcome?;
        unlocked?;
        Ok(migrated)
    }

    /// As [`Migrator::apply`], if what is pending still is what [`Migrator::look`] said.
    ///
    /// # Errors
    /// [`MigrateError::Changed`] when it is not, and nothing was run; otherwise as [`Migrator::apply`].
    pub async fn apply_planned(
        &mut self,
        directory: &Directory,
        expected: &Expectation,
        planned: &[Planned],
        in_doubt: InDoubt,
        tell: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Migrated, MigrateError> {
        self.session.lock(LOCK, self.settings.wait).await?;
        let outcome = match self.look(directory, expected).await {
            Ok(look) if look.planned == planned => {
                self.apply_locked(directory, expected, in_doubt, tell).await
            }
            Ok(_) => Err(MigrateError::Changed),
            Err(error) => Err(error),
        };
        let unlocked = self.session.unlock(LOCK).await;
        let migrated = outcome?;
        unlocked?;
        Ok(migrated)
    }

    async fn apply_locked(
        &mut self,
        directory: &Directory,
        expected: &Expectation,
        in_doubt: InDoubt,
        tell: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Migrated, MigrateError> {
        let revisions = self.revisions().await?;
        let pending = self.pending(directory, &revisions, expected).await?;
        // Everything is read before anything runs.
        let steps = self.read(&pending.files)?;
        if settles(directory, &revisions, expected) {
            self.remember(directory, &revisions).await?;
        }
        if pending.baseline.is_none() && steps.is_empty() {
            return Ok(Migrated::default());
        }
        for statement in self.table.create() {
            self.session.execute(&statement).await?;
        }
        if let Some(file) = pending.baseline {
            let row = Revision::baseline(file, &self.settings.operator, now());
            self.write(&row).await?;
            tell(Progress::Baseline { file: file.name() });
        }
        self.run(directory, &revisions, steps, in_doubt, tell).await
    }

    /// Reads files into what is run, and refuses what cannot be.
    fn read<'d>(&self, files: &[&'d File]) -> Result<Vec<run::Step<'d>>, MigrateError> {
        files
            .iter()
            .map(|file| run::Step::read(file, self.dialect, self.settings.mode))
            .collect()
    }

    /// Makes the rows of what was applied name the files as they are now: whoever allowed it has looked, and is not asked again. (The `atlas` CLI leaves the old
    /// name when it goes on with a file that was mended.)
    async fn remember(
        &mut self,
        directory: &Directory,
        revisions: &[Revision],
    ) -> Result<(), MigrateError> {
        let sum = directory.sum();
        for file in directory.files() {
            let row = revisions.iter().find(|it| it.version == file.version());
            // Baselines and rows that people wrote have no sum.
            let row = row.filter(|row| row.is_complete() && !row.hash.is_empty());
            if let (Some(row), Some(now)) = (row, sum.of_file(file.name()))
                && row.hash != now
            {
                let settled = Revision {
                    hash: now.to_owned(),
                    ..row.clone()
                };
                self.write(&settled).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, revision: &Revision) -> Result<(), DatabaseError> {
        self.session.execute(&self.table.write(revision)).await
    }

    async fn is_there(&mut self, question: &str) -> Result<bool, DatabaseError> {
        Ok(!self.session.query(question, &[]).await?.is_empty())
    }

    /// The name of a schema of the catalog, where the catalog has none for it.
    async fn schema_name(&mut self, key: &str) -> Result<String, DatabaseError> {
        let question = match self.dialect {
            _ if !key.is_empty() => return Ok(key.to_owned()),
            Dialect::Sqlite => return Ok("main".to_owned()),
            Dialect::Postgres => "SELECT current_schema()",
            Dialect::Mysql | Dialect::Mariadb => "SELECT database()",
        };
        let rows = self.session.query(question, &[]).await?;
        let name = rows.into_iter().flatten().flatten().next();
        Ok(name.unwrap_or_default())
    }
}

/// Whether rows of files that were edited since, and may be, are to name them as they are now.
fn settles(directory: &Directory, revisions: &[Revision], expected: &Expectation) -> bool {
    expected.allow_edited && !tidegate_migrations::edited(directory, revisions).is_empty()
}

/// Whether an address is of one schema rather than of a whole server or database.
fn is_bound(address: &Address) -> bool {
    match address {
        Address::Sqlite(_) => true,
        Address::Postgres(address) => address.schema().is_some(),
        Address::Mysql(address) => address.database().is_some(),
    }
}

/// The time, since the Unix epoch.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// What the server said, without what the session put around it.
fn message_of(error: &DatabaseError) -> String {
    match error {
        DatabaseError::Apply { message, .. } | DatabaseError::Server { message, .. } => {
            message.clone()
        }
        other => other.to_string(),
    }
}

/// The first few of a list, for a message.
fn listed(entries: &[String]) -> String {
    const MOST: usize = 10;
    let mut shown: Vec<&str> = entries.iter().take(MOST).map(String::as_str).collect();
    if entries.len() > MOST {
        shown.push("..");
    }
    shown.join("; ")
}

/// A statement as errors show it.
fn shown(sql: &str) -> String {
    const MOST: usize = 500;
    if sql.chars().count() <= MOST {
        return sql.to_owned();
    }
    let mut shown: String = sql.chars().take(MOST).collect();
    shown.push_str(" ..");
    shown
}
