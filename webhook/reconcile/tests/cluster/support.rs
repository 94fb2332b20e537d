//! Words to ask objects of Atlas and files of SQLite with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use tidegate_reconcile::{NoRenderer, Pacing, ReconcileSettings};

use crate::common::{Place, Running};

pub(crate) const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";

impl Place {
    pub(crate) async fn start(&self) -> Result<Running> {
        self.start_with(Pacing::default().resync).await
    }

    /// With this time between two looks at what is as wanted.
    pub(crate) async fn start_with(&self, resync: Duration) -> Result<Running> {
        let settings = ReconcileSettings {
            workers: 1,
            ..ReconcileSettings::default()
        };
        self.reconcile(settings, resync, Arc::new(NoRenderer), &self.gate)
            .await
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
