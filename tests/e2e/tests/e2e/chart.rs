//! The chart, rendered by the real helm and installed into a real API server: what it makes, whom it asks, what it leaves behind.
//!
//! There are no nodes, so no pod of it runs. What a pod would do is tested beside this file; here a gate that never answers shows which requests
//! the API server would have sent to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tidegate_kit::{ControlPlane, Options, Output};

use crate::tidegate::eventually;

const CHART: &str = "charts/tidegate";
const NAMESPACE: &str = "gate";

/// All kinds of object that the chart can make in a cluster without cert-manager.
const EVERYTHING: &[&str] = &[
    "reconciler.enabled=true,reconciler.namespaces={shop,stock}",
    "networkPolicy.enabled=true",
    MUTATING,
];
const MUTATING: &str = "policies.policies[0].name=own,policies.policies[0].file=/own.wasm,policies.policies[0].mutate=true";

#[test]
fn helm_finds_no_fault() {
    helm(&["lint", "--strict", &checkout(CHART)]).unwrap();
}

#[test]
fn what_is_no_value_is_refused_with_its_place() {
    for (set, expected) in [
        ("replica=1", "additional properties 'replica' not allowed"),
        ("replicas=two", "at '/replicas'"),
        ("image.tga=1", "additional properties 'tga' not allowed"),
        (
            "tls.mode=self",
            "at '/tls/mode': value must be one of 'helm', 'certManager', 'secret'",
        ),
        (
            "tls.mode=secret",
            "tls.secret.name is needed in mode secret",
        ),
        (
            "tls.mode=secret,tls.secret.name=own",
            "tls.secret.caBundle is needed in mode secret",
        ),
        (
            "webhooks.validate.timeoutSeconds=31",
            "at '/webhooks/validate/timeoutSeconds': maximum",
        ),
        (
            "webhooks.validate.failurePolicy=Deny",
            "at '/webhooks/validate/failurePolicy'",
        ),
        ("policies.policies[0].name=a", "at '/policies/policies/0'"),
        (
            "policies.policies[0].name=a,policies.policies[0].file=b,policies.policies[0].rules.c=block",
            "at '/policies/policies/0/rules/c'",
        ),
        (
            "policies.polices[0].name=a",
            "additional properties 'polices' not allowed",
        ),
        (
            "reconciler.namespaces={Shop}",
            "at '/reconciler/namespaces/0'",
        ),
        ("crds.groups={example.com}", "at '/crds/groups/0'"),
        (
            "serviceAccount.create=false",
            "serviceAccount.name is needed",
        ),
    ] {
        let error = render(&[set]).expect_err(set).to_string();
        assert!(
            error.contains(expected),
            "{set} should be refused with {expected}: {error}"
        );
    }
}

/// The values repeat policies/policies.yaml, with the paths of the image.
#[test]
fn the_default_policies_are_those_that_come_with_tidegate() {
    let shipped = std::fs::read_to_string(checkout("policies/policies.yaml")).unwrap();
    let indented: String = shipped
        .lines()
        .map(|line| format!("  {}\n", line.replace("file: ", "file: /policies/")))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("values.yaml");
    std::fs::write(&values, format!("policies:\n{indented}")).unwrap();
    let rendered = |values: &[&str]| {
        let arguments = [
            "template",
            "gate",
            &checkout(CHART),
            "--show-only",
            "templates/policies.yaml",
        ];
        helm(&[&arguments[..], values].concat()).unwrap()
    };
    assert_eq!(
        rendered(&[]),
        rendered(&["--values", &values.display().to_string()])
    );
    assert!(rendered(&[]).contains("file: /policies/unsafe-sql.wasm"));
}

/// With cert-manager the chart carries no secret of its own, and its authority comes from where it signs.
#[test]
fn cert_manager_makes_the_certificate_and_writes_the_bundle() {
    for (set, expected) in [
        (
            "tls.mode=certManager",
            vec![
                "kind: Issuer",
                "isCA: true",
                "name: gate-tidegate-self-signed",
            ],
        ),
        (
            "tls.mode=certManager,tls.certManager.issuerRef.name=ours,tls.certManager.issuerRef.kind=ClusterIssuer",
            vec!["name: ours", "kind: ClusterIssuer"],
        ),
    ] {
        let text = render(&[set]).unwrap();
        let both = [
            "cert-manager.io/inject-ca-from: gate/gate-tidegate",
            "dnsNames: [gate-tidegate.gate.svc]",
            "--tls-cert=",
            "secretName: gate-tidegate-tls",
        ];
        for part in expected.iter().chain(&both) {
            assert!(text.contains(part), "{set}: {part} is missing in {text}");
        }
        for part in ["caBundle:", "kind: Secret", "--ca-folder"] {
            assert!(
                !text.contains(part),
                "{set}: {part} should not be in {text}"
            );
        }
    }
}

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

    cluster.helm_ok(&["uninstall", "gate", "-n", NAMESPACE]);
    let left: Vec<String> = cluster.objects().difference(&before).cloned().collect();
    let kept = [
        "applications.argoproj.io",
        "appprojects.argoproj.io",
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
    cluster.helm_ok(&["uninstall", "gate", "-n", NAMESPACE]);
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
    cluster.helm_ok(&["uninstall", "gate", "-n", NAMESPACE]);
    assert!(
        cluster.has("crd", "applications.argoproj.io")
            && !cluster.has("crd", "atlasschemas.db.atlasgo.io")
    );
}

#[test]
fn rights_are_what_is_needed_and_no_more() {
    let cluster = Cluster::start();
    let one = "reconciler.enabled=true,reconciler.namespaces={shop}";
    let two = "reconciler.enabled=true,reconciler.namespaces={shop,stock}";
    let none = "reconciler.enabled=true";
    cluster.install(&[one]);
    let mut installed = one;
    let (webhook, reconciler) = ("gate-tidegate", "gate-tidegate-reconciler");
    // (value, account, verb, resource, namespace, whether it may)
    for (set, account, verb, resource, namespace, expected) in [
        (
            one,
            reconciler,
            "watch",
            "atlasschemas.db.atlasgo.io",
            "shop",
            true,
        ),
        (
            one,
            reconciler,
            "patch",
            "atlasschemas.db.atlasgo.io/status",
            "shop",
            true,
        ),
        (
            one,
            reconciler,
            "patch",
            "atlasschemas.db.atlasgo.io",
            "shop",
            false,
        ),
        (one, reconciler, "get", "secrets", "shop", true),
        (one, reconciler, "get", "configmaps", "shop", true),
        (one, reconciler, "list", "secrets", "shop", false),
        (
            one,
            reconciler,
            "watch",
            "atlasschemas.db.atlasgo.io",
            "stock",
            false,
        ),
        (one, reconciler, "get", "secrets", "stock", false),
        (one, reconciler, "get", "secrets", NAMESPACE, false),
        (
            one,
            webhook,
            "list",
            "atlasschemas.db.atlasgo.io",
            "shop",
            false,
        ),
        (one, webhook, "get", "secrets", NAMESPACE, false),
        (
            two,
            reconciler,
            "watch",
            "atlasschemas.db.atlasgo.io",
            "default",
            true,
        ),
        (two, reconciler, "get", "secrets", "shop", true),
        (two, reconciler, "get", "secrets", "stock", true),
        (two, reconciler, "get", "secrets", "default", false),
        (
            none,
            reconciler,
            "patch",
            "atlasschemas.db.atlasgo.io/status",
            "stock",
            true,
        ),
        (none, reconciler, "get", "secrets", "shop", false),
    ] {
        if set != installed {
            cluster.helm_ok(&[
                "upgrade",
                "gate",
                &checkout(CHART),
                "-n",
                NAMESPACE,
                "--set",
                set,
            ]);
            installed = set;
        }
        let user = format!("system:serviceaccount:{NAMESPACE}:{account}");
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let question = [
            "auth",
            "can-i",
            verb,
            resource,
            "--subresource",
            sub,
            "--as",
            &user,
            "-n",
            namespace,
        ];
        let may =
            || {
                Ok(Some(cluster.plane.kubectl(&question, "")?.success())
                    .filter(|may| *may == expected))
            };
        eventually(
            &format!(
                "with {set}, that {account} {verb} {resource}/{sub} in {namespace} is {expected}"
            ),
            may,
        )
        .unwrap();
    }
}

/// The gate never answers here: a request that it is asked about fails, and any other passes.
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

    // The way out of a lock-out, as the notes say it.
    cluster.kubectl_ok(
        &["delete", "validatingwebhookconfiguration", "gate-tidegate"],
        "",
    );
    eventually("the gate to be out of the way", || {
        Ok((!create("shop")?).then_some(()))
    })
    .unwrap();
}

/// A failed call of the webhook; any other failure is one of this test.
#[track_caller]
fn asked(output: &Output) -> bool {
    let asked = output
        .stderr
        .contains("failed calling webhook \"validate.tidegate.dev\"");
    assert!(asked || output.success(), "{}", output.stderr);
    asked
}

/// A control plane of its own: what the chart registers is for all namespaces.
struct Cluster {
    plane: ControlPlane,
}

impl Cluster {
    fn start() -> Self {
        let plane = ControlPlane::start_with(&Options::default().with_housekeeping()).unwrap();
        for namespace in [NAMESPACE, "shop", "stock"] {
            plane
                .kubectl(&["create", "namespace", namespace], "")
                .unwrap()
                .ok()
                .unwrap();
        }
        let cluster = Self { plane };
        // The controllers fill a new namespace; only then is it known what an empty cluster holds.
        let filled = |namespace| {
            cluster.plane.kubectl(
                &[
                    "get",
                    "-n",
                    namespace,
                    "serviceaccount/default",
                    "configmap/kube-root-ca.crt",
                ],
                "",
            )
        };
        for namespace in [
            NAMESPACE,
            "shop",
            "stock",
            "default",
            "kube-system",
            "kube-public",
            "kube-node-lease",
        ] {
            eventually("the controllers", || {
                Ok(filled(namespace)?.success().then_some(()))
            })
            .unwrap();
        }
        cluster
    }

    #[track_caller]
    fn helm_ok(&self, arguments: &[&str]) -> String {
        self.plane.helm(arguments).unwrap().ok().unwrap()
    }

    #[track_caller]
    fn kubectl_ok(&self, arguments: &[&str], input: &str) -> String {
        self.plane.kubectl(arguments, input).unwrap().ok().unwrap()
    }

    #[track_caller]
    fn install(&self, sets: &[&str]) {
        let sets = sets.join(",");
        self.helm_ok(&[
            "install",
            "gate",
            &checkout(CHART),
            "-n",
            NAMESPACE,
            "--set",
            &sets,
        ]);
    }

    #[track_caller]
    fn get(&self, kind: &str, name: &str) -> Value {
        serde_json::from_str(
            &self.kubectl_ok(&["get", "-n", NAMESPACE, kind, name, "-o", "json"], ""),
        )
        .unwrap()
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        self.plane
            .kubectl(&["get", "-n", NAMESPACE, kind, name], "")
            .unwrap()
            .success()
    }

    /// What the release consists of, as objects; kubectl turns YAML into JSON.
    fn manifest(&self) -> Vec<Value> {
        let yaml = self.helm_ok(&["get", "manifest", "gate", "-n", NAMESPACE]);
        let text = self.kubectl_ok(
            &["create", "--dry-run=client", "-o", "json", "-f", "-"],
            &yaml,
        );
        let documents = serde_json::Deserializer::from_str(&text)
            .into_iter::<Value>()
            .map(Result::unwrap);
        documents
            .flat_map(|document| {
                document["items"]
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![document])
            })
            .collect()
    }

    /// All that the cluster holds, as `KIND NAMESPACE/NAME`, without what comes and goes by itself.
    fn objects(&self) -> BTreeSet<String> {
        let kinds = self.kubectl_ok(
            &[
                "api-resources",
                "--verbs=list",
                "-o",
                "name",
                "--cached=false",
            ],
            "",
        );
        let passing = [
            "events",
            "events.events.k8s.io",
            "leases.coordination.k8s.io",
            "componentstatuses",
            "apiservices.apiregistration.k8s.io",
        ];
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !passing.contains(kind))
            .collect();
        let text = self.kubectl_ok(&["get", "-A", &kinds.join(","), "-o", "json"], "");
        let list: Value = serde_json::from_str(&text).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = |object: &Value| {
            format!(
                "{} {}/{}",
                text(&object["kind"]),
                text(&object["metadata"]["namespace"]),
                text(&object["metadata"]["name"])
            )
        };
        list["items"].as_array().unwrap().iter().map(name).collect()
    }
}

fn render(sets: &[&str]) -> Result<String> {
    let sets = sets.join(",");
    helm(&[
        "template",
        "gate",
        &checkout(CHART),
        "-n",
        NAMESPACE,
        "--set",
        "crds.install=false",
        "--set",
        &sets,
    ])
}

/// Helm without a cluster.
fn helm(arguments: &[&str]) -> Result<String> {
    let output = Command::new(tidegate_kit::bin("helm")?)
        .args(arguments)
        .env("KUBECONFIG", "none")
        .output()
        .context("helm")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A path inside the checkout, given from its root.
fn checkout(path: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(path).display().to_string()
}
