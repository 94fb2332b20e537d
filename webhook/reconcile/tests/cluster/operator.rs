//! What the Atlas operator's own end-to-end scenarios ask of objects, for those who come from it.

use anyhow::Result;
use rusqlite::Connection;
use serde_json::json;

use crate::common::Place;
use crate::support::{USERS, says};

const APP: &str = "atlasmigration/app";

/// `schema-custom-devdb`, `schema-dind`: a database to try things out in that would have to be started first. No pod and no container is; the schema is applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_dev_database_that_nobody_starts_is_not_waited_for() -> Result<()> {
    let place = Place::new("operator-dev")?;
    let running = place.start().await?;
    let pod = json!({"spec": {"containers": [{"name": "dev", "image": "mysql:latest"}]}});
    for (name, dev) in [
        (
            "pod",
            json!({"devDB": pod, "devURL": "mysql://root:pass@localhost:1/dev"}),
        ),
        ("pod-alone", json!({"devDB": pod})),
        ("container", json!({"devURL": "docker://postgres/15/dev"})),
        (
            "image",
            json!({"devURL": "docker+postgres://_/postgis:17/dev"}),
        ),
    ] {
        let mut spec = json!({"url": place.url(&format!("{name}.db")), "schema": {"sql": USERS}});
        for (field, value) in dev.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        place.apply(name, &spec)?;
        place.wait_ready(name, 1)?;
    }
    running.stop().await
}

/// `schema-review-always`: what only differs in its comments is the schema that was applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_comment_leaves_the_observed_hash() -> Result<()> {
    let place = Place::new("operator-comment")?;
    let running = place.start().await?;
    place.wants("app", &format!("{USERS};"))?;
    place.wait_ready("app", 1)?;
    let hash =
        |place: &Place| Ok::<_, anyhow::Error>(place.status("app")?["observed_hash"].clone());
    let before = hash(&place)?;
    place.wants(
        "app",
        &format!("-- a word about it\n{USERS};\n-- and another\n"),
    )?;
    place.wait_ready("app", 2)?;
    assert_eq!(hash(&place)?, before);
    place.wants("app", &format!("{USERS};\nCREATE TABLE more (a int);"))?;
    place.wait_ready("app", 3)?;
    assert_ne!(hash(&place)?, before);
    running.stop().await
}

/// `migration-kstatus`: an object with no folder is taken, and says what it lacks.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_without_a_folder_says_so_in_all_three_conditions() -> Result<()> {
    let place = Place::new("operator-kstatus")?;
    let running = place.start().await?;
    place.apply_kind(
        "AtlasMigration",
        "app",
        &json!({"url": place.url("app.db")}),
    )?;
    let message = place.wait_refused(APP, "ReadingMigrationData")?;
    says(&message, &["no directory specified"]);
    let status = place.status(APP)?;
    let shown: Vec<_> = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|condition| (condition["type"].as_str(), condition["status"].as_str()))
        .collect();
    let expected = [
        ("Ready", "False"),
        ("Reconciling", "False"),
        ("Stalled", "True"),
    ];
    assert_eq!(
        shown,
        expected.map(|(kind, value)| (Some(kind), Some(value)))
    );
    assert_eq!(status["observedGeneration"], 1);
    running.stop().await
}

/// `migration-drift`: what somebody changed beside the files stops the next version, or is only said; what is excluded does neither.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_changed_does_not_get_the_next_version() -> Result<()> {
    let place = Place::new("operator-drift")?;
    let running = place.start().await?;
    let wants = |files: &[(&str, &str)], drift: serde_json::Value| {
        let dir = json!({"local": crate::migration::folder(files)});
        let spec = json!({"url": place.url("app.db"), "dir": dir, "policy": {"drift": drift}});
        place.apply_kind("AtlasMigration", "app", &spec)
    };
    let first = ("1_users.sql", "CREATE TABLE users (id int PRIMARY KEY);\n");
    let second = ("2_names.sql", "CREATE TABLE names (name text);\n");
    let third = ("3_more.sql", "CREATE TABLE more (a int);\n");
    let fail = json!({"onError": "FAIL", "exclude": ["audit_*"]});
    // There is nothing to compare a fresh database with.
    wants(&[first], fail.clone())?;
    place.wait_ready(APP, 1)?;
    let database = Connection::open(place.file("app.db"))?;
    database.execute_batch(
        "ALTER TABLE users ADD COLUMN hotfix text; CREATE TABLE audit_log (id int)",
    )?;
    wants(&[first, second], fail.clone())?;
    let message = place.wait_refused(APP, "DriftDetected")?;
    says(
        &message,
        &[
            "database state does not match expected state at version 1",
            "hotfix",
            "nothing was run",
        ],
    );
    assert!(!message.contains("audit"), "{message}");
    assert!(place.columns("app.db", "names")?.is_empty());
    assert_eq!(place.status(APP)?["lastAppliedVersion"], "1");

    wants(&[first, second], json!({"onError": "CONTINUE"}))?;
    place.wait(APP, "{.status.lastAppliedVersion}", "2")?;
    database.execute_batch("ALTER TABLE users DROP COLUMN hotfix")?;
    wants(&[first, second, third], fail)?;
    place.wait(APP, "{.status.lastAppliedVersion}", "3")?;
    running.stop().await?;
    let events = place.events("app")?;
    let told = |event: &&String| event.starts_with("Warning DriftDetected: database state");
    assert_eq!(events.iter().filter(told).count(), 1, "{events:#?}");
    Ok(())
}
