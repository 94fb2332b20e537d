//! Taking objects over from client-side apply: who owned their fields by updates owns them by apply from now on. Pure.
//!
//! A field that `kubectl apply`, or Argo CD without server-side apply, once wrote belongs to that manager. Were it left so, a field that Git no longer has
//! would stay for ever: a server-side apply takes back only what its own manager applied. So the old managers' fields are added to ours first
//! (`csaupgrade` of Kubernetes' client-go, and `ClientSideApplyMigration` of Argo CD, which `ClientSideApplyMigration=false` turns off).

use serde_json::{Map, Value, json};
use tidegate_model::object::{at, text};

use super::steps::MANAGER;

/// Who applied on the client's side.
const OLD: [&str; 2] = ["kubectl-client-side-apply", MANAGER];

/// `metadata.managedFields` as it is to be; none where there is nothing to take over.
pub(super) fn taken_over(live: &Value) -> Option<Value> {
    let entries = at(live, "/metadata/managedFields")?.as_array()?;
    let is_whole = |entry: &Value| text(entry, "/subresource").is_none_or(str::is_empty);
    let is_old = |entry: &&Value| {
        is_whole(entry)
            && text(entry, "/operation") == Some("Update")
            && text(entry, "/manager").is_some_and(|manager| OLD.contains(&manager))
    };
    let is_ours = |entry: &&Value| {
        is_whole(entry)
            && text(entry, "/operation") == Some("Apply")
            && text(entry, "/manager") == Some(MANAGER)
    };
    let first = entries.iter().find(is_old)?;
    let mut ours = entries.iter().find(is_ours).unwrap_or(first).clone();
    let mut fields = Map::new();
    for entry in entries
        .iter()
        .filter(|entry| is_old(entry) || is_ours(entry))
    {
        if let Some(more) = entry.get("fieldsV1").and_then(Value::as_object) {
            unite(&mut fields, more);
        }
    }
    if let Some(map) = ours.as_object_mut() {
        map.insert("manager".to_owned(), json!(MANAGER));
        map.insert("operation".to_owned(), json!("Apply"));
        map.insert("fieldsV1".to_owned(), Value::Object(fields));
    }
    let rest = entries
        .iter()
        .filter(|entry| !is_old(entry) && !is_ours(entry))
        .cloned();
    Some(rest.chain([ours]).collect())
}

/// The union of two sets of fields.
fn unite(fields: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, below) in more {
        match (
            fields.get_mut(key).and_then(Value::as_object_mut),
            below.as_object(),
        ) {
            (Some(known), Some(below)) => unite(known, below),
            _ => {
                fields.insert(key.clone(), below.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "fieldsV1": fields})
    }

    #[test]
    fn fields_of_old_managers_become_ours() {
        let other = entry("hpa", "Update", &json!({"f:spec": {"f:replicas": {}}}));
        let kubectl = entry(
            "kubectl-client-side-apply",
            "Update",
            &json!({"f:data": {"f:a": {}}}),
        );
        let own = entry(MANAGER, "Apply", &json!({"f:data": {"f:b": {}}}));
        let both = entry(MANAGER, "Apply", &json!({"f:data": {"f:a": {}, "f:b": {}}}));
        let alone = entry(MANAGER, "Apply", &json!({"f:data": {"f:a": {}}}));
        for (before, after) in [
            (vec![other.clone()], None),
            (vec![other.clone(), own.clone()], None),
            (
                vec![kubectl.clone(), other.clone()],
                Some(vec![other.clone(), alone]),
            ),
            (vec![kubectl, other.clone(), own], Some(vec![other, both])),
            (
                vec![
                    json!({"manager": MANAGER, "operation": "Update", "subresource": "status", "fieldsV1": {}}),
                ],
                None,
            ),
        ] {
            let live = json!({"metadata": {"managedFields": before}});
            assert_eq!(taken_over(&live), after.map(Value::Array));
        }
    }
}
