//! Real SQLite files: read, changed, left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tidegate_database::{
    Address, Database, DatabaseError, Databases, Inspection, Limits, Settings,
};

/// A folder that goes away with the test, and databases that may use all of it.
struct Place {
    folder: tempfile::TempDir,
    databases: Databases,
}

impl Place {
    fn new() -> Self {
        Self::with(Limits {
            wait_for_lock: Duration::from_millis(50),
            ..Limits::default()
        })
    }

    fn with(limits: Limits) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            databases: Databases::new(Settings {
                sqlite_folder: None,
                limits,
            }),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    async fn database(&self) -> Database {
        self.open("app.db").await.expect("the folder is there")
    }

    async fn open(&self, rest: &str) -> Result<Database, DatabaseError> {
        let url = Address::parse(&format!("sqlite://{}/{rest}", self.folder.path().display()))?;
        self.databases.open(&url).await
    }

    /// Makes the file by other means.
    fn holds(&self, script: &str) -> Connection {
        let connection = Connection::open(self.file()).expect("a new file");
        connection
            .execute_batch(script)
            .expect("the test's own script");
        connection
    }
}

async fn inspect(database: &Database) -> Result<Inspection, DatabaseError> {
    database.lock().await?.inspect().await
}

async fn apply(database: &Database, statements: &[&str]) -> Result<(), DatabaseError> {
    let locked = database.lock().await?;
    let from = locked.inspect().await?;
    let statements: Vec<String> = statements.iter().map(|&sql| sql.to_owned()).collect();
    locked
        .apply(&from, &statements)
        .await
        .map(|applied| assert_eq!(applied.statements, statements.len()))
}

#[track_caller]
fn texts(inspection: &Inspection) -> Vec<&str> {
    inspection
        .texts
        .iter()
        .map(|text| text.sql.as_str())
        .collect()
}

#[tokio::test]
async fn a_file_that_is_missing_is_an_empty_database_and_looking_does_not_make_it() {
    let place = Place::new();
    let inspection = inspect(&place.database().await)
        .await
        .expect("nothing to fail");
    assert!(inspection.is_empty());
    assert!(!place.file().exists());
}

#[tokio::test]
async fn tables_columns_and_indexes_are_added_and_data_stays() {
    let place = Place::new();
    let database = place.database().await;
    apply(
        &database,
        &["CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"],
    )
    .await
    .expect("create");
    place.holds("INSERT INTO users VALUES (1, 'ada')");
    apply(
        &database,
        &[
            "ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT ''",
            "CREATE INDEX users_name ON users (name)",
        ],
    )
    .await
    .expect("add");
    assert_eq!(
        texts(&inspect(&database).await.expect("readable")),
        [
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL DEFAULT '')",
            "CREATE INDEX users_name ON users (name)"
        ]
    );
    let name: String = place
        .holds("")
        .query_row("SELECT name FROM users", [], |row| row.get(0))
        .expect("the row");
    assert_eq!(name, "ada");
}

#[tokio::test]
async fn views_triggers_and_virtual_tables_are_named_and_left_alone() {
    let place = Place::new();
    place.holds(
        "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE); CREATE VIEW v AS SELECT a FROM t;
         CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END; CREATE VIRTUAL TABLE f USING fts5 (a); ANALYZE;",
    );
    let database = place.database().await;
    let inspection = inspect(&database).await.expect("readable");
    assert_eq!(
        texts(&inspection),
        ["CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE)"]
    );
    for name in ["v", "tr", "f"] {
        assert!(
            inspection
                .unmanaged
                .iter()
                .any(|unmanaged| unmanaged == name),
            "{name} in {inspection:?}"
        );
    }
    apply(&database, &["ALTER TABLE t ADD COLUMN c TEXT"])
        .await
        .expect("neighbours do not matter");
}

#[tokio::test]
async fn one_bad_statement_undoes_the_good_ones() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a); INSERT INTO t VALUES (1), (1)");
    let database = place.database().await;
    let before = fs::read(place.file()).expect("the file");
    let error = apply(
        &database,
        &[
            "CREATE TABLE good (a)",
            "CREATE UNIQUE INDEX twice ON t (a)",
        ],
    )
    .await
    .expect_err("two equal rows");
    let message = error.to_string();
    assert!(
        matches!(
            error,
            DatabaseError::Statement {
                number: 2,
                total: 2,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        message.contains("CREATE UNIQUE INDEX twice ON t (a)"),
        "{message}"
    );
    assert!(
        message.contains("UNIQUE constraint failed: t.a"),
        "{message}"
    );
    assert_eq!(
        fs::read(place.file()).expect("the file"),
        before,
        "not one byte changed"
    );
}

#[tokio::test]
async fn destructive_statements_are_stopped_even_when_a_planner_lets_them_through() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a, b)");
    let database = place.database().await;
    for sql in [
        "DROP TABLE t",
        "ALTER TABLE t DROP COLUMN b",
        "DELETE FROM t",
        "ATTACH 'other.db' AS other",
    ] {
        let error = apply(&database, &[sql]).await.expect_err(sql);
        assert!(
            error.to_string().contains("not authorized"),
            "{sql}: {error}"
        );
    }
    let error = apply(&database, &["CREATE TABLE u (a); DROP TABLE t"])
        .await
        .expect_err("two statements in one");
    assert!(
        matches!(error, DatabaseError::Statement { number: 1, .. }),
        "{error:?}"
    );
    assert_eq!(
        texts(&inspect(&database).await.expect("readable")),
        ["CREATE TABLE t (a, b)"]
    );
}

#[tokio::test]
async fn a_schema_that_changed_after_the_inspection_is_not_touched() {
    let place = Place::new();
    let database = place.database().await;
    let locked = database.lock().await.expect("free");
    let from = locked.inspect().await.expect("empty");
    place.holds("CREATE TABLE other (a)");
    let error = locked
        .apply(&from, &["CREATE TABLE t (a)".to_owned()])
        .await
        .expect_err("it changed");
    assert!(matches!(error, DatabaseError::Changed), "{error:?}");
    assert_eq!(
        texts(&locked.inspect().await.expect("readable")),
        ["CREATE TABLE other (a)"]
    );
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for_and_then_named() {
    let place = Place::new();
    let other = place.holds("CREATE TABLE t (a); BEGIN IMMEDIATE");
    let database = place.database().await;
    let error = apply(&database, &["CREATE TABLE u (a)"])
        .await
        .expect_err("locked");
    assert!(matches!(error, DatabaseError::Busy { .. }), "{error:?}");
    other
        .execute_batch("COMMIT")
        .expect("the other process ends");
    apply(&database, &["CREATE TABLE u (a)"])
        .await
        .expect("free again");
}

#[tokio::test]
async fn one_holder_at_a_time_however_the_path_is_spelled() {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("sub")).expect("a folder");
    let (database, other) = (
        place.database().await,
        place.open("sub/../app.db").await.expect("the same file"),
    );
    assert_eq!(database.identity(), other.identity());
    let locked = database.lock().await.expect("free");
    assert!(matches!(
        other.lock().await,
        Err(DatabaseError::Busy { .. })
    ));
    drop(locked);
    other.lock().await.expect("free again");
}

#[tokio::test]
async fn a_read_only_database_is_read_and_never_written() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a)");
    let database = place
        .open("app.db?mode=ro")
        .await
        .expect("the file is there");
    assert_eq!(
        texts(&inspect(&database).await.expect("readable")),
        ["CREATE TABLE t (a)"]
    );
    let error = apply(&database, &["CREATE TABLE u (a)"])
        .await
        .expect_err("read-only");
    assert!(matches!(error, DatabaseError::ReadOnly), "{error:?}");
}

#[tokio::test]
async fn garbage_is_named_and_not_one_byte_of_it_changes() {
    let place = Place::new();
    let garbage = b"this is not a database, whatever its name says".repeat(100);
    fs::write(place.file(), &garbage).expect("the file");
    let error = inspect(&place.database().await).await.expect_err("garbage");
    assert!(
        matches!(error, DatabaseError::NotADatabase { .. }),
        "{error:?}"
    );
    assert_eq!(fs::read(place.file()).expect("the file"), garbage);
}

#[tokio::test]
async fn a_place_that_cannot_hold_a_file_is_named() {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("folder")).expect("a folder");
    for rest in ["missing/app.db", "folder"] {
        let error = place.open(rest).await.expect_err(rest);
        assert!(
            matches!(error, DatabaseError::Unreachable { .. }),
            "{rest}: {error:?}"
        );
    }
    let database = place
        .open("app.db?mode=rw")
        .await
        .expect("the folder is there");
    assert!(matches!(
        inspect(&database).await,
        Err(DatabaseError::Open { .. })
    ));
    assert!(!place.file().exists());
}

#[tokio::test]
async fn a_folder_given_by_the_operator_is_not_left() {
    let place = Place::new();
    let inside = place.folder.path().join("inside");
    fs::create_dir(&inside).expect("a folder");
    fs::write(place.file(), "").expect("a file outside");
    std::os::unix::fs::symlink(place.file(), inside.join("link.db")).expect("a link");
    let databases = Databases::new(Settings {
        sqlite_folder: Some(inside.clone()),
        limits: Limits::default(),
    });
    let open = async |url: &str| {
        databases
            .open(&Address::parse(url).expect("an address"))
            .await
    };

    let relative = open("sqlite://app.db").await.expect("inside");
    assert_eq!(
        relative.identity(),
        Some(
            inside
                .canonicalize()
                .expect("there")
                .join("app.db")
                .as_path()
        )
    );
    let absolute = format!("sqlite://{}", place.file().display());
    for url in [
        "sqlite://../app.db",
        "sqlite://link.db",
        absolute.as_str(),
        "sqlite:///etc/passwd",
    ] {
        let error = open(url).await.expect_err(url);
        assert!(
            matches!(error, DatabaseError::OutsideFolder { .. }),
            "{url}: {error:?}"
        );
    }
}

#[tokio::test]
async fn memory_lives_as_long_as_its_holder() {
    let databases = Databases::new(Settings::default());
    let database = databases
        .open(&Address::parse("sqlite://x?mode=memory").expect("memory"))
        .await
        .expect("memory");
    assert_eq!(database.identity(), None::<&Path>);
    let locked = database.lock().await.expect("nobody else");
    let empty = locked.inspect().await.expect("empty");
    locked
        .apply(&empty, &["CREATE TABLE t (a)".to_owned()])
        .await
        .expect("create");
    assert_eq!(
        texts(&locked.inspect().await.expect("readable")),
        ["CREATE TABLE t (a)"]
    );
    assert!(inspect(&database).await.expect("a new one").is_empty());
}

#[tokio::test]
async fn work_that_takes_too_long_is_stopped_and_undone() {
    let place = Place::with(Limits {
        apply: Duration::ZERO,
        ..Limits::default()
    });
    place.holds(
        "CREATE TABLE t (a); INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         SELECT i FROM n",
    );
    let database = place.database().await;
    let error = apply(&database, &["CREATE INDEX i ON t (a)"])
        .await
        .expect_err("no time at all");
    assert!(
        matches!(
            error,
            DatabaseError::TimedOut {
                doing: "applying",
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        texts(&inspect(&database).await.expect("readable")),
        ["CREATE TABLE t (a)"]
    );
}

#[tokio::test]
async fn a_schema_beyond_the_limits_is_refused() {
    for (limits, what) in [
        (
            Limits {
                schema_objects: 1,
                ..Limits::default()
            },
            "tables",
        ),
        (
            Limits {
                schema_bytes: 20,
                ..Limits::default()
            },
            "bytes",
        ),
    ] {
        let place = Place::with(limits);
        place.holds("CREATE TABLE t (a); CREATE TABLE u (a)");
        let error = inspect(&place.database().await).await.expect_err(what);
        assert!(matches!(error, DatabaseError::TooLarge { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn rows_that_already_dangle_are_not_blamed_on_the_change() {
    let place = Place::new();
    place.holds(
        "PRAGMA foreign_keys = OFF; CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE c (a REFERENCES p (a));
         INSERT INTO c VALUES (7)",
    );
    apply(
        &place.database().await,
        &["ALTER TABLE c ADD COLUMN b TEXT"],
    )
    .await
    .expect("the old row is not ours");
}
