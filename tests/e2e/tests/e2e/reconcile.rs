//! What is admitted is applied: an AtlasSchema on SQLite, by the same process.

use std::path::Path;

use serde_json::Value;

use crate::gate::plane;
use crate::tidegate::{Gated, Start, Tidegate, atlas_schema, eventually};

fn ready(gate: &Gated<'_>, name: &str) -> Option<(String, String)> {
    let schema = gate.get("atlasschema", name).ok()?;
    let conditions = schema["status"]["conditions"].as_array()?.clone();
    let generation = &schema["metadata"]["generation"];
    let ready = conditions
        .iter()
        .find(|condition| condition["type"] == "Ready")?;
    let current = schema["status"]["observedGeneration"] == *generation;
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    current.then(|| {
        (
            format!("{}/{}", text("status"), text("reason")),
            text("message"),
        )
    })
}

fn tables(database: &Path) -> Vec<String> {
    let connection =
        rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap();
    let mut statement = connection
        .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_admitted_schema_is_applied_and_a_lossy_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("shop.db");
    let url = format!("sqlite://{}", database.display());
    let start = Start {
        arguments: [
            "--reconcile",
            "--reconcile-namespace",
            "applied",
            "--kubeconfig",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([plane().kubeconfig().display().to_string()])
        .collect(),
        ..Start::default()
    };
    let tidegate = Tidegate::start(&start).unwrap();
    let gate = Gated::new(
        plane(),
        "applied",
        &tidegate.webhook,
        &tidegate.ca_bundle().unwrap(),
        "Fail",
    )
    .unwrap();

    let applied = |sql: &str| {
        gate.accepts(&atlas_schema("shop", &url, sql));
        eventually("the schema to be applied", || {
            Ok(ready(&gate, "shop").filter(|(state, _)| state == "True/Applied"))
        })
        .unwrap()
    };
    let (_, message) = applied("CREATE TABLE users (id integer PRIMARY KEY, email text);");
    assert!(
        message.starts_with("The schema has been applied successfully. Apply response: {"),
        "{message}"
    );
    applied(
        "CREATE TABLE users (id integer PRIMARY KEY, email text, name text);\nCREATE INDEX users_name ON users (name);",
    );
    let looks = r#"kind="AtlasSchema",outcome="done""#;
    let looks = tidegate.metric("tidegate_reconcile_duration_seconds_count", looks);
    assert!(
        looks.unwrap() >= 1.0,
        "the look at the first text has ended"
    );
    let stored = tables(&database).join("\n");
    for part in ["email", "name", "users_name"] {
        assert!(stored.contains(part), "{part}: {stored}");
    }

    // Past the gate (its rule is set to warn here by leaving it out) the reconciler itself still refuses.
    plane()
        .kubectl(
            &[
                "delete",
                "validatingwebhookconfiguration",
                "tidegate-applied",
            ],
            "",
        )
        .unwrap();
    let lossy = atlas_schema("shop", &url, "CREATE TABLE users (id integer PRIMARY KEY);");
    eventually("the API server to forget the webhook", || {
        Ok(gate.apply(&lossy)?.success().then_some(()))
    })
    .unwrap();
    let (state, message) = eventually("the refusal", || {
        Ok(ready(&gate, "shop")
            .filter(|(state, _)| state.starts_with("False/") && state != "False/Reconciling"))
    })
    .unwrap();
    assert!(message.contains("email"), "{state}: {message}");
    assert!(tables(&database).join("\n").contains("email"));
    let status: Value = gate.get("atlasschema", "shop").unwrap()["status"].clone();
    let conditions = status["conditions"].as_array().unwrap().iter();
    let kinds: Vec<&str> = conditions
        .map(|condition| condition["type"].as_str().unwrap())
        .collect();
    // The operator's three, and ours.
    assert_eq!(
        kinds,
        ["Ready", "Reconciling", "Stalled", "Drifted"],
        "{status}"
    );
}
