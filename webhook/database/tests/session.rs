//! Sessions with real SQLite files: what is there, read as a catalog; plans, run.

use std::path::PathBuf;
use std::time::Duration;

use tidegate_database::{
    Address, DatabaseError, Limits, MigrateError, MigrateSettings, Migrator, Session,
    TransactionMode,
};
use tidegate_migrations::Directory;
use tidegate_schemaplan::{Catalog, ObjectKind, Schema, Statement};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("app.db")
    }

    async fn session(&self) -> Session {
        let address = Address::parse(&format!("sqlite://{}", self.file().display()));
        Session::open(&address.expect("an address"), &Limits::default())
            .await
            .expect("the folder is there")
    }
}

async fn memory() -> Session {
    let address = Address::parse("sqlite://x?mode=memory").expect("memory");
    Session::open(&address, &Limits::default())
        .await
        .expect("memory opens")
}

fn statements(sql: &[&str]) -> Vec<Statement> {
    let statement = |sql: &&str| Statement {
        sql: (*sql).to_owned(),
        ..Statement::default()
    };
    sql.iter().map(statement).collect()
}

fn texts(sql: &[&str]) -> Vec<String> {
    sql.iter().map(|&sql| sql.to_owned()).collect()
}

fn schema(catalog: &Catalog) -> &Schema {
    catalog.schemas.get("").expect("SQLite has one schema")
}

const SCHEMA: &[&str] = &[
    "CREATE TABLE orgs (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(20) NOT NULL UNIQUE)",
    "CREATE TABLE users (
        id INT NOT NULL, Org INT CONSTRAINT of_org REFERENCES Orgs (ID) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        email TEXT COLLATE NOCASE DEFAULT 'x' CHECK (length(email) > 1),
        low TEXT AS (lower(email)) STORED,
        CONSTRAINT once UNIQUE (org, email) ON CONFLICT IGNORE,
        PRIMARY KEY (id, org), FOREIGN KEY (org) REFERENCES orgs
    ) WITHOUT ROWID",
    "CREATE UNIQUE INDEX by_low ON users (low DESC, lower(email) COLLATE NOCASE) WHERE org > 0",
    "CREATE VIEW named AS SELECT o.name FROM users u JOIN orgs o ON o.id = u.org",
    "CREATE TRIGGER touch AFTER INSERT ON users BEGIN UPDATE orgs SET name = name; DELETE FROM orgs WHERE 0; END",
    "CREATE VIRTUAL TABLE words USING fts5 (word)",
];

#[tokio::test]
async fn a_catalog_has_what_pragmas_and_texts_tell() {
    let desired = memory().await.desired(&texts(SCHEMA), None).await;
    let desired = desired.expect("each of these is good SQLite");
    let schema = schema(&desired);
    assert_eq!(
        schema.tables.keys().collect::<Vec<_>>(),
        ["orgs", "users"],
        "no shadow tables"
    );
    let users = schema.tables.get("users").expect("just listed");
    assert_eq!(
        said(serde_json::to_value(users).expect("plain data")),
        serde_json::json!({
            "columns": {
                "id": {"data_type": "int"},
                "Org": {"data_type": "int"},
                "email": {"data_type": "text", "nullable": true, "default": "'x'", "collation": "NOCASE"},
                "low": {"data_type": "text", "nullable": true, "generated": {"expression": "lower(email)", "stored": true}},
            },
            "primary_key": {"parts": [{"column": "id"}, {"column": "Org"}]},
            "indexes": {
                "by_low": {
                    "unique": true,
                    "parts": [
                        {"column": "low", "descending": true},
                        {"expression": "lower(email)collate nocase", "attributes": "COLLATE NOCASE"},
                    ],
                    "options": {"where": "org>0"}, "create": SCHEMA[2],
                },
                "unique (Org, email)": {
                    "unique": true, "constraint": true,
                    "parts": [{"column": "Org"}, {"column": "email", "attributes": "COLLATE NOCASE"}],
                    "options": {"name": "once", "on conflict": "ON CONFLICT IGNORE"},
                },
            },
            "foreign_keys": {
                "of_org": {
                    "columns": ["Org"], "table": "orgs", "referred": ["id"], "on_delete": "CASCADE", "attributes": "DEFERRABLE INITIALLY DEFERRED"
                },
                "(Org) -> orgs": {"columns": ["Org"], "table": "orgs"},
            },
            "checks": {"check (length(email)>1)": {"expression": "length(email)>1"}},
            "options": {"without rowid": "yes"}, "create": SCHEMA[1],
        })
    );
    assert!(schema.tables["orgs"].columns["id"].auto_increment);
    let named = &schema.objects[&ObjectKind::View]["named"];
    assert_eq!(
        (named.needs.as_slice(), named.create.as_str()),
        (&["orgs".to_owned(), "users".to_owned()][..], SCHEMA[3])
    );
    assert_eq!(
        schema.objects[&ObjectKind::Trigger]["users.touch"]
            .table
            .as_deref(),
        Some("users")
    );
    assert_eq!(
        schema.objects[&ObjectKind::VirtualTable]["words"].create,
        SCHEMA[5]
    );
}

/// Without what is not said: null, false, empty.
fn said(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    let is_said = |value: &Value| {
        !matches!(value, Value::Null | Value::Bool(false)) && !matches!(value.as_str(), Some(""))
    };
    let is_empty = |value: &Value| {
        value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(serde_json::Map::is_empty)
    };
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| is_said(value) && !is_empty(value))
            .map(|(name, value)| (name, said(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(said).collect(),
        other => other,
    }
}

#[tokio::test]
async fn looking_and_trying_out_make_no_file() {
    let place = Place::new();
    let mut session = place.session().await;
    assert!(
        session
            .inspect()
            .await
            .expect("nothing is there")
            .is_empty()
    );
    let desired = session.desired(&texts(SCHEMA), None).await.expect("good");
    assert!(!desired.is_empty() && !place.file().exists());
}

#[tokio::test]
async fn what_reaches_outside_is_refused_and_says_which() {
    for sql in [
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'copy.db'",
        "PRAGMA writable_schema = 1",
        "CREATE TABLE a (b); CREATE TABLE c (d)",
    ] {
        let error = memory()
            .await
            .desired(&texts(&["CREATE TABLE t (a)", sql]), None)
            .await;
        let error = error.expect_err(sql).to_string();
        assert!(
            error.starts_with("statement 2 of the wanted schema: "),
            "{sql}: {error}"
        );
    }
}

#[tokio::test]
async fn a_plan_is_one_transaction_or_none() {
    let place = Place::new();
    let mut session = place.session().await;
    let bad = statements(&["CREATE TABLE a (b)", "CREATE TABLE a (b)"]);
    let error = session
        .apply(&bad, TransactionMode::File)
        .await
        .expect_err("twice");
    assert!(
        matches!(
            error,
            DatabaseError::Apply {
                number: 2,
                total: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(session.inspect().await.expect("readable").is_empty());

    let error = session
        .apply(&bad, TransactionMode::None)
        .await
        .expect_err("twice");
    assert!(
        error.to_string().contains("the statement before it stays"),
        "{error}"
    );
    assert_eq!(
        schema(&session.inspect().await.expect("readable"))
            .tables
            .len(),
        1
    );
}

#[tokio::test]
async fn a_parent_can_be_dropped_and_made_anew_but_not_left_out() {
    let place = Place::new();
    let mut session = place.session().await;
    let made = statements(&[
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES parent ON DELETE CASCADE)",
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO child VALUES (1, 1)",
    ]);
    session
        .apply(&made, TransactionMode::File)
        .await
        .expect("good");
    let rebuilt = statements(&[
        "CREATE TABLE new_parent (id INTEGER PRIMARY KEY, a TEXT)",
        "INSERT INTO new_parent (id) SELECT id FROM parent",
        "DROP TABLE parent",
        "ALTER TABLE new_parent RENAME TO parent",
    ]);
    session
        .apply(&rebuilt, TransactionMode::File)
        .await
        .expect("good");
    let count = |rows: Vec<Vec<Option<String>>>| rows[0][0].clone();
    let rows = session
        .query("SELECT count(*) FROM child", &[])
        .await
        .expect("rows");
    assert_eq!(
        count(rows).as_deref(),
        Some("1"),
        "no row went with the old table"
    );
    let error = session
        .apply(&statements(&["DELETE FROM parent"]), TransactionMode::File)
        .await
        .expect_err("a row would refer to nothing");
    assert!(
        matches!(error, DatabaseError::DanglingForeignKey { count: 1, .. }),
        "{error}"
    );
    let rows = session
        .query("SELECT count(*) FROM parent WHERE id = ?", &["1"])
        .await
        .expect("rows");
    assert_eq!(count(rows).as_deref(), Some("1"), "rolled back");
}

#[tokio::test]
async fn a_dev_database_must_be_empty_and_is_empty_after() {
    let place = Place::new();
    let mut dev = place.session().await;
    let mut session = memory().await;
    session
        .desired(&texts(SCHEMA), Some(&mut dev))
        .await
        .expect("empty");
    assert!(dev.inspect().await.expect("readable").is_empty());
    dev.apply(&statements(&["CREATE TABLE t (a)"]), TransactionMode::File)
        .await
        .expect("good");
    let error = session
        .desired(&texts(SCHEMA), Some(&mut dev))
        .await
        .expect_err("a table is there");
    assert!(
        matches!(&error, DatabaseError::DevNotEmpty { found } if found == "table t"),
        "{error}"
    );
}

/// So many tables are tried out in parts; what they turn out to be, and what is wrong with one, is the same.
#[tokio::test]
async fn many_tables_are_what_few_are() {
    let mut all: Vec<String> = (0..120)
        .map(|it| format!("CREATE TABLE t{it} (id integer PRIMARY KEY, a text UNIQUE, b int REFERENCES t{} (id))", it / 2))
        .collect();
    all.extend((0..120).map(|it| format!("CREATE INDEX i{it} ON t{it} (b, a)")));
    let mut session = memory().await;
    let desired = session.desired(&all, None).await.expect("good");
    let sql: Vec<&str> = all.iter().map(String::as_str).collect();
    session
        .apply(&statements(&sql), TransactionMode::File)
        .await
        .expect("good");
    assert_eq!(session.inspect().await.expect("readable"), desired);
    all.push("CREATE INDEX i120 ON t7 (nothing)".to_owned());
    let error = session.desired(&all, None).await.expect_err("no column");
    assert!(
        matches!(&error, DatabaseError::Wanted { number: 241, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn one_holds_the_lock_and_the_next_gets_it_back() {
    let name = format!("tidegate_test_{}", std::process::id());
    let (mut one, mut other) = (memory().await, memory().await);
    one.lock(&name, Duration::ZERO).await.expect("free");
    let error = other.lock(&name, Duration::ZERO).await.expect_err("held");
    assert!(matches!(error, DatabaseError::Busy { .. }), "{error}");
    one.unlock(&name).await.expect("held");
    other.lock(&name, Duration::ZERO).await.expect("free again");
    drop(other);
    one.lock(&name, Duration::ZERO)
        .await
        .expect("given back by whoever goes away");
}

#[tokio::test]
async fn nothing_is_compared_while_somebody_migrates() {
    let place = Place::new();
    let address = Address::parse(&format!("sqlite://{}", place.file().display()));
    let address = address.expect("an address");
    let (mut other, mut session) = (place.session().await, place.session().await);
    let settings = MigrateSettings {
        revisions_schema: None,
        mode: TransactionMode::File,
        wait: Duration::ZERO,
        operator: "a test".to_owned(),
    };
    let directory = Directory::new([("1_a.sql".to_owned(), "CREATE TABLE a (a);\n".to_owned())]);
    // Other tests of this machine take Atlas' lock too: they are waited for.
    let long = Duration::from_mins(1);
    other
        .lock("atlas_migrate_execute", long)
        .await
        .expect("soon free");
    let mut migrator = Migrator::new(&mut session, &address, settings.clone());
    let error = migrator.drift(&directory, &[]).await.expect_err("held");
    other.unlock("atlas_migrate_execute").await.expect("held");
    assert!(
        matches!(error, MigrateError::Database(DatabaseError::Busy { .. })),
        "{error}"
    );
    let settings = MigrateSettings {
        wait: long,
        ..settings
    };
    let mut migrator = Migrator::new(&mut session, &address, settings);
    let error = migrator.drift(&directory, &[]).await;
    let error = error.expect_err("it has no version yet");
    assert!(matches!(error, MigrateError::NoHistory), "{error}");
}
