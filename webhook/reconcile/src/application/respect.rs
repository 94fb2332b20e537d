//! What is not ours to write although Git says something: fields that `spec.ignoreDifferences` names, with `RespectIgnoreDifferences=true`. Pure.
//!
//! They are written as they are live, so that an apply changes nothing about them and takes nothing away (`normalizeTargetResources` of Argo CD's
//! `controller/sync.go`).

use serde_json::Value;
use tidegate_syncplan::ignore::Rules;

/// The manifest with the live values of all ignored fields; `status` is never one of them.
pub(super) fn respected(target: &Value, live: &Value, rules: &Rules) -> Value {
    let mut kept_target = target.clone();
    let mut kept_live = live.clone();
    rules.apply(&mut kept_target, &mut kept_live);
    let mut respected = kept_target;
    put_back(&mut respected, live, &kept_live, true);
    respected
}

/// Copies what `live` has and `kept` has lost. A list that lost elements says no more which is which, and stays as the manifest has it.
fn put_back(target: &mut Value, live: &Value, kept: &Value, is_root: bool) {
    match (target, live, kept) {
        (Value::Object(target), Value::Object(live), Value::Object(kept)) => {
            for (key, live) in live {
                if is_root && key == "status" {
                    continue;
                }
                match (kept.get(key), target.get_mut(key)) {
                    (None, _) => {
                        target.insert(key.clone(), live.clone());
                    }
                    (Some(kept), Some(target)) => put_back(target, live, kept, false),
                    // The manifest says nothing of the parent: what was lost in it is nobody's wish.
                    (Some(_), None) => {}
                }
            }
        }
        (Value::Array(target), Value::Array(live), Value::Array(kept))
            if live.len() == kept.len() =>
        {
            for ((target, live), kept) in target.iter_mut().zip(live).zip(kept) {
                put_back(target, live, kept, false);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ignored_fields_are_written_as_they_are_live() {
        let object = |replicas: Value, image: &str, status: Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": status,
                "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "main", "image": image}]}}}})
        };
        let application = json!({"spec": {"ignoreDifferences": [{"group": "apps", "kind": "Deployment",
            "jsonPointers": ["/spec/replicas", "/spec/paused", "/status", "/spec/template/spec/containers/0/image"]}]}});
        let (rules, _) = Rules::of(&application);
        let mut live = object(json!(5), "live", json!({"replicas": 5}));
        let mut expected = object(json!(5), "live", Value::Null);
        if let Some(map) = expected.as_object_mut() {
            map.remove("status");
        }
        assert_eq!(
            respected(&object(json!(1), "git", json!({})), &live, &rules),
            expected
        );
        // What the manifest does not say and live has is kept as well.
        live["spec"]["paused"] = json!(true);
        let paused = respected(&object(json!(1), "git", json!({})), &live, &rules);
        assert_eq!(paused["spec"]["paused"], json!(true));
        // What no rule names is Git's.
        live["spec"]["minReadySeconds"] = json!(7);
        let plain = respected(&object(json!(1), "git", json!({})), &live, &rules);
        assert_eq!(plain["spec"].get("minReadySeconds"), None);
    }
}
