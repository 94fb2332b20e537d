//! Going back: the plan from what the folder makes now to what it made then, and the rows of what is given up.
//!
//! Both states are tried out in a scratch place of the same server, as a wanted schema is. What the database really holds must be the first of them:
//! what somebody changed by hand would otherwise be undone with the rest, and nobody would have been asked. The rows go with the last
//! statement, so that a run that was cut off is begun again from what it left.

use tidegate_migrations::{Back, Directory, File, Migration};
use tidegate_schemaplan::{Catalog, Loss, Plan, Settings, Statement, losses, plan};

use super::drift::compared;
use super::{LOCK, MigrateError, Migrator};
use crate::{Applied, PlannedFrom, Session};

/// A way back, before anybody agreed to it.
#[derive(Debug, Clone)]
pub struct DownPlan {
    /// The versions that are given up, the last first.
    pub undone: Vec<String>,
    /// What would run; the statements that forget the versions are its last.
    pub plan: Plan,
    /// What would be lost.
    pub losses: Vec<Loss>,
    /// Whether the database was compared with what the folder makes; not where the folder has lost a file of what is given up.
    pub is_compared: bool,
}

impl Migrator<'_> {
    /// What [`Migrator::down`] would run. `dev` is a place of the same engine where the folder is tried out; without it, a scratch place of the database's own server.
    ///
    /// # Errors
    /// Why there is no way back; [`MigrateError::Drifted`] when the database is not what the folder makes.
    pub async fn plan_down(
        &mut self,
        directory: &Directory,
        back: &Back,
        dev: Option<&mut Session>,
    ) -> Result<DownPlan, MigrateError> {
        Ok(self.way_back(directory, back, dev).await?.0)
    }

    /// The plan, and what it was made from.
    async fn way_back(
        &mut self,
        directory: &Directory,
        back: &Back,
        dev: Option<&mut Session>,
    ) -> Result<(DownPlan, PlannedFrom), MigrateError> {
        directory
            .verify()
            .map_err(tidegate_migrations::PendingError::from)?;
        let revisions = self.revisions().await?;
        let down = tidegate_migrations::down(directory, &revisions, back)?;
        let mut dev = dev;
        let now = match &down.now {
            Some(now) => Some(self.made_by(now, dev.as_deref_mut()).await?),
            None => None,
        };
        let then: Vec<(&File, Option<usize>)> =
            down.then.iter().map(|file| (*file, None)).collect();
        let then = self.made_by(&then, dev).await?;
        let from = PlannedFrom::from(self.session.look(None).await?);
        let there = &from.catalog;
        let settings = Settings::default();
        if let Some(now) = &now {
            let differences = compared(String::new(), there, now, &settings)?.words;
            if !differences.is_empty() {
                return Err(MigrateError::Drifted { differences });
            }
        }
        let mut plan = plan(there, &then, &settings).map_err(MigrateError::NoWayBack)?;
        plan.statements
            .extend(down.undone.iter().map(|version| Statement {
                sql: self.table.delete(version),
                destructive: false,
                alone: false,
                together: false,
                purpose: format!("forget version {version}"),
            }));
        let planned = DownPlan {
            undone: down.undone,
            plan,
            losses: losses(there, &then, &settings),
            is_compared: now.is_some(),
        };
        Ok((planned, from))
    }

    /// Goes back, holding the lock, by the plan of this hash and no other.
    ///
    /// # Errors
    /// As [`Migrator::plan_down`]; [`MigrateError::AnotherPlan`] when the way back is not the one that was agreed to; what the server said.
    pub async fn down(
        &mut self,
        directory: &Directory,
        back: &Back,
        dev: Option<&mut Session>,
        hash: &str,
    ) -> Result<Applied, MigrateError> {
        self.session.lock(LOCK, self.settings.wait).await?;
        let outcome = self.down_locked(directory, back, dev, hash).await;
        let unlocked = self.session.unlock(LOCK).await;
        let applied = outcome?;
        unlocked?;
        Ok(applied)
    }

    async fn down_locked(
        &mut self,
        directory: &Directory,
        back: &Back,
        dev: Option<&mut Session>,
        hash: &str,
    ) -> Result<Applied, MigrateError> {
        let (found, from) = self.way_back(directory, back, dev).await?;
        let own = found.plan.hash();
        if own != hash {
            return Err(MigrateError::AnotherPlan { hash: own });
        }
        let (statements, mode) = (&found.plan.statements, self.settings.mode);
        Ok(self.session.apply_to(&from, statements, mode).await?)
    }

    /// What these files make of an empty database; of a file with a number, so many of its statements.
    pub(super) async fn made_by(
        &mut self,
        files: &[(&File, Option<usize>)],
        dev: Option<&mut Session>,
    ) -> Result<Catalog, MigrateError> {
        let mut statements = Vec::new();
        for (file, applied) in files {
            let migration = Migration::read(file, self.dialect)?;
            let ran = migration
                .statements
                .into_iter()
                .take(applied.unwrap_or(usize::MAX));
            statements.extend(ran.map(|statement| statement.text));
        }
        Ok(self.session.desired(&statements, dev).await?)
    }
}
