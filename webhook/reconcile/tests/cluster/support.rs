//! A namespace, a folder, a reconciler, and words to ask them with.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use tidegate_kit::ControlPlane;
use tidegate_reconcile::{
    Gate, GateFinding, GateVerdict, NoRenderer, Pacing, PlanChange, PlanReview, ReconcileError,
    ReconcileSettings, connect, run,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";

/// What is done while a plan is judged.
type Meanwhile = Arc<dyn Fn(&PlanReview) + Send + Sync>;

/// Denies plans that hold a certain word, and remembers what it was asked.
#[derive(Clone, Default)]
pub(crate) struct WordGate {
    pub(crate) meanwhile: Option<Meanwhile>,
    pub(crate) asked: Arc<Mutex<Vec<PlanReview>>>,
}

impl Gate for WordGate {
    async fn judge(&self, plan: &PlanReview) -> GateVerdict {
        self.asked
            .lock()
            .expect("no panic while held")
            .push(plan.clone());
        if let Some(meanwhile) = &self.meanwhile {
            meanwhile(plan);
        }
        let forbidden = plan.changes.iter().position(
            |change| matches!(change, PlanChange::Statement(sql) if sql.contains("forbidden")),
        );
        match forbidden {
            None => GateVerdict::Allowed {
                warnings: Vec::new(),
            },
            Some(statement) => GateVerdict::Denied {
                findings: vec![GateFinding {
                    policy: "words".to_owned(),
                    rule: "forbidden-word".to_owned(),
                    message: "the word is forbidden".to_owned(),
                    change: Some(statement),
                    suggestion: Some("write another".to_owned()),
                }],
            },
        }
    }
}

/// A namespace, a folder and a gate.
pub(crate) struct Place {
    pub(crate) plane: &'static ControlPlane,
    namespace: String,
    folder: tempfile::TempDir,
    pub(crate) gate: WordGate,
}

/// A reconciler under way.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ReconcileError>>,
}

impl Running {
    pub(crate) async fn stop(self) -> Result<()> {
        let _ = self.stop.send(());
        Ok(self.ended.await??)
    }
}

impl Place {
    pub(crate) fn new(namespace: &str) -> Result<Self> {
        let plane = ControlPlane::shared()?;
        plane.install_crds()?;
        plane
            .kubectl(&["create", "namespace", namespace], "")?
            .ok()?;
        let folder = tempfile::tempdir()?;
        Ok(Self {
            plane,
            namespace: namespace.to_owned(),
            folder,
            gate: WordGate::default(),
        })
    }

    pub(crate) async fn start(&self) -> Result<Running> {
        self.start_with(Pacing::default().resync).await
    }

    /// With this time between two looks at what is as wanted.
    pub(crate) async fn start_with(&self, resync: Duration) -> Result<Running> {
        let client = connect(Some(self.plane.kubeconfig()), None).await?;
        let settings = ReconcileSettings {
            namespace: Some(self.namespace.clone()),
            workers: 1,
            pacing: Pacing {
                first_retry: Duration::from_millis(100),
                first_failure: Duration::from_millis(100),
                longest_retry: Duration::from_millis(500),
                resync,
            },
            ..ReconcileSettings::default()
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(run(
            settings,
            client,
            self.gate.clone(),
            Arc::new(NoRenderer),
            stopped,
        ));
        Ok(Running { stop, ended })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self, file: &str) -> String {
        format!("sqlite://{}", self.file(file).display())
    }

    pub(crate) fn apply(&self, name: &str, spec: &serde_json::Value) -> Result<()> {
        self.apply_kind("AtlasSchema", name, spec)
    }

    /// An object of either kind.
    pub(crate) fn apply_kind(
        &self,
        kind: &str,
        name: &str,
        spec: &serde_json::Value,
    ) -> Result<()> {
        let object = serde_json::json!({
            "apiVersion": "db.atlasgo.io/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        });
        self.plane.apply(&object.to_string()).map(drop)
    }

    /// The object `name` wants `sql` in the file `name`.db.
    pub(crate) fn wants(&self, name: &str, sql: &str) -> Result<()> {
        let url = self.url(&format!("{name}.db"));
        self.apply(
            name,
            &serde_json::json!({"url": url, "schema": {"sql": sql}}),
        )
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.plane
            .kubectl(&[&["-n", self.namespace.as_str()], args].concat(), "")?
            .ok()
    }

    pub(crate) fn wait(&self, name: &str, path: &str, value: &str) -> Result<()> {
        let condition = format!("--for=jsonpath={path}={value}");
        let object = named(name);
        let waited = self.kubectl(&["wait", &condition, "--timeout=60s", &object]);
        waited
            .with_context(|| {
                self.kubectl(&["get", &object, "-o", "yaml"])
                    .unwrap_or_default()
            })
            .map(drop)
    }

    /// Waits until the status is so, by watching it.
    pub(crate) fn wait_until(
        &self,
        name: &str,
        mut holds: impl FnMut(&serde_json::Value) -> bool,
    ) -> Result<()> {
        let ends = Instant::now() + Duration::from_mins(1);
        while !holds(&self.status(name)?) {
            anyhow::ensure!(Instant::now() < ends, "{:#}", self.status(name)?);
        }
        Ok(())
    }

    pub(crate) fn wait_ready(&self, name: &str, generation: u32) -> Result<()> {
        self.wait(
            name,
            "{.status.observedGeneration}",
            &generation.to_string(),
        )?;
        self.wait(
            name,
            "{.status.conditions[?(@.type==\"Ready\")].status}",
            "True",
        )
    }

    /// Waits until the object is not ready for this reason, and returns the message.
    pub(crate) fn wait_refused(&self, name: &str, reason: &str) -> Result<String> {
        self.wait(
            name,
            "{.status.conditions[?(@.type==\"Stalled\")].reason}",
            reason,
        )?;
        let status = self.status(name)?;
        let ready = status.pointer("/conditions/0").context("a condition")?;
        assert_eq!(
            (&ready["type"], &ready["status"]),
            (&"Ready".into(), &"False".into()),
            "{status:#}"
        );
        Ok(ready["message"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn object(&self, name: &str) -> Result<serde_json::Value> {
        let text = self.kubectl(&["get", &named(name), "-o", "json"])?;
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) fn status(&self, name: &str) -> Result<serde_json::Value> {
        Ok(self
            .object(name)?
            .get("status")
            .cloned()
            .unwrap_or_default())
    }

    /// The events about an object, as `Type Reason: note`, in the order in which they were made.
    pub(crate) fn events(&self, name: &str) -> Result<Vec<String>> {
        let selector = format!("--field-selector=regarding.name={name}");
        let text = self.kubectl(&["get", "events.v1.events.k8s.io", &selector, "-o", "json"])?;
        let list: serde_json::Value = serde_json::from_str(&text)?;
        let items = list.get("items").and_then(|items| items.as_array());
        let items = items.cloned().unwrap_or_default();
        let word = |event: &serde_json::Value, field: &str| {
            let word = event.get(field).and_then(|word| word.as_str());
            word.unwrap_or_default().to_owned()
        };
        let mut events: Vec<(String, String)> = items
            .iter()
            .map(|event| {
                let text = format!(
                    "{} {}: {}",
                    word(event, "type"),
                    word(event, "reason"),
                    word(event, "note")
                );
                (word(event, "eventTime"), text)
            })
            .collect();
        events.sort();
        Ok(events.into_iter().map(|(_, text)| text).collect())
    }

    /// The columns of a table, from the file.
    pub(crate) fn columns(&self, file: &str, table: &str) -> Result<Vec<String>> {
        let connection = Connection::open(self.file(file))?;
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let names = statement.query_map([table], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}

#[track_caller]
pub(crate) fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} in {message:?}");
    }
}

/// An AtlasSchema, where no kind is said.
fn named(name: &str) -> String {
    if name.contains('/') {
        name.to_owned()
    } else {
        format!("atlasschema/{name}")
    }
}
