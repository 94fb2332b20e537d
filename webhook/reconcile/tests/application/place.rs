//! A folder that is the repository, a namespace that is control plane and destination, and words to ask Applications with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tidegate_model::SourceType;
use tidegate_reconcile::{
    Kind, LeaseSettings, Pacing, ReconcileSettings, Render, RenderFailure, RenderRequest, Rendered,
};

use crate::common::{Place, Running, WordGate};

/// Renders plain folders: the repository is a folder, the commit a digest of what is in it.
#[derive(Debug, Clone, Copy)]
struct Folders;

impl Render for Folders {
    fn render<'a>(
        &'a self,
        request: &'a RenderRequest,
    ) -> BoxFuture<'a, Result<Rendered, RenderFailure>> {
        Box::pin(async move {
            let mut rendered = Rendered::default();
            for source in &request.sources {
                let part = |key: &str| {
                    source
                        .source
                        .get(key)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                };
                let folder = Path::new(part("repoURL")).join(part("path"));
                let (manifests, revision) = read(&folder).map_err(|error| RenderFailure {
                    message: format!("{error:#}"),
                    transient: false,
                })?;
                rendered.manifests.extend(manifests);
                rendered.revisions.push(revision);
                rendered.source_types.push(SourceType::Directory);
            }
            Ok(rendered)
        })
    }
}

fn read(folder: &Path) -> Result<(Vec<Value>, String)> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("{}: app path does not exist", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut manifests = Vec::new();
    let mut digest = Sha256::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        digest.update(&text);
        for document in text.split("\n---\n") {
            manifests.push(serde_saphyr::from_str(document)?);
        }
    }
    let digest = digest.finalize();
    let revision = format!("{digest:x}");
    Ok((manifests, revision))
}

impl Running {
    /// It is gone at once, as by `kill -9`: nothing is finished and nothing given back.
    pub(crate) async fn kill(self) {
        self.ended.abort();
        let _ = self.ended.await;
    }
}

impl Place {
    pub(crate) async fn start(&self) -> Result<Running> {
        self.start_as(None, &self.gate).await
    }

    /// Starts one of several replicas, with a gate of its own.
    pub(crate) async fn start_replica(&self, name: &str, gate: &WordGate) -> Result<Running> {
        let leases = LeaseSettings {
            renew: Duration::from_millis(200),
            deadline: Duration::from_secs(3),
            patience: Duration::from_secs(4),
            ..LeaseSettings::new(&self.namespace, "test", name)
        };
        self.start_as(Some(leases), gate).await
    }

    async fn start_as(&self, leases: Option<LeaseSettings>, gate: &WordGate) -> Result<Running> {
        let _ = tracing_subscriber::fmt()
            .with_env_filter("tidegate_reconcile=info")
            .with_test_writer()
            .try_init();
        let settings = ReconcileSettings {
            kinds: [Kind::Application, Kind::AtlasSchema].into(),
            control_namespace: self.namespace.clone(),
            leases,
            ..ReconcileSettings::default()
        };
        let resync = Pacing::default().resync;
        let renderer = Arc::new(Folders);
        self.reconcile(settings, resync, renderer, gate).await
    }

    /// Writes a file of the repository; the folder is the Application's path.
    pub(crate) fn commit(&self, path: &str, text: &str) -> Result<()> {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().context("a file is in a folder")?)?;
        Ok(fs::write(file, text)?)
    }

    pub(crate) fn remove(&self, path: &str) -> Result<()> {
        Ok(fs::remove_file(self.folder.path().join(path))?)
    }

    /// An Application of the folder of its name, synced on its own.
    pub(crate) fn application(&self, name: &str) -> Value {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.folder.path(), "path": name},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": self.namespace},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true}, "retry": {"limit": 0}},
            },
        })
    }

    pub(crate) fn apply(&self, object: &Value) -> Result<()> {
        self.plane.apply(&object.to_string()).map(drop)
    }

    pub(crate) fn patch(&self, object: &str, patch: &Value) -> Result<()> {
        self.kubectl(&["patch", object, "--type=merge", "-p", &patch.to_string()])
            .map(drop)
    }

    pub(crate) fn refresh(&self, name: &str) -> Result<()> {
        let annotation = "argocd.argoproj.io/refresh=normal";
        let object = format!("applications.argoproj.io/{name}");
        self.kubectl(&["annotate", "--overwrite", &object, annotation])
            .map(drop)
    }

    /// Waits until what is at a path of an object has a value.
    pub(crate) fn wait(&self, object: &str, path: &str, value: &str) -> Result<()> {
        let condition = format!("--for=jsonpath={{{path}}}={value}");
        let waited = self.kubectl(&["wait", &condition, "--timeout=30s", object]);
        waited
            .with_context(|| {
                let shown = self.kubectl(&[
                    "get",
                    "applications.argoproj.io,all,configmaps",
                    "-o",
                    "yaml",
                ]);
                format!("{object} {path}\n{}", shown.unwrap_or_default())
            })
            .map(drop)
    }

    /// Waits for several objects at once.
    pub(crate) fn wait_all(&self, objects: &[String], path: &str, value: &str) -> Result<()> {
        let condition = format!("--for=jsonpath={{{path}}}={value}");
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        self.kubectl(&[&["wait", &condition, "--timeout=60s"], &objects[..]].concat())
            .map(drop)
    }

    pub(crate) fn wait_app(&self, name: &str, fields: &[(&str, &str)]) -> Result<()> {
        let object = format!("applications.argoproj.io/{name}");
        fields
            .iter()
            .try_for_each(|(path, value)| self.wait(&object, path, value))
    }

    /// Waits until an Application is Synced, Healthy and Succeeded.
    pub(crate) fn wait_well(&self, name: &str) -> Result<()> {
        self.wait_app(
            name,
            &[
                (".status.operationState.phase", "Succeeded"),
                (".status.sync.status", "Synced"),
                (".status.health.status", "Healthy"),
            ],
        )
    }

    pub(crate) fn wait_gone(&self, object: &str) -> Result<()> {
        let gone = self.kubectl(&["wait", "--for=delete", "--timeout=30s", object]);
        gone.with_context(|| {
            self.kubectl(&["get", object, "-o", "yaml"])
                .unwrap_or_default()
        })
        .map(drop)
    }

    /// Waits until an object of the same name is there that is not the one with this uid.
    pub(crate) fn wait_other(&self, object: &str, uid: &Value) -> Result<()> {
        let uid = uid.as_str().context("a uid")?;
        // `kubectl wait` follows one object: it ends when that one goes, and says so.
        let gone = self.kubectl(&["wait", "--for=delete", "--timeout=30s", object]);
        self.kubectl(&["wait", "--for=create", "--timeout=30s", object])?;
        let there = self.get(object)?;
        anyhow::ensure!(
            there.pointer("/metadata/uid").and_then(Value::as_str) != Some(uid),
            "{gone:?}\n{there:#}"
        );
        Ok(())
    }

    pub(crate) fn get(&self, object: &str) -> Result<Value> {
        Ok(serde_json::from_str(
            &self.kubectl(&["get", object, "-o", "json"])?,
        )?)
    }

    pub(crate) fn status(&self, name: &str) -> Result<Value> {
        let application = self.get(&format!("applications.argoproj.io/{name}"))?;
        Ok(application.get("status").cloned().unwrap_or_default())
    }

    pub(crate) fn is_there(&self, object: &str) -> Result<bool> {
        Ok(!self
            .kubectl(&["get", "--ignore-not-found", object])?
            .is_empty())
    }

    /// Plays the node for a Deployment: all its replicas of the latest generation are there.
    pub(crate) fn bring_up(&self, deployment: &str) -> Result<()> {
        let object = self.get(&format!("deployment/{deployment}"))?;
        let replicas = object.pointer("/spec/replicas");
        let status = json!({"status": {
            "observedGeneration": object.pointer("/metadata/generation"),
            "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
        }});
        let patch = status.to_string();
        let object = format!("deployment/{deployment}");
        self.kubectl(&[
            "patch",
            &object,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ])
        .map(drop)
    }

    /// The name of the one Job that is there, once it is.
    pub(crate) fn only_job(&self) -> Result<String> {
        self.kubectl(&["wait", "--for=create", "--timeout=30s", "job", "--all"])
            .ok();
        let waited = self.kubectl(&[
            "wait",
            "--for=jsonpath={.metadata.name}",
            "--timeout=30s",
            "job",
            "--all",
        ])?;
        let name = waited
            .split_once('/')
            .and_then(|(_, rest)| rest.split_whitespace().next());
        name.map(str::to_owned).context("one Job")
    }

    /// Plays the node for a Job: it is done.
    pub(crate) fn finish_job(&self, job: &str) -> Result<()> {
        let conditions = ["SuccessCriteriaMet", "Complete"].map(condition);
        let status = json!({"startTime": WHEN, "completionTime": WHEN, "succeeded": 1, "conditions": conditions});
        self.end_job(job, &status)
    }

    /// Plays the node for a Job: it is done, and failed.
    pub(crate) fn fail_job(&self, job: &str) -> Result<()> {
        let conditions = ["FailureTarget", "Failed"].map(condition);
        let status = json!({"startTime": WHEN, "failed": 1, "conditions": conditions});
        self.end_job(job, &status)
    }

    fn end_job(&self, job: &str, status: &Value) -> Result<()> {
        let patch = json!({"status": status}).to_string();
        let object = format!("job/{job}");
        self.kubectl(&[
            "patch",
            &object,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ])
        .map(drop)
    }
}

const WHEN: &str = "2026-01-01T00:00:00Z";

fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "lastTransitionTime": WHEN, "lastProbeTime": WHEN})
}

/// A Job that is a hook.
pub(crate) fn hook(name: &str, hook: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}, annotations: {{argocd.argoproj.io/hook: {hook}}}}}\nspec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: example/job}}]}}}}}}\n"
    )
}

/// A `ConfigMap` in a wave.
pub(crate) fn config_map(name: &str, wave: i64, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}}}\ndata: {{key: \"{value}\"}}\n"
    )
}

/// A Deployment in a wave.
pub(crate) fn deployment(name: &str, wave: i64) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}}}\nspec:\n  replicas: 1\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: main, image: example/{name}}}]}}\n"
    )
}

/// An AtlasSchema in a wave.
pub(crate) fn schema(name: &str, wave: i64, database: &Path, sql: &str) -> String {
    let database = database.display();
    format!(
        "apiVersion: db.atlasgo.io/v1alpha1\nkind: AtlasSchema\nmetadata: {{name: {name}, annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}}}\nspec:\n  url: sqlite://{database}\n  schema: {{sql: {sql}}}\n"
    )
}
