//! AtlasMigration on a real SQLite file, `PostgreSQL` and MariaDB.

use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use tidegate_database::{Address, Limits, Session};
use tidegate_kit::{MariaDb, Postgres};
use tidegate_migrations::Directory;

use crate::common::Place;
use crate::support::says;

/// The only object of each test.
const APP: &str = "atlasmigration/app";

const LAST: &str = "{.status.lastAppliedVersion}";

/// A folder's files, with their `atlas.sum`.
pub(crate) fn folder(files: &[(&str, &str)]) -> Value {
    let entries = || {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
    };
    let sum = Directory::new(entries()).sum().text();
    let mut folder: Map<String, Value> = entries()
        .map(|(name, text)| (name, Value::String(text)))
        .collect();
    folder.insert("atlas.sum".to_owned(), Value::String(sum));
    Value::Object(folder)
}

fn wants(place: &Place, url: &str, dir: &Value) -> Result<()> {
    place.apply_kind("AtlasMigration", "app", &json!({"url": url, "dir": dir}))
}

const FIRST: (&str, &str) = ("1_users.sql", "CREATE TABLE users (id int PRIMARY KEY);\n");
const SECOND: (&str, &str) = (
    "2_names.sql",
    "ALTER TABLE users ADD COLUMN name varchar(20);\n",
);

const THIRD: (&str, &str) = ("3_third.sql", "CREATE TABLE third (a int);\n");

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_the_object_is_run_file_by_file_and_never_back() -> Result<()> {
    let place = Place::new("migrate")?;
    let running = place.start().await?;
    let url = place.url("app.db");
    wants(&place, &url, &json!({"local": folder(&[FIRST])}))?;
    place.wait_ready(APP, 1)?;
    place.wait(APP, LAST, "1")?;
    let status = place.status(APP)?;
    assert_eq!(status.pointer("/conditions/0/message"), Some(&json!("")));
    assert_eq!(place.columns("app.db", "users")?, ["id"]);

    wants(&place, &url, &json!({"local": folder(&[FIRST, SECOND])}))?;
    place.wait(APP, LAST, "2")?;
    place.wait_ready(APP, 2)?;
    assert_eq!(place.columns("app.db", "users")?, ["id", "name"]);

    // An applied file is edited, and its sum made right again.
    let edited = (
        "1_users.sql",
        "CREATE TABLE users (id int PRIMARY KEY, surprise int);\n",
    );
    wants(&place, &url, &json!({"local": folder(&[edited, SECOND])}))?;
    let message = place.wait_refused(APP, "Migrating")?;
    says(&message, &["1_users.sql was edited after it was applied"]);

    wants(&place, &url, &json!({"local": folder(&[FIRST])}))?;
    let message = place.wait_refused(APP, "ProtectedFlowError")?;
    says(&message, &["migrate down is not allowed", "version 2"]);
    place.wait(APP, LAST, "2")?;

    let mut tampered = folder(&[
        FIRST,
        SECOND,
        ("3_more.sql", "CREATE TABLE more (a int);\n"),
    ]);
    tampered["3_more.sql"] = json!("DROP TABLE users;\n");
    wants(&place, &url, &json!({"local": tampered}))?;
    let message = place.wait_refused(APP, "ReadingMigrationData")?;
    says(&message, &["checksum mismatch"]);
    assert_eq!(place.columns("app.db", "users")?, ["id", "name"]);

    wants(&place, &url, &json!({"remote": {"name": "x"}}))?;
    let message = place.wait_refused(APP, "ReadingMigrationData")?;
    says(&message, &["spec.dir.remote", "Atlas Cloud"]);

    let denied = ("3_more.sql", "CREATE TABLE forbidden (a int);\n");
    wants(
        &place,
        &url,
        &json!({"local": folder(&[FIRST, SECOND, denied])}),
    )?;
    let message = place.wait_refused(APP, "PlanRejected")?;
    says(
        &message,
        &["3_more.sql: words/forbidden-word", "nothing was run"],
    );
    assert!(place.columns("app.db", "forbidden")?.is_empty());

    // Somebody looked, and says that the folder with the edited file is what the database has. It is remembered.
    wants(&place, &url, &json!({"local": folder(&[edited, SECOND])}))?;
    let message = place.wait_refused(APP, "Migrating")?;
    let sum = message.rsplit(' ').next().unwrap_or_default();
    place.kubectl(&["annotate", APP, &format!("gate.tidegate.dev/edited={sum}")])?;
    let ready = "{.status.conditions[?(@.type==\"Ready\")].status}";
    place.wait(APP, ready, "True")?;
    place.kubectl(&["annotate", APP, "gate.tidegate.dev/edited-"])?;
    wants(
        &place,
        &url,
        &json!({"local": folder(&[edited, SECOND, THIRD])}),
    )?;
    place.wait(APP, LAST, "3")?;
    running.stop().await?;
    let events = place.events("app")?;
    for expected in [
        "Normal Applied: Version 1 applied",
        "Normal Applied: Version 2 applied",
    ] {
        assert!(events.iter().any(|event| event == expected), "{events:#?}");
    }
    let refused = "Warning ProtectedFlowError: migrate down is not allowed";
    assert!(
        events.iter().any(|event| event.starts_with(refused)),
        "{events:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_that_grows_is_run_at_once_on_postgres() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let place = Place::new("migrate-postgres")?;
    let running = place.start().await?;
    let reference = json!({"configMapRef": {"name": "folder"}});
    wants(
        &place,
        &server.url(&database, "search_path=public"),
        &reference,
    )?;
    let message = place.wait_refused(APP, "ReadingMigrationData")?;
    says(
        &message,
        &["ConfigMap migrate-postgres/folder", "does not exist"],
    );

    let map = |files: &[(&str, &str)]| {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": folder(files),
                         "metadata": {"name": "folder", "namespace": "migrate-postgres"}});
        place.plane.apply(&map.to_string()).map(drop)
    };
    map(&[FIRST])?;
    place.wait(APP, LAST, "1")?;
    // The file is one transaction: nothing of it stays.
    let bad = (
        "2_names.sql",
        "CREATE TABLE half (a int);\nALTER TABLE nobody ADD COLUMN a int;\n",
    );
    map(&[FIRST, bad])?;
    let message = place.wait_refused(APP, "Migrating")?;
    says(
        &message,
        &[
            "from version \"2\"",
            "\"nobody\" does not exist",
            "2_names.sql, line 2",
        ],
    );
    place.wait(APP, LAST, "1")?;
    map(&[FIRST, SECOND])?;
    place.wait(APP, LAST, "2")?;
    place.wait_ready(APP, 1)?;
    let query = "SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, ordinal_position) FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name <> 'atlas_schema_revisions'";
    assert_eq!(
        server.psql(&database, query)?.ok()?.trim(),
        "users.id users.name"
    );
    let revisions = "SELECT string_agg(version || ' ' || applied || '/' || total, ', ' ORDER BY version) FROM atlas_schema_revisions";
    assert_eq!(
        server.psql(&database, revisions)?.ok()?.trim(),
        "1 1/1, 2 1/1"
    );
    assert_eq!(place.status(APP)?["failed"], 0);

    // The folder shrinks. That is refused, until the object says that it may: then the database goes back to where the folder ends.
    map(&[FIRST])?;
    let message = place.wait_refused(APP, "ProtectedFlowError")?;
    says(&message, &["migrate down is not allowed", "version 2"]);
    let allowed = json!({
        "url": server.url(&database, "search_path=public"),
        "dir": reference,
        "protectedFlows": {"migrateDown": {"allow": true, "autoApprove": true}},
    });
    place.apply_kind("AtlasMigration", "app", &allowed)?;
    place.wait(APP, LAST, "1")?;
    place.wait_ready(APP, 2)?;
    assert_eq!(server.psql(&database, query)?.ok()?.trim(), "users.id");
    assert_eq!(server.psql(&database, revisions)?.ok()?.trim(), "1 1/1");
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_failed_halfway_is_gone_on_with_on_mariadb() -> Result<()> {
    let server = MariaDb::shared()?;
    server.sql("", "CREATE DATABASE halfway")?;
    let place = Place::new("migrate-mariadb")?;
    let running = place.start().await?;
    let url = server.url("halfway");
    let bad = (
        "2_two.sql",
        "CREATE TABLE one (a int);\nCREATE TABEL two (a int);\nCREATE TABLE three (a int);\n",
    );
    wants(&place, &url, &json!({"local": folder(&[FIRST, bad])}))?;
    let message = place.wait_refused(APP, "Migrating")?;
    says(
        &message,
        &["CREATE TABEL two", "from version \"2\"", "statement 2 of 3"],
    );
    place.wait(APP, LAST, "1")?;
    let revisions = || {
        server.sql(
            "halfway",
            "SELECT version, applied, total FROM atlas_schema_revisions ORDER BY version",
        )
    };
    assert_eq!(revisions()?, "1\t1\t1\n2\t1\t3\n");

    // Mended, and made longer: the first statement does not run again.
    let good = (
        "2_two.sql",
        "CREATE TABLE one (a int);\nCREATE TABLE two (a int);\nCREATE TABLE three (a int);\nCREATE TABLE four (a int);\n",
    );
    wants(&place, &url, &json!({"local": folder(&[FIRST, good])}))?;
    place.wait_ready(APP, 2)?;
    place.wait(APP, LAST, "2")?;
    assert_eq!(revisions()?, "1\t1\t1\n2\t4\t4\n");
    assert!(!place.object(APP)?["status"].to_string().contains("hunter2"));
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_there_already_needs_a_baseline_and_has_one_owner() -> Result<()> {
    let place = Place::new("migrate-baseline")?;
    Connection::open(place.file("app.db"))?.execute_batch(FIRST.1)?;
    let running = place.start().await?;
    let url = place.url("app.db");
    let dir = json!({"local": folder(&[FIRST, SECOND])});
    wants(&place, &url, &dir)?;
    let message = place.wait_refused(APP, "Migrating")?;
    says(
        &message,
        &[
            "connected database is not clean: found table \"users\"",
            "spec.baseline",
        ],
    );
    let spec = json!({"url": url, "dir": dir, "baseline": "1"});
    place.apply_kind("AtlasMigration", "app", &spec)?;
    place.wait(APP, LAST, "2")?;
    assert_eq!(place.columns("app.db", "users")?, ["id", "name"]);

    place.apply(
        "declared",
        &json!({"url": url, "schema": {"sql": "CREATE TABLE users (id int)"}}),
    )?;
    let message = place.wait_refused("declared", "Login")?;
    says(
        &message,
        &["AtlasMigration migrate-baseline/app", "created before"],
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_atlas_command_that_migrates_is_waited_for() -> Result<()> {
    const LOCK: &str = "atlas_migrate_execute";
    let place = Place::new("held")?;
    let url = place.url("app.db");
    let mut other = Session::open(&Address::parse(&url)?, &Limits::default()).await?;
    other.lock(LOCK, Duration::ZERO).await?;
    let running = place.start().await?;
    wants(&place, &url, &json!({"local": folder(&[FIRST])}))?;
    let told = |status: &Value| {
        let message = status.pointer("/conditions/0/message");
        let message = message.and_then(Value::as_str).unwrap_or_default();
        message.contains("locked by somebody else")
    };
    place.wait_until(APP, told)?;
    assert!(place.columns("app.db", "users")?.is_empty());

    other.unlock(LOCK).await?;
    place.wait_ready(APP, 1)?;
    place.wait(APP, LAST, "1")?;
    assert_eq!(place.columns("app.db", "users")?, ["id"]);
    running.stop().await
}
