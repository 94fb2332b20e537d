//! Beside Argo CD, whose Applications they are when nobody says which kinds are to be reconciled; and after it.

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_reconcile::{Kind, ReconcileSettings, connect, leave_to_argo_cd};

use crate::common::Place;
use crate::place::config_map;

#[tokio::test]
async fn applications_are_left_to_argo_cd_where_its_controller_runs() -> Result<()> {
    let place = Place::new("neighbour")?;
    let client = connect(Some(place.plane.kubeconfig()), None).await?;
    let is_ours = async || {
        let mut settings = ReconcileSettings {
            kinds: Kind::ALL.into(),
            control_namespace: place.namespace.clone(),
            ..ReconcileSettings::default()
        };
        leave_to_argo_cd(&mut settings, &client).await;
        assert!(settings.kinds.contains(&Kind::AtlasSchema));
        settings.kinds.contains(&Kind::Application)
    };
    let workload = |kind: &str, name: &str, replicas: u32| {
        let labels = json!({"app": name});
        let object = json!({
            "apiVersion": "apps/v1", "kind": kind,
            "metadata": {"name": name, "namespace": place.namespace, "labels": {"app.kubernetes.io/part-of": "argocd"}},
            "spec": {
                "replicas": replicas, "serviceName": name, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "c"}]}},
            },
        });
        place.plane.apply(&object.to_string()).map(drop)
    };
    assert!(is_ours().await, "nobody is there");
    // Others of Argo CD's parts sync nothing.
    workload("StatefulSet", "argocd-repo-server", 1)?;
    assert!(is_ours().await);
    workload("StatefulSet", "argocd-application-controller", 1)?;
    assert!(!is_ours().await);
    workload("StatefulSet", "argocd-application-controller", 0)?;
    assert!(is_ours().await, "it is scaled down");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_argo_cd_synced_is_gone_on_with() -> Result<()> {
    let place = Place::new("after-argo-cd")?;
    let mut objects = Vec::new();
    for name in ["a", "b"] {
        place.commit(&format!("web/{name}.yaml"), &config_map(name, 0, "1"))?;
        let mut object: Value = serde_saphyr::from_str(&config_map(name, 0, "1"))?;
        let mark = format!("web:/ConfigMap:{}/{name}", place.namespace);
        object["metadata"]["namespace"] = json!(place.namespace);
        object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!(mark);
        objects.push(object);
    }
    for object in &objects {
        place.apply(object)?;
    }
    let versions = || -> Result<Vec<Value>> {
        let objects = ["configmap/a", "configmap/b"].map(|object| place.get(object));
        let versions = objects.map(|object| Ok(object?["metadata"]["resourceVersion"].take()));
        versions.into_iter().collect()
    };
    let before = versions()?;
    // As version 3 of Argo CD leaves it.
    let mut application = place.application("web");
    let (source, when) = (
        application["spec"]["source"].clone(),
        "2026-01-01T00:00:00Z",
    );
    application["status"] = json!({
        "controllerNamespace": place.namespace, "reconciledAt": when, "summary": {},
        "health": {"status": "Healthy", "lastTransitionTime": when},
        "history": [{"id": 7, "revision": "0123", "source": source, "deployStartedAt": when, "deployedAt": when, "initiatedBy": {"automated": true}}],
        "operationState": {
            "phase": "Succeeded", "message": "successfully synced (all tasks run)", "startedAt": when, "finishedAt": when,
            "operation": {"sync": {"revision": "0123", "prune": true}, "initiatedBy": {"automated": true}, "retry": {"limit": 5}},
            "syncResult": {"revision": "0123", "source": source},
        },
        "sync": {"status": "Synced", "revision": "0123", "comparedTo": {"source": source, "destination": application["spec"]["destination"]}},
    });
    place.apply(&application)?;

    let running = place.start().await?;
    place.wait_app("web", &[(".status.sourceType", "Directory")])?;
    let status = place.status("web")?;
    assert_eq!(status["sync"]["status"], "Synced", "{status:#}");
    assert_eq!(status["operationState"]["finishedAt"], when);
    assert_eq!(versions()?, before, "nothing was to be written");

    place.remove("web/b.yaml")?;
    place.refresh("web")?;
    place.wait_gone("configmap/b")?;
    place.wait_app("web", &[(".status.history[1].id", "8")])?;
    assert_eq!(place.status("web")?["history"][0]["id"], 7);
    running.stop().await
}
