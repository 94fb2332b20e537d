//! AtlasSchema on SQLite files.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;
use tidegate_reconcile::{NoRenderer, Pacing, PlanReview, ReconcileSettings, Scope};

use crate::common::Place;
use crate::support::{USERS, says};

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
    says(
        &message,
        &[
            "destructive changes detected:\n- ",
            "column users.name, which 1 row has a value in",
            "Nothing was changed.",
        ],
    );
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
            "Nothing was changed",
        ],
    );
    assert!(!place.file("app.db").exists(), "not even the file is made");
    place.wants("app", USERS)?;
    place.wait_ready("app", 2)?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_the_gate_warns_about_waits_where_that_is_asked_for() -> Result<()> {
    let place = Place::new("gate-warns")?;
    let running = place.start().await?;
    let wants = |sql: &str| {
        let review = serde_json::json!({"lint": {"review": "WARNING"}});
        let spec = serde_json::json!({"url": place.url("app.db"), "schema": {"sql": sql}, "policy": review});
        place.apply("app", &spec)
    };
    wants(USERS)?;
    place.wait_ready("app", 1)?;
    wants(&format!("{USERS}; CREATE TABLE doubtful (id INTEGER)"))?;
    let reason = "{.status.conditions[?(@.type==\"Ready\")].reason}";
    place.wait("app", reason, "ApprovalPending")?;
    assert!(place.columns("app.db", "doubtful")?.is_empty());
    let status = place.status("app")?;
    let message = status["conditions"][0]["message"].as_str();
    let message = message.unwrap_or_default();
    says(
        message,
        &[
            "Schema plan is waiting for approval",
            "CREATE TABLE",
            "words/doubtful-word: the word is doubtful",
        ],
    );
    let (_, hash) = message.rsplit_once("approve: ").expect("the hash");
    let approve = format!("gate.tidegate.dev/approve={hash}");
    place.kubectl(&["annotate", "atlasschema", "app", &approve])?;
    place.wait_ready("app", 2)?;
    assert_eq!(place.columns("app.db", "doubtful")?, ["id"]);
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
        "--from-literal=url=oracle://app:hunter2@db/app",
    ])?;
    let path = "{.status.conditions[?(@.type==\"Ready\")].message}";
    let expected = "databases with the scheme \"oracle\" cannot be reached by this version; sqlite://, postgres://, mysql:// and mariadb:// can";
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
    says(&message, &["DROP TABLE", "users", "spec.exclude"]);
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

/// The hash that a refusal names.
fn hash_in(message: &str) -> &str {
    let (_, hash) = message
        .rsplit_once("gate.tidegate.dev/approve: ")
        .expect("it names one");
    hash
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_runs_when_exactly_that_plan_was_approved() -> Result<()> {
    let place = Place::new("approval")?;
    let running = place.start().await?;
    place.wants("app", USERS)?;
    place.wait_ready("app", 1)?;
    Connection::open(place.file("app.db"))?.execute("INSERT INTO users VALUES (1, 'ada')", [])?;
    place.wants("app", "CREATE TABLE users (id INTEGER PRIMARY KEY)")?;
    let message = place.wait_refused("app", "LintPolicyError")?;
    let hash = hash_in(&message).to_owned();

    // Another plan than the approved one.
    place.wants("app", "CREATE TABLE users (name TEXT NOT NULL)")?;
    place.wait("app", "{.status.observedGeneration}", "3")?;
    let approve = format!("gate.tidegate.dev/approve={hash}");
    place.kubectl(&["annotate", "atlasschema", "app", &approve])?;
    place.wait_until("app", |status| {
        let message = status["conditions"][0]["message"].as_str();
        message.is_some_and(|message| message.contains("Another plan was approved."))
    })?;
    assert_eq!(place.columns("app.db", "users")?, ["id", "name"]);

    place.wants("app", "CREATE TABLE users (id INTEGER PRIMARY KEY)")?;
    place.wait_ready("app", 4)?;
    assert_eq!(place.columns("app.db", "users")?, ["id"]);
    running.stop().await?;
    let events = place.events("app")?;
    let first_lines: Vec<&str> = events.iter().filter_map(|it| it.lines().next()).collect();
    let applied = "Normal Applied: Applied schema";
    assert_eq!(first_lines.first(), Some(&applied), "{events:#?}");
    assert_eq!(first_lines.last(), Some(&applied), "{events:#?}");
    let refused = "Warning Error: destructive changes detected:";
    assert!(first_lines.contains(&refused), "{events:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_by_hand_is_found_and_repaired_or_reported() -> Result<()> {
    let place = Place::new("drift")?;
    let running = place.start_with(Duration::from_millis(200)).await?;
    place.wants("app", USERS)?;
    place.wait_ready("app", 1)?;
    let drifted = "{.status.conditions[?(@.type==\"Drifted\")].reason}";
    place.wait("app", drifted, "InSync")?;
    let by_hand = |sql: &str| Connection::open(place.file("app.db"))?.execute_batch(sql);
    by_hand("DROP TABLE users")?;
    place.wait("app", drifted, "Repaired")?;
    assert_eq!(place.columns("app.db", "users")?, ["id", "name"]);

    place.kubectl(&[
        "annotate",
        "atlasschema",
        "app",
        "gate.tidegate.dev/drift=report",
    ])?;
    by_hand("CREATE TABLE surprise (a)")?;
    place.wait("app", drifted, "DriftDetected")?;
    let status = place.status("app")?;
    assert_eq!(status["conditions"][0]["status"], "True", "{status:#}");
    says(
        &status["conditions"][3]["message"].to_string(),
        &["surprise"],
    );
    by_hand("DROP TABLE surprise")?;
    place.wait("app", drifted, "InSync")?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_goes_while_its_plan_is_judged_stops_nobody() -> Result<()> {
    let mut place = Place::new("gone")?;
    let plane = place.plane;
    // The gate itself deletes it: the plan that has begun comes to its end, and nothing is left to write to.
    place.gate.meanwhile = Some(Arc::new(move |plan: &PlanReview| {
        if format!("{:?}", plan.changes).contains("delete_me") {
            let delete = plane.kubectl(&["delete", "-n", "gone", "atlasschema", "goes"], "");
            delete
                .and_then(tidegate_kit::Output::ok)
                .expect("it is there");
        }
    }));
    let running = place.start().await?;
    place.wants("goes", "CREATE TABLE delete_me (a)")?;
    place.wants("stays", USERS)?;
    place.wait_ready("stays", 1)?;
    place.kubectl(&["wait", "--for=delete", "--timeout=60s", "atlasschema/goes"])?;
    assert_eq!(place.columns("goes.db", "delete_me")?, ["a"]);
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_that_changes_is_applied_at_once() -> Result<()> {
    let place = Place::new("config-map")?;
    let running = place.start().await?;
    let reference = serde_json::json!({"name": "schema", "key": "app.sql"});
    place.apply(
        "app",
        &serde_json::json!({"url": place.url("app.db"), "schema": {"configMapKeyRef": reference}}),
    )?;
    let message = place.wait_refused("app", "ReadSchema")?;
    says(&message, &["ConfigMap config-map/schema", "does not exist"]);
    let literal = |sql: &str| format!("--from-literal=app.sql={sql}");
    place.kubectl(&["create", "configmap", "schema", &literal(USERS)])?;
    place.wait_ready("app", 1)?;
    let hash = place.status("app")?["observed_hash"].clone();

    // The next look would be minutes away.
    let more = serde_json::json!({"data": {"app.sql": format!("{USERS}; CREATE INDEX by_name ON users (name)")}});
    place.kubectl(&[
        "patch",
        "configmap",
        "schema",
        "--type=merge",
        "-p",
        &more.to_string(),
    ])?;
    place.wait_until("app", |status| status["observed_hash"] != hash)?;
    says(
        &place.status("app")?["conditions"][0]["message"].to_string(),
        &["by_name"],
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_objects_of_the_scope_are_worked_on() -> Result<()> {
    let (here, there, outside) = (
        Place::new("scope-a")?,
        Place::new("scope-b")?,
        Place::new("scope-c")?,
    );
    for place in [&here, &there, &outside] {
        for name in ["labelled", "other"] {
            place.wants(name, USERS)?;
        }
        place.kubectl(&["label", "atlasschema", "labelled", "team=shop"])?;
    }
    let settings = ReconcileSettings {
        workers: 1,
        scope: Scope {
            namespaces: [there.namespace.clone()].into(),
            labels: "team in (shop, stock),!frozen".parse()?,
        },
        ..ReconcileSettings::default()
    };
    let resync = Pacing::default().resync;
    let running = here
        .reconcile(settings, resync, Arc::new(NoRenderer), &here.gate)
        .await?;
    for place in [&here, &there] {
        place.wait_ready("labelled", 1)?;
        let other = place.status("other")?;
        assert_eq!(other["observedGeneration"], -1, "{other:#}");
    }
    assert_eq!(outside.status("labelled")?["observedGeneration"], -1);

    // Labels are looked at for as long as the object is there.
    there.kubectl(&["label", "atlasschema", "other", "team=stock"])?;
    there.wait_ready("other", 1)?;
    there.kubectl(&["label", "atlasschema", "labelled", "frozen="])?;
    there.wants("labelled", "CREATE TABLE more (a INTEGER)")?;
    here.wants(
        "labelled",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER)",
    )?;
    here.wait_ready("labelled", 2)?;
    assert_eq!(there.status("labelled")?["observedGeneration"], 1);
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_else_writes_to_is_waited_for() -> Result<()> {
    let place = Place::new("busy")?;
    let mut settings = ReconcileSettings::default();
    settings.databases.limits.wait_for_lock = Duration::from_millis(100);
    let writer = Connection::open(place.file("app.db"))?;
    writer.execute_batch("PRAGMA journal_mode = wal; BEGIN IMMEDIATE")?;
    let resync = Pacing::default().resync;
    let running = place
        .reconcile(settings, resync, Arc::new(NoRenderer), &place.gate)
        .await?;
    place.wants("app", USERS)?;
    place.wait_until("app", |status| {
        status["failed"].as_i64().unwrap_or_default() > 1
    })?;
    let message = place.status("app")?["conditions"][0]["message"].to_string();
    says(
        &message,
        &["locked by somebody else", "gave up after 100ms"],
    );
    assert!(place.columns("app.db", "users")?.is_empty());

    writer.execute_batch("ROLLBACK")?;
    place.wait_ready("app", 1)?;
    assert_eq!(place.columns("app.db", "users")?, ["id", "name"]);
    assert_eq!(place.status("app")?["failed"], 0);
    running.stop().await
}
