//! AtlasSchema on servers: a real `PostgreSQL`, a real MariaDB.

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_kit::mariadb::MariaDb;
use tidegate_kit::postgres::Postgres;

use crate::common::Place;
use crate::support::says;

const READY: &str = "{.status.conditions[?(@.type==\"Ready\")].reason}";

/// What an object says after each version of its schema.
struct Life<'a> {
    place: &'a Place,
    /// The spec without the schema.
    target: Value,
    /// Everything that is in the database, in words that the test compares.
    columns: &'a dyn Fn() -> Result<String>,
}

impl Life<'_> {
    fn wants(&self, sql: &str) -> Result<()> {
        let mut spec = self.target.clone();
        if let Some(fields) = spec.as_object_mut() {
            fields.insert("schema".to_owned(), json!({"sql": sql}));
        }
        self.place.apply("app", &spec)
    }

    /// Made, grown, a drop refused and approved.
    fn goes_by(&self) -> Result<()> {
        let place = self.place;
        self.wants("CREATE TABLE users (id int PRIMARY KEY, name varchar(20) NOT NULL)")?;
        place.wait_ready("app", 1)?;
        assert_eq!((self.columns)()?.trim(), "id,name");
        let message = place.status("app")?.to_string();
        says(
            &message,
            &["Apply response: {\\\"Driver\\\":", "CREATE TABLE"],
        );

        self.wants(
            "CREATE TABLE users (id int PRIMARY KEY, name varchar(20) NOT NULL, born date)",
        )?;
        place.wait_ready("app", 2)?;
        assert_eq!((self.columns)()?.trim(), "id,name,born");

        self.wants("CREATE TABLE users (id int PRIMARY KEY, born date)")?;
        let message = place.wait_refused("app", "LintPolicyError")?;
        says(
            &message,
            &[
                "DROP COLUMN",
                "column users.name, which 0 rows have a value in",
            ],
        );
        assert_eq!((self.columns)()?.trim(), "id,name,born");
        let (_, hash) = message.rsplit_once("approve: ").expect("it names the hash");
        let approve = format!("gate.tidegate.dev/approve={hash}");
        place.kubectl(&["annotate", "atlasschema", "app", &approve])?;
        place.wait_ready("app", 3)?;
        assert_eq!((self.columns)()?.trim(), "id,born");

        self.wants("CREATE TABEL users (id int)")?;
        place.wait_refused("app", "ReadSchema")?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_postgres_lives_and_its_password_changes() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let place = Place::new("postgres")?;
    let running = place.start().await?;
    server
        .psql(
            &database,
            "CREATE ROLE app LOGIN SUPERUSER PASSWORD 'p@ss/w:rd#%'",
        )?
        .ok()?;
    let port = server.port();
    let secret = |password: &str| format!("--from-literal=password={password}");
    place.kubectl(&["create", "secret", "generic", "db", &secret("wrong")])?;
    let life = Life {
        place: &place,
        target: json!({"credentials": {
            "scheme": "postgres", "user": "app", "passwordFrom": {"secretKeyRef": {"name": "db", "key": "password"}},
            "host": "127.0.0.1", "port": port, "database": database,
            "parameters": {"sslmode": "disable", "search_path": "public"},
        }}),
        columns: &|| {
            let query = "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'users'";
            server.psql(&database, query)?.ok()
        },
    };
    life.wants("CREATE TABLE users (id int PRIMARY KEY, name varchar(20) NOT NULL)")?;
    let message = place.wait_refused("app", "Login")?;
    says(&message, &["password authentication failed"]);
    // The right one; nobody has to touch the object.
    let right = json!({"stringData": {"password": "p@ss/w:rd#%"}}).to_string();
    place.kubectl(&["patch", "secret", "db", "--type=merge", "-p", &right])?;
    life.goes_by()?;

    // Rotated: the old one stops working, the new one is picked up from the Secret.
    server
        .psql(&database, "ALTER ROLE app PASSWORD 'second'")?
        .ok()?;
    life.wants("CREATE TABLE users (id int PRIMARY KEY)")?;
    place.wait("app", READY, "Login")?;
    let second = json!({"stringData": {"password": "second"}}).to_string();
    place.kubectl(&["patch", "secret", "db", "--type=merge", "-p", &second])?;
    place.wait("app", READY, "LintPolicyError")?;
    let shown = place.object("app")?.to_string();
    for password in ["p@ss", "p%40ss", "second", "wrong"] {
        assert!(!shown.contains(password), "{password} in {shown}");
    }
    server
        .psql(
            "postgres",
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'tidegate_dev%'",
        )?
        .ok()
        .map(|count| assert_eq!(count.trim(), "0"))?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_mariadb_lives() -> Result<()> {
    let server = MariaDb::shared()?;
    server.sql("", "CREATE DATABASE lives")?;
    let place = Place::new("mariadb")?;
    let running = place.start().await?;
    let columns = || {
        let query = "SELECT group_concat(column_name ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema = 'lives' AND table_name = 'users'";
        server.sql("", query)
    };
    let life = Life {
        place: &place,
        target: json!({"url": server.url("lives"), "txMode": "none"}),
        columns: &columns,
    };
    life.goes_by()?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_objects_may_share_a_database_of_postgres_by_its_schemas() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    server
        .psql(&database, "CREATE SCHEMA one; CREATE SCHEMA two")?
        .ok()?;
    let place = Place::new("schemas")?;
    let running = place.start().await?;
    let spec = |parameters: &str, table: &str| json!({"url": server.url(&database, parameters), "schema": {"sql": format!("CREATE TABLE {table} (a int)")}});
    place.apply("one", &spec("search_path=one", "t"))?;
    place.apply("two", &spec("search_path=two", "t"))?;
    place.wait_ready("one", 1)?;
    place.wait_ready("two", 1)?;
    place.apply("all", &spec("", "one.t"))?;
    let message = place.wait_refused("all", "Login")?;
    says(&message, &["AtlasSchema schemas/one", "created before"]);
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_of_an_object_says_is_followed() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let script = "CREATE TABLE legacy (a int); INSERT INTO legacy VALUES (1)";
    server.psql(&database, script)?.ok()?;
    let place = Place::new("policy")?;
    let running = place.start().await?;
    let wants = |sql: &str, more: &Value| {
        let mut spec = json!({
            "url": server.url(&database, "search_path=public"), "schema": {"sql": sql}, "exclude": ["legacy"], "txMode": "none",
            "policy": {"diff": {"skip": {"drop_column": true}, "concurrent_index": {"create": true}}},
        });
        if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
            spec.extend(more.clone());
        }
        place.apply("app", &spec)
    };
    // What is excluded does not count as lost, not even the first time.
    wants(
        "CREATE TABLE users (id int PRIMARY KEY, name text)",
        &json!({}),
    )?;
    place.wait_ready("app", 1)?;
    let hash = place.status("app")?["observed_hash"].clone();
    wants(
        "CREATE TABLE users (id int PRIMARY KEY); CREATE INDEX by_id ON users (id)",
        &json!({}),
    )?;
    place.wait_ready("app", 2)?;
    let status = place.status("app")?;
    says(
        &status["conditions"][0]["message"].to_string(),
        &["CREATE INDEX CONCURRENTLY"],
    );
    assert_ne!(status["observed_hash"], hash);
    let columns = "SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, ordinal_position)
                   FROM information_schema.columns WHERE table_schema = 'public'";
    let columns = || server.psql(&database, columns)?.ok();
    assert_eq!(columns()?.trim(), "legacy.a users.id users.name");

    // Every plan is to be looked at: this one loses nothing, and waits all the same.
    let review = json!({"policy": {"lint": {"review": "ALWAYS"}}});
    wants(
        "CREATE TABLE users (id int PRIMARY KEY, name text, born date); CREATE INDEX by_id ON users (id)",
        &review,
    )?;
    place.wait("app", READY, "ApprovalPending")?;
    let status = place.status("app")?;
    let message = status["conditions"][0]["message"]
        .as_str()
        .unwrap_or_default();
    says(
        message,
        &["Schema plan is waiting for approval", "ADD COLUMN"],
    );
    assert_eq!(
        status["conditions"][1]["status"], "True",
        "it waits: {status:#}"
    );
    let (_, approve) = message.rsplit_once("approve: ").expect("the hash");
    let approve = format!("gate.tidegate.dev/approve={approve}");
    place.kubectl(&["annotate", "atlasschema", "app", &approve])?;
    place.wait_ready("app", 3)?;
    assert_eq!(columns()?.trim(), "legacy.a users.id users.name users.born");
    running.stop().await
}
