//! `PostgreSQL` 12 and newer: a session that inspects, tries out a wanted schema, applies and locks.
//!
//! One connection holds everything: the advisory locks are the session's, and so is the `search_path` that decides how names are spelled.

mod address;
mod apply;
mod enumerations;
mod fingerprint;
mod guard;
mod inspect;
mod requalify;
mod scratch;
mod sql;
mod wire;

use std::fmt;
use std::time::{Duration, Instant};

use tidegate_migrations::TransactionMode;
use tidegate_schemaplan::{Catalog, Engine, Statement};
use tidegate_sqlplan::Dialect;

pub use self::address::PostgresAddress;
use self::inspect::{Namespace, Owners};
use self::sql::{fnv1, literal, quoted, with_parameters};
use self::wire::Wire;
use crate::{Applied, DatabaseError, Fingerprint, Limits};

/// The time between two attempts at a lock that somebody else holds: doubled from the first to the last, as Atlas does.
const FIRST_POLL: Duration = Duration::from_millis(25);
const LAST_POLL: Duration = Duration::from_secs(1);

/// The oldest version that is inspected.
const OLDEST: u32 = 12;

/// A connection to a `PostgreSQL` server.
pub struct PostgresSession {
    wire: Wire,
    address: PostgresAddress,
    limits: Limits,
    version: (u32, u32),
    /// The schemas that extensions are in: their types and functions are found and spelled without qualifier.
    extension_schemas: Vec<String>,
}

impl PostgresSession {
    /// Connects, and sets what the whole session shares: how texts are written, how long things may take.
    ///
    /// # Errors
    /// [`DatabaseError::Connect`] with what the server or the network said, never with the password.
    pub async fn open(address: &PostgresAddress, limits: &Limits) -> Result<Self, DatabaseError> {
        let mut wire = Wire::connect(address).await?;
        let preparing = |refused: wire::Refused| refused.while_doing("prepare the session");
        wire.run(
            "SET client_min_messages = 'warning'; SET standard_conforming_strings = on; SET extra_float_digits = 1; \
             SET quote_all_identifiers = off; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'",
        )
        .await
        .map_err(preparing)?;
        let rows = wire
            .rows("SELECT current_setting('server_version_num')")
            .await
            .map_err(preparing)?;
        let number: u32 = rows.first().map(|row| row.number(0)).unwrap_or_default();
        let version = (number / 10_000, number % 10_000);
        if version.0 < OLDEST {
            return Err(DatabaseError::Server {
                doing: "work with this server".to_owned(),
                message: format!(
                    "PostgreSQL {OLDEST} or newer is needed, it is {}",
                    version.0
                ),
            });
        }
        let mut session = Self {
            wire,
            address: address.clone(),
            limits: limits.clone(),
            version,
            extension_schemas: Vec::new(),
        };
        session.find_extensions().await?;
        session.set_path().await?;
        Ok(session)
    }

    /// Which server it is.
    pub fn engine(&self) -> Engine {
        Engine {
            dialect: Dialect::Postgres,
            version: self.version,
        }
    }

    /// See [`crate::Session::fingerprint`]. It is that of the whole database, whatever the address names.
    ///
    /// # Errors
    /// What the server said; nothing is changed.
    pub async fn fingerprint(&mut self) -> Result<Option<Fingerprint>, DatabaseError> {
        self.limit(self.limits.inspect).await?;
        let found = fingerprint::fingerprint(&mut self.wire, self.version).await;
        let found = found.map_err(|refused| refused.while_doing("inspect the database"))?;
        self.unlimit().await?;
        Ok(found)
    }

    /// What the database, or the one schema of the address, holds.
    ///
    /// # Errors
    /// What the server said; nothing is changed.
    pub async fn inspect(&mut self) -> Result<Catalog, DatabaseError> {
        self.limit(self.limits.inspect).await?;
        self.find_extensions().await?;
        let namespaces = self.namespaces().await?;
        let bound = self.address.schema.is_some();
        if bound {
            self.set_path().await?;
        } else {
            self.own("SET search_path = ''").await?;
        }
        let catalog = inspect::inspect(
            &mut self.wire,
            &namespaces,
            bound,
            &Owners::Live,
            self.version,
            &self.limits,
        )
        .await;
        // The first error is the one that matters: those behind it are of the connection.
        let path = self.set_path().await;
        let catalog = catalog?;
        path?;
        self.unlimit().await?;
        Ok(catalog)
    }

    /// What there would be had only these statements run. They run in a transaction that is rolled back: in a schema made for it, or, for a whole
    /// database, in a database made for it. With `dev` they run there.
    ///
    /// # Errors
    /// [`DatabaseError::Outside`] and [`DatabaseError::Wanted`] name the statement, [`DatabaseError::NotGranted`] what to grant.
    pub async fn desired(
        &mut self,
        statements: &[String],
        dev: Option<&mut Self>,
    ) -> Result<Catalog, DatabaseError> {
        match dev {
            Some(dev) => {
                let desired =
                    scratch::in_dev(dev, self.address.schema.as_deref(), statements).await;
                let desired = desired?;
                dev.unlimit().await?;
                Ok(desired)
            }
            None => {
                let desired = scratch::on_this_server(self, statements).await;
                let desired = desired?;
                self.unlimit().await?;
                Ok(desired)
            }
        }
    }

    /// Runs the statements of a plan.
    ///
    /// # Errors
    /// [`DatabaseError::Apply`]: which statement, and whether those before it stay.
    pub async fn apply(
        &mut self,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        let begun = Instant::now();
        self.limit(self.limits.apply).await?;
        apply::apply(&mut self.wire, statements, mode).await?;
        Ok(Applied {
            statements: statements.len(),
            took: begun.elapsed(),
        })
    }

    /// Takes the session's advisory lock whose number is the FNV-1 hash of the name, as Atlas does.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] when somebody else holds it for longer than `wait`.
    pub async fn lock(&mut self, name: &str, wait: Duration) -> Result<(), DatabaseError> {
        let begun = Instant::now();
        let attempt = format!("SELECT pg_try_advisory_lock({})", fnv1(name));
        let mut pause = FIRST_POLL;
        loop {
            let rows = self
                .wire
                .rows(&attempt)
                .await
                .map_err(|refused| refused.while_doing("take the lock"))?;
            if rows.first().is_some_and(|row| row.is(0)) {
                return Ok(());
            }
            let Some(left) = wait.checked_sub(begun.elapsed()) else {
                return Err(DatabaseError::Busy { waited: wait });
            };
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(LAST_POLL);
        }
    }

    /// Gives the lock back. The server does so by itself when the session ends.
    ///
    /// # Errors
    /// What the server said.
    pub async fn unlock(&mut self, name: &str) -> Result<(), DatabaseError> {
        self.own(&format!("SELECT pg_advisory_unlock({})", fnv1(name)))
            .await
    }

    /// The rows of a query, each value as text. `$1` and so on are the parameters, as literals.
    ///
    /// # Errors
    /// What the server said.
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Vec<Vec<Option<String>>>, DatabaseError> {
        let rows = self
            .wire
            .rows(&with_parameters(sql, parameters))
            .await
            .map_err(|refused| refused.while_doing("ask the database"))?;
        Ok(rows
            .iter()
            .map(|row| (0..row.len()).map(|column| row.get(column)).collect())
            .collect())
    }

    /// Runs one statement, in the transaction that is open if one is.
    ///
    /// # Errors
    /// What the server said.
    pub async fn execute(&mut self, sql: &str) -> Result<(), DatabaseError> {
        self.wire
            .run(sql)
            .await
            .map_err(|refused| refused.while_doing("run a statement"))
    }

    /// The schemas in scope.
    async fn namespaces(&mut self) -> Result<Vec<Namespace>, DatabaseError> {
        let mut namespaces = inspect::namespaces(&mut self.wire).await?;
        if let Some(schema) = &self.address.schema {
            namespaces.retain(|namespace| namespace.name == *schema);
            for namespace in &mut namespaces {
                namespace.key.clear();
            }
            if namespaces.is_empty() {
                return Err(DatabaseError::Server {
                    doing: "inspect the database".to_owned(),
                    message: format!(
                        "there is no schema {schema:?}, which search_path names: create it, or leave search_path out"
                    ),
                });
            }
        }
        Ok(namespaces)
    }

    async fn find_extensions(&mut self) -> Result<(), DatabaseError> {
        let rows = self
            .wire
            .rows(
                "SELECT DISTINCT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace \
                 WHERE n.nspname <> 'pg_catalog' ORDER BY n.nspname",
            )
            .await
            .map_err(|refused| refused.while_doing("inspect the database"))?;
        self.extension_schemas = rows.iter().map(|row| row.text(0)).collect();
        Ok(())
    }

    /// The path of a session that is bound to a schema: that one, then those with extensions. Otherwise the server's own.
    async fn set_path(&mut self) -> Result<(), DatabaseError> {
        let sql = match &self.address.schema {
            None => "RESET search_path".to_owned(),
            Some(schema) => format!("SET search_path = {}", self.path(schema)),
        };
        self.own(&sql).await
    }

    fn path(&self, first: &str) -> String {
        let mut path = quoted(first);
        for schema in self
            .extension_schemas
            .iter()
            .filter(|schema| *schema != first)
        {
            path.push_str(", ");
            path.push_str(&quoted(schema));
        }
        path
    }

    async fn limit(&mut self, each: Duration) -> Result<(), DatabaseError> {
        let lock = self.limits.wait_for_lock.as_millis();
        let mut sql = format!("SET statement_timeout = {}", each.as_millis());
        if !self
            .address
            .settings
            .iter()
            .any(|(name, _)| name == "lock_timeout")
        {
            sql = format!("{sql}; SET lock_timeout = {lock}");
        }
        self.own(&sql).await
    }

    /// What others run in this session has the limits of its address.
    async fn unlimit(&mut self) -> Result<(), DatabaseError> {
        self.own("RESET statement_timeout; RESET lock_timeout")
            .await
    }

    async fn own(&mut self, sql: &str) -> Result<(), DatabaseError> {
        self.wire
            .run(sql)
            .await
            .map_err(|refused| refused.while_doing("prepare the session"))
    }

    /// A row of one text for a name that may be anything.
    async fn exists(&mut self, query: &str, name: &str) -> Result<bool, DatabaseError> {
        let rows = self
            .wire
            .rows(&query.replace("$1", &literal(name)))
            .await
            .map_err(|refused| refused.while_doing("inspect the database"))?;
        Ok(!rows.is_empty())
    }
}

impl fmt::Debug for PostgresSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSession")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
