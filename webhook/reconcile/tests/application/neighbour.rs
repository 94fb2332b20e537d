//! Beside Argo CD: whose Applications they are when nobody says which kinds are to be reconciled.

use anyhow::Result;
use serde_json::json;
use tidegate_reconcile::{Kind, ReconcileSettings, connect, leave_to_argo_cd};

use crate::common::Place;

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
