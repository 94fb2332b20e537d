//! From a database's url to a session. A url may hold a password, so there are ways to give it that no list of processes shows.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tidegate_database::{Address, Limits, Session};

/// Which database.
#[derive(Debug, Clone, Args)]
pub(crate) struct UrlArgs {
    /// The database: `sqlite://app.db`, `postgres://user@host/database?search_path=public`, `mysql://user@host/database`.
    ///
    /// A url on the command line can be read by everybody on this machine: give one with a password by the environment, or by --url-file.
    #[arg(short, long, env = "TIDEGATE_DATABASE_URL", hide_env_values = true)]
    url: Option<String>,
    /// A file whose first line is the url; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    url_file: Option<PathBuf>,
}

impl UrlArgs {
    /// The url that was given.
    pub(crate) fn url(&self) -> Result<String> {
        match (&self.url, &self.url_file) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(file)) => from_file(file),
            (None, None) => {
                bail!("no database: give --url, --url-file or the variable TIDEGATE_DATABASE_URL")
            }
        }
    }
}

/// A session with the database at this url.
pub(crate) async fn open(url: &str) -> Result<Session> {
    let address = Address::parse(url)?;
    Ok(Session::open(&address, &Limits::default()).await?)
}

fn from_file(file: &Path) -> Result<String> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin().lock())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    match text.lines().next() {
        Some(url) if !url.trim().is_empty() => Ok(url.trim().to_owned()),
        _ => bail!("{} has no url in its first line", file.display()),
    }
}
