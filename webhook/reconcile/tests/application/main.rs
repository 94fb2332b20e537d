//! Applications against a real API server: a folder of manifests is the repository, `kubectl` the user, the tests the nodes.
//!
//! Each test has a namespace and a reconciler of its own. Nothing sleeps: `kubectl wait` waits for what the test is about.

#[path = "../common/mod.rs"]
mod common;
mod deletion;
mod faults;
mod neighbour;
mod options;
mod place;
mod replicas;

use anyhow::Result;
use serde_json::{Value, json};

use common::Place;
use place::{config_map, deployment, hook, schema};

/// Group, kind, name, status, health of each resource in the status.
fn resources(status: &Value) -> Vec<String> {
    let listed = status.pointer("/resources").and_then(Value::as_array);
    listed
        .into_iter()
        .flatten()
        .map(|entry| {
            let part = |at: &str| entry.pointer(at).and_then(Value::as_str).unwrap_or("-");
            format!(
                "{} {} {} {}",
                part("/kind"),
                part("/name"),
                part("/status"),
                part("/health/status")
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_synced_kept_and_pruned() -> Result<()> {
    let place = Place::new("synced")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/b.yaml", &config_map("b", 1, "1"))?;
    place.apply(&place.application("web"))?;
    place.wait_well("web")?;

    let application = place.get("applications.argoproj.io/web")?;
    let status = &application["status"];
    assert!(application.get("operation").is_none(), "{application:#}");
    assert_eq!(
        resources(status),
        ["ConfigMap a Synced -", "ConfigMap b Synced -"]
    );
    let state = &status["operationState"];
    assert_eq!(state["message"], "successfully synced (all tasks run)");
    assert_eq!(
        state["operation"]["initiatedBy"],
        json!({"automated": true})
    );
    assert_eq!(state["syncResult"]["revision"], status["sync"]["revision"]);
    assert_eq!(
        status["sync"]["comparedTo"]["source"],
        application["spec"]["source"]
    );
    assert_eq!(status["sourceType"], "Directory");
    assert_eq!(status["history"][0]["id"], 0);
    assert_eq!(status["history"][0]["revision"], status["sync"]["revision"]);
    let results = state["syncResult"]["resources"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let told: Vec<_> = results
        .iter()
        .map(|result| (&result["name"], &result["status"], &result["message"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("a"), &json!("Synced"), &json!("configmap/a created")),
            (&json!("b"), &json!("Synced"), &json!("configmap/b created")),
        ]
    );
    let a = place.get("configmap/a")?;
    assert_eq!(
        a["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"],
        "web:/ConfigMap:synced/a"
    );

    // Drift is healed, and nobody has to ask for it.
    place.patch("configmap/a", &json!({"data": {"key": "changed by hand"}}))?;
    place.wait("configmap/a", ".data.key", "1")?;

    // A commit is synced, and what it takes away is pruned.
    place.commit("web/a.yaml", &config_map("a", 0, "2"))?;
    place.remove("web/b.yaml")?;
    place.refresh("web")?;
    place.wait("configmap/a", ".data.key", "2")?;
    place.wait_gone("configmap/b")?;
    place.wait_well("web")?;
    let status = place.status("web")?;
    assert_eq!(resources(&status), ["ConfigMap a Synced -"]);
    assert_eq!(status["history"][1]["id"], 1, "{status:#}");

    // Nothing is written when nothing changed.
    running.stop().await?;
    let before = place.get("applications.argoproj.io/web")?;
    let running = place.start().await?;
    place.commit("other/a.yaml", &config_map("other", 0, "1"))?;
    place.apply(&place.application("other"))?;
    place.wait_well("other")?;
    running.stop().await?;
    let after = place.get("applications.argoproj.io/web")?;
    assert_eq!(
        before["metadata"]["resourceVersion"],
        after["metadata"]["resourceVersion"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_waits_for_the_health_of_the_one_before() -> Result<()> {
    let place = Place::new("waves")?;
    let running = place.start().await?;
    place.commit("shop/db.yaml", &deployment("db", 0))?;
    place.commit("shop/web.yaml", &deployment("web", 1))?;
    place.apply(&place.application("shop"))?;
    place.wait_app(
        "shop",
        &[(
            ".status.operationState.message",
            "waiting for healthy state of apps/Deployment/db",
        )],
    )?;
    assert!(!place.is_there("deployment/web")?);
    place.bring_up("db")?;
    place.wait_app(
        "shop",
        &[
            (".status.operationState.phase", "Succeeded"),
            (".status.health.status", "Progressing"),
        ],
    )?;
    place.bring_up("web")?;
    place.wait_well("shop")?;
    let status = place.status("shop")?;
    assert_eq!(
        resources(&status),
        [
            "Deployment db Synced Healthy",
            "Deployment web Synced Healthy"
        ]
    );
    assert_eq!(
        status["summary"]["images"],
        json!(["example/db", "example/web"])
    );
    let result = status.pointer("/operationState/syncResult/resources/1");
    assert_eq!(
        result.and_then(|result| result.get("images")),
        Some(&json!(["example/web"]))
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_delivery_ends_with_everything_synced_and_healthy() -> Result<()> {
    let place = Place::new("guide")?;
    let running = place.start().await?;
    let database = place.folder.path().join("shop.db");
    place.commit("shop/database.yaml", &deployment("database", 0))?;
    place.commit(
        "shop/schema.yaml",
        &schema(
            "shop",
            1,
            &database,
            "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        ),
    )?;
    place.commit("shop/web.yaml", &deployment("web", 2))?;
    place.apply(&place.application("shop"))?;

    place.wait_app(
        "shop",
        &[(
            ".status.operationState.message",
            "waiting for healthy state of apps/Deployment/database",
        )],
    )?;
    assert!(!place.is_there("atlasschema/shop")? && !place.is_there("deployment/web")?);
    place.bring_up("database")?;
    place.wait_app("shop", &[(".status.operationState.phase", "Succeeded")])?;
    place.bring_up("web")?;
    place.wait_well("shop")?;
    let status = place.status("shop")?;
    assert_eq!(
        resources(&status),
        [
            "Deployment database Synced Healthy",
            "Deployment web Synced Healthy",
            "AtlasSchema shop Synced Healthy",
        ]
    );
    let tables: i64 = rusqlite::Connection::open(&database)?.query_row(
        "SELECT count(*) FROM sqlite_master WHERE name = 'users'",
        [],
        |row| row.get(0),
    )?;
    assert_eq!(
        tables, 1,
        "the other half of the reconciler has applied it in its wave"
    );

    // A schema that cannot be applied never lets the wave after it begin.
    place.commit(
        "shop/schema.yaml",
        &schema(
            "shop",
            1,
            &database,
            "CREATE TABLE people (id INTEGER PRIMARY KEY)",
        ),
    )?;
    place.commit("shop/later.yaml", &config_map("later", 2, "1"))?;
    place.refresh("shop")?;
    place.wait_app(
        "shop",
        &[
            (".status.operationState.phase", "Failed"),
            (".status.health.status", "Degraded"),
        ],
    )?;
    assert!(!place.is_there("configmap/later")?);
    let status = place.status("shop")?;
    let message = status
        .pointer("/operationState/message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert!(
        message.starts_with("one or more synchronization tasks completed unsuccessfully"),
        "{message}"
    );
    assert!(
        resources(&status).contains(&"AtlasSchema shop Synced Degraded".to_owned()),
        "{status:#}"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_says_why_and_is_tried_again_when_something_changes() -> Result<()> {
    let place = Place::new("failing")?;
    let running = place.start().await?;
    // A server-side dry run of everything comes first: a mistake in the last wave keeps the first from being written.
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, annotations: {argocd.argoproj.io/sync-wave: \"1\"}}\ndata: {key: {not: text}}\n")?;
    place.apply(&place.application("web"))?;
    place.wait_app(
        "web",
        &[
            (".status.operationState.phase", "Failed"),
            (".status.sync.status", "OutOfSync"),
            (".status.health.status", "Missing"),
        ],
    )?;
    assert!(!place.is_there("configmap/a")?);
    let status = place.status("web")?;
    let message = status
        .pointer("/operationState/message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert_eq!(message, "one or more objects failed to apply (dry run)");
    let condition = status.pointer("/conditions/0").cloned().unwrap_or_default();
    assert_eq!(
        condition.get("type"),
        Some(&json!("SyncError")),
        "{status:#}"
    );
    let said = condition
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert!(said.starts_with("Failed last sync attempt to ["), "{said}");

    place.commit("web/b.yaml", &config_map("b", 1, "1"))?;
    place.refresh("web")?;
    place.wait_well("web")?;
    assert!(place.status("web")?.get("conditions").is_none());

    // What the policies deny does not begin.
    place.commit("web/c.yaml", &config_map("c", 0, "forbidden"))?;
    place.commit("web/a.yaml", &config_map("a", 0, "2"))?;
    place.refresh("web")?;
    place.wait_app("web", &[(".status.operationState.phase", "Failed")])?;
    let status = place.status("web")?;
    let message = status
        .pointer("/operationState/message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert_eq!(
        message,
        "the policies deny the sync; nothing was changed; words/forbidden-word: the word is forbidden (write another)"
    );
    assert_eq!(
        place.get("configmap/a")?.pointer("/data/key"),
        Some(&json!("1"))
    );

    // A source that cannot be read prunes nothing.
    place.patch(
        "applications.argoproj.io/web",
        &json!({"spec": {"source": {"path": "nowhere"}}}),
    )?;
    place.wait_app(
        "web",
        &[
            (".status.sync.status", "Unknown"),
            (".status.conditions[0].type", "ComparisonError"),
        ],
    )?;
    assert!(place.is_there("configmap/a")? && place.is_there("configmap/b")?);

    // Neither does a project that is not there.
    place.patch(
        "applications.argoproj.io/web",
        &json!({"spec": {"project": "nobody"}}),
    )?;
    place.wait_app(
        "web",
        &[
            (".status.conditions[0].type", "InvalidSpecError"),
            (
                ".status.conditions[0].message",
                "Application referencing project nobody which does not exist",
            ),
            (".status.health.status", "Unknown"),
        ],
    )?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_syncs_with_options_and_hooks_run_in_their_phases() -> Result<()> {
    let place = Place::new("manual")?;
    let running = place.start().await?;
    let mut application = place.application("web");
    application["spec"]["syncPolicy"] = json!({});
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/before.yaml", &hook("before", "PreSync"))?;
    place.commit("web/after.yaml", &hook("after", "PostSync"))?;
    place.apply(&application)?;
    place.wait_app(
        "web",
        &[
            (".status.sync.status", "OutOfSync"),
            (".status.health.status", "Missing"),
        ],
    )?;
    assert!(!place.is_there("configmap/a")?, "nobody asked for it");

    let sync = json!({"operation": {"initiatedBy": {"username": "ada"}, "sync": {"revision": ""}}});
    place.patch("applications.argoproj.io/web", &sync)?;
    place.wait_app(
        "web",
        &[(
            ".status.operationState.message",
            "waiting for completion of hook batch/Job/before",
        )],
    )?;
    assert!(!place.is_there("configmap/a")?);
    place.finish_job("before")?;
    place.wait_app(
        "web",
        &[(
            ".status.operationState.message",
            "waiting for completion of hook batch/Job/after",
        )],
    )?;
    assert!(place.is_there("configmap/a")?);
    place.finish_job("after")?;
    place.wait_well("web")?;
    let status = place.status("web")?;
    let results = status
        .pointer("/operationState/syncResult/resources")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let told: Vec<String> = results
        .iter()
        .map(|result| {
            let part = |at: &str| result.pointer(at).and_then(Value::as_str).unwrap_or("-");
            format!(
                "{} {} {} {}",
                part("/name"),
                part("/syncPhase"),
                part("/hookType"),
                part("/hookPhase")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "before PreSync PreSync Succeeded",
            "a Sync - Succeeded",
            "after PostSync PostSync Succeeded"
        ]
    );
    assert_eq!(
        status.pointer("/history/0/initiatedBy"),
        Some(&json!({"username": "ada"}))
    );
    let job = place.get("job/before")?;
    assert_eq!(
        job.pointer("/metadata/finalizers"),
        None,
        "a finished hook is let go: {job:#}"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_applications_waits_for_each_child() -> Result<()> {
    let place = Place::new("family")?;
    let running = place.start().await?;
    let child = |name: &str, wave: &str| {
        let mut child = place.application(name);
        child["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": wave});
        child.to_string()
    };
    place.commit("first/web.yaml", &deployment("web", 0))?;
    place.commit("second/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("parent/first.yaml", &child("first", "0"))?;
    place.commit("parent/second.yaml", &child("second", "1"))?;
    place.apply(&place.application("parent"))?;
    place.wait_app(
        "parent",
        &[(
            ".status.operationState.message",
            "waiting for healthy state of argoproj.io/Application/first",
        )],
    )?;
    place.wait_app(
        "first",
        &[
            (".status.operationState.phase", "Succeeded"),
            (".status.health.status", "Progressing"),
        ],
    )?;
    assert!(!place.is_there("applications.argoproj.io/second")?);
    place.bring_up("web")?;
    place.wait_well("parent")?;
    place.wait_well("second")?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_takes_the_commit_that_mends() -> Result<()> {
    let place = Place::new("retry")?;
    let running = place.start().await?;
    place.commit(
        "web/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: {not: text}}\n",
    )?;
    let mut application = place.application("web");
    application["spec"]["syncPolicy"]["retry"] =
        json!({"limit": 20, "backoff": {"duration": "1s", "maxDuration": "1s"}});
    place.apply(&application)?;
    place.wait_app(
        "web",
        &[
            (".status.operationState.retryCount", "2"),
            (".status.operationState.phase", "Running"),
        ],
    )?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.wait_well("web")?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_runs_its_hooks_again() -> Result<()> {
    let place = Place::new("hook-again")?;
    let running = place.start().await?;
    place.commit("web/pre.yaml", &hook("pre", "PreSync"))?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    let mut application = place.application("web");
    application["spec"]["syncPolicy"]["retry"] = json!({"limit": 1, "backoff": {"duration": "1s"}});
    place.apply(&application)?;
    place.kubectl(&["wait", "--for=create", "--timeout=30s", "job/pre"])?;
    let first = place.get("job/pre")?;
    place.fail_job("pre")?;
    place.wait_other("job/pre", &first["metadata"]["uid"])?;
    place.finish_job("pre")?;
    place.wait_well("web")?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_is_gone_on_with_by_the_next_process() -> Result<()> {
    let place = Place::new("killed")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &deployment("a", 0))?;
    place.commit("web/b.yaml", &config_map("b", 1, "1"))?;
    place.apply(&place.application("web"))?;
    place.wait_app(
        "web",
        &[(
            ".status.operationState.message",
            "waiting for healthy state of apps/Deployment/a",
        )],
    )?;
    let begun = place.status("web")?;
    running.stop().await?;
    place.bring_up("a")?;
    let running = place.start().await?;
    place.wait_well("web")?;
    let status = place.status("web")?;
    let started = |status: &Value| status.pointer("/operationState/startedAt").cloned();
    assert_eq!(started(&begun), started(&status));
    assert_eq!(status.pointer("/history/1"), None, "{status:#}");
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_applied_before_is_taken_over_and_what_is_ignored_is_respected() -> Result<()>
{
    let place = Place::new("takeover")?;
    let running = place.start().await?;
    let before =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {key: old, gone: with Git}}";
    place
        .plane
        .kubectl(&["-n", "takeover", "apply", "-f", "-"], before)?
        .ok()?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/web.yaml", &deployment("web", 0))?;
    let mut application = place.application("web");
    application["spec"]["ignoreDifferences"] =
        json!([{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]);
    application["spec"]["syncPolicy"]["syncOptions"] = json!(["RespectIgnoreDifferences=true"]);
    place.apply(&application)?;
    place.wait_app(
        "web",
        &[
            (".status.operationState.phase", "Succeeded"),
            (".status.sync.status", "Synced"),
        ],
    )?;
    assert_eq!(
        place.get("configmap/a")?.get("data"),
        Some(&json!({"key": "1"}))
    );

    place.kubectl(&["scale", "deployment/web", "--replicas=3"])?;
    place.commit(
        "web/web.yaml",
        &deployment("web", 0).replace("example/web", "example/web:2"),
    )?;
    place.refresh("web")?;
    place.wait(
        "deployment/web",
        ".spec.template.spec.containers[0].image",
        "example/web:2",
    )?;
    place.bring_up("web")?;
    place.wait_well("web")?;
    assert_eq!(
        place.get("deployment/web")?.pointer("/spec/replicas"),
        Some(&json!(3))
    );
    running.stop().await
}
