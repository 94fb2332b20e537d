//! The asynchronous front: places, turns, and work handed to blocking threads.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::OwnedMutexGuard;

use crate::guard::Freedom;
use crate::locks::Locks;
use crate::{Address, AddressError, DatabaseError, FileMode, Inspection, SqliteAddress, sqlite};

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

/// All databases that this process may touch. Cloning shares the turns.
#[derive(Debug, Clone, Default)]
pub struct Databases {
    settings: Settings,
    locks: Locks,
}

/// A place where a database is, or will be. Nothing is open yet.
#[derive(Debug, Clone)]
pub struct Database {
    place: Place,
    limits: Limits,
    locks: Locks,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A path without symbolic links; the file itself may not exist yet.
    File {
        path: PathBuf,
        mode: FileMode,
    },
    Memory,
}

/// The turn at a database. Dropping it lets the next one in, after work that is still running has ended.
pub struct Locked {
    held: Arc<Held>,
}

struct Held {
    place: Place,
    limits: Limits,
    /// Opened by the first operation that needs it.
    connection: Mutex<Option<Connection>>,
    /// Kept with the connection, so that a caller who went away does not let a second holder in while a thread still works.
    _turn: Option<OwnedMutexGuard<()>>,
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
    /// With these settings and no turns taken.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            locks: Locks::default(),
        }
    }

    /// Finds the place of an address. No file is made.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`] when the file's folder does not exist or cannot be looked into,
    /// [`DatabaseError::OutsideFolder`] when the settings do not allow it.
    pub async fn open(&self, url: &Address) -> Result<Database, DatabaseError> {
        let url = match url {
            Address::Sqlite(url) => url,
            // The reconciler's own path; the command line opens a session instead.
            Address::Postgres(_) => {
                return Err(AddressError::NotYet {
                    scheme: "postgres".to_owned(),
                }
                .into());
            }
            Address::Mysql(_) => {
                return Err(AddressError::NotYet {
                    scheme: "mysql".to_owned(),
                }
                .into());
            }
        };
        let place = match url.clone() {
            SqliteAddress::Memory => Place::Memory,
            SqliteAddress::File { path, mode } => {
                let folder = self.settings.sqlite_folder.clone();
                let path = on_a_thread(move || canonical(&path, folder.as_deref())).await?;
                Place::File { path, mode }
            }
        };
        Ok(Database {
            place,
            limits: self.settings.limits.clone(),
            locks: self.locks.clone(),
        })
    }
}

impl Database {
    /// What tells this database from others, however its address was written: the canonical path. None for memory, which is nobody
    /// else's.
    pub fn identity(&self) -> Option<&Path> {
        match &self.place {
            Place::File { path, .. } => Some(path),
            Place::Memory => None,
        }
    }

    /// Waits for the turn, as long as [`Limits::wait_for_lock`].
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] when it does not come.
    pub async fn lock(&self) -> Result<Locked, DatabaseError> {
        let waited = self.limits.wait_for_lock;
        let turn = match &self.place {
            Place::Memory => None,
            Place::File { path, .. } => Some(
                tokio::time::timeout(waited, self.locks.acquire(path))
                    .await
                    .map_err(|_| DatabaseError::Busy { waited })?,
            ),
        };
        let held = Held {
            place: self.place.clone(),
            limits: self.limits.clone(),
            connection: Mutex::new(None),
            _turn: turn,
        };
        Ok(Locked {
            held: Arc::new(held),
        })
    }
}

impl Locked {
    /// Reads what is in the database. A file that is not there yet, and may be made, is an empty database; it is not made.
    ///
    /// # Errors
    /// What keeps it from being read; nothing is changed in any case.
    pub async fn inspect(&self) -> Result<Inspection, DatabaseError> {
        let held = Arc::clone(&self.held);
        on_a_thread(move || held.inspect()).await
    }

    /// Runs the statements in one transaction: all of them, or none. `planned_from` is the inspection that they were planned from.
    ///
    /// # Errors
    /// [`DatabaseError::Changed`] when the database's schema is not `planned_from` any more; otherwise what failed. Every error means
    /// that nothing was changed, except [`DatabaseError::Thread`], which does not know.
    pub async fn apply(
        &self,
        planned_from: &Inspection,
        statements: &[String],
    ) -> Result<Applied, DatabaseError> {
        let held = Arc::clone(&self.held);
        let (expected, statements) = (planned_from.clone(), statements.to_vec());
        on_a_thread(move || held.apply(&expected, &statements)).await
    }
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked")
            .field("place", &self.held.place)
            .finish_non_exhaustive()
    }
}

impl Held {
    fn inspect(&self) -> Result<Inspection, DatabaseError> {
        if let Place::File {
            path,
            mode: FileMode::Create,
        } = &self.place
        {
            match path.symlink_metadata() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Ok(Inspection::default());
                }
                Err(source) => {
                    return Err(DatabaseError::Unreachable {
                        path: path.clone(),
                        source,
                    });
                }
                Ok(_) => {}
            }
        }
        self.with_connection(|connection| sqlite::inspect(connection, self.path(), &self.limits))
    }

    fn apply(
        &self,
        expected: &Inspection,
        statements: &[String],
    ) -> Result<Applied, DatabaseError> {
        let took = self.with_connection(|connection| {
            sqlite::apply(connection, self.path(), expected, statements, &self.limits)
        })?;
        Ok(Applied {
            statements: statements.len(),
            took,
        })
    }

    fn path(&self) -> &Path {
        match &self.place {
            Place::File { path, .. } => path,
            Place::Memory => Path::new(":memory:"),
        }
    }

    fn with_connection<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let file = match &self.place {
            Place::Memory => None,
            Place::File { path, mode } => Some((path.as_path(), *mode)),
        };
        sqlite::with_connection(
            &self.connection,
            file,
            Freedom::Additive,
            &self.limits,
            work,
        )
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
