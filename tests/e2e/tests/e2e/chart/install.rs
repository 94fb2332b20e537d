//! Install, upgrade, uninstall.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{CHART, Cluster, NAMESPACE, checkout};

/// All kinds of object that the chart can make in a cluster without cert-manager.
const EVERYTHING: &[&str] = &[
    "reconciler.enabled=true,reconciler.namespaces={shop,stock}",
    "networkPolicy.enabled=true",
    MUTATING,
];
const MUTATING: &str = "policies.policies[0].name=own,policies.policies[0].file=/own.wasm,policies.policies[0].mutate=true";

/// One story, because each chapter needs the one before: install, look, upgrade, uninstall.
#[test]
fn it_is_installed_upgraded_and_uninstalled_without_leftovers() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    cluster.install(EVERYTHING);

    // A GitOps tool compares what it wants with what there is: nothing may have been filled in.
    for kind in [
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    ] {
        let wanted = cluster
            .manifest()
            .into_iter()
            .find(|object| object["kind"] == kind)
            .unwrap();
        assert_eq!(
            cluster.get(kind, "gate-tidegate")["webhooks"],
            wanted["webhooks"],
            "{kind}"
        );
    }
    let secret = cluster.get("secret", "gate-tidegate-ca")["data"].clone();
    let trusted = &cluster.get("ValidatingWebhookConfiguration", "gate-tidegate")["webhooks"][0]["clientConfig"]
        ["caBundle"];
    assert_eq!(&secret["ca.crt"], trusted);
    // All that tidegate reads is PKCS #8.
    let key = BASE64_STANDARD
        .decode(secret["ca.key"].as_str().unwrap())
        .unwrap();
    assert!(
        key.starts_with(b"-----BEGIN PRIVATE KEY-----"),
        "the authority's key is not PKCS #8"
    );

    // The strictest of the pod security standards takes its pods.
    cluster.kubectl_ok(
        &[
            "label",
            "namespace",
            NAMESPACE,
            "pod-security.kubernetes.io/enforce=restricted",
        ],
        "",
    );
    for deployment in ["gate-tidegate", "gate-tidegate-reconciler"] {
        let template = cluster.get("deployment", deployment)["spec"]["template"].clone();
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
        pod["metadata"]["name"] = json!(deployment);
        cluster.kubectl_ok(
            &["create", "-n", NAMESPACE, "--dry-run=server", "-f", "-"],
            &pod.to_string(),
        );
    }

    let authority_of_pods = |cluster: &Cluster| {
        cluster.get("deployment", "gate-tidegate")["spec"]["template"]["metadata"]["annotations"]["checksum/ca"].clone()
    };
    let checksum = authority_of_pods(&cluster);
    cluster.helm_ok(&[
        "upgrade",
        "gate",
        &checkout(CHART),
        "-n",
        NAMESPACE,
        "--set",
        "replicas=3",
    ]);
    assert_eq!(
        cluster.get("deployment", "gate-tidegate")["spec"]["replicas"],
        3
    );
    assert!(
        cluster.get("secret", "gate-tidegate-ca")["data"] == secret,
        "an upgrade must keep the authority"
    );
    assert_eq!(
        authority_of_pods(&cluster),
        checksum,
        "an upgrade that changes no certificate must not restart pods for it"
    );
    assert!(
        !cluster.has("MutatingWebhookConfiguration", "gate-tidegate"),
        "no policy mutates any more"
    );

    cluster.helm_ok(&["uninstall", "gate", "-n", NAMESPACE, "--wait"]);
    let left: Vec<String> = cluster.objects().difference(&before).cloned().collect();
    let kept = [
        "applications.argoproj.io",
        "appprojects.argoproj.io",
        "atlasdriftchecks.db.atlasgo.io",
        "atlasmigrations.db.atlasgo.io",
        "atlasschemas.db.atlasgo.io",
    ];
    assert_eq!(
        left,
        kept.map(|name| format!("CustomResourceDefinition /{name}")),
        "only the CRDs may be left"
    );

    // Those that were kept are taken up again, and go when that is asked for.
    cluster.install(&["crds.keep=false"]);
    cluster.helm_ok(&["uninstall", "gate", "-n", NAMESPACE, "--wait"]);
    assert_eq!(cluster.objects(), before);
}

/// CRDs that are there already belong to Argo CD or to Atlas' operator.
#[test]
fn a_crd_of_somebody_else_is_left_alone() {
    let cluster = Cluster::start();
    cluster.plane.install_crds().unwrap();
    cluster.kubectl_ok(&["delete", "crd", "atlasschemas.db.atlasgo.io"], "");
    cluster.install(&["crds.keep=false"]);
    let installed: Vec<Value> = cluster
        .manifest()
        .into_iter()
        .filter(|object| object["kind"] == "CustomResourceDefinition")
        .collect();
    assert_eq!(
        installed
            .iter()
            .map(|crd| &crd["metadata"]["name"])
            .collect::<Vec<_>>(),
        ["atlasschemas.db.atlasgo.io"]
    );
    cluster.helm_ok(&["uninstall", "gate", "-n", NAMESPACE, "--wait"]);
    assert!(
        cluster.has("crd", "applications.argoproj.io")
            && !cluster.has("crd", "atlasschemas.db.atlasgo.io")
    );
}
