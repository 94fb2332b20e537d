//! Looks at one AtlasSchema and its database, once, and writes down what it saw. Nothing is changed.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use serde::Deserialize as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tidegate_database::{Address, DatabaseError, Inspected, Place, Session, count};
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{AtlasSchema, AtlasSchemaSpec, AtlasSchemaStatus, Reason};
use tidegate_model::words::{APPROVE, DRIFT};
use tidegate_schemaplan::{Catalog, Wanted};

use super::planning::{losses, plan};
use super::remembered::{Desired, Question};
use super::settled::Matter;
use super::snapshot::{Seen, Sides, Snapshot, Wish};
use super::text::{Gist, Text};
use super::wish::{self, Source};
use crate::context::{ApiError, Context};
use crate::gate::Gate;
use crate::inputs::Inputs;
use crate::kinds::Kind;
use crate::object::{self, Object};
use crate::problem::Problem;
use crate::settings::Drift;
use crate::target::{self, Reached, login};

/// What was seen, and what is needed to act on it.
pub(crate) struct Gathered {
    /// What decisions are made from.
    pub(crate) snapshot: Snapshot,
    /// The object, for the gate.
    pub(crate) subject: Value,
    /// Which one it is.
    pub(crate) reference: ObjectReference,
    /// The connection that was looked through.
    pub(crate) session: Option<Session>,
    /// What was asked of the database's server, as far as it came to that.
    question: Option<Question>,
}

/// What a look leaves beside its snapshot.
#[derive(Default)]
struct Kept {
    session: Option<Session>,
    question: Option<Question>,
}

/// Looks. None when the object is gone.
///
/// # Errors
/// The API server could not be asked for the object. Every other problem is part of the snapshot.
pub(crate) async fn gather<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
) -> Result<Option<Gathered>, ApiError> {
    let Some(object) = object::read(context, Kind::AtlasSchema, key).await? else {
        return Ok(None);
    };
    let mut kept = Kept::default();
    let (wish, seen) = if object.deleting {
        (Ok(Wish::default()), Err(gone()))
    } else {
        look(context, key, &object, &mut kept).await
    };
    // One that somebody else wrote and that cannot be read counts as none: it will be written anew.
    let status = AtlasSchemaStatus::deserialize(&object.status).unwrap_or_default();
    let drift = object.annotations.get(DRIFT);
    let drift = drift.and_then(|word| Drift::of(word));
    Ok(Some(Gathered {
        snapshot: Snapshot {
            key: key.clone(),
            generation: object.generation,
            deleting: object.deleting,
            status: status.into(),
            approved: object.annotations.get(APPROVE).cloned(),
            drift: drift.unwrap_or(context.settings.drift),
            wish,
            seen,
        },
        subject: object.value,
        reference: object.reference,
        session: kept.session,
        question: kept.question,
    }))
}

/// Looks once more after a plan ran, so that the looks to come can tell by the fingerprint alone that nothing is to be done. Whatever speaks against that
/// is for the next look to say.
pub(crate) async fn settle<G: Gate>(context: &Context<G>, gathered: &mut Gathered) {
    let Gathered {
        snapshot,
        session: Some(session),
        question: Some(question),
        ..
    } = gathered
    else {
        return;
    };
    let (Ok(wish), Ok(seen)) = (&snapshot.wish, &snapshot.seen) else {
        return;
    };
    let Some(before) = &seen.sides else {
        return;
    };
    let Ok(Inspected {
        catalog,
        fingerprint: Some(found),
    }) = session.look(None).await
    else {
        return;
    };
    let now = Sides {
        current: Arc::new(catalog),
        fingerprint: Some(found),
        desired: Arc::clone(&before.desired),
        losses: Vec::new(),
    };
    if matches!(plan(&now, wish), Ok(plan) if plan.statements.is_empty()) {
        context.settle(&snapshot.key, Matter::new(question, wish, &found));
    }
}

fn gone() -> Problem {
    Problem::new(Reason::ReadSchema, "the object is being deleted")
}

/// What is wanted, and what is there.
async fn look<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    object: &Object,
    kept: &mut Kept,
) -> (Result<Wish, Problem>, Result<Seen, Problem>) {
    let mut inputs = Inputs::new(context, key, Reason::ReadSchema);
    let spec = match AtlasSchema::from_object(&object.value) {
        Ok(schema) => schema.spec,
        Err(error) => {
            let problem = inputs.problem(error.to_string());
            return (Err(problem.clone()), Err(problem));
        }
    };
    // The claim stands whether or not the rest can be read: an older object does not lose its database to a typing error.
    let reached = target::reach(
        context,
        key,
        object.created,
        &mut inputs,
        &spec.target,
        &spec.schemas,
    )
    .await;
    let wished = wished(&mut inputs, &spec).await;
    let dev = target::dev_address(&mut inputs, &spec.project).await;
    context.note_inputs(key, inputs.read());
    let (mut wish, text) = match wished {
        Ok(wished) => wished,
        Err(problem) => return (Err(problem.clone()), Err(problem)),
    };
    let seen = match (reached, dev) {
        (Ok(reached), Ok(dev)) => see(context, key, &mut wish, &text, &reached, dev, kept).await,
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    (Ok(wish), seen)
}

/// The wanted schema's text, and the way there.
async fn wished<G: Gate>(
    inputs: &mut Inputs<'_, G>,
    spec: &AtlasSchemaSpec,
) -> Result<(Wish, Text), Problem> {
    let (source, wish) = wish::read(spec)?;
    let text = match source {
        Source::Sql(sql) => Text {
            name: "spec.schema.sql".to_owned(),
            sql: sql.to_owned(),
        },
        Source::ConfigMap(reference) => Text {
            name: reference.key.clone(),
            sql: inputs
                .config_map_key("spec.schema.configMapKeyRef", reference)
                .await?,
        },
    };
    Ok((wish, text))
}

/// Both sides, by the database's own words; as little of them as it takes to see that nothing is to be done.
async fn see<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    wish: &mut Wish,
    text: &Text,
    reached: &Reached,
    dev: Option<Address>,
    kept: &mut Kept,
) -> Result<Seen, Problem> {
    let session = context.databases.open(&reached.address).await;
    let session = kept.session.insert(session.map_err(|error| login(&error))?);
    let engine = session.engine();
    let digest = text.digest(engine.dialect);
    let known = context.gist(key, digest);
    let (gist, wanted) = match known {
        Some(gist) => (gist, None),
        None => {
            let wanted = text.read(engine.dialect).await?;
            let gist = Gist::of(&wanted);
            context.note_gist(key, digest, gist.clone());
            (gist, Some(wanted))
        }
    };
    // Before the hints: one that is taken away when it has done its work leaves the same schema.
    wish.hash = wish::hash(&gist, wish);
    wish.settings.renames.clone_from(&gist.renames);
    let seen = |sides| Seen {
        place: digits(&reached.place),
        engine,
        sides,
    };
    let question = Question::new(&reached.place.to_string(), engine, &gist);
    kept.question = Some(question);
    let remembered = context.remembered(&question);
    let told = session.fingerprint().await;
    let told = told.map_err(|error| unread(&error))?;
    if let Some(found) = told {
        let matter = Matter::new(&question, wish, &found);
        let same = remembered.as_ref().and_then(|it| it.fingerprint);
        // A hint may be refused though both sides are alike.
        let is_same = same == Some(found) && wish.settings.renames.is_empty();
        if is_same || context.is_settled(key, matter) {
            return Ok(seen(None));
        }
    }
    let Inspected {
        catalog,
        fingerprint,
    } = session.look(told).await.map_err(|error| unread(&error))?;
    let settle = || {
        if let Some(found) = fingerprint {
            context.settle(key, Matter::new(&question, wish, &found));
        }
        Ok(seen(None))
    };
    let mut sides = Sides {
        current: Arc::new(catalog),
        fingerprint,
        desired: Arc::new(Catalog::empty(engine)),
        losses: Vec::new(),
    };
    if let Some(remembered) = remembered {
        sides.desired = remembered.catalog;
        if matches!(plan(&sides, wish), Ok(plan) if plan.statements.is_empty()) {
            return settle();
        }
    }
    let wanted = match wanted {
        Some(wanted) => wanted,
        None => text.read(engine.dialect).await?,
    };
    let desired = desired(context, session, &wanted, dev).await?;
    sides.desired = Arc::clone(&desired.catalog);
    let bytes = wanted.statements.iter().map(String::len).sum();
    context.remember(question, bytes, desired);
    match plan(&sides, wish) {
        Ok(plan) if plan.statements.is_empty() => return settle(),
        Ok(plan) if plan.is_destructive() => {
            sides.losses = count(session, losses(&sides, wish)).await;
        }
        _ => {}
    }
    Ok(seen(Some(sides)))
}

fn unread(error: &DatabaseError) -> Problem {
    Problem::new(Reason::SchemaInspect, error.to_string())
}

async fn desired<G: Gate>(
    context: &Context<G>,
    session: &mut Session,
    wanted: &Wanted,
    dev: Option<Address>,
) -> Result<Desired, Problem> {
    let mut dev = match dev {
        None => None,
        Some(address) => {
            let opened = context.databases.open(&address).await;
            let opened = opened.map_err(|error| {
                Problem::new(Reason::Login, format!("the development database: {error}"))
            })?;
            Some(opened)
        }
    };
    let tried = session.try_out(&wanted.statements, dev.as_mut()).await;
    let tried = tried.map_err(|error| {
        let reason = match &error {
            DatabaseError::Wanted { .. } | DatabaseError::Outside { .. } => Reason::ReadSchema,
            _ => Reason::SchemaPlan,
        };
        Problem::new(reason, error.to_string())
    })?;
    Ok(Desired {
        catalog: Arc::new(tried.catalog),
        fingerprint: tried.fingerprint,
    })
}

/// Tells a place from others in a status, where it is not named.
fn digits(place: &Place) -> String {
    format!("{:.8x}", Sha256::digest(place.to_string()))
}
