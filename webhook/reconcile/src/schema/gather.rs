//! Looks at one AtlasSchema and its database, once, and writes down what it saw. Nothing is changed.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DynamicObject};
use serde::Deserialize as _;
use serde_json::Value;
use tidegate_database::{Address, Database, DatabaseError, Inspection, Locked};
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{AtlasSchema, AtlasSchemaSpec, AtlasSchemaStatus, KeyRef, Target};
use tidegate_model::url::DatabaseUrl;

use super::snapshot::{Cause, Problem, Snapshot, Status};
use super::wish::{Wish, wish};
use crate::context::{ApiError, Context};
use crate::gate::Gate;
use crate::kinds::Kind;

/// What was seen, and what is needed to act on it.
pub(crate) struct Gathered {
    /// What decisions are made from.
    pub(crate) snapshot: Snapshot,
    /// The object as JSON text, for the gate.
    pub(crate) subject: String,
    /// Tells this object from a later one of the same name.
    pub(crate) uid: String,
    /// The turn at the database, from before the inspection to after the change.
    pub(crate) locked: Option<Locked>,
}

/// Looks. None when the object is gone.
///
/// # Errors
/// The API server could not be asked for the object. Every other problem is part of the snapshot.
pub(crate) async fn gather<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
) -> Result<Option<Gathered>, ApiError> {
    let api = context.api(Kind::AtlasSchema, key);
    let Some(mut object) = context
        .ask("read the object", api.get_opt(&key.name))
        .await?
    else {
        return Ok(None);
    };
    object.metadata.managed_fields = None;
    let created = object
        .metadata
        .creation_timestamp
        .as_ref()
        .map_or(0, |time| time.0.as_second());
    let uid = object.metadata.uid.clone().unwrap_or_default();
    let deleting = object.metadata.deletion_timestamp.is_some();
    let generation = object.metadata.generation.unwrap_or_default();
    let (value, status) = split(&object);

    let mut gathered = Gathered {
        snapshot: Snapshot {
            key: key.clone(),
            generation,
            deleting,
            status,
            wanted: Ok(String::new()),
            present: Ok(Inspection::default()),
        },
        subject: value.to_string(),
        uid,
        locked: None,
    };
    if deleting {
        return Ok(Some(gathered));
    }
    let spec = match AtlasSchema::from_object(&value) {
        Ok(schema) => schema.spec,
        Err(error) => {
            gathered.snapshot.wanted = Err(Problem::new(Cause::ReadSchema, error.to_string()));
            return Ok(Some(gathered));
        }
    };
    // The claim stands whether or not the rest can be read: an older object does not lose its database to a typing error.
    let reached = reach(context, key, created, &spec.target).await;
    gathered.snapshot.wanted = wanted(context, key, &spec).await;
    if gathered.snapshot.wanted.is_ok() {
        match inspect(reached).await {
            Ok((locked, inspection)) => {
                gathered.locked = Some(locked);
                gathered.snapshot.present = Ok(inspection);
            }
            Err(problem) => gathered.snapshot.present = Err(problem),
        }
    }
    Ok(Some(gathered))
}

/// The object without its status, and the status. One that somebody else wrote and that cannot be read counts as none: it will be written anew.
fn split(object: &DynamicObject) -> (Value, Status) {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    let status = value
        .as_object_mut()
        .and_then(|fields| fields.remove("status"))
        .unwrap_or_default();
    let status = AtlasSchemaStatus::deserialize(&status).unwrap_or_default();
    (value, status.into())
}

async fn wanted<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    spec: &AtlasSchemaSpec,
) -> Result<String, Problem> {
    match wish(spec)? {
        Wish::Sql(sql) => Ok(sql.to_owned()),
        Wish::ConfigMap(reference) => config_map_key(context, key, reference).await,
    }
}

/// The database that the object names, if it is this object's to change.
async fn reach<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    created: i64,
    target: &Target,
) -> Result<Database, Problem> {
    let address = address(context, key, target)
        .await
        .inspect_err(|_| context.release(key))?;
    let database = context
        .databases
        .open(&address)
        .await
        .map_err(|error| login(&error))?;
    let Some(identity) = database.identity() else {
        context.release(key);
        return Err(Problem::new(
            Cause::Login,
            "a database in memory ends with the program that opened it and cannot be reconciled: name a file, \
             sqlite:///data/app.db",
        ));
    };
    match context.claim(key, created, identity) {
        None => Ok(database),
        Some(holder) => Err(Problem::new(
            Cause::Login,
            format!(
                "the database belongs to {holder}, which was created before this object; two objects on one database \
                 would undo each other's work: merge their schemas into one object, or delete one of them"
            ),
        )),
    }
}

async fn inspect(reached: Result<Database, Problem>) -> Result<(Locked, Inspection), Problem> {
    let locked = reached?.lock().await.map_err(|error| login(&error))?;
    let inspection = locked.inspect().await;
    let inspection =
        inspection.map_err(|error| Problem::new(Cause::SchemaInspect, error.to_string()))?;
    Ok((locked, inspection))
}

fn login(error: &DatabaseError) -> Problem {
    Problem::new(Cause::Login, error.to_string())
}

/// The address, by the operator's precedence: `urlFrom`, then `url`, then `credentials`.
async fn address<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    target: &Target,
) -> Result<Address, Problem> {
    let reference = target
        .url_from
        .as_ref()
        .and_then(|from| from.secret_key_ref.as_ref());
    let url = match (reference, &target.url) {
        (Some(reference), _) => DatabaseUrl::new(secret_key(context, key, reference).await?),
        (None, Some(url)) if !url.is_empty() => url.clone(),
        _ if target.credentials.is_some() => {
            return Err(Problem::new(
                Cause::ReadSchema,
                "spec.credentials cannot be reconciled yet: write a sqlite:// address into spec.url, or into a Secret named by spec.urlFrom",
            ));
        }
        _ => {
            return Err(Problem::new(
                Cause::ReadSchema,
                "no target database defined: write its address into spec.url",
            ));
        }
    };
    Address::parse(url.reveal()).map_err(|error| Problem::new(Cause::ReadSchema, error.to_string()))
}

async fn secret_key<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    reference: &KeyRef,
) -> Result<String, Problem> {
    let namespace = key.namespace.as_deref().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let answer = context
        .ask("read the Secret", api.get_opt(&reference.name))
        .await;
    let secret = found(answer, "Secret", "spec.urlFrom", namespace, reference)?;
    let value = secret.data.unwrap_or_default().remove(&reference.key);
    let value = value.ok_or_else(|| missing_key("Secret", "spec.urlFrom", namespace, reference))?;
    String::from_utf8(value.0).map_err(|_| {
        let message = format!(
            "key {:?} of Secret {namespace}/{}, named by spec.urlFrom, is not UTF-8 text",
            reference.key, reference.name
        );
        Problem::new(Cause::ReadSchema, message)
    })
}

async fn config_map_key<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    reference: &KeyRef,
) -> Result<String, Problem> {
    const FIELD: &str = "spec.schema.configMapKeyRef";
    let namespace = key.namespace.as_deref().unwrap_or_default();
    let api: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    let answer = context
        .ask("read the ConfigMap", api.get_opt(&reference.name))
        .await;
    let map = found(answer, "ConfigMap", FIELD, namespace, reference)?;
    map.data
        .unwrap_or_default()
        .remove(&reference.key)
        .ok_or_else(|| missing_key("ConfigMap", FIELD, namespace, reference))
}

fn found<T>(
    answer: Result<Option<T>, ApiError>,
    kind: &str,
    field: &str,
    namespace: &str,
    reference: &KeyRef,
) -> Result<T, Problem> {
    let name = &reference.name;
    let message = match answer {
        Ok(Some(found)) => return Ok(found),
        Ok(None) => format!("{kind} {namespace}/{name}, named by {field}, does not exist"),
        Err(error) if error.is_forbidden() => {
            format!(
                "{kind} {namespace}/{name}, named by {field}, may not be read: grant \"get\" on it to the reconciler's service account"
            )
        }
        Err(error) => format!("{kind} {namespace}/{name}, named by {field}: {error}"),
    };
    Err(Problem::new(Cause::ReadSchema, message))
}

fn missing_key(kind: &str, field: &str, namespace: &str, reference: &KeyRef) -> Problem {
    let message = format!(
        "{kind} {namespace}/{}, named by {field}, has no key {:?}",
        reference.name, reference.key
    );
    Problem::new(Cause::ReadSchema, message)
}
