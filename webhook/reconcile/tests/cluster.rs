//! The reconciler against a real API server and real SQLite files.
//!
//! Each test has a namespace, a folder and a reconciler of its own. Nothing sleeps: `kubectl wait` waits for what the test is about.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use tidegate_kit::ControlPlane;
use tidegate_reconcile::{
    Gate, GateFinding, GateVerdict, NoRenderer, Pacing, PlanChange, PlanReview, ReconcileError,
    ReconcileSettings, connect, run,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";

/// Denies plans that hold a certain word, and remembers what it was asked.
#[derive(Debug, Clone, Default)]
struct WordGate {
    asked: Arc<Mutex<Vec<PlanReview>>>,
}

impl Gate for WordGate {
    async fn judge(&self, plan: &PlanReview) -> GateVerdict {
        self.asked
            .lock()
            .expect("no panic while held")
            .push(plan.clone());
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
struct Place {
    plane: &'static ControlPlane,
    namespace: String,
    folder: tempfile::TempDir,
    gate: WordGate,
}

/// A reconciler under way.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ReconcileError>>,
}

impl Running {
    async fn stop(self) -> Result<()> {
        let _ = self.stop.send(());
        Ok(self.ended.await??)
    }
}

impl Place {
    fn new(namespace: &str) -> Result<Self> {
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

    async fn start(&self) -> Result<Running> {
        let client = connect(Some(self.plane.kubeconfig()), None).await?;
        let settings = ReconcileSettings {
            namespace: Some(self.namespace.clone()),
            workers: 1,
            pacing: Pacing {
                first_retry: Duration::from_millis(100),
                longest_retry: Duration::from_millis(500),
                ..Pacing::default()
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

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self, file: &str) -> String {
        format!("sqlite://{}", self.file(file).display())
    }

    fn apply(&self, name: &str, spec: &serde_json::Value) -> Result<()> {
        let object = serde_json::json!({
            "apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema",
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        });
        self.plane.apply(&object.to_string()).map(drop)
    }

    /// The object `name` wants `sql` in the file `name`.db.
    fn wants(&self, name: &str, sql: &str) -> Result<()> {
        let url = self.url(&format!("{name}.db"));
        self.apply(
            name,
            &serde_json::json!({"url": url, "schema": {"sql": sql}}),
        )
    }

    fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.plane
            .kubectl(&[&["-n", self.namespace.as_str()], args].concat(), "")?
            .ok()
    }

    fn wait(&self, name: &str, path: &str, value: &str) -> Result<()> {
        let condition = format!("--for=jsonpath={path}={value}");
        let object = format!("atlasschema/{name}");
        let waited = self.kubectl(&["wait", &condition, "--timeout=60s", &object]);
        waited
            .with_context(|| {
                self.kubectl(&["get", &object, "-o", "yaml"])
                    .unwrap_or_default()
            })
            .map(drop)
    }

    fn wait_ready(&self, name: &str, generation: u32) -> Result<()> {
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
    fn wait_refused(&self, name: &str, reason: &str) -> Result<String> {
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

    fn object(&self, name: &str) -> Result<serde_json::Value> {
        Ok(serde_json::from_str(&self.kubectl(&[
            "get",
            "atlasschema",
            name,
            "-o",
            "json",
        ])?)?)
    }

    fn status(&self, name: &str) -> Result<serde_json::Value> {
        Ok(self
            .object(name)?
            .get("status")
            .cloned()
            .unwrap_or_default())
    }

    /// The columns of a table, from the file.
    fn columns(&self, file: &str, table: &str) -> Result<Vec<String>> {
        let connection = Connection::open(self.file(file))?;
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let names = statement.query_map([table], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} in {message:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_applied_extended_and_protected() -> Result<()> {
    let place = Place::new("story")?;
    let running = place.start().await?;

    place.wants("app", USERS)?;
    place.wait_ready("app", 1)?;
    assert_eq!(place.columns("app.db", "users")?, ["id", "name"]);
    let status = place.status("app")?;
    says(
        &status["conditions"][0]["message"].to_string(),
        &[
            "The schema has been applied successfully. Apply response: {",
            "users",
        ],
    );
    assert_eq!(status["failed"], 0);
    assert!(
        status["last_applied"].as_i64().unwrap_or_default() > 1_700_000_000,
        "{status:#}"
    );
    assert!(
        !status["observed_hash"]
            .as_str()
            .unwrap_or_default()
            .is_empty(),
        "{status:#}"
    );

    Connection::open(place.file("app.db"))?.execute("INSERT INTO users VALUES (1, 'ada')", [])?;
    place.wants("app", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT); CREATE INDEX by_name ON users (name)")?;
    place.wait_ready("app", 2)?;
    assert_eq!(place.columns("app.db", "users")?, ["id", "name", "email"]);

    place.wants(
        "app",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)",
    )?;
    let message = place.wait_refused("app", "LintPolicyError")?;
    says(&message, &["users.name", "nothing was changed"]);
    assert_eq!(place.columns("app.db", "users")?, ["id", "name", "email"]);

    let asked = place
        .gate
        .asked
        .lock()
        .expect("no panic while held")
        .clone();
    assert_eq!(
        asked
            .iter()
            .map(|plan| plan.changes.len())
            .collect::<Vec<_>>(),
        [1, 2],
        "{asked:?}"
    );
    assert!(
        asked
            .iter()
            .all(|plan| plan.subject.contains("\"AtlasSchema\"")
                && !plan.subject.contains("managedFields"))
    );

    place.kubectl(&["delete", "atlasschema", "app"])?;
    running.stop().await?;
    let name: String =
        Connection::open(place.file("app.db"))?
            .query_row("SELECT name FROM users", [], |row| row.get(0))?;
    assert_eq!(name, "ada", "deleting the object leaves the database alone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_is_applied_to() -> Result<()> {
    let place = Place::new("recovery")?;
    let running = place.start().await?;
    place.apply(
        "app",
        &serde_json::json!({"url": place.url("volume/app.db"), "schema": {"sql": USERS}}),
    )?;
    let message = place.wait_refused("app", "Login")?;
    says(&message, &["volume/app.db", "No such file or directory"]);
    fs::create_dir(place.file("volume"))?;
    place.wait_ready("app", 1)?;

    // A file that is locked by somebody else for longer than is waited.
    let other = Connection::open(place.file("volume/app.db"))?;
    other.execute_batch("BEGIN EXCLUSIVE")?;
    let more = format!("{USERS}; CREATE TABLE posts (id INTEGER PRIMARY KEY)");
    place.apply(
        "app",
        &serde_json::json!({"url": place.url("volume/app.db"), "schema": {"sql": more}}),
    )?;
    let reason = "{.status.conditions[?(@.type==\"Ready\")].reason}";
    place.wait("app", reason, "SchemaInspect")?;
    other.execute_batch("COMMIT")?;
    place.wait_ready("app", 2)?;
    assert_eq!(place.columns("volume/app.db", "posts")?, ["id"]);
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_the_gate_denies_does_not_begin() -> Result<()> {
    let place = Place::new("gate")?;
    let running = place.start().await?;
    place.wants(
        "app",
        &format!("{USERS}; CREATE TABLE forbidden (id INTEGER)"),
    )?;
    let message = place.wait_refused("app", "LintPolicyError")?;
    says(
        &message,
        &[
            "words/forbidden-word: the word is forbidden (write another)",
            "nothing was changed",
        ],
    );
    assert!(!place.file("app.db").exists(), "not even the file is made");
    place.wants("app", USERS)?;
    place.wait_ready("app", 2)?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_a_secret_is_read_when_it_is_there_and_never_shown() -> Result<()> {
    let place = Place::new("secret")?;
    let running = place.start().await?;
    let reference = serde_json::json!({"secretKeyRef": {"name": "database", "key": "url"}});
    place.apply(
        "app",
        &serde_json::json!({"urlFrom": reference, "schema": {"sql": USERS}}),
    )?;
    let message = place.wait_refused("app", "ReadSchema")?;
    says(
        &message,
        &["Secret secret/database", "spec.urlFrom", "does not exist"],
    );

    place.kubectl(&[
        "create",
        "secret",
        "generic",
        "database",
        "--from-literal=url=postgres://app:hunter2@db/app",
    ])?;
    let path = "{.status.conditions[?(@.type==\"Ready\")].message}";
    let expected = "databases with the scheme \"postgres\" cannot be reconciled yet; this version applies sqlite:// only";
    place.wait("app", path, expected)?;
    assert!(!place.object("app")?.to_string().contains("hunter2"));

    let url = format!("{{\"stringData\":{{\"url\":\"{}\"}}}}", place.url("app.db"));
    place.kubectl(&["patch", "secret", "database", "--type=merge", "-p", &url])?;
    place.wait_ready("app", 1)?;
    assert!(
        !place.status("app")?.to_string().contains("app.db"),
        "a status of success names no address"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_object_on_a_database_is_told() -> Result<()> {
    let place = Place::new("two")?;
    let running = place.start().await?;
    place.wants("first", USERS)?;
    place.wait_ready("first", 1)?;
    let url = place.url("./first.db");
    place.apply(
        "second",
        &serde_json::json!({"url": url, "schema": {"sql": "CREATE TABLE other (a INTEGER)"}}),
    )?;
    let message = place.wait_refused("second", "Login")?;
    says(&message, &["AtlasSchema two/first", "created before"]);
    assert_eq!(place.columns("first.db", "users")?, ["id", "name"]);
    assert!(place.columns("first.db", "other")?.is_empty());

    place.kubectl(&["delete", "atlasschema", "first"])?;
    let message = place.wait_refused("second", "FirstRunDestructive")?;
    says(&message, &["table users"]);
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_writes_nothing_and_an_unreadable_object_stops_nobody() -> Result<()> {
    let place = Place::new("restart")?;
    let running = place.start().await?;
    place.wants("app", USERS)?;
    place.wait_ready("app", 1)?;
    running.stop().await?;
    let before = place.object("app")?;

    let running = place.start().await?;
    // A port that no number of 16 bits holds: the definition takes it, the view does not.
    place.apply(
        "broken",
        &serde_json::json!({"credentials": {"port": 70000}, "schema": {"sql": USERS}}),
    )?;
    let message = place.wait_refused("broken", "ReadSchema")?;
    says(&message, &["failed to read AtlasSchema restart/broken"]);
    // One worker takes the objects in order: when this one is ready, the others have had their turn.
    place.wants("other", USERS)?;
    place.wait_ready("other", 1)?;
    running.stop().await?;
    assert_eq!(
        place.object("app")?["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    assert_eq!(
        place.gate.asked.lock().expect("no panic while held").len(),
        2,
        "one for each plan that had statements"
    );
    Ok(())
}
