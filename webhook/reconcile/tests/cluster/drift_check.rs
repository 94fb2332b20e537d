//! AtlasDriftCheck beside an AtlasMigration on a real SQLite file, `PostgreSQL` and MariaDB.

use anyhow::Result;
use rusqlite::Connection;
use serde_json::{Value, json};
use tidegate_kit::{MariaDb, Postgres};

use crate::common::Place;
use crate::migration::folder;
use crate::support::says;

const MIGRATION: &str = "atlasmigration/app";
const CHECK: &str = "atlasdriftcheck/check";

const LAST: &str = "{.status.lastAppliedVersion}";

fn migrates(place: &Place, url: &str, files: &[(&str, &str)]) -> Result<()> {
    let spec = json!({"url": url, "dir": {"local": folder(files)}});
    place.apply_kind("AtlasMigration", "app", &spec)
}

fn checks(place: &Place, more: Value) -> Result<()> {
    let mut spec = json!({"targetRef": {"name": "app"}, "interval": "1m"});
    if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
        spec.extend(more);
    }
    place.apply_kind("AtlasDriftCheck", "check", &spec)
}

/// Has the check look now, whatever its interval, and waits until `Drifted` has this reason.
fn look(place: &Place, why: &str, reason: &str) -> Result<Value> {
    place.kubectl(&["annotate", "--overwrite", CHECK, &format!("look={why}")])?;
    let drifted = "{.status.conditions[?(@.type==\"Drifted\")].reason}";
    place.wait(CHECK, drifted, reason)?;
    place.status(CHECK)
}

/// What `driftcheck-local` compares: `Ready=True Checked: message`, one a condition.
fn conditions(status: &Value) -> Vec<String> {
    let conditions = status["conditions"].as_array();
    let conditions = conditions.into_iter().flatten();
    conditions
        .map(|it| {
            let word = |name: &str| it[name].as_str().unwrap_or_default();
            let (kind, status, reason, message) = (
                word("type"),
                word("status"),
                word("reason"),
                word("message"),
            );
            format!("{kind}={status} {reason}: {message}")
        })
        .collect()
}

/// The conditions that all say this message.
fn saying(message: &str, conditions: [&str; 4]) -> [String; 4] {
    conditions.map(|it| format!("{it}: {message}"))
}

/// `driftcheck-local`, but that no dev database is asked for: a whole database, with an extension and tables that are somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_changed_is_reported_and_one_that_is_mended_as_well() -> Result<()>
{
    let server = Postgres::shared()?;
    let database = server.database()?;
    let place = Place::new("drift-check")?;
    let running = place.start().await?;
    let init = (
        "20250901000000_init.sql",
        "CREATE TABLE users (\n  id int NOT NULL,\n  name text NOT NULL,\n  PRIMARY KEY (id)\n);\n",
    );
    migrates(&place, &server.url(&database, ""), &[init])?;
    place.wait(MIGRATION, LAST, "20250901000000")?;
    place.wait_ready(MIGRATION, 1)?;
    checks(
        &place,
        json!({"exclude": ["*[type=extension]", "public.audit_*"]}),
    )?;
    let status = look(&place, "first", "NoDrift")?;
    let message = "no drift detected at version 20250901000000";
    let clean = saying(
        message,
        [
            "Ready=True Checked",
            "Reconciling=False Checked",
            "Stalled=False Checked",
            "Drifted=False NoDrift",
        ],
    );
    assert_eq!(conditions(&status), clean);
    assert_eq!(
        (&status["mode"], &status["version"]),
        (&json!("local"), &json!("20250901000000"))
    );
    assert_eq!(
        (status.get("fingerprint"), status.get("summary")),
        (None, None)
    );

    let theirs = "ALTER TABLE users ADD COLUMN hotfix text; CREATE TABLE audit_log (id int); CREATE EXTENSION hstore";
    server.psql(&database, theirs)?.ok()?;
    let status = look(&place, "second", "DriftDetected")?;
    let message = "1 drifted object (modified 1) at version 20250901000000: table 1";
    let drifted = saying(
        message,
        [
            "Ready=True Checked",
            "Reconciling=False Checked",
            "Stalled=False Checked",
            "Drifted=True DriftDetected",
        ],
    );
    assert_eq!(conditions(&status), drifted);
    assert_eq!(
        status["summary"],
        json!({"total": 1, "modified": 1, "types": {"table": 1}})
    );
    assert_eq!(
        status["differences"],
        json!(["table public.users: drop column hotfix"])
    );

    // Other objects, so that what was counted before is no longer.
    let theirs = "ALTER TABLE users DROP COLUMN hotfix; CREATE VIEW names AS SELECT name FROM users; CREATE INDEX by_name ON users (name)";
    server.psql(&database, theirs)?.ok()?;
    place.kubectl(&["annotate", "--overwrite", CHECK, "look=third"])?;
    place.wait(CHECK, "{.status.summary.total}", "2")?;
    assert_eq!(
        place.status(CHECK)?["summary"],
        json!({"total": 2, "extra": 2, "types": {"index": 1, "view": 1}})
    );

    server
        .psql(&database, "DROP VIEW names; DROP INDEX by_name")?
        .ok()?;
    let status = look(&place, "fourth", "NoDrift")?;
    assert_eq!(conditions(&status), clean);
    assert_eq!(
        (
            status.get("fingerprint"),
            status.get("summary"),
            status.get("differences")
        ),
        (None, None, None)
    );
    running.stop().await?;

    let events = place.events("check")?;
    assert_eq!(
        events,
        [
            format!("Warning DriftDetected: {message}\n- table public.users: drop column hotfix"),
            "Warning DriftChanged: 2 drifted objects (extra 2) at version 20250901000000: index 1, view 1\n\
             - drop index public.users.by_name\n- drop view public.names"
                .to_owned(),
            "Normal DriftResolved: no drift detected at version 20250901000000".to_owned(),
        ]
    );
    let scratch = "SELECT count(*) FROM pg_database WHERE datname LIKE '%tidegate%'";
    assert_eq!(server.psql(&database, scratch)?.ok()?.trim(), "0");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_no_drift_on_mariadb() -> Result<()> {
    let server = MariaDb::shared()?;
    server.sql("", "CREATE DATABASE drift_check")?;
    let place = Place::new("drift-check-mariadb")?;
    let running = place.start().await?;
    let init = (
        "1_init.sql",
        "CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY, name text);\n",
    );
    let url = server.url("drift_check");
    migrates(&place, &url, &[init])?;
    place.wait_ready(MIGRATION, 1)?;
    server.sql(
        "drift_check",
        "INSERT INTO users (name) VALUES ('a'), ('b')",
    )?;
    checks(&place, json!({"onDrift": "Fail"}))?;
    look(&place, "first", "NoDrift")?;

    server.sql("drift_check", "CREATE TABLE more (a int)")?;
    let status = look(&place, "second", "DriftDetected")?;
    let message = "1 drifted object (extra 1) at version 1: table 1";
    let expected = saying(
        message,
        [
            "Ready=False DriftDetected",
            "Reconciling=False DriftDetected",
            "Stalled=True DriftDetected",
            "Drifted=True DriftDetected",
        ],
    );
    assert_eq!(conditions(&status), expected);
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_is_said_and_what_is_not_to_be_is_left() -> Result<()> {
    let place = Place::new("drift-check-cannot")?;
    let running = place.start().await?;
    checks(&place, json!({}))?;
    let message = place.wait_refused(CHECK, "TargetNotFound")?;
    assert_eq!(
        message,
        "AtlasMigration \"app\" not found in namespace \"drift-check-cannot\""
    );

    // A folder that is refused never ran.
    let url = place.url("app.db");
    let init = ("1_init.sql", "CREATE TABLE users (id int PRIMARY KEY);\n");
    let denied = ("1_init.sql", "CREATE TABLE forbidden (id int);\n");
    migrates(&place, &url, &[denied])?;
    place.wait_refused(MIGRATION, "PlanRejected")?;
    place.kubectl(&["annotate", "--overwrite", CHECK, "look=second"])?;
    let message = place.wait_refused(CHECK, "NoMigrationHistory")?;
    says(&message, &["no migration history found"]);

    migrates(&place, &url, &[init])?;
    place.wait(MIGRATION, LAST, "1")?;
    place.wait_ready(MIGRATION, 2)?;
    look(&place, "third", "NoDrift")?;

    // Nothing is looked at, and what was found stays.
    checks(&place, json!({"suspend": true}))?;
    let reconciling = "{.status.conditions[?(@.type==\"Reconciling\")].reason}";
    place.wait(CHECK, reconciling, "Suspended")?;
    Connection::open(place.file("app.db"))?.execute_batch("CREATE TABLE extra (a int)")?;
    checks(&place, json!({"suspend": false}))?;
    let status = look(&place, "fifth", "DriftDetected")?;
    assert_eq!(status["differences"], json!(["drop table extra"]));

    // The file of an applied version is gone: nobody knows what the database should be.
    let other = ("2_other.sql", "CREATE TABLE other (id int);\n");
    migrates(&place, &url, &[other])?;
    place.wait(MIGRATION, "{.status.observedGeneration}", "3")?;
    let reconciling = "{.status.conditions[?(@.type==\"Reconciling\")].status}";
    place.wait(MIGRATION, reconciling, "False")?;
    let status = look(&place, "sixth", "CheckFailed")?;
    let ready = &status["conditions"][0];
    assert_eq!(
        ready["message"],
        "nobody can say what the database should be: the folder has lost the file of a version that the database has"
    );
    assert_eq!(status["summary"]["total"], 1);
    running.stop().await
}
