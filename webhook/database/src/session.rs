//! A session with a database of any engine: one set of questions, one module an engine that answers them.
//!
//! A command, or the reconciler, opens a [`Session`], asks what is there ([`Session::inspect`]), has the wanted text tried out in a scratch
//! place of the same engine ([`Session::desired`]), and applies the statements that `schemaplan` made of the difference. It is an enum rather
//! than a trait: the engines are known, and each has a session of its own that can be used where only it will do.

use std::time::Duration;

use tidegate_migrations::TransactionMode;
use tidegate_schemaplan::{Catalog, Engine, Statement, diff};

use crate::mysql::MysqlSession;
use crate::postgres::PostgresSession;
use crate::sqlite::SqliteSession;
use crate::{Address, Applied, DatabaseError, Fingerprint, Inspected, Limits, PlannedFrom};

/// The lock of this room's own on a server whose schema is changed, held from looking to having run. (Atlas has none for this.)
pub const SCHEMA_LOCK: &str = "tidegate_schema_apply";

/// As long as Atlas waits for its locks.
pub const LOCK_WAIT: Duration = Duration::from_secs(10);

/// A connection, or one that is made when it is first needed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Session {
    /// SQLite.
    Sqlite(SqliteSession),
    /// `PostgreSQL`.
    Postgres(Box<PostgresSession>),
    /// MySQL and MariaDB.
    Mysql(Box<MysqlSession>),
}

impl Session {
    /// Reaches the database.
    ///
    /// # Errors
    /// When it cannot be reached; never with a secret.
    pub async fn open(address: &Address, limits: &Limits) -> Result<Self, DatabaseError> {
        match address {
            Address::Sqlite(address) => {
                let session = SqliteSession::open(address, limits).await?;
                Ok(Self::Sqlite(session))
            }
            Address::Mysql(address) => {
                let session = MysqlSession::open(address, limits).await?;
                Ok(Self::Mysql(Box::new(session)))
            }
            Address::Postgres(address) => {
                let session = PostgresSession::open(address, limits).await?;
                Ok(Self::Postgres(Box::new(session)))
            }
        }
    }

    /// Which server it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(session) => session.engine(),
            Self::Postgres(session) => session.engine(),
            Self::Mysql(session) => session.engine(),
        }
    }

    /// What tells what the database holds from anything else, for less than reading it; none where the engine has no such thing, or there is no
    /// database yet.
    ///
    /// # Errors
    /// What keeps it from being read; nothing is changed.
    pub async fn fingerprint(&mut self) -> Result<Option<Fingerprint>, DatabaseError> {
        match self {
            Self::Sqlite(session) => session.fingerprint().await,
            Self::Postgres(session) => session.fingerprint().await,
            Self::Mysql(session) => session.fingerprint().await,
        }
    }

    /// What the database holds within the scope of its address.
    ///
    /// # Errors
    /// What keeps it from being read; nothing is changed.
    pub async fn inspect(&mut self) -> Result<Catalog, DatabaseError> {
        match self {
            Self::Sqlite(session) => Ok(session.inspect().await?.catalog),
            Self::Postgres(session) => session.inspect().await,
            Self::Mysql(session) => Ok(session.inspect().await?.catalog),
        }
    }

    /// As [`Session::inspect`], with a fingerprint that is found again only while the database holds what was read. One that was just asked for need
    /// not be asked for again.
    ///
    /// # Errors
    /// As [`Session::inspect`].
    pub async fn look(&mut self, told: Option<Fingerprint>) -> Result<Inspected, DatabaseError> {
        match self {
            Self::Sqlite(session) => session.inspect().await,
            Self::Postgres(session) => {
                // Before the reading, never after it: see its own file.
                let fingerprint = match told {
                    Some(told) => Some(told),
                    None => session.fingerprint().await?,
                };
                let catalog = session.inspect().await?;
                Ok(Inspected {
                    catalog,
                    fingerprint,
                })
            }
            Self::Mysql(session) => session.inspect().await,
        }
    }

    /// What the database would hold had only these statements run: they run in a scratch place of the same server, or in `dev`, which must be empty
    /// and is emptied again.
    ///
    /// # Errors
    /// [`DatabaseError::Wanted`] for one that fails, [`DatabaseError::DevNotEmpty`], and what keeps the scratch place from being had.
    pub async fn desired(
        &mut self,
        statements: &[String],
        dev: Option<&mut Self>,
    ) -> Result<Catalog, DatabaseError> {
        Ok(self.try_out(statements, dev).await?.catalog)
    }

    /// As [`Session::desired`], with the fingerprint of a database that holds just that, in the very words that the statements made.
    ///
    /// # Errors
    /// As [`Session::desired`].
    pub async fn try_out(
        &mut self,
        statements: &[String],
        dev: Option<&mut Self>,
    ) -> Result<Inspected, DatabaseError> {
        match (self, dev) {
            (Self::Sqlite(session), None) => session.desired(statements, None).await,
            (Self::Sqlite(session), Some(Self::Sqlite(dev))) => {
                session.desired(statements, Some(dev)).await
            }
            (Self::Postgres(session), None) => {
                session.desired(statements, None).await.map(Inspected::from)
            }
            (Self::Postgres(session), Some(Self::Postgres(dev))) => {
                let desired = session.desired(statements, Some(dev)).await;
                desired.map(Inspected::from)
            }
            (Self::Mysql(session), None) => {
                session.desired(statements, None).await.map(Inspected::from)
            }
            (Self::Mysql(session), Some(Self::Mysql(dev))) => {
                let desired = session.desired(statements, Some(dev)).await;
                desired.map(Inspected::from)
            }
            (_, Some(dev)) => Err(DatabaseError::Server {
                doing: "try out the wanted schema".to_owned(),
                message: format!(
                    "the development database is {}, which is another kind than the database's",
                    dev.engine().dialect
                ),
            }),
        }
    }

    /// Runs the statements of a plan.
    ///
    /// # Errors
    /// Which statement failed, and whether those before it stay.
    pub async fn apply(
        &mut self,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        match self {
            Self::Sqlite(session) => session.apply(statements, mode).await,
            Self::Postgres(session) => session.apply(statements, mode).await,
            Self::Mysql(session) => session.apply(statements, mode).await,
        }
    }

    /// As [`Session::apply`], if the database still holds what the plan was made from. Two that plan at once do not both run: there is a lock.
    ///
    /// # Errors
    /// [`DatabaseError::Changed`] when it does not, and nothing was changed; otherwise as [`Session::apply`].
    pub async fn apply_to(
        &mut self,
        planned_from: &PlannedFrom,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        if let Self::Sqlite(session) = self {
            return session.apply_to(planned_from, statements, mode).await;
        }
        self.lock(SCHEMA_LOCK, LOCK_WAIT).await?;
        let applied = self.apply_locked(planned_from, statements, mode).await;
        let unlocked = self.unlock(SCHEMA_LOCK).await;
        let applied = applied?;
        unlocked?;
        Ok(applied)
    }

    async fn apply_locked(
        &mut self,
        planned_from: &PlannedFrom,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        let expected = planned_from.fingerprint;
        let is_same = expected.is_some() && self.fingerprint().await? == expected;
        if !is_same && !diff(&self.inspect().await?, &planned_from.catalog).is_empty() {
            return Err(DatabaseError::Changed);
        }
        self.apply(statements, mode).await
    }

    /// Takes the lock of this name, which the `atlas` CLI takes by the same name and mechanism.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`], or [`DatabaseError::BusyServer`], when somebody else holds it for longer than `wait`.
    pub async fn lock(&mut self, name: &str, wait: Duration) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(session) => session.lock(name, wait).await,
            Self::Postgres(session) => session.lock(name, wait).await,
            Self::Mysql(session) => session.lock(name, wait).await,
        }
    }

    /// Gives the lock of this name back.
    ///
    /// # Errors
    /// When the server cannot be told.
    pub async fn unlock(&mut self, name: &str) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(session) => session.unlock(name).await,
            Self::Postgres(session) => session.unlock(name).await,
            Self::Mysql(session) => session.unlock(name).await,
        }
    }

    /// The rows that a query gives, each value as text.
    ///
    /// # Errors
    /// What the server said.
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Vec<Vec<Option<String>>>, DatabaseError> {
        match self {
            Self::Sqlite(session) => session.query(sql, parameters).await,
            Self::Postgres(session) => session.query(sql, parameters).await,
            Self::Mysql(session) => session.query(sql, parameters).await,
        }
    }

    /// Runs one statement, in the transaction that is open if one is.
    ///
    /// # Errors
    /// What the server said.
    pub async fn execute(&mut self, sql: &str) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(session) => session.execute(sql).await,
            Self::Postgres(session) => session.execute(sql).await,
            Self::Mysql(session) => session.execute(sql).await,
        }
    }
}
