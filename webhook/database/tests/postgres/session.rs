//! What a session does besides planning: refuses, tries out without a trace, stops half-way, locks.

use std::time::Duration;

use tidegate_database::{Address, Limits, Session, TransactionMode};
use tidegate_kit::Postgres;
use tidegate_schemaplan::{RenameHint, Settings, Statement, plan};

use crate::support::{bound, limits, open, plan_to, reach, statements, whole};

fn settings() -> Settings {
    Settings::default()
}

async fn refusal(session: &mut Session, wanted: &str) -> String {
    match session.desired(&statements(wanted), None).await {
        Ok(catalog) => format!("not refused: {catalog:?}"),
        Err(error) => error.to_string(),
    }
}

fn sql(plan: &tidegate_schemaplan::Plan) -> Vec<&str> {
    plan.statements.iter().map(|one| one.sql.as_str()).collect()
}

/// A server of its own: somebody else's new role is another fingerprint too.
#[tokio::test]
async fn the_fingerprint_stays_while_nobody_changes_the_schema() -> anyhow::Result<()> {
    let server = Postgres::start()?;
    let name = server.database()?;
    let wanted = "CREATE TABLE t (a integer PRIMARY KEY, b text DEFAULT 'x'); CREATE SEQUENCE s; \
        CREATE MATERIALIZED VIEW m AS SELECT a FROM t";
    let mut session = open(&server.url(&name, "")).await?;
    reach(&mut session, wanted, &settings()).await?;
    let before = session.fingerprint().await?;
    assert!(before.is_some());
    for script in [
        "INSERT INTO t VALUES (1); UPDATE t SET b = 'y'; SELECT nextval('s')",
        "ANALYZE",
        "VACUUM",
        "BEGIN; ALTER TABLE t ADD COLUMN c integer; ROLLBACK",
    ] {
        server.psql(&name, script)?.ok()?;
        assert_eq!(session.fingerprint().await?, before, "{script}");
    }
    let (desired, plan) = plan_to(&mut session, wanted, &settings()).await?;
    assert!(plan.statements.is_empty(), "{desired:?}");
    assert_eq!(session.fingerprint().await?, before, "trying out");
    // What was there before anybody came is told too.
    server
        .psql(&name, "COMMENT ON SCHEMA public IS 'ours'")?
        .ok()?;
    assert_ne!(session.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn trying_out_leaves_nothing_behind_and_touches_nothing() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (database, mut session) = bound().await?;
    reach(&mut session, "CREATE TABLE t (a integer)", &settings()).await?;
    server
        .psql(&database, "INSERT INTO app.t VALUES (1)")?
        .ok()?;
    for (wanted, said) in [
        (
            "DROP TABLE app.t",
            "statement 1 of the wanted schema: table \"t\" does not exist",
        ),
        (
            "DO $$ BEGIN EXECUTE format('CREATE TABLE public.%I (a integer)', 'u'); END $$",
            "it changes public.u",
        ),
        (
            "CREATE TABLE u (a integer); CREATE TABLE u ()",
            "statement 2 of the wanted schema: relation \"u\" already exists",
        ),
        (
            "CREATE TABLE public.u (a integer)",
            "is about the schema \"public\"",
        ),
        ("COPY t FROM '/etc/passwd'", "reaches files"),
        ("ALTER SYSTEM SET fsync = off", "changes the server"),
        ("CREATE ROLE x", "accounts"),
        (
            "CREATE VIEW v AS SELECT 1; ROLLBACK",
            "ends or begins a transaction",
        ),
    ] {
        let error = refusal(&mut session, wanted).await;
        assert!(error.contains(said), "{wanted}: {error}");
    }
    // What is hidden from all of that is undone.
    let hidden = "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'app' || '.t'; END $$";
    refusal(&mut session, hidden).await;
    let left =
        "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tidegate%'; SELECT a FROM app.t";
    assert_eq!(server.psql(&database, left)?.ok()?, "0\n1\n");
    Ok(())
}

#[tokio::test]
async fn what_is_there_but_not_written_is_no_part_of_what_is_wanted() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    server
        .psql(
            &database,
            "CREATE EXTENSION citext; CREATE TABLE other (id integer PRIMARY KEY)",
        )?
        .ok()?;
    let mut session = open(&server.url(&database, "search_path=public")).await?;
    // The extension is in the schema itself, so the schema is on the path; a table of it must not be found through that.
    let error = refusal(
        &mut session,
        "CREATE TABLE t (a citext, b integer REFERENCES other)",
    )
    .await;
    assert!(error.contains("public.other"), "{error}");
    let error = refusal(&mut session, "CREATE VIEW v AS SELECT id FROM other").await;
    assert!(error.contains("needs public.other"), "{error}");
    let both = "CREATE TABLE public.other (id integer PRIMARY KEY); CREATE TABLE t (a citext, b integer REFERENCES public.other)";
    reach(&mut session, both, &settings()).await?;
    Ok(())
}

#[tokio::test]
async fn a_scratch_database_goes_away_and_so_do_those_of_crashed_runs() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (_, mut session) = whole().await?;
    server
        .psql("postgres", "CREATE DATABASE tidegate_dev_1000_1")?
        .ok()?;
    reach(
        &mut session,
        "CREATE SCHEMA a; CREATE TABLE a.t (x integer)",
        &settings(),
    )
    .await?;
    let error = refusal(&mut session, "CREATE TABLE t (a nowhere)").await;
    assert!(error.contains("\"nowhere\" does not exist"), "{error}");
    // Those of other tests that run now are younger.
    let left = "SELECT count(*) FROM pg_database WHERE datname = 'tidegate_dev_1000_1'";
    assert_eq!(server.psql("postgres", left)?.ok()?, "0\n");
    Ok(())
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let make = format!(
        "CREATE ROLE limited_{database} LOGIN PASSWORD 'moonlight'; CREATE SCHEMA app AUTHORIZATION limited_{database}"
    );
    server.psql(&database, &make)?.ok()?;
    let user = format!("limited_{database}");
    let url = |parameters: &str| server.url_as(&user, "moonlight", &database, parameters);
    let mut session = open(&url("search_path=app")).await?;
    let error = refusal(&mut session, "CREATE TABLE t (a integer)").await;
    let remedy = format!("GRANT CREATE ON DATABASE \"{database}\" TO \"{user}\"");
    assert!(error.contains(&remedy), "{error}");
    let mut session = open(&url("")).await?;
    let error = refusal(&mut session, "CREATE TABLE t (a integer)").await;
    assert!(
        error.contains(&format!("ALTER ROLE \"{user}\" CREATEDB")),
        "{error}"
    );
    // With a development database nothing needs to be granted.
    let dev = server.database()?;
    let mut dev = open(&server.url(&dev, "")).await?;
    let wanted = statements("CREATE TABLE app.t (a integer)");
    assert!(
        session.desired(&wanted, Some(&mut dev)).await.is_err(),
        "the schema is not made in it"
    );
    let wanted = statements("CREATE SCHEMA app; CREATE TABLE app.t (a integer)");
    let desired = session.desired(&wanted, Some(&mut dev)).await?;
    assert_eq!(desired.schemas["app"].tables.len(), 1);
    assert!(dev.inspect().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_development_database_has_to_be_empty() -> anyhow::Result<()> {
    let (_, mut session) = bound().await?;
    let (_, mut dev) = bound().await?;
    let wanted = statements("CREATE TABLE app.t (a integer)");
    let desired = session.desired(&wanted, Some(&mut dev)).await?;
    assert_eq!(desired, session.desired(&wanted, None).await?);
    reach(&mut dev, "CREATE TABLE mine (a integer)", &settings()).await?;
    let error = session
        .desired(&wanted, Some(&mut dev))
        .await
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("the table mine"), "{error}");
    Ok(())
}

#[tokio::test]
async fn connecting_fails_with_words_and_without_secrets() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let port = server.port();
    for (url, said) in [
        (
            server.url_as("tide", "hunter2", "postgres", ""),
            "password authentication failed",
        ),
        (server.url("nowhere", ""), "does not exist"),
        (
            format!("postgres://tide:hunter2@127.0.0.1:{port}/postgres?sslmode=require"),
            "TLS",
        ),
        (
            "postgres://tide:hunter2@127.0.0.1:1/postgres?sslmode=disable".to_owned(),
            "127.0.0.1:1/postgres",
        ),
    ] {
        let error = open(&url).await.map(drop).unwrap_err();
        let shown = format!("{error:#} {error:?}");
        assert!(shown.contains(said), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("low-and-high"),
            "{shown}"
        );
    }
    let missing = open(&server.url("postgres", "search_path=nowhere")).await?;
    let error = { missing }.inspect().await.unwrap_err().to_string();
    assert!(error.contains("no schema \"nowhere\""), "{error}");
    Ok(())
}

fn run(sql: &str, alone: bool) -> Statement {
    Statement {
        sql: sql.to_owned(),
        alone,
        ..Statement::default()
    }
}

#[tokio::test]
async fn a_failed_statement_is_named_and_says_what_stays() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (database, mut session) = bound().await?;
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'app'";
    let mut many: Vec<Statement> = (0..200)
        .map(|n| run(&format!("CREATE TABLE t{n} (a integer)"), false))
        .collect();
    many.insert(150, run("CREATE TABLE t0 (a integer)", false));
    let error = session
        .apply(&many, TransactionMode::File)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(
            "statement 151 of 201 failed: relation \"t0\" already exists; nothing was changed"
        ),
        "{error}"
    );
    assert_eq!(server.psql(&database, tables)?.ok()?, "0\n");

    let error = session
        .apply(&many, TransactionMode::None)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("statement 151 of 201")
            && error.contains("statements 1 to 150 had been committed"),
        "{error}"
    );
    assert_eq!(server.psql(&database, tables)?.ok()?, "150\n");

    let mixed = [
        run("CREATE INDEX CONCURRENTLY i ON t0 (a)", true),
        run("CREATE TABLE v (a integer)", false),
        run("SELECT 1/0", false),
    ];
    let error = session
        .apply(&mixed, TransactionMode::File)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("statement 3 of 3") && error.contains("statement 1 had been committed"),
        "{error}"
    );
    // The session goes on.
    session.apply(&mixed[1..2], TransactionMode::All).await?;
    Ok(())
}

#[tokio::test]
async fn somebody_elses_lock_is_waited_for_and_then_named() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (database, mut one) = bound().await?;
    reach(&mut one, "CREATE TABLE t (a integer)", &settings()).await?;
    one.execute("BEGIN").await?;
    one.execute("LOCK TABLE t").await?;
    let hasty = Limits {
        wait_for_lock: Duration::from_millis(50),
        ..limits()
    };
    let url = Address::parse(&server.url(&database, "search_path=app"))?;
    let mut two = Session::open(&url, &hasty).await?;
    let error = two
        .apply(
            &[run("ALTER TABLE t ADD b integer", false)],
            TransactionMode::File,
        )
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("somebody else holds a lock"),
        "{error}"
    );
    one.execute("ROLLBACK").await?;

    one.lock("atlas_migrate_execute", Duration::ZERO).await?;
    let error = two
        .lock("atlas_migrate_execute", Duration::from_millis(60))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("locked by somebody else"),
        "{error}"
    );
    two.lock("another", Duration::ZERO).await?;
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 2686470616";
    assert_eq!(server.psql(&database, held)?.ok()?, "1\n");
    one.unlock("atlas_migrate_execute").await?;
    two.lock("atlas_migrate_execute", Duration::ZERO).await?;
    Ok(())
}

#[tokio::test]
async fn what_can_lose_rows_is_marked() -> anyhow::Result<()> {
    let (_, mut session) = bound().await?;
    let old = "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (a integer, b text, c integer, m mood, g integer GENERATED ALWAYS AS (a) STORED); CREATE TABLE u (a integer); CREATE SEQUENCE s; CREATE INDEX i ON t (a)";
    reach(&mut session, old, &settings()).await?;
    for (new, destructive) in [
        (old.replace("c integer, ", ""), true),
        (old.replace("b text", "b varchar(5)"), true),
        (old.replace("c integer, ", "c bigint, "), false),
        (old.replace("'b')", "'b', 'c')"), false),
        (old.replace("'a', 'b')", "'b')"), true),
        (old.replace("CREATE TABLE u (a integer);", ""), true),
        (old.replace("CREATE SEQUENCE s;", ""), true),
        (old.replace("; CREATE INDEX i ON t (a)", ""), false),
        (
            old.replace(", g integer GENERATED ALWAYS AS (a) STORED", ""),
            false,
        ),
        (
            old.replace("c integer, ", "c integer NOT NULL DEFAULT 5, "),
            false,
        ),
    ] {
        let (_, plan) = plan_to(&mut session, &new, &settings()).await?;
        assert!(!plan.statements.is_empty(), "{new}");
        let marked = plan.statements.iter().any(|one| one.destructive);
        assert_eq!(marked, destructive, "{:#?}", plan.statements);
    }
    Ok(())
}

#[tokio::test]
async fn indexes_are_made_without_blocking_where_it_is_asked_for() -> anyhow::Result<()> {
    let (_, mut session) = bound().await?;
    let concurrently = Settings {
        concurrent_index_create: true,
        concurrent_index_drop: true,
        ..settings()
    };
    reach(
        &mut session,
        "CREATE TABLE t (a integer, b integer); CREATE INDEX one ON t (a)",
        &concurrently,
    )
    .await?;
    let new = "CREATE TABLE t (a integer, b integer, c integer); CREATE INDEX CONCURRENTLY two ON t (b); CREATE TABLE u (a integer); CREATE INDEX three ON u (a)";
    let plan = reach(&mut session, new, &concurrently).await?;
    assert_eq!(
        sql(&plan),
        [
            "DROP INDEX CONCURRENTLY \"one\"",
            "ALTER TABLE \"t\" ADD COLUMN \"c\" integer",
            "CREATE INDEX CONCURRENTLY \"two\" ON \"t\" (\"b\")",
            "CREATE TABLE \"u\" (\n  \"a\" integer\n)",
            "CREATE INDEX \"three\" ON \"u\" (\"a\")",
        ]
    );
    let alone: Vec<bool> = plan.statements.iter().map(|one| one.alone).collect();
    assert_eq!(alone, [true, false, true, false, false]);
    Ok(())
}

#[tokio::test]
async fn renames_that_are_hinted_keep_rows() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (database, mut session) = bound().await?;
    let old = "CREATE TABLE orders (id serial PRIMARY KEY, total integer CHECK (total > 0), code text UNIQUE); CREATE TABLE items (o integer REFERENCES orders); CREATE INDEX orders_total_idx ON orders (total); CREATE VIEW v AS SELECT total FROM orders";
    reach(&mut session, old, &settings()).await?;
    server
        .psql(
            &database,
            "INSERT INTO app.orders (total) VALUES (7); INSERT INTO app.items VALUES (1)",
        )?
        .ok()?;
    let renames = Settings {
        renames: vec![
            RenameHint {
                from: "orders".to_owned(),
                to: "purchases".to_owned(),
            },
            RenameHint {
                from: "purchases.total".to_owned(),
                to: "amount".to_owned(),
            },
        ],
        ..settings()
    };
    let new = "CREATE TABLE purchases (id serial PRIMARY KEY, amount integer CHECK (amount > 0), code text UNIQUE); CREATE TABLE items (o integer REFERENCES purchases); CREATE INDEX purchases_amount_idx ON purchases (amount); CREATE VIEW v AS SELECT amount FROM purchases";
    let plan = reach(&mut session, new, &renames).await?;
    assert!(
        !plan.statements.iter().any(|one| one.destructive),
        "{plan:#?}"
    );
    assert_eq!(
        server
            .psql(&database, "SELECT amount FROM app.v JOIN app.items ON true")?
            .ok()?,
        "7\n"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_changed_in_place_is_refused_with_its_reason() -> anyhow::Result<()> {
    let (_, mut session) = bound().await?;
    let old = "CREATE TABLE m (a integer, b integer) PARTITION BY RANGE (a); ALTER TABLE m FORCE ROW LEVEL SECURITY; CREATE TYPE c AS (x integer, y integer); CREATE TYPE r AS RANGE (SUBTYPE = integer); CREATE TYPE o AS (c c); CREATE TABLE u (c c, r r, o o)";
    reach(&mut session, old, &settings()).await?;
    for (new, said) in [
        (
            old.replace("RANGE (a)", "LIST (b)"),
            "table m: the partition key cannot be changed from RANGE (a) to LIST (b)",
        ),
        (
            old.replace("(x integer, y integer)", "(y integer, x integer)"),
            "composite type c: attributes can only be added at the end",
        ),
        (
            old.replace("(x integer, y integer)", "(x bigint, y integer)"),
            "composite type c: it has to be made anew, and the composite type o is made of it",
        ),
        (
            old.replace("(a integer, b integer)", "(a bigint, b integer)"),
            "column m.a: it is part of the partition key",
        ),
        (
            old.replace("SUBTYPE = integer", "SUBTYPE = bigint"),
            "range type r: it cannot be changed in place",
        ),
    ] {
        let error = plan_to(&mut session, &new, &settings())
            .await
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_managed_is_named_and_left_alone() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let (database, mut session) = bound().await?;
    let script = "SET search_path = app; CREATE TABLE t (a integer); GRANT SELECT ON t TO PUBLIC; \
         CREATE PUBLICATION ours FOR TABLE t; CREATE TYPE unfinished; CREATE OPERATOR FAMILY alike USING hash";
    server.psql(&database, script)?.ok()?;
    let plan = reach(&mut session, "CREATE TABLE t (a integer)", &settings()).await;
    let error = plan.map(drop).unwrap_err().to_string();
    assert!(
        error.contains("leads elsewhere"),
        "they stay, so the catalogs differ: {error}"
    );
    let current = session.inspect().await?;
    let desired = session
        .desired(&statements("CREATE TABLE t (a integer)"), None)
        .await?;
    let made = plan_of(&current, &desired);
    assert!(made.statements.is_empty(), "{made:?}");
    for what in [
        "rights on tables",
        "publication ours of ",
        "shell type unfinished",
        "operator family alike of 0 operators and 0 functions",
    ] {
        assert!(
            made.not_managed.iter().any(|line| line.contains(what)),
            "{made:?}"
        );
    }
    Ok(())
}

fn plan_of(
    current: &tidegate_schemaplan::Catalog,
    desired: &tidegate_schemaplan::Catalog,
) -> tidegate_schemaplan::Plan {
    plan(current, desired, &settings()).unwrap_or_default()
}

#[tokio::test]
async fn questions_are_answered_as_text() -> anyhow::Result<()> {
    let (_, mut session) = bound().await?;
    // What was asked before has no limits left behind.
    reach(&mut session, "CREATE TABLE t (a integer)", &settings()).await?;
    for setting in ["statement_timeout", "lock_timeout"] {
        let rows = session.query(&format!("SHOW {setting}"), &[]).await?;
        assert_eq!(rows, [vec![Some("0".to_owned())]], "{setting}");
    }
    let rows = session
        .query(
            "SELECT $1 || $2, NULL, 1 + 1, now() IS NULL",
            &["it's \\ ", "$1"],
        )
        .await?;
    let expected = [Some("it's \\ $1"), None, Some("2"), Some("f")];
    assert_eq!(
        rows,
        [expected.map(|value| value.map(str::to_owned)).to_vec()]
    );
    Ok(())
}
