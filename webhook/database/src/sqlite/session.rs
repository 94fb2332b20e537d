//! A session with a database of SQLite: inspected, tried out in memory, changed.
//!
//! The connection is opened by the first question that needs it, so that looking at a file that is not there makes none. What was asked for runs
//! on a blocking thread. The wanted text runs in `:memory:` behind the same guard as everything else ([`crate::guard`]), inside a transaction that is
//! rolled back.
//!
//! **Foreign keys** are off while a plan runs, because a table is rebuilt by dropping it, which would delete the rows that refer to it; SQLite
//! hears that only outside a transaction. Before a commit, rows that refer to nothing are looked for, and more of them than before are an error.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement as Prepared, params_from_iter};
use tidegate_migrations::TransactionMode;
use tidegate_schemaplan::{Catalog, Engine, Statement, diff};

use super::apart;
use super::inspect::{self, ReadError};
use super::lock::{self, FileLock, HostLock};
use super::{classify, dangling_rows, set_deadline, shown, with_connection, without_sql};
use crate::database::{canonical, on_a_thread};
use crate::fingerprint::{PlannedFrom, Things};
use crate::{Applied, DatabaseError, FileMode, Fingerprint, Inspected, Limits, SqliteAddress};

/// How often a lock that somebody else holds is looked at.
const LOOK_AT_LOCK: Duration = Duration::from_millis(50);

/// A database of SQLite.
#[derive(Debug)]
pub struct SqliteSession {
    place: Arc<Place>,
    /// The lock files that this session made.
    locks: Vec<(FileLock, HostLock)>,
}

#[derive(Debug)]
struct Place {
    /// None for memory.
    file: Option<(PathBuf, FileMode)>,
    limits: Limits,
    connection: Mutex<Option<Connection>>,
}

impl SqliteSession {
    /// Finds the place; nothing is opened or made.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`] when the file's folder is not there, or the file where it may not be made.
    pub async fn open(address: &SqliteAddress, limits: &Limits) -> Result<Self, DatabaseError> {
        Self::open_in(address, None, limits).await
    }

    /// As [`SqliteSession::open`], in no other folder than this.
    ///
    /// # Errors
    /// Also [`DatabaseError::OutsideFolder`].
    pub async fn open_in(
        address: &SqliteAddress,
        folder: Option<&Path>,
        limits: &Limits,
    ) -> Result<Self, DatabaseError> {
        let file = match address.clone() {
            SqliteAddress::Memory => None,
            SqliteAddress::File { path, mode } => {
                let folder = folder.map(Path::to_path_buf);
                let path = on_a_thread(move || canonical(&path, folder.as_deref())).await?;
                Some((path, mode))
            }
        };
        Ok(Self {
            place: Arc::new(Place {
                file,
                limits: limits.clone(),
                connection: Mutex::new(None),
            }),
            locks: Vec::new(),
        })
    }

    /// The SQLite inside this program.
    pub fn engine(&self) -> Engine {
        inspect::engine()
    }

    /// See [`crate::Session::fingerprint`].
    pub async fn fingerprint(&mut self) -> Result<Option<Fingerprint>, DatabaseError> {
        self.on_a_thread(|place| {
            if place.is_missing() {
                return Ok(None);
            }
            place.with(|connection| {
                set_deadline(connection, place.limits.inspect)?;
                let read = inspect::fingerprint(connection);
                read.map(Some).map_err(|error| unread(error, place))
            })
        })
        .await
    }

    /// See [`crate::Session::inspect`].
    pub async fn inspect(&mut self) -> Result<Inspected, DatabaseError> {
        self.on_a_thread(|place| {
            if place.is_missing() {
                return Ok(inspected((empty(), Things::default())));
            }
            place.with(|connection| {
                set_deadline(connection, place.limits.inspect)?;
                if !connection.is_autocommit() {
                    return read(connection, place).map(inspected);
                }
                // All questions are about the same moment.
                let moment = connection
                    .transaction()
                    .map_err(|source| super::inspecting(source, place.path(), &place.limits))?;
                read(&moment, place).map(inspected)
            })
        })
        .await
    }

    /// See [`crate::Session::desired`].
    pub async fn desired(
        &mut self,
        statements: &[String],
        dev: Option<&mut Self>,
    ) -> Result<Inspected, DatabaseError> {
        let statements = statements.to_vec();
        let scratch = match dev {
            Some(dev) => Arc::clone(&dev.place),
            None => Arc::new(Place {
                file: None,
                limits: self.place.limits.clone(),
                connection: Mutex::new(None),
            }),
        };
        on_a_thread(move || {
            scratch.with(|connection| {
                set_deadline(connection, scratch.limits.apply)?;
                if let Some(found) = read(connection, &scratch)?.0.first() {
                    return Err(DatabaseError::DevNotEmpty { found });
                }
                if let Some(whole) = try_out_apart(connection, &scratch, &statements) {
                    return Ok(inspected(whole));
                }
                try_out(connection, &scratch, &statements).map(inspected)
            })
        })
        .await
    }

    /// See [`crate::Session::apply`].
    pub async fn apply(
        &mut self,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        self.apply_if(None, statements, mode).await
    }

    /// See [`crate::Session::apply_to`]. The comparison and the first statements are one transaction, which keeps every other process out.
    pub async fn apply_to(
        &mut self,
        planned_from: &PlannedFrom,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        let planned_from = planned_from.clone();
        self.apply_if(Some(planned_from), statements, mode).await
    }

    async fn apply_if(
        &mut self,
        planned_from: Option<PlannedFrom>,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        let statements = statements.to_vec();
        self.on_a_thread(move |place| {
            let begun = Instant::now();
            place.with(|connection| {
                set_deadline(connection, place.limits.apply)?;
                run(connection, place, planned_from.as_ref(), &statements, mode)
            })?;
            Ok(Applied {
                statements: statements.len(),
                took: begun.elapsed(),
            })
        })
        .await
    }

    /// See [`crate::Session::lock`] and [`super::lock`].
    pub async fn lock(&mut self, name: &str, wait: Duration) -> Result<(), DatabaseError> {
        let path = lock::path(name, self.place.path());
        let begun = Instant::now();
        loop {
            let (file, host) = (path.clone(), lock::host_path(name));
            let taken = on_a_thread(move || {
                let Some(own) = FileLock::take(&file)? else {
                    return Ok(None);
                };
                Ok(HostLock::take(&host)?.map(|host| (own, host)))
            });
            if let Some(held) = taken.await? {
                self.locks.push(held);
                return Ok(());
            }
            if begun.elapsed() >= wait {
                return Err(DatabaseError::Busy { waited: wait });
            }
            tokio::time::sleep(LOOK_AT_LOCK.min(wait)).await;
        }
    }

    /// See [`crate::Session::unlock`].
    pub async fn unlock(&mut self, name: &str) -> Result<(), DatabaseError> {
        let path = lock::path(name, self.place.path());
        let given_back: Vec<(FileLock, HostLock)> = self
            .locks
            .extract_if(.., |(held, _)| held.is_at(&path))
            .collect();
        on_a_thread(move || {
            drop(given_back);
            Ok(())
        })
        .await
    }

    /// See [`crate::Session::query`].
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Vec<Vec<Option<String>>>, DatabaseError> {
        let sql = sql.to_owned();
        let parameters: Vec<String> = parameters.iter().map(|&text| text.to_owned()).collect();
        self.on_a_thread(move |place| {
            place.with(|connection| {
                set_deadline(connection, place.limits.apply)?;
                let rows = connection
                    .prepare(&sql)
                    .and_then(|mut prepared| rows(&mut prepared, &parameters));
                rows.map_err(|source| said(source, &place.limits, &sql))
            })
        })
        .await
    }

    /// See [`crate::Session::execute`].
    pub async fn execute(&mut self, sql: &str) -> Result<(), DatabaseError> {
        let sql = sql.to_owned();
        self.on_a_thread(move |place| {
            place.with(|connection| {
                set_deadline(connection, place.limits.apply)?;
                one(connection, &sql).map_err(|source| said(source, &place.limits, &sql))
            })
        })
        .await
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let place = Arc::clone(&self.place);
        on_a_thread(move || work(&place)).await
    }
}

impl Place {
    fn path(&self) -> &Path {
        match &self.file {
            Some((path, _)) => path,
            None => Path::new(":memory:"),
        }
    }

    /// Whether it is a file that the first statement will make.
    fn is_missing(&self) -> bool {
        matches!(&self.file, Some((path, FileMode::Create)) if !path.exists())
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let file = self
            .file
            .as_ref()
            .map(|(path, mode)| (path.as_path(), *mode));
        with_connection(&self.connection, file, &self.limits, work)
    }
}

fn empty() -> Catalog {
    let mut catalog = Catalog::empty(inspect::engine());
    catalog.schemas.entry(String::new()).or_default();
    catalog
}

fn inspected((catalog, things): (Catalog, Things)) -> Inspected {
    Inspected {
        catalog,
        fingerprint: Some(things.fingerprint()),
    }
}

fn read(connection: &Connection, place: &Place) -> Result<(Catalog, Things), DatabaseError> {
    inspect::catalog(connection, &place.limits).map_err(|error| unread(error, place))
}

fn unread(error: ReadError, place: &Place) -> DatabaseError {
    match error {
        ReadError::TooLarge { limit, what } => DatabaseError::TooLarge { limit, what },
        ReadError::NotUnderstood { message } => DatabaseError::Model { message },
        ReadError::Sqlite(source) => super::inspecting(source, place.path(), &place.limits),
    }
}

/// The same as [`try_out`], in parts; none where that cannot be, or where it fails.
fn try_out_apart(
    connection: &mut Connection,
    place: &Place,
    statements: &[String],
) -> Option<(Catalog, Things)> {
    let limits = &place.limits;
    let bytes: usize = statements.iter().map(String::len).sum();
    if bytes > limits.schema_bytes || statements.len() > limits.schema_objects {
        return None;
    }
    let (mut whole, mut all_things) = (empty(), Things::default());
    for part in apart::parts(statements)? {
        let (part, things) = try_out(connection, place, &part).ok()?;
        all_things.extend(things);
        for (name, schema) in part.schemas {
            let all = whole.schemas.entry(name).or_default();
            all.tables.extend(schema.tables);
        }
    }
    Some((whole, all_things))
}

/// Runs the statements, inspects, and takes everything back.
fn try_out(
    connection: &mut Connection,
    place: &Place,
    statements: &[String],
) -> Result<(Catalog, Things), DatabaseError> {
    let transaction = connection
        .transaction()
        .map_err(|source| transaction_error(source, &place.limits, "begin"))?;
    for (index, sql) in statements.iter().enumerate() {
        one(&transaction, sql).map_err(|source| {
            failed(source, &place.limits, |message| DatabaseError::Wanted {
                number: index + 1,
                message,
                sql: shown(sql),
            })
        })?;
    }
    read(&transaction, place)
    // Dropped, the transaction is rolled back.
}

/// Runs a plan; see the top of this file for foreign keys.
fn run(
    connection: &mut Connection,
    place: &Place,
    planned_from: Option<&PlannedFrom>,
    statements: &[Statement],
    mode: TransactionMode,
) -> Result<(), DatabaseError> {
    let limits = &place.limits;
    let enforced: bool = connection
        .pragma_query_value(None, "foreign_keys", |row| row.get(0))
        .map_err(|source| transaction_error(source, limits, "prepare"))?;
    let enforce = |on: bool| {
        connection
            .pragma_update(None, "foreign_keys", on)
            .map_err(|source| transaction_error(source, limits, "prepare"))
    };
    enforce(false)?;
    let outcome = run_all(connection, place, planned_from, statements, mode);
    enforce(enforced)?;
    outcome
}

fn run_all(
    connection: &Connection,
    place: &Place,
    mut planned_from: Option<&PlannedFrom>,
    statements: &[Statement],
    mode: TransactionMode,
) -> Result<(), DatabaseError> {
    let limits = &place.limits;
    let mut open: Option<(rusqlite::Transaction<'_>, super::Dangling)> = None;
    let mut kept = 0;
    for (index, statement) in statements.iter().enumerate() {
        let goes_on = statements.get(index + 1).is_some_and(|next| next.together);
        let is_own = mode == TransactionMode::None && !statement.together;
        let by_itself = statement.alone || is_own && !goes_on;
        if (by_itself || is_own)
            && let Some((transaction, before)) = open.take()
        {
            commit(transaction, &before, limits)?;
        }
        if by_itself {
            // A switch changes nothing that could be lost.
            if !is_switch(&statement.sql) {
                unchanged(connection, place, planned_from.take())?;
            }
            kept = index;
        } else if open.is_none() {
            let transaction = rusqlite::Transaction::new_unchecked(
                connection,
                rusqlite::TransactionBehavior::Immediate,
            )
            .map_err(|source| transaction_error(source, limits, "begin"))?;
            unchanged(&transaction, place, planned_from.take())?;
            let before = dangling_rows(&transaction)
                .map_err(|source| transaction_error(source, limits, "prepare"))?;
            open = Some((transaction, before));
            kept = index;
        }
        // Statements that only switch something leave nothing behind.
        let changed = statements
            .iter()
            .take(kept)
            .any(|statement| !is_switch(&statement.sql));
        one(connection, &statement.sql).map_err(|source| {
            let kept = match kept {
                1 if changed => "the statement before it stays".to_owned(),
                kept if changed => format!("the {kept} statements before it stay"),
                _ => "nothing was changed".to_owned(),
            };
            failed(source, limits, |message| DatabaseError::Apply {
                number: index + 1,
                total: statements.len(),
                message,
                kept: kept.clone(),
                sql: shown(&statement.sql),
            })
        })?;
    }
    match open {
        Some((transaction, before)) => commit(transaction, &before, limits),
        None => Ok(()),
    }
}

/// An error when the schema is not the one that was planned from.
fn unchanged(
    connection: &Connection,
    place: &Place,
    planned_from: Option<&PlannedFrom>,
) -> Result<(), DatabaseError> {
    let Some(PlannedFrom {
        catalog,
        fingerprint,
    }) = planned_from
    else {
        return Ok(());
    };
    let is_same = match fingerprint {
        None => false,
        Some(expected) => {
            let found = inspect::fingerprint(connection);
            found.map_err(|error| unread(error, place))? == *expected
        }
    };
    if is_same || diff(&read(connection, place)?.0, catalog).is_empty() {
        Ok(())
    } else {
        Err(DatabaseError::Changed)
    }
}

fn is_switch(sql: &str) -> bool {
    sql.get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case("pragma"))
}

fn commit(
    transaction: rusqlite::Transaction<'_>,
    before: &super::Dangling,
    limits: &Limits,
) -> Result<(), DatabaseError> {
    super::check_dangling(&transaction, before)
        .map_err(|source| transaction_error(source, limits, "prepare"))??;
    transaction
        .commit()
        .map_err(|source| transaction_error(source, limits, "commit"))
}

/// Runs exactly one statement, also one that gives rows, as some pragmas do.
fn one(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut batch = rusqlite::Batch::new(connection, sql);
    let Some(mut statement) = batch.next()? else {
        return Ok(());
    };
    // What follows must not be dropped silently; comments give no statement.
    if batch.next()?.is_some() {
        return Err(rusqlite::Error::MultipleStatement);
    }
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

fn rows(
    prepared: &mut Prepared<'_>,
    parameters: &[String],
) -> rusqlite::Result<Vec<Vec<Option<String>>>> {
    let columns = prepared.column_count();
    let mut found = Vec::new();
    let mut rows = prepared.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        let value = |index| {
            row.get_ref(index).map(|value| match value {
                ValueRef::Null => None,
                ValueRef::Integer(number) => Some(number.to_string()),
                ValueRef::Real(number) => Some(number.to_string()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    Some(String::from_utf8_lossy(bytes).into_owned())
                }
            })
        };
        found.push((0..columns).map(value).collect::<rusqlite::Result<_>>()?);
    }
    Ok(found)
}

fn said(source: rusqlite::Error, limits: &Limits, sql: &str) -> DatabaseError {
    failed(source, limits, |message| DatabaseError::Apply {
        number: 1,
        total: 1,
        message,
        kept: "nothing was changed".to_owned(),
        sql: shown(sql),
    })
}

fn failed(
    source: rusqlite::Error,
    limits: &Limits,
    otherwise: impl Fn(String) -> DatabaseError,
) -> DatabaseError {
    classify(source, limits, "applying", limits.apply, |source| {
        otherwise(without_sql(source).to_string())
    })
}

fn transaction_error(
    source: rusqlite::Error,
    limits: &Limits,
    doing: &'static str,
) -> DatabaseError {
    classify(source, limits, "applying", limits.apply, |source| {
        DatabaseError::Transaction { doing, source }
    })
}
