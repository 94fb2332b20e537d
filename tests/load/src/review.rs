//! Reviews as an API server writes them.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};

/// Of every review made here; answers must give it back.
pub const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// The creation of an AtlasSchema whose object has about so many bytes; all of its SQL is harmless.
pub fn of_size(bytes: usize) -> Bytes {
    let mut sql = String::from("CREATE TABLE orders (\n");
    for column in 0_u32.. {
        if sql.len() + 350 > bytes {
            break;
        }
        let _ = writeln!(sql, "  column_{column} varchar(255) NOT NULL,");
    }
    sql.push_str("  id bigint PRIMARY KEY\n);\n");
    of_sql(&sql)
}

/// The creation of an AtlasSchema with this SQL.
pub fn of_sql(sql: &str) -> Bytes {
    around(&object(&json!({"sql": sql})))
}

/// The creation of an AtlasSchema that asks the test guest to misbehave in this way.
pub fn misbehaving(way: &str) -> Bytes {
    let mut object = object(&json!({"sql": "CREATE TABLE a (id int PRIMARY KEY);"}));
    if let Some(annotations) = object.pointer_mut("/metadata/annotations") {
        *annotations = json!({ "misbehave": way });
    }
    around(&object)
}

/// An AtlasSchema, as the guide has it.
pub fn object(schema: &Value) -> Value {
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": "AtlasSchema",
        "metadata": {
            "name": "shop",
            "namespace": "shop",
            "annotations": {"argocd.argoproj.io/sync-wave": "1"},
        },
        "spec": {
            "urlFrom": {"secretKeyRef": {"name": "shop", "key": "url"}},
            "schema": schema,
        },
    })
}

/// The creation of this object.
pub fn around(object: &Value) -> Bytes {
    around_text(&object.to_string())
}

/// The creation of whatever this text is, which may be no JSON at all.
pub fn around_text(object: &str) -> Bytes {
    let kind = json!({"group": "db.atlasgo.io", "version": "v1alpha1", "kind": "AtlasSchema"});
    let resource =
        json!({"group": "db.atlasgo.io", "version": "v1alpha1", "resource": "atlasschemas"});
    let user = json!({
        "username": "system:serviceaccount:argocd:argocd-application-controller",
        "groups": ["system:serviceaccounts", "system:authenticated"],
    });
    // The order of the fields is the API server's.
    Bytes::from(format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"{UID}","kind":{kind},"resource":{resource},"requestKind":{kind},"requestResource":{resource},"name":"shop","namespace":"shop","operation":"CREATE","userInfo":{user},"object":{object},"oldObject":null,"dryRun":false,"options":{{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}}}}"#
    ))
}
