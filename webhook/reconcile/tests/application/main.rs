//! Applications against a real API server: a folder of manifests is the repository, `kubectl` the user, the tests the nodes.
//!
//! Each test has a namespace and a reconciler of its own. Nothing sleeps: `kubectl wait` waits for what the test is about.

mod place;

use anyhow::Result;
use serde_json::{Value, json};

use place::{Place, config_map, deployment};

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

    // Drift is healed.
    place.patch("configmap/a", &json!({"data": {"key": "changed by hand"}}))?;
    place.refresh("web")?;
    place.wait("configmap/a", ".data.key", "1")?;

    // A commit is synced, and what it takes away is pruned.
    place.commit("web/a.yaml", &config_map("a", 0, "2"))?;
    place.remove("web/b.yaml")?;
    place.refresh("web")?;
    place.wait("configmap/a", ".data.key", "2")?;
    place.wait_gone("configmap/b")?;
    place.refresh("web")?;
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
    running.stop().await
}
