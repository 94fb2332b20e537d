//! What somebody changed beside the folder: the database, compared with what its files make in a scratch place of the same server.

use tidegate_migrations::Directory;
use tidegate_schemaplan::{Catalog, Difference, Differences, Settings, differences, plan};

use super::{LOCK, MigrateError, Migrator};

/// What a database is and its files did not make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// The last version that the database has as a whole.
    pub version: String,
    /// What would make it again what its files made, in words. Empty where nothing differs.
    pub words: Vec<String>,
    /// The objects that differ.
    pub objects: Vec<Difference>,
    /// As of [`tidegate_schemaplan::Differences`].
    pub fingerprint: String,
}

impl Migrator<'_> {
    /// Compares, holding the lock, so that no migration is half done meanwhile. `exclude` names what may differ.
    ///
    /// # Errors
    /// Somebody else migrates; the database has no version, or one whose file the folder has lost; the files cannot be read or tried out; what the server said.
    pub async fn drift(
        &mut self,
        directory: &Directory,
        exclude: &[String],
    ) -> Result<Drift, MigrateError> {
        self.session.lock(LOCK, self.settings.wait).await?;
        let found = self.drift_locked(directory, exclude).await;
        let unlocked = self.session.unlock(LOCK).await;
        let found = found?;
        unlocked?;
        Ok(found)
    }

    async fn drift_locked(
        &mut self,
        directory: &Directory,
        exclude: &[String],
    ) -> Result<Drift, MigrateError> {
        let revisions = self.revisions().await?;
        let Some(last) = revisions.iter().rev().find(|it| it.is_complete()) else {
            return Err(MigrateError::NoHistory);
        };
        let Some(files) = tidegate_migrations::made(directory, &revisions) else {
            return Err(MigrateError::FileLost);
        };
        let made = self.made_by(&files, None).await?;
        let there = self.session.inspect().await?;
        let settings = Settings {
            exclude: exclude.to_vec(),
            ..Settings::default()
        };
        let version = last.version.clone();
        compared(version, &there, &made, &settings)
    }
}

/// What the one is and the other is not. What a plan would not touch, such as kinds that are not managed, is none of it.
pub(super) fn compared(
    version: String,
    there: &Catalog,
    made: &Catalog,
    settings: &Settings,
) -> Result<Drift, MigrateError> {
    let steps: Vec<String> = match plan(there, made, settings) {
        Ok(plan) => plan.statements.into_iter().map(|it| it.purpose).collect(),
        Err(refusals) => refusals.iter().map(ToString::to_string).collect(),
    };
    if steps.is_empty() {
        return Ok(Drift {
            version,
            ..Drift::default()
        });
    }
    let Differences {
        objects,
        fingerprint,
    } = differences(there, made, settings).map_err(MigrateError::NoWayBack)?;
    let words: Vec<String> = objects.iter().flat_map(Difference::in_words).collect();
    Ok(Drift {
        version,
        words: if words.is_empty() { steps } else { words },
        objects,
        fingerprint,
    })
}
