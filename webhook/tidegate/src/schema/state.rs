//! A state: what a database holds, or what files of SQL describe.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use tidegate_database::{Applied, DatabaseError, PlannedFrom, Session, TransactionMode};
use tidegate_schemaplan::{Catalog, RenameHint, Statement, wanted};
use tidegate_sqlplan::Dialect;

use crate::connect;

/// The largest text that is read.
const MAX_BYTES: u64 = 16 << 20;

/// As it was given.
pub(super) enum State {
    /// A database, by its url.
    Database(String),
    /// Texts with their names, in order.
    Files(Vec<(String, String)>),
}

impl State {
    /// Reads what was named: one url, or files and folders, with or without `file://` before them. The `.sql` files of a folder come in the order
    /// of their names.
    pub(super) fn parse(named: &[String]) -> Result<Self> {
        let mut texts = Vec::new();
        for name in named {
            let path = match name.split_once("://") {
                Some(("file", path)) => path.split('?').next().unwrap_or_default(),
                Some(_) if named.len() == 1 => return Ok(Self::Database(name.clone())),
                // It may hold a password: not shown.
                Some(_) => bail!("a database's url stands alone, not beside other states"),
                None => name,
            };
            read(Path::new(path), &mut texts)?;
        }
        Ok(Self::Files(texts))
    }
}

/// Where states are read: sessions that are open.
pub(super) struct Scope {
    /// Of the first state that is a database, else the dev database.
    session: Session,
    url: String,
    dev: Option<Session>,
    /// What was read of the first.
    found: Option<PlannedFrom>,
}

impl Scope {
    /// Opens what is needed. A file alone needs a database that runs it.
    pub(super) async fn of(states: &[&State], dev_url: Option<&str>) -> Result<Self> {
        let url = states.iter().find_map(|state| match state {
            State::Database(url) => Some(url.as_str()),
            State::Files(_) => None,
        });
        let (url, dev) = match (url, dev_url) {
            (Some(url), Some(dev)) => (url, Some(dev)),
            (Some(url), None) => (url, None),
            (None, Some(dev)) => (dev, None),
            (None, None) => bail!(
                "files of SQL are read by running them: name an empty database of their engine with --dev-url, for example sqlite://dev?mode=memory"
            ),
        };
        let session = connect::open(url).await?;
        let dev = match dev {
            Some(dev) => Some(connect::open(dev).await.context("the dev database")?),
            None => None,
        };
        Ok(Self {
            session,
            url: url.to_owned(),
            dev,
            found: None,
        })
    }

    /// Whose SQL it is.
    pub(super) fn dialect(&self) -> Dialect {
        self.session.engine().dialect
    }

    /// The database that plans are applied to.
    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Runs a plan of what was read, if the database still holds it. (A server's is locked meanwhile.)
    pub(super) async fn apply(
        &mut self,
        statements: &[Statement],
        mode: TransactionMode,
    ) -> Result<Applied, DatabaseError> {
        match &self.found {
            Some(found) => self.session.apply_to(found, statements, mode).await,
            None => self.session.apply(statements, mode).await,
        }
    }

    /// What a state holds, and what was renamed for it.
    pub(super) async fn read(&mut self, state: &State) -> Result<(Catalog, Vec<RenameHint>)> {
        match state {
            State::Database(url) if *url == self.url => {
                let found = PlannedFrom::from(self.session.look(None).await?);
                let catalog = found.catalog.as_ref().clone();
                self.found = Some(found);
                Ok((catalog, Vec::new()))
            }
            State::Database(url) => {
                let mut other = connect::open(url).await?;
                let (ours, theirs) = (self.dialect(), other.engine().dialect);
                if ours != theirs {
                    bail!(
                        "{ours} and {theirs} cannot be compared: both sides must be of one engine"
                    );
                }
                let mut catalog = other.inspect().await?;
                // Who owns what there says nothing of here.
                catalog.disown();
                Ok((catalog, Vec::new()))
            }
            State::Files(texts) => {
                let wanted = wanted(texts, self.dialect()).map_err(|problems| {
                    let problems: Vec<String> =
                        problems.iter().map(|it| format!("\n  {it}")).collect();
                    anyhow!("the wanted schema cannot be used:{}", problems.concat())
                })?;
                let desired = self
                    .session
                    .desired(&wanted.statements, self.dev.as_mut())
                    .await;
                let names: Vec<&str> = texts.iter().map(|(name, _)| name.as_str()).collect();
                let desired = desired.with_context(|| names.join(", "))?;
                Ok((desired, wanted.renames))
            }
        }
    }
}

fn read(path: &Path, texts: &mut Vec<(String, String)>) -> Result<()> {
    let shown = path.display().to_string();
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
    if metadata.is_dir() {
        let mut files: Vec<PathBuf> = std::fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .with_context(|| format!("cannot read {shown}"))?;
        files.retain(|file| file.extension().is_some_and(|it| it == "sql"));
        files.sort();
        if files.is_empty() {
            bail!("{shown} has no .sql file");
        }
        return files.iter().try_for_each(|file| read(file, texts));
    }
    if path.extension().is_some_and(|it| it == "hcl") {
        bail!(
            "{shown} is HCL, which is not read here; write the schema in SQL, as `atlas schema inspect --format '{{{{ sql . }}}}'` prints it"
        );
    }
    if metadata.len() > MAX_BYTES {
        bail!("{shown} is larger than {MAX_BYTES} bytes");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    texts.push((shown, text));
    Ok(())
}
