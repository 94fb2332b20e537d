//! `Validate=false`: the part of a manifest that its kind's schema has a place for. Pure.
//!
//! A client-side apply, which is Argo CD's, sends the rest along, and the API server drops it. A server-side apply refuses the whole object, whatever
//! validation is asked for. So the API server is asked what it would keep, and the rest is left out.

use serde_json::Value;

/// What of `manifest` is also in `kept`, which is what the API server made of it. Values are the manifest's own: what the server writes in another way is
/// still what was asked for.
pub(super) fn declared(manifest: &Value, kept: &Value) -> Value {
    match (manifest, kept) {
        (Value::Object(manifest), Value::Object(kept)) => {
            let both = manifest.iter().filter_map(|(key, value)| {
                let other = match kept.get(key) {
                    Some(other) => other,
                    None if key == "apiVersion" || key == "kind" => value,
                    None => return None,
                };
                Some((key.clone(), declared(value, other)))
            });
            Value::Object(both.collect())
        }
        // The server keeps the order of lists, and may add to them at the end.
        (Value::Array(manifest), Value::Array(kept)) if kept.len() >= manifest.len() => {
            let both = manifest.iter().zip(kept);
            both.map(|(value, other)| declared(value, other)).collect()
        }
        (manifest, _) => manifest.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_schema_has_no_place_for_is_left_out() {
        let manifest = json!({
            "apiVersion": "v1", "kind": "Pod", "wrong": 1,
            "spec": {"containers": [{"name": "a", "imag": "x", "resources": {"limits": {"cpu": 0.5}}}]},
        });
        let kept = json!({
            "spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "500m"}}}, {"name": "sidecar"}], "dnsPolicy": "ClusterFirst"},
        });
        assert_eq!(
            declared(&manifest, &kept),
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": 0.5}}}]},
            })
        );
    }
}
