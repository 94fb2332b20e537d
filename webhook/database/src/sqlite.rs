//! SQLite, blocking: what the threads behind [`crate::SqliteSession`] share: how a file is opened, how long work may take, what errors mean.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::guard;
use crate::{DatabaseError, FileMode, Limits};

mod apart;
mod inspect;
mod lock;
mod session;

pub use session::SqliteSession;

/// How many steps of SQLite's virtual machine pass between two looks at the clock: some tens of microseconds.
const STEPS_BETWEEN_CLOCK_LOOKS: i32 = 10_000;

/// How many characters of a statement an error shows.
const SHOWN_STATEMENT_CHARS: usize = 500;

/// Works with the connection in the slot; opens one first where there is none. Without a file it is memory.
pub(crate) fn with_connection<T>(
    slot: &Mutex<Option<Connection>>,
    file: Option<(&Path, FileMode)>,
    limits: &Limits,
    work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    // A poisoned slot holds a connection whose transaction was rolled back when the panic dropped it.
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(connection) = slot.as_mut() {
        return work(connection);
    }
    let opened = match file {
        None => open(None, FileMode::Create, limits),
        Some((path, mode)) => open(Some(path), mode, limits),
    }?;
    work(slot.insert(opened))
}

/// Opens a file (made here where `mode` says so) or, without a path, memory; and shuts every way out of it.
pub(crate) fn open(
    path: Option<&Path>,
    mode: FileMode,
    limits: &Limits,
) -> Result<Connection, DatabaseError> {
    let shown = path.unwrap_or_else(|| Path::new(":memory:"));
    let failed = |source| classify_open(source, shown);
    let mut connection = match path {
        None => Connection::open_in_memory(),
        // No URI flag: a path is a path. No symbolic links: the path was made canonical before it was checked.
        Some(path) => {
            Connection::open_with_flags(path, flags(mode) | OpenFlags::SQLITE_OPEN_NOFOLLOW)
        }
    }
    .map_err(failed)?;
    connection
        .busy_timeout(limits.wait_for_lock)
        .map_err(failed)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(failed)?;
    guard::harden(&mut connection).map_err(failed)?;
    Ok(connection)
}

fn inspecting(source: rusqlite::Error, path: &Path, limits: &Limits) -> DatabaseError {
    classify(
        source,
        limits,
        "inspecting",
        limits.inspect,
        |source| match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                DatabaseError::NotADatabase {
                    path: path.to_path_buf(),
                }
            }
            _ => DatabaseError::Inspect { source },
        },
    )
}

/// How many rows refer to nothing, by table and the table referred to.
type Dangling = BTreeMap<(String, String), usize>;

/// An error inside where there are more such rows than before.
fn check_dangling(
    connection: &Connection,
    before: &Dangling,
) -> rusqlite::Result<Result<(), DatabaseError>> {
    for ((table, parent), count) in dangling_rows(connection)? {
        let before = before
            .get(&(table.clone(), parent.clone()))
            .copied()
            .unwrap_or_default();
        if count > before {
            return Ok(Err(DatabaseError::DanglingForeignKey {
                table,
                parent,
                count: count - before,
            }));
        }
    }
    Ok(Ok(()))
}

fn dangling_rows(connection: &Connection) -> rusqlite::Result<Dangling> {
    match dangling_rows_of(connection, "PRAGMA main.foreign_key_check") {
        // A key that refers to columns which are not unique. It is a table's own mistake, and no reason to look at no other.
        Err(error) if is_mismatch(&error) => {
            let mut found = BTreeMap::new();
            let mut tables =
                connection.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'")?;
            let names = tables.query_map([], |row| row.get::<_, String>(0))?;
            for name in names {
                let name = name?.replace('"', "\"\"");
                let check = format!("PRAGMA main.foreign_key_check(\"{name}\")");
                match dangling_rows_of(connection, &check) {
                    Err(error) if is_mismatch(&error) => {}
                    rows => found.extend(rows?),
                }
            }
            Ok(found)
        }
        rows => rows,
    }
}

fn is_mismatch(error: &rusqlite::Error) -> bool {
    error.to_string().contains("foreign key mismatch")
}

fn dangling_rows_of(connection: &Connection, pragma: &str) -> rusqlite::Result<Dangling> {
    let mut found = BTreeMap::new();
    let mut check = connection.prepare(pragma)?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        *found
            .entry((row.get("table")?, row.get("parent")?))
            .or_default() += 1;
    }
    Ok(found)
}

fn set_deadline(connection: &mut Connection, limit: Duration) -> Result<(), DatabaseError> {
    let begun = Instant::now();
    connection
        .progress_handler(
            STEPS_BETWEEN_CLOCK_LOOKS,
            Some(move || begun.elapsed() > limit),
        )
        .map_err(|source| DatabaseError::Transaction {
            doing: "prepare",
            source,
        })
}

fn flags(mode: FileMode) -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX
        | match mode {
            FileMode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            FileMode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
            FileMode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        }
}

fn classify_open(source: rusqlite::Error, path: &Path) -> DatabaseError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => DatabaseError::NotADatabase {
            path: path.to_path_buf(),
        },
        _ => DatabaseError::Open {
            path: path.to_path_buf(),
            source,
        },
    }
}

/// Sorts out what can happen at any statement; the rest is what was being done.
fn classify(
    source: rusqlite::Error,
    limits: &Limits,
    doing: &'static str,
    limit: Duration,
    otherwise: impl Fn(rusqlite::Error) -> DatabaseError,
) -> DatabaseError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DatabaseError::Busy {
            waited: limits.wait_for_lock,
        },
        Some(ErrorCode::ReadOnly) => DatabaseError::ReadOnly,
        Some(ErrorCode::DiskFull) => DatabaseError::Full,
        Some(ErrorCode::OperationInterrupted) => DatabaseError::TimedOut { doing, limit },
        _ => otherwise(source),
    }
}

/// The driver repeats the statement in its syntax errors; the variant has it already.
fn without_sql(error: rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            rusqlite::Error::SqliteFailure(error, Some(msg))
        }
        other => other,
    }
}

fn shown(sql: &str) -> String {
    match sql.char_indices().nth(SHOWN_STATEMENT_CHARS) {
        None => sql.to_owned(),
        Some((end, _)) => format!("{}...", sql.get(..end).unwrap_or_default()),
    }
}
