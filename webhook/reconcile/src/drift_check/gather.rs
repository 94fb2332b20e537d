//! Looks at one AtlasDriftCheck, at the AtlasMigration that it names, and at its database, once. Nothing is changed.

use k8s_openapi::api::core::v1::ObjectReference;
use serde::Deserialize as _;
use tidegate_database::{DatabaseError, MigrateError, Migrator};
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{
    AtlasDriftCheck, AtlasDriftCheckStatus, AtlasMigration, AtlasMigrationSpec, Reason,
};
use tidegate_model::words::ATLAS_MIGRATION;

use super::snapshot::{Failure, Seen, Snapshot, Wish, Word};
use super::wish::wish;
use crate::context::{ApiError, Context};
use crate::gate::Gate;
use crate::inputs::Inputs;
use crate::kinds::Kind;
use crate::migration;
use crate::object::{self, Object};
use crate::standing::is_true;
use crate::target;

/// Looks. None when the object is gone.
///
/// # Errors
/// The API server could not be asked for the object. Every other problem is part of the snapshot.
pub(super) async fn gather<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
) -> Result<Option<(Snapshot, ObjectReference)>, ApiError> {
    let Some(object) = object::read(context, Kind::AtlasDriftCheck, key).await? else {
        return Ok(None);
    };
    let wish = AtlasDriftCheck::from_object(&object.value)
        .map_err(|error| Failure::permanent(Word::CheckFailed, &error.to_string()))
        .and_then(|check| wish(&check.spec));
    let seen = match &wish {
        Ok(wish) if !wish.is_suspended && !object.deleting => {
            let look = tokio::time::timeout(wish.timeout, look(context, key, wish));
            Some(match look.await {
                Ok(Ok(seen)) => seen,
                Ok(Err(failure)) => Seen::Failed(failure),
                Err(_) => Seen::Failed(Failure::passing(&format!(
                    "the drift check timed out: it took longer than spec.timeout, {:?}",
                    wish.timeout
                ))),
            })
        }
        _ => None,
    };
    let snapshot = Snapshot {
        key: key.clone(),
        generation: object.generation,
        deleting: object.deleting,
        // One that somebody else wrote and that cannot be read counts as none: it will be written anew.
        status: AtlasDriftCheckStatus::deserialize(&object.status).unwrap_or_default(),
        wish,
        seen,
    };
    Ok(Some((snapshot, object.reference)))
}

async fn look<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    wish: &Wish,
) -> Result<Seen, Failure> {
    let target = target(context, key, &wish.target).await?;
    if is_under_way(&target) {
        return Ok(Seen::Migrating);
    }
    let spec = &target.spec;
    let mut inputs = Inputs::new(context, key, Reason::ReadingMigrationData);
    let address = target::address(&mut inputs, &spec.target).await;
    let directory = migration::directory(context, &mut inputs, spec).await;
    context.note_inputs(key, inputs.read());
    let stays = |message: &str| Failure::permanent(Word::CheckFailed, message);
    let address = address.map_err(|problem| stays(&problem.message))?;
    let directory = directory.map_err(|problem| match &spec.dir.remote {
        Some(_) => Failure::passing(&problem.message),
        None => stays(&problem.message),
    })?;
    let session = context.databases.open(&address).await;
    let mut session = session.map_err(|error| Failure::passing(&error.to_string()))?;
    let mut migrator = Migrator::new(&mut session, &address, migration::settings(spec));
    match migrator.drift(&directory, exclude(wish, spec)).await {
        Ok(drift) => Ok(Seen::Checked(drift)),
        Err(error @ MigrateError::NoHistory) => Err(Failure::permanent(
            Word::NoMigrationHistory,
            &error.to_string(),
        )),
        Err(MigrateError::Database(
            DatabaseError::Busy { .. } | DatabaseError::BusyServer { .. },
        )) => Ok(Seen::Locked),
        Err(error @ MigrateError::Database(_)) => Err(Failure::passing(&error.to_string())),
        Err(error) => Err(stays(&migration::problem(&error).message)),
    }
}

/// The AtlasMigration of this name, beside the object.
async fn target<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    name: &str,
) -> Result<AtlasMigration, Failure> {
    let target = ObjectKey {
        kind: ATLAS_MIGRATION.to_owned(),
        name: name.to_owned(),
        ..key.clone()
    };
    let read = object::read(context, Kind::AtlasMigration, &target).await;
    let Some(Object {
        mut value, status, ..
    }) = read.map_err(|error| Failure::passing(&error.to_string()))?
    else {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        return Err(Failure::permanent(
            Word::TargetNotFound,
            &format!("AtlasMigration {name:?} not found in namespace {namespace:?}"),
        ));
    };
    if let (Some(fields), false) = (value.as_object_mut(), status.is_null()) {
        fields.insert("status".to_owned(), status);
    }
    AtlasMigration::from_object(&value)
        .map_err(|error| Failure::permanent(Word::CheckFailed, &error.to_string()))
}

/// Whether what the AtlasMigration wants is still to be brought about: one that nobody looked at since it was written, as when both come from one folder, has
/// no history yet, and that is no failure. (The operator looks at the condition only.)
fn is_under_way(target: &AtlasMigration) -> bool {
    let status = &target.status;
    status.observed_generation != target.metadata.generation
        || is_true(&status.conditions, "Reconciling")
}

/// What may differ.
fn exclude<'a>(wish: &'a Wish, spec: &'a AtlasMigrationSpec) -> &'a [String] {
    match &spec.policy.drift {
        Some(policy) if wish.exclude.is_empty() => &policy.exclude,
        _ => &wish.exclude,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_migration_that_nobody_looked_at_is_waited_for() {
        let is = |status: Value| {
            let object = json!({"metadata": {"generation": 2}, "status": status});
            is_under_way(&AtlasMigration::from_object(&object).expect("well formed"))
        };
        let reconciling = |status: &str| {
            let condition = json!({"type": "Reconciling", "status": status, "reason": "r", "lastTransitionTime": "t"});
            json!({"observedGeneration": 2, "conditions": [condition]})
        };
        assert!(is(json!({})) && is(json!({"observedGeneration": -1})));
        assert!(is(json!({"observedGeneration": 1})) && is(reconciling("True")));
        assert!(!is(reconciling("False")));
    }
}
