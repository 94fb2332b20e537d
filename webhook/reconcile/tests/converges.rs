//! What is decided, run on real SQLite, and decided again: the second time there must be nothing left to do.
//!
//! This is the law that keeps a reconciler from working for ever. It ties the three readers of a schema together: the wanted text as
//! `sqlplan` reads it, the statements as SQLite runs them, and the text that SQLite keeps of the result.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use proptest::prelude::*;
use tidegate_database::{Address, Databases, Session};
use tidegate_model::ObjectKey;
use tidegate_reconcile::schema::{Seen, Sides, Snapshot, Status, Step, Wish, decide};
use tidegate_reconcile::{Drift, Pacing};
use tidegate_schemaplan::Statement;

fn snapshot(seen: Seen) -> Snapshot {
    Snapshot {
        key: ObjectKey {
            group: "g".into(),
            kind: "AtlasSchema".into(),
            namespace: None,
            name: "app".into(),
        },
        generation: 1,
        deleting: false,
        status: Status::default(),
        approved: None,
        drift: Drift::Repair,
        wish: Ok(Wish::default()),
        seen: Ok(seen),
    }
}

/// The statements that lead from what is there to `wanted`; an error with the condition's message when it is refused.
async fn planned(session: &mut Session, wanted: &str) -> Result<(Seen, Vec<Statement>)> {
    let texts = [("wanted".to_owned(), wanted.to_owned())];
    let read = tidegate_schemaplan::wanted(&texts, session.engine().dialect);
    let read = read.map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let seen = Seen {
        place: "here".to_owned(),
        engine: session.engine(),
        sides: Some(Sides {
            current: Arc::new(session.inspect().await?),
            fingerprint: session.fingerprint().await?,
            desired: Arc::new(session.desired(&read.statements, None).await?),
            losses: Vec::new(),
        }),
    };
    let steps = decide(
        &snapshot(seen.clone()),
        Timestamp::UNIX_EPOCH,
        &Pacing::default(),
    );
    for step in steps {
        match step {
            Step::Apply { statements, .. } => return Ok((seen, statements)),
            Step::WriteStatus(status) if status.failed > 0 => {
                let message = status.conditions.into_iter().next();
                let message = message.map(|ready| ready.message);
                anyhow::bail!("refused: {}", message.unwrap_or_default());
            }
            _ => {}
        }
    }
    Ok((seen, Vec::new()))
}

/// Brings the database to `wanted` and checks that nothing is left to do. Returns how many statements ran.
async fn bring(session: &mut Session, wanted: &str) -> Result<usize> {
    let (seen, statements) = planned(session, wanted)
        .await
        .with_context(|| wanted.to_owned())?;
    if let (Some(sides), false) = (&seen.sides, statements.is_empty()) {
        let mode = tidegate_database::TransactionMode::File;
        session
            .apply_to(&sides.planned_from(), &statements, mode)
            .await
            .with_context(|| format!("{statements:#?}"))?;
    }
    let (seen, left) = planned(session, wanted).await?;
    anyhow::ensure!(
        left.is_empty(),
        "left to do: {left:#?}\nwanted: {wanted}\nthere: {seen:#?}"
    );
    Ok(statements.len())
}

async fn memory() -> Result<Session> {
    let address = Address::parse("sqlite://x?mode=memory")?;
    Ok(Databases::default().open(&address).await?)
}

#[tokio::test]
async fn what_people_write_converges() -> Result<()> {
    // Each line is a life: one wanted schema after the other, and how many statements each takes.
    let lives: &[&[(&str, usize)]] = &[
        &[
            ("CREATE TABLE t (a INTEGER PRIMARY KEY)", 1),
            ("create table T (A integer primary key);", 0),
        ],
        &[
            ("CREATE TABLE IF NOT EXISTS t (a int)", 1),
            ("CREATE TABLE IF NOT EXISTS t (a int, b int)", 1),
        ],
        &[
            ("CREATE TABLE `t` (`a` int, [b c] text)", 1),
            (r#"CREATE TABLE "t" ("a" INT, "b c" TEXT, "d e" TEXT)"#, 1),
        ],
        &[
            (
                "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE, UNIQUE (a, b))",
                1,
            ),
            (
                "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE, c BLOB, UNIQUE (a, b))",
                1,
            ),
        ],
        &[
            ("CREATE TABLE t (a INT)", 1),
            (
                "CREATE TABLE t (a INT, b TEXT NOT NULL DEFAULT 'it''s', c INT DEFAULT -1, d REAL DEFAULT 1.5e3, e TEXT COLLATE NOCASE)",
                4,
            ),
            (
                "CREATE TABLE t (a INT, b TEXT NOT NULL DEFAULT 'it''s', c INT DEFAULT (-1), d REAL DEFAULT 1.5e3, e TEXT COLLATE nocase)",
                0,
            ),
        ],
        &[
            (
                "CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE c (a INT)",
                2,
            ),
            (
                "CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE c (a INT, p INT REFERENCES p (a) ON DELETE CASCADE)",
                1,
            ),
        ],
        &[
            (
                "CREATE TABLE t (a INT CHECK (a > 0), CONSTRAINT small CHECK (a < 9))",
                1,
            ),
            (
                "CREATE TABLE t (a INT CHECK (a > 0), b INT DEFAULT 1 CHECK (b IN (1, 2)), CONSTRAINT small CHECK (a < 9))",
                1,
            ),
        ],
        &[
            (
                "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT AS (lower(a)) STORED) STRICT, WITHOUT ROWID",
                1,
            ),
            (
                "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT AS (lower(a)) STORED, c TEXT GENERATED ALWAYS AS (upper(a)) VIRTUAL) STRICT, WITHOUT ROWID",
                1,
            ),
        ],
        &[
            (
                "CREATE TABLE t (a INT, b TEXT); CREATE UNIQUE INDEX i ON t (a DESC, b COLLATE NOCASE) WHERE b IS NOT NULL",
                2,
            ),
            (
                "CREATE TABLE t (a INT, b TEXT); CREATE UNIQUE INDEX i ON t (a DESC, b COLLATE NOCASE) WHERE b IS NOT NULL; CREATE INDEX j ON t (lower(b))",
                1,
            ),
        ],
        &[
            (
                "-- people\nCREATE TABLE people ( -- all of them\n  id INTEGER PRIMARY KEY, /* the key */\n  name VARCHAR(255) NOT NULL\n);\n",
                1,
            ),
            (
                "CREATE TABLE people (id INTEGER PRIMARY KEY, name varchar(255) NOT NULL, born DATETIME)",
                1,
            ),
        ],
        &[
            ("CREATE TABLE t (a INT); ALTER TABLE t ADD COLUMN b TEXT", 1),
            ("CREATE TABLE t (a INT, b TEXT)", 0),
        ],
        &[
            ("", 0),
            (
                "CREATE TABLE t (a INT DEFAULT CURRENT_TIMESTAMP, b INT DEFAULT (strftime('%s')))",
                1,
            ),
        ],
    ];
    let mut failures = Vec::new();
    for life in lives {
        let mut database = memory().await?;
        for (wanted, expected) in *life {
            match bring(&mut database, wanted).await {
                Ok(ran) if ran == *expected => {}
                Ok(ran) => failures.push(format!("{wanted}: {ran} statements")),
                Err(problem) => failures.push(format!("{problem:#}")),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

/// A table's columns and the indexes on some of them.
fn table() -> impl Strategy<Value = Vec<(&'static str, bool)>> {
    let definition = prop::sample::select(vec![
        "INTEGER",
        "TEXT",
        "TEXT NOT NULL DEFAULT 'x'",
        "NUMERIC(10, 2) DEFAULT 0",
        "BLOB",
        "INT CHECK (1 = 1)",
        "TEXT COLLATE NOCASE",
        "BOOLEAN NOT NULL DEFAULT FALSE",
    ]);
    prop::collection::vec((definition, any::<bool>()), 1..6)
}

/// Table `name` with the first `length` of its columns.
fn text(name: usize, columns: &[(&str, bool)], length: usize) -> String {
    let columns: Vec<_> = columns.iter().take(length.max(1)).enumerate().collect();
    let definitions: Vec<_> = columns
        .iter()
        .map(|(number, (definition, _))| format!("c{number} {definition}"))
        .collect();
    let indexes = columns.iter().filter(|(_, (_, indexed))| *indexed);
    let indexes = indexes
        .map(|(number, _)| format!("CREATE INDEX i{name}_{number} ON t{name} (c{number});\n"));
    format!(
        "CREATE TABLE t{name} ({});\n{}",
        definitions.join(", "),
        indexes.collect::<String>()
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Any growth of any schema, in two steps, ends where a single step from nothing ends.
    #[test]
    fn growth_converges(tables in prop::collection::vec((table(), 0_usize..6), 1..4), first in 0_usize..4) {
        let early: String =
            tables.iter().take(first).enumerate().map(|(name, (columns, length))| text(name, columns, *length)).collect();
        let late: String = tables.iter().enumerate().map(|(name, (columns, _))| text(name, columns, columns.len())).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let outcome = runtime.block_on(async {
            let mut database = memory().await?;
            bring(&mut database, &early).await?;
            bring(&mut database, &late).await
        });
        prop_assert!(outcome.is_ok(), "{:?}", outcome);
    }
}
