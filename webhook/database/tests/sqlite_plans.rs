//! Plans of SQLite, on SQLite: what was planned is what is there afterwards, nothing is left to plan, and rows survive.
#![expect(clippy::panic, reason = "a helper that fails fails its test")]

use std::fmt::Write as _;

use proptest::prelude::*;
use tidegate_database::{Address, DatabaseError, Limits, Session, TransactionMode};
use tidegate_schemaplan::{Plan, Settings, plan, wanted};
use tidegate_sqlplan::Dialect;

async fn memory() -> Session {
    let address = Address::parse("sqlite://x?mode=memory").expect("memory");
    let session = Session::open(&address, &Limits::default()).await;
    session.expect("memory opens")
}

/// A database that holds `schema` and what `rows` says.
async fn holding(schema: &str, rows: &str) -> Session {
    let mut session = memory().await;
    bring(&mut session, schema, Settings::default()).await;
    for sql in rows.split(';').filter(|sql| !sql.trim().is_empty()) {
        session
            .execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    session
}

/// Brings the database to `schema`. The plan must lead there, and leave nothing to do.
async fn bring(session: &mut Session, schema: &str, settings: Settings) -> Plan {
    let brought = try_to_bring(session, schema, settings).await;
    brought.unwrap_or_else(|error| panic!("{error}"))
}

/// An error where rows stand in the way.
async fn try_to_bring(
    session: &mut Session,
    schema: &str,
    mut settings: Settings,
) -> Result<Plan, DatabaseError> {
    let texts = [("schema.sql".to_owned(), schema.to_owned())];
    let wanted = wanted(&texts, Dialect::Sqlite).unwrap_or_else(|problems| panic!("{problems:?}"));
    settings.renames = wanted.renames;
    let desired = session.desired(&wanted.statements, None).await;
    let desired = desired.unwrap_or_else(|error| panic!("{schema}: {error}"));
    let current = session.inspect().await.expect("readable");
    let first =
        plan(&current, &desired, &settings).unwrap_or_else(|refusals| panic!("{refusals:?}"));
    let ran = session
        .apply(&first.statements, TransactionMode::File)
        .await;
    match ran {
        Err(error @ DatabaseError::DanglingForeignKey { .. }) => {
            assert_eq!(
                session.inspect().await.expect("readable"),
                current,
                "nothing was changed"
            );
            return Err(error);
        }
        Err(error) => panic!("{error}\nto {schema}\nby {:#?}", sql(&first)),
        Ok(_) => {}
    }
    let now = session.inspect().await.expect("readable");
    let second = plan(&now, &desired, &settings).unwrap_or_else(|refusals| panic!("{refusals:?}"));
    assert_eq!(
        sql(&second),
        Vec::<&str>::new(),
        "after {:#?}\nto {schema}",
        sql(&first)
    );
    Ok(first)
}

fn sql(plan: &Plan) -> Vec<&str> {
    plan.statements
        .iter()
        .map(|statement| statement.sql.as_str())
        .collect()
}

async fn rows(session: &mut Session, query: &str) -> String {
    let rows = session
        .query(query, &[])
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let row = |row: Vec<Option<String>>| {
        let values: Vec<String> = row
            .into_iter()
            .map(|value| value.unwrap_or_else(|| "-".to_owned()))
            .collect();
        values.join(",")
    };
    rows.into_iter().map(row).collect::<Vec<_>>().join(" ")
}

/// From one schema to another with rows; then the plan's statements in short, and what a query gives.
async fn check(from: &str, data: &str, to: &str, expected: &[&str], query: &str, result: &str) {
    let mut session = holding(from, data).await;
    let plan = bring(&mut session, to, Settings::default()).await;
    assert_eq!(sql(&plan), expected);
    assert_eq!(rows(&mut session, query).await, result);
}

#[tokio::test]
async fn what_alter_can_do_is_done_in_place() {
    check(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX by_b ON t (b);",
        "INSERT INTO t VALUES (1, 'x', 'y')",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT NOT NULL DEFAULT 7 CHECK (n > 0), a TEXT, p INT REFERENCES t (id), g TEXT AS (upper(a)));
         CREATE UNIQUE INDEX by_a ON t (a DESC) WHERE a <> '';",
        &[
            "DROP INDEX \"by_b\"",
            "ALTER TABLE \"t\" ADD COLUMN n INT NOT NULL DEFAULT 7 CHECK (n > 0)",
            "ALTER TABLE \"t\" ADD COLUMN p INT REFERENCES t (id)",
            "ALTER TABLE \"t\" ADD COLUMN g TEXT AS (upper(a))",
            "ALTER TABLE \"t\" DROP COLUMN \"b\"",
            "CREATE UNIQUE INDEX by_a ON t (a DESC) WHERE a <> ''",
        ],
        "SELECT id, a, n, p, g FROM t",
        "1,x,7,-,X",
    )
    .await;
}

#[tokio::test]
async fn a_rebuilt_table_keeps_its_rows_its_users_and_its_count() {
    check(
        "CREATE TABLE orgs (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
         CREATE TABLE users (id INTEGER PRIMARY KEY, org INT REFERENCES orgs ON DELETE CASCADE);
         CREATE INDEX by_name ON orgs (name);
         CREATE VIEW named AS SELECT u.id, o.name FROM users u JOIN orgs o ON o.id = u.org;
         CREATE VIEW counted AS SELECT count(*) AS n FROM named;
         CREATE TRIGGER touch AFTER INSERT ON users BEGIN UPDATE orgs SET name = name WHERE id = new.org; END;",
        "INSERT INTO orgs VALUES (1, 'a'), (2, NULL), (9, 'c'); DELETE FROM orgs WHERE id = 9; INSERT INTO users VALUES (5, 1), (6, 2)",
        "CREATE TABLE orgs (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(9) NOT NULL DEFAULT 'none', UNIQUE (name));
         CREATE TABLE users (id INTEGER PRIMARY KEY, org INT REFERENCES orgs ON DELETE CASCADE);
         CREATE INDEX by_name ON orgs (name);
         CREATE VIEW named AS SELECT u.id, o.name FROM users u JOIN orgs o ON o.id = u.org;
         CREATE VIEW counted AS SELECT count(*) AS n FROM named;
         CREATE TRIGGER touch AFTER INSERT ON users BEGIN UPDATE orgs SET name = name WHERE id = new.org; END;",
        &[
            "PRAGMA foreign_keys = off",
            "DROP TRIGGER \"touch\"",
            "DROP VIEW \"counted\"",
            "DROP VIEW \"named\"",
            "CREATE TABLE \"new_orgs\" (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(9) NOT NULL DEFAULT 'none', UNIQUE (name))",
            "INSERT INTO \"new_orgs\" (\"id\", \"name\") SELECT \"id\", IFNULL(\"name\", ('none')) FROM \"orgs\"",
            "DELETE FROM sqlite_sequence WHERE name = 'new_orgs'",
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'new_orgs', seq FROM sqlite_sequence WHERE name = 'orgs'",
            "DROP TABLE \"orgs\"",
            "ALTER TABLE \"new_orgs\" RENAME TO \"orgs\"",
            "CREATE INDEX by_name ON orgs (name)",
            "CREATE VIEW named AS SELECT u.id, o.name FROM users u JOIN orgs o ON o.id = u.org",
            "CREATE VIEW counted AS SELECT count(*) AS n FROM named",
            "CREATE TRIGGER touch AFTER INSERT ON users BEGIN UPDATE orgs SET name = name WHERE id = new.org; END",
            "PRAGMA foreign_keys = on",
        ],
        "SELECT id, name FROM named UNION ALL SELECT n, seq FROM counted, sqlite_sequence WHERE sqlite_sequence.name = 'orgs'",
        "5,a 6,none 2,9",
    )
    .await;
}

#[tokio::test]
async fn a_rebuilt_table_whose_checks_name_it_is_made_without_that_name() {
    check(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, age INT, CHECK (users.age > 21));
         CREATE VIEW bad AS SELECT nope FROM gone;",
        "INSERT INTO users VALUES (1, 30)",
        "CREATE TABLE `users` (id INTEGER PRIMARY KEY, age INT, CONSTRAINT \"adult\" CHECK(\"users\".\"age\" > 10));
         CREATE VIEW bad AS SELECT nope FROM gone;",
        &[
            "PRAGMA foreign_keys = off",
            "PRAGMA legacy_alter_table = on",
            "CREATE TABLE \"new_users\" (id INTEGER PRIMARY KEY, age INT, CONSTRAINT \"adult\" CHECK(\"age\" > 10))",
            "INSERT INTO \"new_users\" (\"id\", \"age\") SELECT \"id\", \"age\" FROM \"users\"",
            "DROP TABLE \"users\"",
            "ALTER TABLE \"new_users\" RENAME TO \"users\"",
            "PRAGMA legacy_alter_table = off",
            "PRAGMA foreign_keys = on",
        ],
        "SELECT id, age FROM users",
        "1,30",
    )
    .await;
    check(
        "CREATE TABLE users (age INT CHECK (users.age > 21))",
        "",
        "CREATE TABLE users (age INT CHECK (age > 21))",
        &[],
        "SELECT count(*) FROM users",
        "0",
    )
    .await;
}

#[tokio::test]
async fn renames_that_are_hinted_keep_rows_and_are_silent_once_done() {
    let to = "-- tidegate:rename orders -> purchases
         -- tidegate:rename orders.total -> amount
         CREATE TABLE purchases (id INTEGER PRIMARY KEY, amount INT CHECK (amount > 0), UNIQUE (amount));
         CREATE TABLE lines (id INTEGER PRIMARY KEY, o INT REFERENCES purchases (id));
         CREATE INDEX by_total ON purchases (amount) WHERE amount > 5;
         CREATE VIEW big AS SELECT amount FROM purchases;";
    check(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INT CHECK (total > 0), UNIQUE (total));
         CREATE TABLE lines (id INTEGER PRIMARY KEY, o INT REFERENCES orders (id));
         CREATE INDEX by_total ON orders (total) WHERE total > 5;
         CREATE VIEW big AS SELECT total FROM orders;",
        "INSERT INTO orders VALUES (1, 10); INSERT INTO lines VALUES (1, 1)",
        to,
        &[
            "ALTER TABLE \"orders\" RENAME TO \"purchases\"",
            "ALTER TABLE \"purchases\" RENAME COLUMN \"total\" TO \"amount\"",
        ],
        "SELECT amount FROM big",
        "10",
    )
    .await;
}

#[tokio::test]
async fn names_in_another_case_are_the_same_names() {
    check(
        "CREATE TABLE Users (Id INTEGER PRIMARY KEY, Email TEXT UNIQUE, CHECK (Email <> ''))",
        "INSERT INTO Users VALUES (1, 'x')",
        "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, CHECK (email <> ''))",
        &[],
        "SELECT * FROM users",
        "1,x",
    )
    .await;
}

#[tokio::test]
async fn tables_that_refer_to_each_other_are_made_and_dropped() {
    let mut session = memory().await;
    let cycle = "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY, a INT REFERENCES a)";
    bring(&mut session, cycle, Settings::default()).await;
    session
        .execute("INSERT INTO a VALUES (1, NULL)")
        .await
        .expect("good");
    let plan = bring(&mut session, "", Settings::default()).await;
    assert!(plan.is_destructive());
    assert_eq!(
        sql(&plan),
        [
            "PRAGMA foreign_keys = off",
            "DROP TABLE \"a\"",
            "DROP TABLE \"b\"",
            "PRAGMA foreign_keys = on"
        ]
    );
}

#[tokio::test]
async fn a_view_that_is_broken_or_excluded_is_not_looked_at() {
    let broken = "CREATE VIEW bad AS SELECT nope FROM gone;";
    let from = format!("CREATE TABLE t (a INT); CREATE TABLE u (a INT); {broken}");
    let to =
        format!("CREATE TABLE t (a INT, b INT); CREATE TABLE u (a TEXT DEFAULT x'00'); {broken}");
    let mut session = holding(&from, "INSERT INTO u VALUES (1)").await;
    bring(&mut session, &to, Settings::default()).await;
    session.execute("DROP VIEW bad").await.expect("it is there");
    session
        .execute("CREATE VIEW v AS SELECT a FROM u")
        .await
        .expect("good");
    let exclude = vec!["*[type=view]".to_owned()];
    let to = "CREATE TABLE t (a INT); CREATE TABLE u (a TEXT NOT NULL)";
    bring(
        &mut session,
        to,
        Settings {
            exclude,
            ..Settings::default()
        },
    )
    .await;
    assert_eq!(rows(&mut session, "SELECT a FROM v").await, "1");
}

#[tokio::test]
async fn what_is_skipped_stays_even_in_a_rebuilt_table() {
    let mut session = holding(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL, b TEXT); CREATE INDEX by_b ON t (b)",
        "INSERT INTO t VALUES (1, 'x', 'y')",
    )
    .await;
    let mut settings = Settings::default();
    settings.skip.drop_column = true;
    settings.skip.drop_index = true;
    let to = [(
        "schema.sql".to_owned(),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT)".to_owned(),
    )];
    let desired = session
        .desired(
            &wanted(&to, Dialect::Sqlite).expect("good").statements,
            None,
        )
        .await
        .expect("good");
    let current = session.inspect().await.expect("readable");
    let first = plan(&current, &desired, &settings).expect("possible");
    assert!(!first.is_destructive());
    session
        .apply(&first.statements, TransactionMode::File)
        .await
        .expect("good");
    assert_eq!(
        rows(&mut session, "SELECT id, a, b FROM t INDEXED BY by_b").await,
        "1,x,y"
    );
    let again = plan(
        &session.inspect().await.expect("readable"),
        &desired,
        &settings,
    )
    .expect("possible");
    assert_eq!(sql(&again), Vec::<&str>::new());
}

#[tokio::test]
async fn a_rebuild_says_when_it_changes_what_a_column_holds() {
    let from = "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT, total INT)";
    for (to, row, what) in [
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, code INTEGER, total INT)",
            "1,7,5",
            Some("what column code held"),
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT, total INT AS (id + 1) STORED)",
            "1,007,2",
            Some("what column total held"),
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, total REAL)",
            "1,5",
            Some("column code and what column total held"),
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, code VARCHAR(9) NOT NULL, total BIGINT)",
            "1,007,5",
            None,
        ),
    ] {
        let mut session = holding(from, "INSERT INTO t VALUES (1, '007', 5)").await;
        let plan = bring(&mut session, to, Settings::default()).await;
        let said: Vec<&str> = plan
            .statements
            .iter()
            .filter(|statement| statement.destructive)
            .map(|statement| statement.purpose.as_str())
            .collect();
        let expected =
            what.map(|what| format!("rebuild table t: the old one goes, and with it {what}"));
        assert_eq!(said, Vec::from_iter(expected.as_deref()), "{to}");
        assert_eq!(rows(&mut session, "SELECT * FROM t").await, row, "{to}");
    }
}

#[tokio::test]
async fn a_rebuild_goes_around_names_that_others_have() {
    let others = "CREATE VIEW new_t AS SELECT 1 AS one; CREATE TABLE u (a INT); CREATE INDEX new_new_t ON u (a);
         CREATE VIRTUAL TABLE new_new_new_t USING fts5 (a);";
    let mut session = holding(
        &format!("CREATE TABLE t (a INT); {others}"),
        "INSERT INTO t VALUES (1)",
    )
    .await;
    let to = format!("CREATE TABLE t (a INT NOT NULL); {others}");
    bring(&mut session, &to, Settings::default()).await;
    assert_eq!(rows(&mut session, "SELECT a FROM t").await, "1");
}

#[tokio::test]
async fn what_the_shell_writes_of_a_database_is_its_schema() {
    check(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIRTUAL TABLE f USING fts5 (a); CREATE VIRTUAL TABLE r USING rtree (id, x, y);",
        "INSERT INTO t VALUES (7)",
        "PRAGMA foreign_keys=OFF;
         BEGIN TRANSACTION;
         CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);
         CREATE TABLE sqlite_sequence(name,seq);
         CREATE VIRTUAL TABLE f USING fts5 (a)
         /* f(a) */;
         CREATE TABLE IF NOT EXISTS 'f_data'(id INTEGER PRIMARY KEY, block BLOB);
         CREATE TABLE IF NOT EXISTS 'f_config'(k PRIMARY KEY, v) WITHOUT ROWID;
         CREATE VIRTUAL TABLE r USING rtree (id, x, y);
         CREATE TABLE IF NOT EXISTS \"r_node\"(nodeno INTEGER PRIMARY KEY,data);
         DELETE FROM sqlite_sequence;
         INSERT INTO sqlite_sequence VALUES('t',7);
         COMMIT;",
        &[],
        "SELECT seq FROM sqlite_sequence",
        "7",
    )
    .await;
}

#[tokio::test]
async fn a_constraint_that_resolves_conflicts_loses_no_row_in_a_rebuild() {
    let mut session = holding("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (1)").await;
    let desired = session
        .desired(
            &["CREATE TABLE t (a INT UNIQUE ON CONFLICT REPLACE)".to_owned()],
            None,
        )
        .await
        .expect("good");
    let first = plan(
        &session.inspect().await.expect("readable"),
        &desired,
        &Settings::default(),
    )
    .expect("possible");
    let error = session
        .apply(&first.statements, TransactionMode::File)
        .await
        .expect_err("two rows are alike");
    assert!(
        error.to_string().contains("UNIQUE constraint failed"),
        "{error}"
    );
    assert_eq!(rows(&mut session, "SELECT count(*) FROM t").await, "2");
}

#[tokio::test]
async fn a_key_that_becomes_the_number_of_its_row_is_not_made_up_where_it_is_null() {
    let from = "CREATE TABLE t (id INT PRIMARY KEY, a TEXT)";
    let to = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)";
    check(
        from,
        "INSERT INTO t VALUES (5, 'x'), (77, 'y')",
        to,
        &[
            "PRAGMA foreign_keys = off",
            "CREATE TABLE \"new_t\" (id INTEGER PRIMARY KEY, a TEXT)",
            "INSERT INTO \"new_t\" (\"id\", \"a\") SELECT IFNULL(\"id\", ''), \"a\" FROM \"t\"",
            "DROP TABLE \"t\"",
            "ALTER TABLE \"new_t\" RENAME TO \"t\"",
            "PRAGMA foreign_keys = on",
        ],
        "SELECT id, a FROM t",
        "5,x 77,y",
    )
    .await;
    let mut session = holding(from, "INSERT INTO t VALUES (5, 'x'), (NULL, 'y')").await;
    let desired = session.desired(&[to.to_owned()], None).await.expect("good");
    let current = session.inspect().await.expect("readable");
    let planned = plan(&current, &desired, &Settings::default()).expect("possible");
    let refused = session
        .apply(&planned.statements, TransactionMode::File)
        .await
        .expect_err("no number is made up");
    assert!(
        refused.to_string().contains("datatype mismatch"),
        "{refused}"
    );
    assert_eq!(rows(&mut session, "SELECT id, a FROM t").await, "5,x -,y");
}

#[tokio::test]
async fn a_rebuild_says_where_null_becomes_a_default() {
    let from = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT, c INT)";
    let to = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'x', b INT NOT NULL DEFAULT 0, c INT)";
    let mut session = holding(from, "INSERT INTO t VALUES (1, NULL, NULL, NULL)").await;
    let plan = bring(&mut session, to, Settings::default()).await;
    let purposes: Vec<&str> = plan.statements.iter().map(|it| &*it.purpose).collect();
    assert_eq!(
        purposes[2],
        "rebuild table t: its rows, NULL in a, b as the default"
    );
    assert_eq!(rows(&mut session, "SELECT * FROM t").await, "1,x,0,-");
}

#[tokio::test]
async fn virtual_tables_come_change_and_go_with_what_is_behind_them() {
    let plain = "CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT)";
    let with = |words: &str| {
        format!(
            "{plain}; CREATE VIRTUAL TABLE words USING {words};
             CREATE TRIGGER kept AFTER INSERT ON docs BEGIN INSERT INTO words (rowid, body) VALUES (new.id, new.body); END;"
        )
    };
    let first = with("fts5 (body, content='docs', content_rowid='id')");
    let created = "CREATE TRIGGER kept AFTER INSERT ON docs BEGIN INSERT INTO words (rowid, body) VALUES (new.id, new.body); END";
    check(
        plain,
        "",
        &first,
        &[
            "CREATE VIRTUAL TABLE words USING fts5 (body, content='docs', content_rowid='id')",
            created,
        ],
        "SELECT count(*) FROM words",
        "0",
    )
    .await;
    check(
        &first,
        "INSERT INTO docs VALUES (1, 'hello')",
        &with("fts5(body)"),
        &[
            "DROP TRIGGER \"kept\"",
            "DROP TABLE \"words\"",
            "CREATE VIRTUAL TABLE words USING fts5(body)",
            created,
        ],
        "SELECT * FROM docs",
        "1,hello",
    )
    .await;
    check(
        "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(body)",
        "INSERT INTO words VALUES ('hello')",
        "create virtual table \"words\" using FTS5 ( body )",
        &[],
        "SELECT * FROM words",
        "hello",
    )
    .await;
    let mut session = holding(&first, "INSERT INTO docs VALUES (1, 'hello')").await;
    let plan = bring(&mut session, plain, Settings::default()).await;
    assert_eq!(
        sql(&plan),
        ["DROP TRIGGER \"kept\"", "DROP TABLE \"words\""]
    );
    assert!(plan.is_destructive());
    for to in [
        "CREATE TABLE words (body TEXT)",
        "CREATE VIRTUAL TABLE words USING fts5 (body)",
    ] {
        bring(&mut session, to, Settings::default()).await;
    }
    session
        .execute("INSERT INTO words (body) VALUES ('found')")
        .await
        .expect("full text is written to");
    assert_eq!(
        rows(&mut session, "SELECT body FROM words ('found')").await,
        "found"
    );
    let boxes = format!("{plain}; CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1)");
    bring(&mut session, &boxes, Settings::default()).await;
}

#[tokio::test]
async fn no_table_is_made_anew_for_the_order_of_its_columns() {
    for (wanted, expected) in [
        ("c INT, a INT, b INT", &[] as &[&str]),
        (
            "a INT, n INT, b INT, c INT",
            &["ALTER TABLE \"t\" ADD COLUMN n INT"],
        ),
    ] {
        check(
            "CREATE TABLE t (a INT, b INT, c INT)",
            "INSERT INTO t (a, b, c) VALUES (1, 2, 3)",
            &format!("CREATE TABLE t ({wanted})"),
            expected,
            "SELECT a, b, c FROM t",
            "1,2,3",
        )
        .await;
    }
}

#[tokio::test]
async fn rows_keep_their_numbers_in_a_rebuilt_table() {
    check(
        "CREATE TABLE t (a TEXT, rowid TEXT)",
        "INSERT INTO t (_rowid_, a) VALUES (10, 'x'), (20, 'y')",
        "CREATE TABLE t (a TEXT NOT NULL, rowid TEXT)",
        &[
            "PRAGMA foreign_keys = off",
            "CREATE TABLE \"new_t\" (a TEXT NOT NULL, rowid TEXT)",
            "INSERT INTO \"new_t\" (_rowid_, \"a\", \"rowid\") SELECT _rowid_, \"a\", \"rowid\" FROM \"t\"",
            "DROP TABLE \"t\"",
            "ALTER TABLE \"new_t\" RENAME TO \"t\"",
            "PRAGMA foreign_keys = on",
        ],
        "SELECT _rowid_, a FROM t",
        "10,x 20,y",
    )
    .await;
}

/// A table that differs from its fellows in everything that plans can change.
#[derive(Debug, Clone)]
struct Column {
    name: &'static str,
    rest: &'static str,
}

fn column() -> impl Strategy<Value = Column> {
    let rest = prop::sample::select(vec![
        "INT",
        "TEXT",
        "VARCHAR(10)",
        "TEXT NOT NULL DEFAULT 'x'",
        "INT DEFAULT 3",
        "REAL DEFAULT (1 + 1)",
        "TEXT UNIQUE",
        "TEXT COLLATE NOCASE",
        "INT CHECK (id > 0)",
        "INT REFERENCES parent (id) ON DELETE SET NULL",
        "TEXT AS (id || '!')",
        "TEXT AS (id || '?') STORED",
        "TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
    ]);
    (
        prop::sample::select(vec!["a", "b", "c", "d d", "select"]),
        rest,
    )
        .prop_map(|(name, rest)| Column { name, rest })
}

prop_compose! {
    fn table(name: &'static str)(
        is_there in prop::bool::weighted(0.8),
        mut columns in prop::collection::vec(column(), 0..4),
        key in prop::sample::select(vec!["INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT", "INT NOT NULL PRIMARY KEY", "INTEGER NOT NULL"]),
        constraint in prop::sample::select(vec!["", "", ", CHECK (id < 1000)", ", CONSTRAINT few CHECK (id < 900)", ", UNIQUE (id)", ", CONSTRAINT self FOREIGN KEY (id) REFERENCES parent"]),
        strictly in prop::sample::select(vec!["", "", "", " WITHOUT ROWID"]),
        index in prop::sample::select(vec!["", "(id)", "(id DESC)", "(lower(id))", "(id) WHERE id > 3"]),
        view in any::<bool>(),
        trigger in any::<bool>(),
    ) -> String {
        if !is_there {
            return String::new();
        }
        columns.sort_by_key(|column| column.name);
        columns.dedup_by_key(|column| column.name);
        // SQLite's own rules.
        let without_rowid = key.contains("PRIMARY KEY") && !key.contains("AUTOINCREMENT");
        let strictly = if without_rowid { strictly } else { "" };
        let mut text = format!("CREATE TABLE {name} (id {key}");
        for Column { name, rest } in &columns {
            let _ = write!(text, ", \"{name}\" {rest}");
        }
        let _ = writeln!(text, "{constraint}){strictly};");
        if !index.is_empty() {
            let _ = writeln!(text, "CREATE INDEX by_{name} ON {name} {index};");
        }
        if view {
            let _ = writeln!(text, "CREATE VIEW v_{name} AS SELECT id FROM {name};");
        }
        if trigger {
            let _ = writeln!(text, "CREATE TRIGGER t_{name} AFTER UPDATE ON {name} BEGIN SELECT id FROM {name}; END;");
        }
        text
    }
}

fn schema() -> impl Strategy<Value = String> {
    (table("parent"), table("child"), table("other"))
        .prop_map(|(one, two, three)| one + &two + &three)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_leads_where_it_should_and_rows_survive(from in schema(), to in schema()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut session = memory().await;
            let tables = ["parent", "child", "other"];
            let has = |text: &str, table: &str| text.contains(&format!("CREATE TABLE {table} "));
            bring(&mut session, &from, Settings::default()).await;
            session.execute("PRAGMA foreign_keys = off").await.expect("allowed");
            for table in tables.into_iter().filter(|table| has(&from, table)) {
                session.execute(&format!("INSERT INTO {table} (id) VALUES (5)")).await.expect("a good row");
            }
            // Rows that would refer to nothing are refused, and all is as it was.
            let refused = try_to_bring(&mut session, &to, Settings::default()).await.is_err();
            for table in tables {
                if has(&from, table) && (refused || has(&to, table)) {
                    assert_eq!(rows(&mut session, &format!("SELECT id FROM {table}")).await, "5", "{table}");
                }
            }
        });
    }
}
