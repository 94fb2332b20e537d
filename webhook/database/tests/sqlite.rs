//! Real SQLite files: read, changed, left alone.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use tidegate_database::{
    Address, Applied, DatabaseError, Databases, Inspected, Limits, Place as Named, PlannedFrom,
    Session, Settings, TransactionMode, count,
};
use tidegate_schemaplan::{Catalog, Loss, Statement};

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

    fn address(&self, rest: &str) -> Address {
        let url = format!("sqlite://{}/{rest}", self.folder.path().display());
        Address::parse(&url).expect("an address")
    }

    async fn session(&self) -> Session {
        self.open("app.db").await.expect("the folder is there")
    }

    async fn open(&self, rest: &str) -> Result<Session, DatabaseError> {
        self.databases.open(&self.address(rest)).await
    }

    async fn named(&self, rest: &str) -> Option<Named> {
        let place = self.databases.place(&self.address(rest)).await;
        place.expect("the folder is there")
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

fn statements(sql: &[&str]) -> Vec<Statement> {
    let statement = |sql: &&str| Statement {
        sql: (*sql).to_owned(),
        ..Statement::default()
    };
    sql.iter().map(statement).collect()
}

/// Runs the statements as a plan that is made from what is there now.
async fn apply(session: &mut Session, sql: &[&str]) -> Result<Applied, DatabaseError> {
    let from = PlannedFrom::from(Inspected::from(session.inspect().await?));
    let statements = statements(sql);
    session
        .apply_to(&from, &statements, TransactionMode::File)
        .await
}

/// `table(column, ..)` of each.
fn tables(catalog: &Catalog) -> Vec<String> {
    let schema = catalog.schemas.get("").expect("SQLite has one schema");
    let table = |(name, table): (&String, &tidegate_schemaplan::Table)| {
        let columns: Vec<&str> = table.columns.keys().map(String::as_str).collect();
        format!("{name}({})", columns.join(", "))
    };
    schema.tables.iter().map(table).collect()
}

/// What is there, only as it is read and only by its fingerprint.
async fn both(session: &mut Session) -> [PlannedFrom; 2] {
    let found = session.look(None).await.expect("readable");
    assert!(found.fingerprint.is_some(), "SQLite has one");
    let nothing = Catalog::empty(session.engine());
    [
        PlannedFrom::from(Inspected::from(found.catalog)),
        PlannedFrom {
            catalog: nothing.into(),
            fingerprint: found.fingerprint,
        },
    ]
}

async fn found(session: &mut Session) -> Vec<String> {
    tables(&session.inspect().await.expect("readable"))
}

#[tokio::test]
async fn a_file_that_is_missing_is_an_empty_database_and_looking_does_not_make_it() {
    let place = Place::new();
    let catalog = place.session().await.inspect().await.expect("empty");
    assert!(catalog.is_empty());
    assert!(!place.file().exists());
}

#[tokio::test]
async fn a_plan_runs_on_what_it_was_made_from_and_data_stays() {
    let place = Place::new();
    let mut session = place.session().await;
    apply(
        &mut session,
        &["CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"],
    )
    .await
    .expect("create");
    place.holds("INSERT INTO users VALUES (1, 'ada')");
    let applied = apply(
        &mut session,
        &[
            "ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT ''",
            "CREATE INDEX users_name ON users (name)",
        ],
    )
    .await
    .expect("add");
    assert_eq!(applied.statements, 2);
    assert_eq!(found(&mut session).await, ["users(id, name, email)"]);
    let name: String = place
        .holds("")
        .query_row("SELECT name FROM users", [], |row| row.get(0))
        .expect("the row");
    assert_eq!(name, "ada");
}

#[tokio::test]
async fn one_bad_statement_undoes_the_good_ones() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a); INSERT INTO t VALUES (1), (1)");
    let before = fs::read(place.file()).expect("the file");
    let error = apply(
        &mut place.session().await,
        &[
            "CREATE TABLE good (a)",
            "CREATE UNIQUE INDEX twice ON t (a)",
        ],
    )
    .await
    .expect_err("two equal rows");
    let message = error.to_string();
    for words in [
        "statement 2 of 2",
        "CREATE UNIQUE INDEX twice ON t (a)",
        "UNIQUE constraint failed: t.a",
        "nothing was changed",
    ] {
        assert!(message.contains(words), "{words:?} in {message:?}");
    }
    assert_eq!(
        fs::read(place.file()).expect("the file"),
        before,
        "not one byte changed"
    );
}

#[tokio::test]
async fn what_reaches_outside_or_hides_a_second_statement_is_stopped() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a, b)");
    let mut session = place.session().await;
    for (sql, words) in [
        ("ATTACH 'other.db' AS other", "not authorized"),
        ("CREATE TABLE u (a); DROP TABLE t", "multiple statements"),
    ] {
        let error = apply(&mut session, &[sql]).await.expect_err(sql);
        let message = error.to_string().to_lowercase();
        assert!(message.contains(words), "{sql}: {error}");
    }
    assert_eq!(found(&mut session).await, ["t(a, b)"]);
}

#[tokio::test]
async fn a_schema_that_changed_after_the_inspection_is_not_touched() {
    for mode in [TransactionMode::File, TransactionMode::None] {
        let place = Place::new();
        let mut session = place.session().await;
        let from = both(&mut session).await;
        place.holds("CREATE TABLE other (a)");
        for from in from {
            let create = statements(&["PRAGMA foreign_keys = off", "CREATE TABLE t (a)"]);
            let applied = session.apply_to(&from, &create, mode).await;
            assert!(matches!(applied, Err(DatabaseError::Changed)), "{mode:?}");
            assert_eq!(found(&mut session).await, ["other(a)"], "{mode:?}");
        }
    }
}

#[tokio::test]
async fn rows_that_come_meanwhile_are_no_change() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)");
    let mut session = place.session().await;
    for (column, row) in [("b", 1), ("c", 2)] {
        let [from, same] = both(&mut session).await;
        place.holds(&format!("INSERT INTO t (a) VALUES ({row})"));
        let more = statements(&[&format!("ALTER TABLE t ADD COLUMN {column} TEXT")]);
        let from = if row == 1 { from } else { same };
        let applied = session.apply_to(&from, &more, TransactionMode::File).await;
        applied.expect("rows are no part of a schema");
    }
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for_and_then_named() {
    let place = Place::new();
    let other = place.holds("CREATE TABLE t (a); BEGIN IMMEDIATE");
    let mut session = place.session().await;
    let error = apply(&mut session, &["CREATE TABLE u (a)"])
        .await
        .expect_err("locked");
    assert!(matches!(error, DatabaseError::Busy { .. }), "{error:?}");
    other
        .execute_batch("COMMIT")
        .expect("the other process ends");
    apply(&mut session, &["CREATE TABLE u (a)"])
        .await
        .expect("free again");
}

#[tokio::test]
async fn a_database_has_one_name_however_its_path_is_spelled() {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("sub")).expect("a folder");
    let name = place.named("app.db").await.expect("a file has one");
    assert_eq!(place.named("sub/../app.db?mode=ro").await, Some(name));
    let memory = Address::parse("sqlite://x?mode=memory").expect("memory");
    assert_eq!(place.databases.place(&memory).await.ok(), Some(None));
}

#[tokio::test]
async fn a_servers_name_is_without_who_comes_and_how() {
    let databases = Databases::default();
    for (url, expected) in [
        (
            "postgres://u:p@DB.example/shop?sslmode=disable&search_path=a",
            "postgres:db.example:5432/shop (a)",
        ),
        (
            "postgres://v@db.example:5432/shop",
            "postgres:db.example:5432/shop",
        ),
        ("mysql://u:p@DB:3307/shop", "mysql:db:3307 (shop)"),
        ("mariadb://db:3307/", "mysql:db:3307"),
        (
            "mysql+unix:///run/s.sock?database=x",
            "mysql:/run/s.sock (x)",
        ),
    ] {
        let address = Address::parse(url).expect(url);
        let name = databases.place(&address).await.expect(url).expect(url);
        assert_eq!(name.to_string(), expected);
    }
}

#[tokio::test]
async fn a_read_only_database_is_read_and_never_written() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a)");
    let mut session = place.open("app.db?mode=ro").await.expect("it is there");
    assert_eq!(found(&mut session).await, ["t(a)"]);
    let error = apply(&mut session, &["CREATE TABLE u (a)"])
        .await
        .expect_err("read-only");
    assert!(matches!(error, DatabaseError::ReadOnly), "{error:?}");
}

#[tokio::test]
async fn garbage_is_named_and_not_one_byte_of_it_changes() {
    let place = Place::new();
    let garbage = b"this is not a database, whatever its name says".repeat(100);
    fs::write(place.file(), &garbage).expect("the file");
    let error = place.session().await.inspect().await.expect_err("garbage");
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
    let mut session = place.open("app.db?mode=rw").await.expect("no look yet");
    let error = session.inspect().await.expect_err("it must exist");
    assert!(matches!(error, DatabaseError::Open { .. }), "{error:?}");
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
    let relative = Address::parse("sqlite://app.db").expect("an address");
    let named = databases.place(&relative).await.expect("inside");
    let path = inside.canonicalize().expect("there").join("app.db");
    assert_eq!(
        named.expect("a file").server,
        format!("sqlite:{}", path.display())
    );
    databases.open(&relative).await.expect("inside");
    let absolute = format!("sqlite://{}", place.file().display());
    for url in [
        "sqlite://../app.db",
        "sqlite://link.db",
        absolute.as_str(),
        "sqlite:///etc/passwd",
    ] {
        let address = Address::parse(url).expect("an address");
        let error = databases.open(&address).await.expect_err(url);
        assert!(
            matches!(error, DatabaseError::OutsideFolder { .. }),
            "{url}: {error:?}"
        );
    }
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
    let mut session = place.session().await;
    let error = apply(&mut session, &["CREATE INDEX i ON t (a)"])
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
    let catalog = session.inspect().await.expect("readable");
    assert!(catalog.schemas[""].tables["t"].indexes.is_empty());
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
        let error = place.session().await.inspect().await.expect_err(what);
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
        &mut place.session().await,
        &["ALTER TABLE c ADD COLUMN b TEXT"],
    )
    .await
    .expect("the old row is not ours");
}

#[tokio::test]
async fn what_would_be_lost_is_counted() {
    let place = Place::new();
    place.holds("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, NULL), (2, 'x')");
    let loss = |table: &str, column: Option<&str>| Loss {
        schema: String::new(),
        table: table.to_owned(),
        column: column.map(str::to_owned),
    };
    let losses = vec![loss("t", None), loss("t", Some("b")), loss("gone", None)];
    let counted = count(&mut place.session().await, losses).await;
    let shown: Vec<String> = counted.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "table t with 2 rows",
            "column t.b, which 1 row has a value in",
            "table gone, whose rows could not be counted"
        ]
    );
}
