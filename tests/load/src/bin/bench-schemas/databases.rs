//! Where schemas are brought about.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tidegate_kit::{MariaDb, Postgres};

/// The engines.
pub(crate) const ENGINES: [&str; 3] = ["sqlite", "postgres", "mariadb"];

/// An engine's server, or for SQLite a folder.
pub(crate) enum Databases {
    Sqlite(PathBuf),
    Postgres(Postgres),
    MariaDb(MariaDb),
}

impl Databases {
    pub(crate) fn start(engine: &str, folder: &Path) -> Result<Self> {
        Ok(match engine {
            "postgres" => Self::Postgres(Postgres::start()?),
            "mariadb" => Self::MariaDb(MariaDb::start()?),
            _ => Self::Sqlite(folder.to_owned()),
        })
    }

    /// An empty database.
    pub(crate) fn url(&self, name: &str) -> Result<String> {
        Ok(match self {
            Self::Sqlite(folder) => format!("sqlite://{}/{name}.db", folder.display()),
            Self::Postgres(server) => server.url(&server.database()?, ""),
            Self::MariaDb(server) => {
                server.sql("", &format!("CREATE DATABASE {name}"))?;
                server.url(name)
            }
        })
    }
}
