//! Looks at one AtlasMigration, its folder and its database, once, and writes down what it saw. Nothing is changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use serde::Deserialize as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tidegate_database::{
    Address, MigrateError, MigrateSettings, Migrator, Place, Session, TransactionMode,
};
use tidegate_migrations::{Back, Directory, Expectation, PendingError, Revision};
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{AtlasMigration, AtlasMigrationSpec, AtlasMigrationStatus, Reason};
use tidegate_model::words::{APPROVE, EDITED, IN_DOUBT};
use tracing::warn;

use super::remote;
use super::snapshot::{DriftCheck, PendingFile, Seen, Snapshot, WayBack, Wish};
use super::wish::{Source, source, wish};
use crate::context::{ApiError, Context};
use crate::gate::Gate;
use crate::inputs::Inputs;
use crate::kinds::Kind;
use crate::object::{self, Object};
use crate::problem::Problem;
use crate::render::FolderRequest;
use crate::target::{self, login};

/// As long as Atlas waits for somebody else who migrates the same database.
const WAIT: Duration = Duration::from_secs(10);

/// What was seen, and what is needed to act on it.
pub(crate) struct Gathered {
    /// What decisions are made from.
    pub(crate) snapshot: Snapshot,
    /// The object, for the gate.
    pub(crate) subject: Value,
    /// Which one it is.
    pub(crate) reference: ObjectReference,
    /// What runs it.
    pub(crate) work: Option<Work>,
}

/// A folder and a database.
pub(crate) struct Work {
    pub(crate) session: Session,
    pub(crate) address: Address,
    pub(crate) settings: MigrateSettings,
    pub(crate) directory: Directory,
    pub(crate) expected: Expectation,
    /// What a person found of a statement in doubt, in their words.
    pub(crate) found: Option<String>,
}

impl Work {
    /// What runs the folder, the folder, and what is expected of both.
    pub(crate) fn parts(&mut self) -> (Migrator<'_>, &Directory, &Expectation) {
        let settings = self.settings.clone();
        let migrator = Migrator::new(&mut self.session, &self.address, settings);
        (migrator, &self.directory, &self.expected)
    }
}

/// Looks. None when the object is gone.
///
/// # Errors
/// The API server could not be asked for the object. Every other problem is part of the snapshot.
pub(crate) async fn gather<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
) -> Result<Option<Gathered>, ApiError> {
    let Some(object) = object::read(context, Kind::AtlasMigration, key).await? else {
        return Ok(None);
    };
    let mut work = None;
    let (wish, seen) = if object.deleting {
        let gone = Problem::new(Reason::ReadingMigrationData, "the object is being deleted");
        (Ok(Wish::default()), Err(gone))
    } else {
        look(context, key, &object, &mut work).await
    };
    // One that somebody else wrote and that cannot be read counts as none: it will be written anew.
    let status = AtlasMigrationStatus::deserialize(&object.status).unwrap_or_default();
    Ok(Some(Gathered {
        snapshot: Snapshot {
            key: key.clone(),
            generation: object.generation,
            deleting: object.deleting,
            approved: object.annotations.get(APPROVE).cloned(),
            status: status.into(),
            wish,
            seen,
        },
        subject: object.value,
        reference: object.reference,
        work,
    }))
}

async fn look<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    object: &Object,
    work: &mut Option<Work>,
) -> (Result<Wish, Problem>, Result<Seen, Problem>) {
    let mut inputs = Inputs::new(context, key, Reason::ReadingMigrationData);
    let spec = match AtlasMigration::from_object(&object.value) {
        Ok(migration) => migration.spec,
        Err(error) => {
            let problem = inputs.problem(error.to_string());
            return (Err(problem.clone()), Err(problem));
        }
    };
    // The claim stands whether or not the rest can be read.
    let reached = target::reach(context, key, object.created, &mut inputs, &spec.target, &[]).await;
    let directory = directory(context, &mut inputs, &spec).await;
    context.note_inputs(key, inputs.read());
    let (wish, mut expected) = match wish(&spec) {
        Ok(read) => read,
        Err(problem) => return (Err(problem.clone()), Err(problem)),
    };
    if let (Ok(directory), Some(sum)) = (&directory, object.annotations.get(EDITED)) {
        let sum = sum.trim();
        expected.allow_edited = sum.strip_prefix("h1:").unwrap_or(sum) == directory.sum().total();
    }
    let seen = match (directory, reached) {
        (Ok(directory), Ok(reached)) => {
            let opened = context.databases.open(&reached.address).await;
            match opened {
                Err(error) => Err(login(&error)),
                Ok(session) => {
                    let work = work.insert(Work {
                        session,
                        address: reached.address,
                        settings: settings(&spec),
                        directory,
                        expected,
                        found: object.annotations.get(IN_DOUBT).cloned(),
                    });
                    see(work, &reached.place, &wish).await
                }
            }
        }
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    (Ok(wish), seen)
}

/// The folder, whole and as its `atlas.sum` says.
pub(crate) async fn directory<G: Gate>(
    context: &Context<G>,
    inputs: &mut Inputs<'_, G>,
    spec: &AtlasMigrationSpec,
) -> Result<Directory, Problem> {
    let directory = match source(spec)? {
        Source::Local(files) => Directory::new(files.clone()),
        Source::ConfigMap(name) => {
            Directory::new(inputs.config_map("spec.dir.configMapRef", name).await?)
        }
        Source::Remote(mut folder) => {
            let token = remote::token(spec)?;
            let token = inputs.secret("spec.cloud.tokenFrom", token.as_ref());
            folder.token = token.await?.map(|token| token.trim().to_owned());
            Directory::new(fetched(context, &folder).await?)
        }
    };
    directory
        .verify()
        .map_err(|error| inputs.problem(error.to_string()))?;
    Ok(directory)
}

/// The files of a folder of a repository.
async fn fetched<G>(
    context: &Context<G>,
    folder: &FolderRequest,
) -> Result<BTreeMap<String, String>, Problem> {
    let problem = |message: String| {
        Problem::new(
            Reason::ReadingMigrationData,
            format!("spec.dir.remote: {message}"),
        )
    };
    let limit = context.settings.render_timeout;
    match tokio::time::timeout(limit, context.renderer.folder(folder)).await {
        Ok(Ok(found)) => Ok(found.files),
        Ok(Err(failure)) => Err(problem(failure.message)),
        Err(_) => Err(problem(format!("no answer within {limit:?}"))),
    }
}

/// How its folder is run.
pub(crate) fn settings(spec: &AtlasMigrationSpec) -> MigrateSettings {
    MigrateSettings {
        revisions_schema: spec
            .revisions_schema
            .clone()
            .filter(|schema| !schema.is_empty()),
        mode: TransactionMode::File,
        wait: WAIT,
        operator: concat!("Tidegate v", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

/// What the database has, and what is left to do.
async fn see(work: &mut Work, place: &Place, wish: &Wish) -> Result<Seen, Problem> {
    let (mut migrator, directory, expected) = work.parts();
    let look = migrator.look(directory, expected).await;
    let look = look.map_err(|error| {
        let mut problem = problem(&error);
        if matches!(error, MigrateError::Pending(PendingError::Edited { .. })) {
            let _ = write!(
                problem.message,
                "; or, when the database is right as it is, say so with the annotation {EDITED}: h1:{}",
                directory.sum().total()
            );
        }
        problem
    })?;
    let revisions = look.revisions;
    let files = directory.files();
    let text = |name: &str| {
        let file = files.iter().find(|file| file.name() == name);
        file.map_or_else(String::new, |file| file.text().to_owned())
    };
    let whole = revisions.iter().rev().find(|it| it.is_complete());
    let last = whole.map(|revision| revision.version.clone());
    let newest = files.last().map_or("", |file| file.version());
    let beyond = last.clone().filter(|last| last.as_str() > newest);
    let mut down = None;
    if beyond.is_some() && wish.may_go_down {
        let back = back(&revisions, newest);
        let found = migrator.plan_down(directory, &back, None).await;
        let found = found.map_err(|error| problem(&error))?;
        down = Some(WayBack {
            back,
            hash: found.plan.hash(),
            undone: found.undone,
            statements: found.plan.statements.into_iter().map(|it| it.sql).collect(),
        });
    }
    let pending: Vec<PendingFile> = look
        .planned
        .into_iter()
        .map(|(name, statements)| PendingFile {
            text: text(&name),
            name,
            statements,
        })
        .collect();
    let dialect = migrator.dialect();
    let check = wish.drift.as_ref().filter(|_| !pending.is_empty());
    Ok(Seen {
        drifted: drifted(work, last.as_deref(), check).await?,
        hash: hash(place, &work.directory),
        dialect,
        beyond,
        down,
        last: last.unwrap_or_default(),
        baseline: look.baseline,
        settles: look.settles,
        pending,
    })
}

/// What somebody changed beside the files, where it is looked for: before something runs on a database that has something.
async fn drifted(
    work: &mut Work,
    last: Option<&str>,
    check: Option<&DriftCheck>,
) -> Result<Vec<String>, Problem> {
    let (Some(last), Some(check)) = (last, check) else {
        return Ok(Vec::new());
    };
    let (mut migrator, directory, _) = work.parts();
    let found = match migrator.drift(directory, &check.exclude).await {
        Ok(drift) => drift.words,
        Err(MigrateError::FileLost) => vec![format!(
            "nobody can say: the folder has lost the file of a version up to {last}"
        )],
        Err(error) => return Err(problem(&error)),
    };
    if check.goes_on && !found.is_empty() {
        warn!(version = last, differences = ?found, "somebody changed the database beside its migrations; what is pending runs all the same");
    }
    Ok(found)
}

/// How far back the folder ends.
fn back(revisions: &[Revision], newest: &str) -> Back {
    let kept = revisions
        .iter()
        .rev()
        .find(|revision| revision.version.as_str() <= newest);
    kept.map_or(Back::Amount(revisions.len()), |kept| {
        Back::To(kept.version.clone())
    })
}

fn hash(place: &Place, directory: &Directory) -> String {
    let mut digest = Sha256::new();
    digest.update(place.to_string());
    digest.update([0]);
    digest.update(directory.sum().total());
    format!("{:x}", digest.finalize())
}

/// What an error of the command line's room means to somebody who has an object to write into.
pub(crate) fn problem(error: &MigrateError) -> Problem {
    let message = match error {
        MigrateError::Pending(PendingError::Edited { file }) => format!(
            "{file} was edited after it was applied (or a file before it was added, edited or removed): the database has something else than the folder \
             says. Put it back and write a new migration"
        ),
        MigrateError::Pending(PendingError::NotClean { reason }) => format!(
            "connected database is not clean: {reason}. baseline version or allow-dirty is required: write the version that the database already has into \
             spec.baseline"
        ),
        MigrateError::Ambiguous => "ambiguous revision table: the connection's own schema has none, but schema \"atlas_schema_revisions\" has one. Say which \
             in spec.revisionsSchema"
            .to_owned(),
        MigrateError::InDoubt { file, number, sql } => format!(
            "{file}: statement {number} was begun and its end was not seen: {sql:?}. Look whether it is done. If it is not, and nothing is left of it, annotate \
             the object with {IN_DOUBT}: \"{file}:{number} again\"; if it is, with \"{file}:{number} done\""
        ),
        other => other.to_string(),
    };
    let reason = match error {
        MigrateError::Pending(PendingError::Sum(_) | PendingError::Directory(_))
        | MigrateError::Script(_)
        | MigrateError::ModeConflict { .. }
        | MigrateError::TransactionControl { .. } => Reason::ReadingMigrationData,
        _ => Reason::Migrating,
    };
    Problem::new(reason, message)
}
