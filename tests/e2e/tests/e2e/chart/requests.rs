//! Which requests the API server sends to the gate. It never answers here: a request that it is asked about fails, and any other passes.

use serde_json::{Value, json};
use tidegate_kit::Output;

use super::{CHART, Cluster, NAMESPACE, checkout};
use crate::tidegate::eventually;

#[test]
fn the_gate_is_asked_about_what_it_judges_and_nothing_else() {
    let cluster = Cluster::start();
    cluster.install(&["webhooks.enabled=false"]);
    let application = |name: &str, namespace: &str| {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": namespace, "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
            "spec": {"project": "shop", "source": {"repoURL": "https://git.example.com/shop.git", "path": "deploy"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}},
        })
    };
    for name in ["lives", "dies"] {
        cluster
            .plane
            .apply(&application(name, "shop").to_string())
            .unwrap();
    }
    let schema = json!({"apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema", "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"url": "sqlite://shop.db", "schema": {"sql": format!("CREATE TABLE t (id int); -- {}", "x".repeat(900_000))}}});
    cluster.kubectl_ok(&["create", "-f", "-"], &schema.to_string());
    let config_map = |name: &str, labels: &Value| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "labels": labels}, "data": {"1.sql": "SELECT 1"}})
            .to_string()
    };
    let holds_sql = json!({"gate.tidegate.dev/sql": "migrations"});
    cluster.kubectl_ok(&["create", "-f", "-"], &config_map("files", &holds_sql));
    cluster.kubectl_ok(
        &[
            "delete",
            "-n",
            "shop",
            "application",
            "dies",
            "--wait=false",
        ],
        "",
    );
    cluster.helm_ok(&[
        "upgrade",
        "gate",
        &checkout(CHART),
        "-n",
        NAMESPACE,
        "--set",
        "webhooks.validate.timeoutSeconds=1,webhooks.exemptNamespaces={stock}",
    ]);

    let create = |namespace: &str| {
        cluster
            .plane
            .kubectl(
                &["create", "--dry-run=server", "-f", "-"],
                &application("new", namespace).to_string(),
            )
            .map(|output| asked(&output))
    };
    eventually("the API server to ask the gate", || {
        Ok(create("shop")?.then_some(()))
    })
    .unwrap();
    for (namespace, expected) in [
        ("shop", true),
        ("default", true),
        ("stock", false),
        (NAMESPACE, false),
        ("kube-system", false),
    ] {
        assert_eq!(
            create(namespace).unwrap(),
            expected,
            "a create in {namespace}"
        );
    }
    let patch = |resource: &str, name: &str, patch: &Value, more: &[&str]| {
        let text = patch.to_string();
        let arguments = [
            "patch",
            "-n",
            "shop",
            resource,
            name,
            "--type=merge",
            "--dry-run=server",
            "-p",
            &text,
        ];
        asked(
            &cluster
                .plane
                .kubectl(&[&arguments[..], more].concat(), "")
                .unwrap(),
        )
    };
    for (what, change, expected) in [
        (
            "a status",
            json!({"status": {"sync": {"status": "Synced"}}}),
            false,
        ),
        ("nothing", json!({}), false),
        (
            "an owner",
            json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}]}}),
            false,
        ),
        ("spec", json!({"spec": {"project": "other"}}), true),
        (
            "a new field of spec",
            json!({"spec": {"syncPolicy": {"automated": {"prune": true}}}}),
            true,
        ),
        (
            "operation",
            json!({"operation": {"sync": {"revision": "main"}}}),
            true,
        ),
        (
            "an annotation",
            json!({"metadata": {"annotations": {"argocd.argoproj.io/sync-wave": "x"}}}),
            true,
        ),
        ("a label", json!({"metadata": {"labels": {"a": "b"}}}), true),
        (
            "finalizers",
            json!({"metadata": {"finalizers": null}}),
            true,
        ),
    ] {
        assert_eq!(
            patch("application", "lives", &change, &[]),
            expected,
            "a change of {what}"
        );
    }
    // With the gate down, too, what is being deleted can go; a change of what is judged is still judged.
    assert!(
        !patch(
            "application",
            "dies",
            &json!({"metadata": {"finalizers": null}}),
            &[]
        ),
        "the last finalizer"
    );
    assert!(
        patch(
            "application",
            "dies",
            &json!({"spec": {"project": "other"}}),
            &[]
        ),
        "spec of what is being deleted"
    );
    // A status of its own, and conditions that may be costly.
    assert!(
        !patch(
            "atlasschema",
            "shop",
            &json!({"status": {"observed_hash": "x"}}),
            &["--subresource=status"]
        ),
        "a status subresource"
    );
    assert!(
        !patch("atlasschema", "shop", &json!({}), &[]),
        "900 kB that stay the same"
    );
    assert!(
        patch(
            "atlasschema",
            "shop",
            &json!({"spec": {"url": "sqlite://other.db"}}),
            &[]
        ),
        "900 kB, and another url"
    );
    let delete = cluster
        .plane
        .kubectl(
            &[
                "delete",
                "-n",
                "shop",
                "atlasschema",
                "shop",
                "--dry-run=server",
            ],
            "",
        )
        .unwrap();
    assert!(asked(&delete), "a delete");

    // A ConfigMap only where it says that it holds SQL, or did.
    let create_map = |labels: &Value| {
        let arguments = ["create", "--dry-run=server", "-f", "-"];
        let text = config_map("new", labels);
        asked(&cluster.plane.kubectl(&arguments, &text).unwrap())
    };
    assert!(create_map(&holds_sql), "SQL in a ConfigMap");
    assert!(!create_map(&json!({})), "any other ConfigMap");
    for change in [
        json!({"data": {"2.sql": "DROP TABLE t"}}),
        json!({"metadata": {"labels": {"gate.tidegate.dev/sql": null}}}),
    ] {
        assert!(patch("configmap", "files", &change, &[]), "{change}");
    }

    // The way out of a lock-out and back, as the notes say it.
    let gone = ["delete", "validatingwebhookconfiguration", "gate-tidegate"];
    cluster.kubectl_ok(&gone, "");
    eventually("the gate to be out of the way", || {
        Ok((!create("shop")?).then_some(()))
    })
    .unwrap();
    cluster.helm_ok(&["upgrade", "gate", &checkout(CHART), "-n", NAMESPACE]);
    eventually("the gate to be back", || Ok(create("shop")?.then_some(()))).unwrap();
}

/// A failed call of the webhook; any other failure is one of this test.
#[track_caller]
fn asked(output: &Output) -> bool {
    let asked = ["validate.tidegate.dev", "sql.validate.tidegate.dev"]
        .iter()
        .any(|name| {
            output
                .stderr
                .contains(&format!("failed calling webhook \"{name}\""))
        });
    assert!(asked || output.success(), "{}", output.stderr);
    asked
}
