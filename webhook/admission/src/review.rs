//! An AdmissionReview v1 request, read as far as anybody here needs it.
//!
//! The objects stay the JSON text that came in: fields that nobody here knows survive, and an object nested deeper than a parser's limit is no
//! reason to fail (the API server stores objects nested thousands of levels deep). Reading the envelope is not recursive either, so that the uid
//! is found, and the request answered, whatever the object holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What the API server is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// Also a server-side apply that makes the object.
    Create,
    /// Also patches, even those that change nothing.
    Update,
    /// One for each object of a collection.
    Delete,
    /// A proxied connection; no policy of ours asks for it.
    Connect,
}

impl Operation {
    /// As the API server writes it, and the metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// A kind, as in `metav1.GroupVersionKind`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupVersionKind {
    /// Empty for the core group.
    #[serde(default)]
    pub group: String,
    /// For example `v1alpha1`.
    #[serde(default)]
    pub version: String,
    /// For example `AtlasSchema`.
    #[serde(default)]
    pub kind: String,
}

/// A resource, as in `metav1.GroupVersionResource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupVersionResource {
    /// Empty for the core group.
    #[serde(default)]
    pub group: String,
    /// For example `v1alpha1`.
    #[serde(default)]
    pub version: String,
    /// For example `atlasschemas`.
    #[serde(default)]
    pub resource: String,
}

/// Who asks, as in `authentication.k8s.io/v1` `UserInfo`, without its extra fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// For example `system:serviceaccount:argocd:argocd-application-controller`.
    #[serde(default)]
    pub username: String,
    /// Unique over time.
    #[serde(default)]
    pub uid: String,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// One admission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// To be given back, byte for byte.
    pub uid: String,
    /// What is to be done.
    pub operation: Operation,
    /// The kind in which the object comes: the one that the webhook configuration asked for, not the one that the user wrote.
    pub kind: GroupVersionKind,
    /// Likewise.
    pub resource: GroupVersionResource,
    /// `status`, `scale` and the like.
    pub sub_resource: Option<String>,
    /// Empty for a create with generateName on older servers. For a collection delete it comes empty and is taken from the old object.
    pub name: String,
    /// None for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Who asks.
    pub user: UserInfo,
    /// Nothing will be stored.
    pub dry_run: bool,
    /// JSON text; none for a delete.
    pub object: Option<Arc<str>>,
    /// JSON text of what is stored; none for a create.
    pub old_object: Option<Arc<str>>,
}

impl Review {
    /// The text that the request is about: the object, or what is to be deleted.
    pub fn subject(&self) -> Option<&Arc<str>> {
        self.object.as_ref().or(self.old_object.as_ref())
    }

    /// Whether the object has all of these labels, before the change and after it.
    pub(crate) fn has_labels(&self, wanted: &BTreeMap<String, String>) -> bool {
        let mut texts = self.object.iter().chain(&self.old_object).peekable();
        texts.peek().is_some()
            && texts.all(|text| {
                let labels = labels(text);
                wanted
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value))
            })
    }

    /// Whether the object is on its way out and only its finalizers, or other bookkeeping, change. Denying that would make the deletion hang for
    /// ever. A change of what policies judge is still judged.
    pub fn is_finalizing(&self) -> bool {
        let (Operation::Update, Some(new), Some(old)) = (
            self.operation,
            self.object.as_deref(),
            self.old_object.as_deref(),
        ) else {
            return false;
        };
        let deleting = metadata(old).is_some_and(|metadata| metadata.deletion_timestamp.is_some());
        deleting
            && match (judged_part(new), judged_part(old)) {
                (Some(new), Some(old)) => new.spec == old.spec && new.operation == old.operation,
                _ => false,
            }
    }

    /// Whether an update changes nothing that a policy may judge: only `status`, or metadata other than annotations, labels and finalizers. Argo
    /// CD's Application has no status subresource, so each of its many status writes arrives as an update of the whole object. The same
    /// condition stands in the webhook configuration as CEL; here it serves API servers older than 1.28.
    pub fn changes_nothing_judged(&self) -> bool {
        let (Operation::Update, Some(new), Some(old)) = (
            self.operation,
            self.object.as_deref(),
            self.old_object.as_deref(),
        ) else {
            return false;
        };
        match (judged_part(new), judged_part(old)) {
            (Some(new), Some(old)) => new == old,
            _ => false,
        }
    }
}

/// Why a body is not an admission review that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// Not JSON, or not of AdmissionReview's shape; there is no uid to answer with.
    #[error("the body is not an AdmissionReview: {0}")]
    Malformed(String),
    /// Another version or kind of message.
    #[error("expected admission.k8s.io/v1 AdmissionReview, got {api_version} {kind}")]
    Version {
        /// What it said.
        api_version: String,
        /// What it said.
        kind: String,
    },
    /// A review without what its operation must carry.
    #[error("the request of uid {uid} is a {operation} without {missing}", operation = .operation.as_str())]
    Incomplete {
        /// To answer with.
        uid: String,
        /// Of the request.
        operation: Operation,
        /// `object` or `oldObject`.
        missing: &'static str,
    },
}

/// Reads an AdmissionReview v1 body.
pub fn parse_review(body: &[u8]) -> Result<Review, ReviewError> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| ReviewError::Malformed(error.to_string()))?;
    if envelope.api_version != "admission.k8s.io/v1" || envelope.kind != "AdmissionReview" {
        return Err(ReviewError::Version {
            api_version: envelope.api_version,
            kind: envelope.kind,
        });
    }
    let request = envelope
        .request
        .ok_or_else(|| ReviewError::Malformed("it has no `request`".into()))?;
    let object = text(request.object);
    let old_object = text(request.old_object);
    let missing = match request.operation {
        Operation::Create | Operation::Connect if object.is_none() => Some("object"),
        Operation::Update if object.is_none() => Some("object"),
        Operation::Update | Operation::Delete if old_object.is_none() => Some("oldObject"),
        _ => None,
    };
    if let Some(missing) = missing {
        return Err(ReviewError::Incomplete {
            uid: request.uid,
            operation: request.operation,
            missing,
        });
    }
    let name = if request.name.is_empty() {
        old_object
            .as_deref()
            .and_then(metadata)
            .and_then(|metadata| metadata.name)
            .unwrap_or_default()
    } else {
        request.name
    };
    Ok(Review {
        uid: request.uid,
        operation: request.operation,
        kind: request.kind,
        resource: request.resource,
        sub_resource: request.sub_resource.filter(|name| !name.is_empty()),
        name,
        namespace: request.namespace.filter(|namespace| !namespace.is_empty()),
        user: request.user_info,
        dry_run: request.dry_run.unwrap_or(false),
        object,
        old_object,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(borrow)]
    request: Option<Request<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    uid: String,
    kind: GroupVersionKind,
    #[serde(default)]
    resource: GroupVersionResource,
    #[serde(default)]
    sub_resource: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    operation: Operation,
    #[serde(default)]
    user_info: UserInfo,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    old_object: Option<&'a RawValue>,
    #[serde(default)]
    dry_run: Option<bool>,
}

/// The few metadata fields that decide about the request itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

fn text(raw: Option<&RawValue>) -> Option<Arc<str>> {
    raw.map(RawValue::get)
        .filter(|text| *text != "null")
        .map(Arc::from)
}

fn metadata(object: &str) -> Option<Metadata> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    serde_json::from_str::<Object>(object)
        .ok()
        .map(|object| object.metadata)
}

/// None where they are not what labels are.
fn labels(object: &str) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Labelled,
    }
    #[derive(Deserialize)]
    struct Labelled {
        labels: BTreeMap<String, String>,
    }
    serde_json::from_str::<Object>(object)
        .map(|object| object.metadata.labels)
        .unwrap_or_default()
}

/// The parts of an object that policies judge, as raw text.
#[derive(PartialEq, Deserialize)]
struct Judged<'a> {
    #[serde(borrow, default)]
    spec: Raw<'a>,
    #[serde(borrow, default)]
    operation: Raw<'a>,
    /// Of a `ConfigMap`.
    #[serde(borrow, default)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    metadata: JudgedMetadata<'a>,
}

#[derive(PartialEq, Default, Deserialize)]
struct JudgedMetadata<'a> {
    #[serde(borrow, default)]
    annotations: Raw<'a>,
    #[serde(borrow, default)]
    labels: Raw<'a>,
    #[serde(borrow, default)]
    finalizers: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Raw<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl PartialEq for Raw<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.map(RawValue::get) == other.0.map(RawValue::get)
    }
}

fn judged_part(object: &str) -> Option<Judged<'_>> {
    serde_json::from_str(object).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(request: &serde_json::Value) -> Vec<u8> {
        serde_json::to_vec(&json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}))
            .unwrap()
    }

    fn update(new: &serde_json::Value, old: &serde_json::Value) -> Review {
        parse_review(&body(&json!({
            "uid": "u", "kind": {"group": "argoproj.io", "version": "v1alpha1", "kind": "Application"},
            "operation": "UPDATE", "object": new, "oldObject": old,
        })))
        .unwrap()
    }

    #[test]
    fn a_create_is_read() {
        let review = parse_review(&body(&json!({
            "uid": "705ab4f5", "kind": {"group": "db.atlasgo.io", "version": "v1alpha1", "kind": "AtlasSchema"},
            "resource": {"group": "db.atlasgo.io", "version": "v1alpha1", "resource": "atlasschemas"},
            "name": "shop", "namespace": "default", "operation": "CREATE", "dryRun": true,
            "userInfo": {"username": "ada", "groups": ["system:authenticated"], "extra": {"a": ["b"]}},
            "object": {"spec": {"unknown": 1e3}}, "oldObject": null, "options": {"kind": "CreateOptions"},
        })))
        .unwrap();
        assert_eq!(
            review.object.as_deref(),
            Some(r#"{"spec":{"unknown":1000.0}}"#)
        );
        assert_eq!(
            (
                review.old_object,
                review.dry_run,
                review.user.username.as_str()
            ),
            (None, true, "ada")
        );
    }

    #[test]
    fn what_cannot_be_judged_says_why() {
        let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
        for (body, expected) in [
            (b"{".to_vec(), "not an AdmissionReview: EOF"),
            (b"\xff\xfe{}".to_vec(), "not an AdmissionReview"),
            (b"[]".to_vec(), "not an AdmissionReview"),
            (
                br#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#.to_vec(),
                "got admission.k8s.io/v1beta1",
            ),
            (
                br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#.to_vec(),
                "no `request`",
            ),
            (
                body(&json!({"uid": "u", "kind": kind, "operation": "CREATE"})),
                "CREATE without object",
            ),
            (
                body(&json!({"uid": "u", "kind": kind, "operation": "DELETE"})),
                "DELETE without oldObject",
            ),
            (
                body(&json!({"uid": "u", "kind": kind, "operation": "UPDATE", "object": {}})),
                "UPDATE without oldObject",
            ),
            (
                body(&json!({"uid": "u", "kind": kind, "operation": "PATCH", "object": {}})),
                "unknown variant `PATCH`",
            ),
        ] {
            let error = parse_review(&body).unwrap_err().to_string();
            assert!(
                error.contains(expected),
                "{error} should contain {expected}"
            );
        }
    }

    #[test]
    fn a_deep_object_is_no_reason_to_fail() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(9_000), "}".repeat(9_000));
        let body = format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","kind":{{"kind":"X"}},"operation":"CREATE","object":{deep}}}}}"#
        );
        assert_eq!(
            parse_review(body.as_bytes()).unwrap().object.as_deref(),
            Some(deep.as_str())
        );
    }

    #[test]
    fn a_collection_delete_takes_its_name_from_the_old_object() {
        let review = parse_review(&body(&json!({
            "uid": "u", "kind": {"kind": "AtlasSchema"}, "name": "", "operation": "DELETE",
            "object": null, "oldObject": {"metadata": {"name": "shop"}},
        })))
        .unwrap();
        assert_eq!(review.name, "shop");
    }

    #[test]
    fn only_what_policies_judge_counts_as_a_change() {
        let old = json!({"metadata": {"name": "a", "resourceVersion": "1", "annotations": {"x": "1"}}, "spec": {"a": 1}, "status": {}});
        for (pointer, value, unjudged) in [
            ("/status", json!({"phase": "Running"}), true),
            ("/metadata/resourceVersion", json!("2"), true),
            ("/spec/a", json!(2), false),
            ("/metadata/annotations/x", json!("2"), false),
        ] {
            let mut new = old.clone();
            *new.pointer_mut(pointer).unwrap() = value;
            assert_eq!(
                update(&new, &old).changes_nothing_judged(),
                unjudged,
                "{pointer}"
            );
        }
        let mut new = old.clone();
        new["data"] = json!({"1.sql": "DROP TABLE t"});
        assert!(!update(&new, &old).changes_nothing_judged());
        let mut new = old.clone();
        new["operation"] = json!({"sync": {}});
        assert!(!update(&new, &old).changes_nothing_judged());
    }

    #[test]
    fn a_deletion_under_way_is_seen() {
        let deleting = |finalizers: serde_json::Value, spec: u8| json!({"metadata": {"finalizers": finalizers, "deletionTimestamp": "2026-11-21T00:00:00Z"}, "spec": spec});
        let old = deleting(json!(["a"]), 1);
        assert!(update(&deleting(json!([]), 1), &old).is_finalizing());
        assert!(!update(&deleting(json!([]), 2), &old).is_finalizing());
        assert!(!update(&json!({"metadata": {}}), &json!({"metadata": {}})).is_finalizing());
    }
}
