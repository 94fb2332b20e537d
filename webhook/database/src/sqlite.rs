//! SQLite, blocking: what the threads behind [`crate::Locked`] run.
//!
//! SQLite keeps the text of every `CREATE` statement in `sqlite_master`, brought up to date by `ALTER TABLE`. That text is what is
//! inspected: it says more than the pragmas do (checks, generated columns, collations, `STRICT`), and comparing it byte for byte is an
//! exact test of whether a schema changed since it was planned against.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::{Deserialize, Serialize};
use tidegate_sqlplan::{Dialect, Schema, parse_schema};

use crate::guard::{self, Freedom};
use crate::{DatabaseError, FileMode, Limits};

mod inspect;
mod lock;
mod session;

pub use session::SqliteSession;

/// How many steps of SQLite's virtual machine pass between two looks at the clock: some tens of microseconds.
const STEPS_BETWEEN_CLOCK_LOOKS: i32 = 10_000;

/// How many characters of a statement an error shows.
const SHOWN_STATEMENT_CHARS: usize = 500;

/// What is in a database: the texts that it keeps of its own schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Tables first, then indexes, each in the order of creation. What SQLite made for itself is left out.
    pub texts: Vec<SchemaText>,
    /// Names of views, triggers, virtual tables and the tables behind those: they are left alone and are no part of a comparison.
    pub unmanaged: Vec<String>,
}

/// One `CREATE` statement as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaText {
    /// The name of the table or index.
    pub name: String,
    /// The statement.
    pub sql: String,
}

impl Inspection {
    /// All texts as one script.
    pub fn script(&self) -> String {
        self.texts
            .iter()
            .fold(String::new(), |script, text| script + &text.sql + ";\n")
    }

    /// The texts as a schema that can be compared. What is unmanaged has no part in it.
    ///
    /// # Errors
    /// [`DatabaseError::Model`] when a text is beyond the limits of `sqlplan`, or not understood by it.
    pub fn schema(&self) -> Result<Schema, DatabaseError> {
        parse_schema(&self.script(), Dialect::Sqlite).map_err(|problems| DatabaseError::Model {
            message: problems
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
        })
    }

    /// Whether nothing at all is there.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.unmanaged.is_empty()
    }
}

/// Works with the connection in the slot; opens one first where there is none. Without a file it is memory.
pub(crate) fn with_connection<T>(
    slot: &Mutex<Option<Connection>>,
    file: Option<(&Path, FileMode)>,
    freedom: Freedom,
    limits: &Limits,
    work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    // A poisoned slot holds a connection whose transaction was rolled back when the panic dropped it.
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(connection) = slot.as_mut() {
        return work(connection);
    }
    let opened = match file {
        None => open(None, FileMode::Create, freedom, limits),
        Some((path, mode)) => open(Some(path), mode, freedom, limits),
    }?;
    work(slot.insert(opened))
}

/// Opens a file (made here where `mode` says so) or, without a path, memory; and shuts every way out of it.
pub(crate) fn open(
    path: Option<&Path>,
    mode: FileMode,
    freedom: Freedom,
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
    guard::harden(&mut connection, freedom).map_err(failed)?;
    Ok(connection)
}

/// Reads the schema's texts.
pub(crate) fn inspect(
    connection: &mut Connection,
    path: &Path,
    limits: &Limits,
) -> Result<Inspection, DatabaseError> {
    set_deadline(connection, limits.inspect)?;
    read_texts(connection, limits).map_err(|error| match error {
        ReadError::TooLarge { limit, what } => DatabaseError::TooLarge { limit, what },
        ReadError::Sqlite(source) => inspecting(source, path, limits),
    })
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

/// Runs the statements in one transaction, if the schema still is `expected`. Returns how long that took.
pub(crate) fn apply(
    connection: &mut Connection,
    path: &Path,
    expected: &Inspection,
    statements: &[String],
    limits: &Limits,
) -> Result<Duration, DatabaseError> {
    let begun = Instant::now();
    set_deadline(connection, limits.apply)?;
    let sort = |source, otherwise: &dyn Fn(rusqlite::Error) -> DatabaseError| {
        classify(source, limits, "applying", limits.apply, otherwise)
    };
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                DatabaseError::NotADatabase {
                    path: path.to_path_buf(),
                }
            }
            _ => sort(source, &|source| DatabaseError::Transaction {
                doing: "begin",
                source,
            }),
        })?;
    let current = read_texts(&transaction, limits).map_err(|error| match error {
        ReadError::TooLarge { limit, what } => DatabaseError::TooLarge { limit, what },
        ReadError::Sqlite(source) => sort(source, &|source| DatabaseError::Inspect { source }),
    })?;
    if &current != expected {
        return Err(DatabaseError::Changed);
    }
    let preparing = |source| {
        sort(source, &|source| DatabaseError::Transaction {
            doing: "prepare",
            source,
        })
    };
    let dangling_before = dangling_rows(&transaction).map_err(preparing)?;
    for (index, sql) in statements.iter().enumerate() {
        // `execute` refuses a text that holds a second statement.
        transaction.execute(sql, []).map_err(|source| {
            sort(source, &|source| DatabaseError::Statement {
                number: index + 1,
                total: statements.len(),
                sql: shown(sql),
                source: without_sql(source),
            })
        })?;
    }
    check_dangling(&transaction, &dangling_before).map_err(preparing)??;
    transaction.commit().map_err(|source| {
        sort(source, &|source| DatabaseError::Transaction {
            doing: "commit",
            source,
        })
    })?;
    Ok(begun.elapsed())
}

enum ReadError {
    Sqlite(rusqlite::Error),
    TooLarge { limit: usize, what: &'static str },
}

impl From<rusqlite::Error> for ReadError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

fn read_texts(connection: &Connection, limits: &Limits) -> Result<Inspection, ReadError> {
    let mut inspection = Inspection::default();
    let mut unmanaged_tables = Vec::new();
    let mut listing = connection.prepare("PRAGMA main.table_list")?;
    let mut rows = listing.query([])?;
    while let Some(row) = rows.next()? {
        let (schema, name, kind): (String, String, String) =
            (row.get("schema")?, row.get("name")?, row.get("type")?);
        if schema == "main" && matches!(kind.as_str(), "shadow" | "virtual") {
            unmanaged_tables.push(name);
        }
    }
    let mut reading = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY type <> 'table', rowid",
    )?;
    let mut bytes = 0;
    let mut rows = reading.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name, table): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Some(sql) = row.get::<_, Option<String>>(3)? else {
            continue;
        };
        bytes += sql.len();
        if bytes > limits.schema_bytes {
            return Err(ReadError::TooLarge {
                limit: limits.schema_bytes,
                what: "bytes of schema text",
            });
        }
        if matches!(kind.as_str(), "table" | "index") && !unmanaged_tables.contains(&table) {
            inspection.texts.push(SchemaText { name, sql });
        } else {
            inspection.unmanaged.push(name);
        }
        if inspection.texts.len() + inspection.unmanaged.len() > limits.schema_objects {
            return Err(ReadError::TooLarge {
                limit: limits.schema_objects,
                what: "tables, indexes, views and triggers",
            });
        }
    }
    Ok(inspection)
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
