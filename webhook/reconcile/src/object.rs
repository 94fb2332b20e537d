//! One object of a kind with a status of its own, as the API server has it now, and its status, written.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde::Serialize;
use serde_json::{Value, json};
use tidegate_model::ObjectKey;

use crate::context::{ApiError, Context};
use crate::kinds::Kind;

/// What was read.
pub(crate) struct Object {
    /// All of it but `status` and `metadata.managedFields`.
    pub(crate) value: Value,
    /// `status`; null where there is none.
    pub(crate) status: Value,
    /// Which one, with the uid that tells it from a later one of the same name.
    pub(crate) reference: ObjectReference,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// Grows with each change of the spec.
    pub(crate) generation: i64,
    /// Whether it is being deleted.
    pub(crate) deleting: bool,
    /// What people and tools ask for beside the spec.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Reads an object. None when it is gone.
///
/// # Errors
/// The API server could not be asked.
pub(crate) async fn read<G>(
    context: &Context<G>,
    kind: Kind,
    key: &ObjectKey,
) -> Result<Option<Object>, ApiError> {
    let api = context.api(kind, key);
    let read = context.ask("read the object", api.get_opt(&key.name));
    let Some(DynamicObject {
        types,
        mut metadata,
        data: mut value,
    }) = read.await?
    else {
        return Ok(None);
    };
    metadata.managed_fields = None;
    let status = value.as_object_mut().and_then(|fields| {
        if let Some(types) = types {
            fields.insert("apiVersion".to_owned(), types.api_version.into());
            fields.insert("kind".to_owned(), types.kind.into());
        }
        let metadata = serde_json::to_value(&metadata).unwrap_or_default();
        fields.insert("metadata".to_owned(), metadata);
        fields.remove("status")
    });
    let status = status.unwrap_or_default();
    let created = metadata.creation_timestamp.as_ref();
    Ok(Some(Object {
        value,
        status,
        reference: ObjectReference {
            api_version: Some(kind.resource().api_version),
            kind: Some(kind.name().to_owned()),
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            ..ObjectReference::default()
        },
        created: created.map_or(0, |time| time.0.as_second()),
        generation: metadata.generation.unwrap_or_default(),
        deleting: metadata.deletion_timestamp.is_some(),
        annotations: metadata.annotations.unwrap_or_default(),
    }))
}

/// Writes `status`.
///
/// # Errors
/// The API server says no; also when the object was deleted and made anew meanwhile, which its uid tells.
pub(crate) async fn write_status<G>(
    context: &Context<G>,
    kind: Kind,
    key: &ObjectKey,
    reference: &ObjectReference,
    status: &impl Serialize,
) -> Result<(), ApiError> {
    let patch = Patch::Merge(json!({"metadata": {"uid": reference.uid}, "status": status}));
    let api = context.api(kind, key);
    let parameters = PatchParams::default();
    let written = api.patch_status(&key.name, &parameters, &patch);
    let written = context.ask("write the status", written).await?;
    let version = written.metadata.resource_version.unwrap_or_default();
    context.wrote(key, &version);
    Ok(())
}
