//! The table of revisions: what a database remembers of its migrations, read and written; and what it has where it remembers none.

use tidegate_migrations::table::{RevisionTable, TABLE};
use tidegate_migrations::{Directory, Revision};
use tidegate_schemaplan::ObjectKind;
use tidegate_sqlplan::Dialect;

use super::{MigrateError, Migrator};
use crate::DatabaseError;

impl Migrator<'_> {
    /// What the database remembers; nothing where there is no table yet.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn revisions(&mut self) -> Result<Vec<Revision>, MigrateError> {
        // Asking a file of SQLite that is not there would make it.
        let missing = self.dialect == Dialect::Sqlite && self.session.inspect().await?.is_empty();
        if missing || !self.is_there(&self.table.exists()).await? {
            let elsewhere = RevisionTable::new(self.dialect, Some(TABLE));
            if self.own_schema
                && self.dialect != Dialect::Sqlite
                && self.settings.revisions_schema.is_none()
                && self.is_there(&elsewhere.exists()).await?
            {
                return Err(MigrateError::Ambiguous);
            }
            return Ok(Vec::new());
        }
        let rows = self.session.query(&self.table.select(), &[]).await?;
        Ok(self.table.read(&rows)?)
    }

    /// What a database has that never saw a migration; none when it is clean.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn not_clean(&mut self) -> Result<Option<String>, MigrateError> {
        let catalog = self.session.inspect().await?;
        for (name, schema) in &catalog.schemas {
            let table = schema.tables.keys().find(|table| table.as_str() != TABLE);
            let object = schema
                .objects
                .iter()
                // An extension comes with the database more often than not.
                .filter(|(kind, _)| **kind != ObjectKind::Extension)
                .find_map(|(kind, objects)| Some((kind.as_str(), objects.keys().next()?)));
            let found = table.map(|table| ("table", table)).or(object);
            if let Some((kind, found)) = found {
                let schema = self.schema_name(name).await?;
                return Ok(Some(format!("found {kind} {found:?} in schema {schema:?}")));
            }
        }
        Ok(None)
    }

    /// Makes the rows of what was applied name the files as they are now: whoever allowed it has looked, and is not asked again. (The `atlas` CLI leaves the old
    /// name when it goes on with a file that was mended.)
    pub(super) async fn remember(
        &mut self,
        directory: &Directory,
        revisions: &[Revision],
    ) -> Result<(), MigrateError> {
        let sum = directory.sum();
        for file in directory.files() {
            let row = revisions.iter().find(|it| it.version == file.version());
            // Baselines and rows that people wrote have no sum.
            let row = row.filter(|row| row.is_complete() && !row.hash.is_empty());
            if let (Some(row), Some(now)) = (row, sum.of_file(file.name()))
                && row.hash != now
            {
                let settled = Revision {
                    hash: now.to_owned(),
                    ..row.clone()
                };
                self.write(&settled).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn write(&mut self, revision: &Revision) -> Result<(), DatabaseError> {
        self.session.execute(&self.table.write(revision)).await
    }

    async fn is_there(&mut self, question: &str) -> Result<bool, DatabaseError> {
        Ok(!self.session.query(question, &[]).await?.is_empty())
    }

    /// The name of a schema of the catalog, where the catalog has none for it.
    async fn schema_name(&mut self, key: &str) -> Result<String, DatabaseError> {
        let question = match self.dialect {
            _ if !key.is_empty() => return Ok(key.to_owned()),
            Dialect::Sqlite => return Ok("main".to_owned()),
            Dialect::Postgres => "SELECT current_schema()",
            Dialect::Mysql | Dialect::Mariadb => "SELECT database()",
        };
        let rows = self.session.query(question, &[]).await?;
        let name = rows.into_iter().flatten().flatten().next();
        Ok(name.unwrap_or_default())
    }
}
