//! The Atlas operator's own end-to-end scenarios on database servers: what its users have in their repositories works here as it does there. A
//! scenario is named by the file that the operator has for it; what needs Atlas Cloud or an `atlas.hcl` is refused, and tested where that is read.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tidegate_kit::mariadb::MariaDb;
use tidegate_kit::postgres::Postgres;

use crate::common::Place;
use crate::migration::folder;
use crate::support::says;

const MIGRATION: &str = "atlasmigration/app";

impl Place {
    fn config_map(&self, name: &str, data: &Value) -> Result<()> {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
                         "metadata": {"name": name, "namespace": self.namespace}});
        self.plane.apply(&map.to_string()).map(drop)
    }

    /// The message of Ready.
    fn message(&self, name: &str) -> Result<String> {
        let status = self.status(name)?;
        let message = status.pointer("/conditions/0/message");
        let message = message.and_then(Value::as_str);
        Ok(message.context("a message")?.to_owned())
    }
}

/// `schema-mariadb`, `schema-lint-destructive`, `schema-hash-configmap`: a schema in a ConfigMap beside a table that is excluded; what it no longer has is
/// kept where columns are not dropped, and refused where they would be.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_mariadb_grows_beside_what_is_excluded() -> Result<()> {
    const FIRST: &str = "create table users (
      id int not null auto_increment,
      name varchar(255) not null,
      email varchar(255) unique not null,
      short_bio varchar(255) not null,
      primary key (id)
    );";
    let server = MariaDb::shared()?;
    server.sql(
        "",
        "CREATE DATABASE scenario; CREATE TABLE scenario.ignore_me (c int)",
    )?;
    let place = Place::new("scenario-mariadb")?;
    place.kubectl(&[
        "create",
        "secret",
        "generic",
        "db-creds",
        &format!("--from-literal=url={}", server.url("scenario")),
    ])?;
    place.config_map("mariadb-schema", &json!({"schema.sql": FIRST}))?;
    let running = place.start().await?;
    let mut spec = json!({
        "urlFrom": {"secretKeyRef": {"name": "db-creds", "key": "url"}},
        "policy": {"lint": {"destructive": {"error": true}}, "diff": {"skip": {"drop_column": true}}},
        "schema": {"configMapKeyRef": {"key": "schema.sql", "name": "mariadb-schema"}},
        "exclude": ["ignore_me"],
    });
    place.apply("app", &spec)?;
    place.wait_ready("app", 1)?;
    let columns = || {
        server.sql(
            "",
            "SELECT group_concat(concat(table_name, '.', column_name) ORDER BY table_name, ordinal_position SEPARATOR ' ')
             FROM information_schema.columns WHERE table_schema = 'scenario'",
        )
    };
    let users = "ignore_me.c users.id users.name users.email users.short_bio";
    assert_eq!(columns()?.trim(), users);

    let mut hash = place.status("app")?["observed_hash"].clone();
    let second = FIRST.replace(
        "short_bio varchar(255) not null,",
        "short_bio varchar(255) not null, phone varchar(255) not null,",
    );
    let third = FIRST.replace("short_bio varchar(255) not null,", "");
    for wanted in [&second, &third] {
        place.config_map("mariadb-schema", &json!({"schema.sql": wanted}))?;
        place.wait_until("app", |status| status["observed_hash"] != hash)?;
        place.wait_ready("app", 1)?;
        hash = place.status("app")?["observed_hash"].clone();
        assert_eq!(columns()?.trim(), format!("{users} users.phone"));
    }

    spec["policy"]["diff"] = json!({});
    place.apply("app", &spec)?;
    let message = place.wait_refused("app", "LintPolicyError")?;
    says(
        &message,
        &["destructive changes detected:\n- ALTER TABLE `users` DROP COLUMN `short_bio`"],
    );
    assert_eq!(columns()?.trim(), format!("{users} users.phone"));
    running.stop().await
}

/// `migration-mysql`: a folder in a ConfigMap grows, then shrinks; the database only goes back when the object says that it may.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_mariadb_goes_on_and_back() -> Result<()> {
    const USERS: (&str, &str) = (
        "20230316085611.sql",
        "-- Create \"users\" table
CREATE TABLE `users` (
  `id` int NOT NULL,
  `user_name` varchar(255) NOT NULL,
  PRIMARY KEY (`id`)
) CHARSET utf8mb4 COLLATE utf8mb4_unicode_ci;
",
    );
    const POSTS: (&str, &str) = (
        "20230316090502.sql",
        "-- Create \"posts\" table
CREATE TABLE `posts` (
  `id` int NOT NULL,
  `user_id` int NOT NULL,
  `body` text NOT NULL,
  PRIMARY KEY (`id`),
  INDEX `user_id` (`user_id`),
  CONSTRAINT `posts_ibfk_1` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON UPDATE NO ACTION ON DELETE CASCADE
) CHARSET utf8mb4 COLLATE utf8mb4_unicode_ci;
",
    );
    const CREATED: (&str, &str) = (
        "20241013090259.sql",
        "ALTER TABLE posts ADD COLUMN created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP;\n",
    );
    let server = MariaDb::shared()?;
    server.sql("", "CREATE DATABASE folder_scenario")?;
    let place = Place::new("scenario-folder")?;
    place.config_map("migration-dir", &folder(&[USERS, POSTS]))?;
    let running = place.start().await?;
    let mut spec = json!({
        "url": server.url("folder_scenario"),
        "dir": {"configMapRef": {"name": "migration-dir"}},
    });
    place.apply_kind("AtlasMigration", "app", &spec)?;
    let applied = "{.status.lastAppliedVersion}";
    place.wait(MIGRATION, applied, "20230316090502")?;
    let before = server.dump("folder_scenario")?;

    place.config_map("migration-dir", &folder(&[USERS, POSTS, CREATED]))?;
    place.wait(MIGRATION, applied, "20241013090259")?;
    let posts = "INSERT INTO users VALUES (1, 'ada'); INSERT INTO posts (id, user_id, body) VALUES (1, 1, 'hello')";
    server.sql("folder_scenario", posts)?;

    place.config_map("migration-dir", &folder(&[USERS, POSTS]))?;
    let message = place.wait_refused(MIGRATION, "ProtectedFlowError")?;
    says(&message, &["migrate down is not allowed"]);
    spec["protectedFlows"] = json!({"migrateDown": {"allow": true, "autoApprove": true}});
    place.apply_kind("AtlasMigration", "app", &spec)?;
    place.wait(MIGRATION, applied, "20230316090502")?;
    place.wait_ready(MIGRATION, 2)?;
    let dump = server.dump("folder_scenario")?;
    let schema = |dump: &str| {
        let is_schema = |line: &&str| !line.contains("AUTO_INCREMENT") && !line.starts_with("--");
        dump.lines()
            .filter(is_schema)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(schema(&dump), schema(&before));
    let left = server.sql("folder_scenario", "SELECT id, user_id, body FROM posts")?;
    assert_eq!(left, "1\t1\thello\n");
    running.stop().await
}

/// `schema-postgres-extensions`, and the exclusions of `driftcheck-local`: a whole database with an extension of its own, and some that somebody else installs.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_extensions_is_whole() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let place = Place::new("scenario-extensions")?;
    let running = place.start().await?;
    let sql = r#"
      CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
      CREATE SCHEMA IF NOT EXISTS "public";
      CREATE TABLE public.t1 (c1 UUID PRIMARY KEY DEFAULT uuid_generate_v4(), c2 VARCHAR(100) NOT NULL);
      CREATE TABLE public.t2 (c1 UUID PRIMARY KEY DEFAULT uuid_generate_v4(), c2 VARCHAR(255) NOT NULL);
    "#;
    let mut spec = json!({"url": server.url(&database, ""), "schema": {"sql": sql}});
    place.apply("app", &spec)?;
    place.wait_ready("app", 1)?;
    let defaults =
        "SELECT string_agg(table_name || ' ' || column_default, ', ' ORDER BY table_name)
                    FROM information_schema.columns WHERE column_name = 'c1'";
    assert_eq!(
        server.psql(&database, defaults)?.ok()?.trim(),
        "t1 uuid_generate_v4(), t2 uuid_generate_v4()"
    );

    // Somebody else's: an extension, and tables of a schema.
    let theirs = "CREATE EXTENSION hstore; CREATE TABLE public.audit_log (id int)";
    server.psql(&database, theirs)?.ok()?;
    spec["exclude"] = json!(["*[type=extension]", "public.audit_*"]);
    spec["schema"]["sql"] = json!(format!("{sql} CREATE TABLE public.t3 (a int);"));
    place.apply("app", &spec)?;
    place.wait_ready("app", 2)?;
    let left = "SELECT (SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension) || ': ' ||
                (SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public')";
    assert_eq!(
        server.psql(&database, left)?.ok()?.trim(),
        "hstore plpgsql uuid-ossp: audit_log t1 t2 t3"
    );
    running.stop().await
}

/// `schema-concurrent-index`: no `txMode` is said.
#[tokio::test(flavor = "multi_thread")]
async fn indexes_come_and_go_without_blocking_where_the_policy_says_so() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let place = Place::new("scenario-index")?;
    let running = place.start().await?;
    let users =
        "create table users (id int not null, email varchar(255) not null, primary key (id));";
    let indexed = format!("{users} create index email_idx on users (email);");
    for (generation, (sql, said)) in (1..).zip([
        (users, "CREATE TABLE"),
        (&indexed, "CREATE INDEX CONCURRENTLY"),
        (users, "DROP INDEX CONCURRENTLY"),
    ]) {
        let spec = json!({
            "url": server.url(&database, ""), "schema": {"sql": sql},
            "policy": {"diff": {"concurrent_index": {"create": true, "drop": true}}},
        });
        place.apply("app", &spec)?;
        place.wait_ready("app", generation)?;
        says(&place.message("app")?, &[said]);
    }
    running.stop().await
}

/// `schema-helm`: Helm waits until the schema is there, however long its statements take.
#[tokio::test(flavor = "multi_thread")]
async fn helm_waits_for_a_schema() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let place = Place::new("scenario-helm")?;
    let chart = place.folder.path().join("chart");
    fs::create_dir_all(chart.join("templates"))?;
    fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: atlas-schema\nversion: 0.1.0\n",
    )?;
    fs::write(
        chart.join("templates/all.yaml"),
        r"apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}-db
stringData:
  url: {{ .Values.db.url | quote }}
---
apiVersion: db.atlasgo.io/v1alpha1
kind: AtlasSchema
metadata:
  name: {{ .Release.Name }}
spec:
  urlFrom:
    secretKeyRef:
      name: {{ .Release.Name }}-db
      key: url
  schema:
    sql: |
{{- nindent 6 .Values.schema.sql }}
",
    )?;
    let sql = place.folder.path().join("schema.sql");
    fs::write(
        &sql,
        "-- As long as anything takes.\nselect pg_sleep(3);\ncreate table helm_users (id int not null, primary key (id));\n",
    )?;
    let running = place.start().await?;
    let url = server.url(&database, "");
    let installed = place.plane.helm(&[
        "install",
        "pgschema",
        &chart.display().to_string(),
        &format!("--namespace={}", place.namespace),
        &format!("--set-file=schema.sql={}", sql.display()),
        &format!("--set-string=db.url={url}"),
        "--wait",
        "--timeout=60s",
    ])?;
    installed.ok()?;
    // It has not only not failed: what it waited for is there.
    let there = "SELECT count(*) FROM pg_tables WHERE tablename = 'helm_users'";
    assert_eq!(server.psql(&database, there)?.ok()?.trim(), "1");
    place.wait_ready("pgschema", 1)?;
    running.stop().await
}
