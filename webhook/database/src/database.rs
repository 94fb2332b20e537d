//! Which databases this process may touch, by which name each is known, and how long and how large things may be.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sqlite::SqliteSession;
use crate::{Address, DatabaseError, Session, SqliteAddress};

/// How long and how large things may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For another process, or another object in this one, to let go of the database.
    pub wait_for_lock: Duration,
    /// Reading a schema.
    pub inspect: Duration,
    /// All statements of one plan. A large table's index takes its time.
    pub apply: Duration,
    /// Text of one schema, in bytes.
    pub schema_bytes: usize,
    /// Tables, indexes, views and triggers of one schema.
    pub schema_objects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wait_for_lock: Duration::from_secs(5),
            inspect: Duration::from_secs(30),
            apply: Duration::from_mins(10),
            schema_bytes: 16 << 20,
            schema_objects: 20_000,
        }
    }
}

/// What an operator decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The folder that every SQLite file must be in, after symbolic links; relative paths start here. None: anywhere, and relative
    /// paths start at the working directory, as with Atlas.
    pub sqlite_folder: Option<PathBuf>,
    /// Time and size.
    pub limits: Limits,
}

/// The databases that this process may touch.
#[derive(Debug, Clone, Default)]
pub struct Databases {
    settings: Settings,
}

/// What tells a database from others, and what of it an address is about. It holds no user and no password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// `sqlite:` and the canonical path, or the server's host and port; with `PostgreSQL` the database as well, as its schemas are in one.
    pub server: String,
    /// The one schema (`PostgreSQL`), or database (MySQL, MariaDB), that the address is about; none for all.
    pub schema: Option<String>,
}

/// What a successful change was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// How many statements ran.
    pub statements: usize,
    /// How long they took, from asking for the lock to the commit.
    pub took: Duration,
}

impl Databases {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The place of an address, however the address was written. None for memory, which is nobody else's. Nothing is connected to.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`] when the folder of a file does not exist or cannot be looked into, [`DatabaseError::OutsideFolder`] when
    /// the settings do not allow it.
    pub async fn place(&self, address: &Address) -> Result<Option<Place>, DatabaseError> {
        let (server, schema) = match address {
            Address::Sqlite(SqliteAddress::Memory) => return Ok(None),
            Address::Sqlite(SqliteAddress::File { path, .. }) => {
                let (path, folder) = (path.clone(), self.settings.sqlite_folder.clone());
                let path = on_a_thread(move || canonical(&path, folder.as_deref())).await?;
                (format!("sqlite:{}", path.display()), None)
            }
            Address::Postgres(address) => (address.server(), address.schema().map(str::to_owned)),
            Address::Mysql(address) => (address.server(), address.database().map(str::to_owned)),
        };
        Ok(Some(Place { server, schema }))
    }

    /// Reaches the database of an address.
    ///
    /// # Errors
    /// As [`Databases::place`], and what keeps it from being reached; never with a secret.
    pub async fn open(&self, address: &Address) -> Result<Session, DatabaseError> {
        let Settings {
            sqlite_folder,
            limits,
        } = &self.settings;
        match address {
            Address::Sqlite(address) => {
                let session = SqliteSession::open_in(address, sqlite_folder.as_deref(), limits);
                Ok(Session::Sqlite(session.await?))
            }
            other => Session::open(other, limits).await,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.server)?;
        match &self.schema {
            Some(schema) => write!(formatter, " ({schema})"),
            None => Ok(()),
        }
    }
}

/// The path without symbolic links, inside `folder` where one is given.
pub(crate) fn canonical(path: &Path, folder: Option<&Path>) -> Result<PathBuf, DatabaseError> {
    let unreachable = |source| DatabaseError::Unreachable {
        path: path.to_path_buf(),
        source,
    };
    let not_a_file = || unreachable(std::io::Error::from(std::io::ErrorKind::IsADirectory));
    let start = match folder {
        Some(folder) => folder.canonicalize().map_err(unreachable)?,
        None => std::env::current_dir().map_err(unreachable)?,
    };
    let whole = start.join(path);
    let canonical = match whole.canonicalize() {
        Ok(existing) if existing.is_dir() => return Err(not_a_file()),
        Ok(existing) => existing,
        // The file is still to be made: its folder must be there. A symbolic link to nowhere is not followed later (NOFOLLOW).
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let name = whole.file_name().ok_or_else(not_a_file)?;
            let parent = whole.parent().ok_or_else(not_a_file)?;
            parent.canonicalize().map_err(unreachable)?.join(name)
        }
        Err(source) => return Err(unreachable(source)),
    };
    if folder.is_some() && !canonical.starts_with(&start) {
        return Err(DatabaseError::OutsideFolder {
            path: path.to_path_buf(),
        });
    }
    Ok(canonical)
}

pub(crate) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| DatabaseError::Thread)?
}
