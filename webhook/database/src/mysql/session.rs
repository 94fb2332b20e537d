//! A session with a MariaDB or MySQL server.
//!
//! Questions go over the session's own connection; a wanted text runs on another ([`scratch`]), as it may change its session's settings.

use std::fmt;
use std::time::{Duration, Instant};

use tidegate_migrations::TransactionMode;
use tidegate_schemaplan::{Catalog, Engine, Statement};

use super::connect::{connect, sql_mode, words};
use super::inspect::{Scope, fingerprint, inspect};
use super::outside::Surroundings;
use super::own_name::without_own_name;
use super::sql::{literal, quote, shown, with_parameters, without_qualifier};
use super::wire::{Refused, Wire};
use super::{MysqlAddress, scratch};
use crate::lost::IN_DOUBT;
use crate::{Applied, DatabaseError, Fingerprint, Inspected, Limits};

/// What keeps two wanted schemas from being tried out in one development database at once.
const DEV_LOCK: &str = "tidegate_dev";

/// A connection to a server.
pub struct MysqlSession {
    wire: Wire,
    address: MysqlAddress,
    engine: Engine,
    scope: Scope,
    limits: Limits,
}

impl fmt::Debug for MysqlSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlSession")
            .field("address", &self.address)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl MysqlSession {
    /// Connects.
    ///
    /// # Errors
    /// [`DatabaseError::Connect`] when the server does not answer or does not let us in.
    pub async fn open(address: &MysqlAddress, limits: &Limits) -> Result<Self, DatabaseError> {
        let (wire, engine) = connect(address, address.database(), limits).await?;
        let scope = address
            .database()
            .map_or(Scope::Server, |name| Scope::One(name.to_owned()));
        Ok(Self {
            wire,
            address: address.clone(),
            engine,
            scope,
            limits: limits.clone(),
        })
    }

    /// The server's dialect and version.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// See [`crate::Session::fingerprint`].
    pub async fn fingerprint(&mut self) -> Result<Option<Fingerprint>, DatabaseError> {
        let limit = self.limits.inspect;
        let asking = fingerprint(&mut self.wire, self.engine, &self.scope, &self.limits);
        let asked = tokio::time::timeout(limit, asking).await;
        asked.unwrap_or(Err(DatabaseError::TimedOut {
            doing: "inspecting",
            limit,
        }))
    }

    /// See [`crate::Session::look`].
    pub async fn inspect(&mut self) -> Result<Inspected, DatabaseError> {
        let scope = self.scope.clone();
        self.inspect_scope(&scope).await
    }

    /// See [`crate::Session::desired`]. Where the address names no database only a development server will do, as the text names its databases.
    pub async fn desired(
        &mut self,
        statements: &[String],
        dev: Option<&mut Self>,
    ) -> Result<Catalog, DatabaseError> {
        let limit = self.limits.apply;
        let collation = self.collation().await?;
        let statements: Vec<String> = match &self.scope {
            // A dump names the database that it was made of where a default draws from a sequence.
            Scope::One(name) => statements
                .iter()
                .map(|sql| without_own_name(&without_qualifier(sql, name), name).into_owned())
                .collect(),
            Scope::Server => statements.to_vec(),
        };
        let statements = statements.as_slice();
        let work = async {
            match dev {
                Some(dev) => dev.desired_in_dev(self.engine, statements, collation).await,
                None => self.desired_in_scratch(statements, collation).await,
            }
        };
        tokio::time::timeout(limit, work)
            .await
            .unwrap_or(Err(DatabaseError::TimedOut {
                doing: "trying out the wanted schema",
                limit,
            }))
    }

    /// See [`crate::Session::apply`]. A change of the schema commits by itself on these servers, and everything before it; only rows that were
    /// written after the last such change are rolled back when a statement fails.
    pub async fn apply(
        &mut self,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        let begun = Instant::now();
        let deadline = tokio::time::Instant::now() + self.limits.apply;
        let transaction = mode != TransactionMode::None;
        if transaction {
            self.execute("START TRANSACTION").await?;
        }
        let mut keeps_zeros = false;
        for (index, statement) in statements.iter().enumerate() {
            let changes_table = statement.sql.starts_with("ALTER TABLE ");
            let run = async {
                if keeps_zeros != changes_table {
                    self.wire.run(&sql_mode(changes_table)).await?;
                    keeps_zeros = changes_table;
                }
                self.wire.run(&statement.sql).await
            };
            let ran = tokio::time::timeout_at(deadline, run).await;
            let refused = match ran {
                Ok(Ok(())) => continue,
                Ok(Err(refused)) if refused.number.is_some() => refused,
                Ok(Err(lost)) => Refused {
                    message: format!("{}; {IN_DOUBT}", lost.message),
                    ..lost
                },
                Err(_) => Refused {
                    number: None,
                    message: format!(
                        "it took longer than the {:?} that all may take; the server may still be at it",
                        self.limits.apply
                    ),
                },
            };
            if refused.number.is_some() {
                // Best effort: a connection that is given up takes both with it.
                let _ = self.wire.run("ROLLBACK").await;
                let _ = self.wire.run(&sql_mode(false)).await;
            }
            return Err(failed(&refused, index, statements.len(), &statement.sql));
        }
        if transaction {
            self.execute("COMMIT").await?;
        }
        if keeps_zeros {
            self.execute(&sql_mode(false)).await?;
        }
        Ok(Applied {
            statements: statements.len(),
            took: begun.elapsed(),
        })
    }

    /// See [`crate::Session::lock`]: `GET_LOCK`, as Atlas does it.
    pub async fn lock(&mut self, name: &str, wait: Duration) -> Result<(), DatabaseError> {
        let seconds = wait.as_secs_f64();
        let rows = self
            .wire
            .rows(&format!("SELECT GET_LOCK({}, {seconds})", literal(name)))
            .await
            .map_err(|refused| refused.while_doing("take the lock"))?;
        match rows.first().and_then(|row| row.str(0)) {
            Some("1") => Ok(()),
            Some(_) => Err(DatabaseError::BusyServer {
                lock: name.to_owned(),
                holder: self.holder(name).await,
                waited: wait,
            }),
            None => Err(DatabaseError::Server {
                doing: "take the lock".to_owned(),
                message: "the server ended the wait".to_owned(),
            }),
        }
    }

    /// The number of the connection that holds a lock. It is only said, so that nothing is wrong where it is not known.
    async fn holder(&mut self, name: &str) -> Option<String> {
        let asked = format!("SELECT IS_USED_LOCK({})", literal(name));
        let rows = self.wire.rows(&asked).await.ok()?;
        rows.first()?.get(0)
    }

    /// See [`crate::Session::unlock`].
    pub async fn unlock(&mut self, name: &str) -> Result<(), DatabaseError> {
        scratch::unlock(&mut self.wire, name, "give the lock back").await
    }

    /// See [`crate::Session::query`]. Each `?` outside of quotes is a parameter.
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Vec<Vec<Option<String>>>, DatabaseError> {
        let rows = self
            .wire
            .rows(&with_parameters(sql, parameters))
            .await
            .map_err(|refused| refused.while_doing("ask the server"))?;
        let texts = rows
            .iter()
            .map(|row| (0..row.len()).map(|column| row.get(column)).collect());
        Ok(texts.collect())
    }

    /// See [`crate::Session::execute`].
    pub async fn execute(&mut self, sql: &str) -> Result<(), DatabaseError> {
        self.wire
            .run(sql)
            .await
            .map_err(|refused| DatabaseError::Server {
                doing: format!("run {}", shown(sql)),
                message: refused.message,
            })
    }

    async fn inspect_scope(&mut self, scope: &Scope) -> Result<Inspected, DatabaseError> {
        let limit = self.limits.inspect;
        tokio::time::timeout(
            limit,
            inspect(&mut self.wire, self.engine, scope, &self.limits),
        )
        .await
        .unwrap_or(Err(DatabaseError::TimedOut {
            doing: "inspecting",
            limit,
        }))
    }

    /// The collation of tables that name none, in the one database of the scope.
    async fn collation(&mut self) -> Result<Option<String>, DatabaseError> {
        let Scope::One(name) = &self.scope else {
            return Ok(None);
        };
        let sql = format!(
            "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
            literal(name)
        );
        let rows = self.wire.rows(&sql).await;
        let rows = rows.map_err(|refused| refused.while_doing("read the schema"))?;
        Ok(rows.first().and_then(|row| row.get(0)))
    }

    async fn databases(&mut self) -> Result<Vec<String>, DatabaseError> {
        let rows = self
            .wire
            .rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
            .await
            .map_err(|refused| refused.while_doing("read the schema"))?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    }

    async fn desired_in_scratch(
        &mut self,
        statements: &[String],
        collation: Option<String>,
    ) -> Result<Catalog, DatabaseError> {
        if self.scope == Scope::Server {
            return Err(DatabaseError::Server {
                doing: "try out the wanted schema".to_owned(),
                message: "the url names no database, so the text makes its own and cannot run beside those that are there; \
                          name a database in the url, or an empty development server"
                    .to_owned(),
            });
        }
        let databases = self.databases().await?;
        scratch::check(
            statements,
            &Surroundings {
                dialect: self.engine.dialect,
                databases: &databases,
                whole_server: false,
            },
        )?;
        scratch::sweep(&mut self.wire).await?;
        let name = scratch::new_name();
        let (mut wire, _) = connect(&self.address, None, &self.limits).await?;
        scratch::make(&mut wire, &name, collation.as_deref()).await?;
        let found = match scratch::run(&mut wire, statements).await {
            Ok(()) => {
                let inspected = self.inspect_scope(&Scope::One(name.clone())).await;
                inspected.map(|inspected| inspected.catalog)
            }
            Err(DatabaseError::Wanted {
                number,
                message,
                sql,
            }) => Err(DatabaseError::Wanted {
                number,
                // It is nobody's business what the scratch database is called.
                message: message.replace(&format!("{}.", quote(&name)), ""),
                sql,
            }),
            Err(error) => Err(error),
        };
        let dropped = scratch::drop_database(&mut wire, &name).await;
        wire.close().await;
        let found = found?;
        dropped?;
        Ok(found)
    }

    /// Here is a development database, or server: it must be empty, and is afterwards.
    async fn desired_in_dev(
        &mut self,
        target: Engine,
        statements: &[String],
        collation: Option<String>,
    ) -> Result<Catalog, DatabaseError> {
        if self.engine != target {
            return Err(DatabaseError::Server {
                doing: "try out the wanted schema".to_owned(),
                message: format!(
                    "the development database is {}, the database {}; they spell schemas differently",
                    words(self.engine),
                    words(target)
                ),
            });
        }
        let databases = self.databases().await?;
        scratch::check(
            statements,
            &Surroundings {
                dialect: self.engine.dialect,
                databases: &databases,
                whole_server: self.scope == Scope::Server,
            },
        )?;
        self.lock(DEV_LOCK, self.limits.wait_for_lock).await?;
        let found = self.desired_in_locked_dev(statements, collation).await;
        let unlocked = self.unlock(DEV_LOCK).await;
        let found = found?;
        unlocked?;
        Ok(found)
    }

    async fn desired_in_locked_dev(
        &mut self,
        statements: &[String],
        collation: Option<String>,
    ) -> Result<Catalog, DatabaseError> {
        let before = self.inspect().await?.catalog;
        let occupied = match self.scope {
            Scope::One(_) => before.first(),
            Scope::Server => before
                .schemas
                .keys()
                .next()
                .map(|name| format!("database {name}")),
        };
        if let Some(found) = occupied {
            return Err(DatabaseError::DevNotEmpty { found });
        }
        let own = self.collation().await?;
        let (mut wire, _) = connect(&self.address, self.address.database(), &self.limits).await?;
        let doing = "prepare the development database";
        if let Some(collation) = collation.filter(|collation| Some(collation) != own.as_ref()) {
            wire.run(&format!("ALTER DATABASE COLLATE {collation}"))
                .await
                .map_err(|refused| refused.while_doing(doing))?;
        }
        let ran = scratch::run(&mut wire, statements).await;
        // What ran half-way has to go as well.
        let found = self.inspect().await?.catalog;
        for sql in scratch::emptying(&found, &self.scope) {
            wire.run(&sql)
                .await
                .map_err(|refused| refused.while_doing("empty the development database"))?;
        }
        if let Some(own) = own {
            let name = self.address.database().map(quote).unwrap_or_default();
            wire.run(&format!("ALTER DATABASE {name} COLLATE {own}"))
                .await
                .map_err(|refused| refused.while_doing(doing))?;
        }
        wire.close().await;
        ran?;
        Ok(found)
    }
}

fn failed(refused: &Refused, index: usize, total: usize, sql: &str) -> DatabaseError {
    let kept = match index {
        0 => "no statement before it".to_owned(),
        1 => "the statement before it stays, as this server commits each change of the schema by itself".to_owned(),
        count => format!(
            "the {count} statements before it stay, as this server commits each change of the schema by itself"
        ),
    };
    let message = if refused.is_held() {
        // The server's words end with what to do in a transaction, of which there is none.
        let (message, _) = refused
            .message
            .split_once(';')
            .unwrap_or((&refused.message, ""));
        format!("{message}: somebody else holds a lock on it; try again")
    } else {
        refused.message.clone()
    };
    DatabaseError::Apply {
        number: index + 1,
        total,
        message,
        kept,
        sql: shown(sql),
    }
}
