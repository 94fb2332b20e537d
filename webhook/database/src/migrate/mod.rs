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
mod error;
mod revisions;
mod run;
mod words;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use down::DownPlan;
pub use drift::Drift;
pub use error::{FailedStatement, MigrateError};
use error::{message_of, shown};
use tidegate_migrations::table::{RevisionTable, TABLE};
use tidegate_migrations::{Directory, Expectation, File, Pending, Revision, TransactionMode};
use tidegate_sqlplan::Dialect;

use crate::{Address, Session};

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
