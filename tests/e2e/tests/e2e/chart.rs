//! The chart, rendered by the real helm and installed into a real API server: what it makes, whom it asks, what it leaves behind.
//!
//! There are no nodes, so no pod of it runs. What a pod would do is tested beside this file; here a gate that never answers shows which requests
//! the API server would have sent to it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy's exceptions for tests do not reach their helper functions"
)]

mod install;
mod program;
mod render;
mod requests;
mod rights;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tidegate_kit::{ControlPlane, Options};

use crate::tidegate::eventually;

const CHART: &str = "charts/tidegate";
const NAMESPACE: &str = "gate";

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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(path).display().to_string()
}
