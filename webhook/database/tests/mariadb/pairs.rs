//! Pairs of schemas, there and back: what is applied is what was wanted, twice is once, and rows stay.
//!
//! `pairs.sql` has them. Each begins with `-- == name`; what follows is the first schema, behind `-- to` the second. `-- rows` puts rows in
//! between, `-- keeps QUERY` asks something that has to be answered alike before and after, and `-- loses` says that the plan has to be marked
//! destructive, as all others may not be. `-- mariadb REASON` leaves the pair out on MySQL, and `-- mysql REASON` on MariaDB.

use anyhow::{Context as _, anyhow, bail, ensure};
use tidegate_database::{Session, TransactionMode};
use tidegate_schemaplan::{Catalog, Plan, Settings, plan, wanted};
use tidegate_sqlplan::{Dialect, Script};

use crate::servers::{Server, each, open, say};

#[derive(Debug, Default, Clone)]
struct Pair {
    name: String,
    from: String,
    to: String,
    rows: String,
    keeps: Vec<String>,
    loses: bool,
    /// The one server that it is for, and why not for the other.
    only: Option<(Dialect, String)>,
}

fn pairs() -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut part = 0;
    for line in include_str!("pairs.sql").lines() {
        if let Some(name) = line.strip_prefix("-- == ") {
            pairs.push(Pair {
                name: name.to_owned(),
                ..Pair::default()
            });
            part = 0;
            continue;
        }
        let Some(pair) = pairs.last_mut() else {
            continue;
        };
        match line {
            "-- rows" => part = 1,
            "-- to" => part = 2,
            "-- loses" => pair.loses = true,
            _ => {
                let said = |word: &str| line.strip_prefix(word).map(str::to_owned);
                if let Some(query) = said("-- keeps ") {
                    pair.keeps.push(query);
                } else if let Some(reason) = said("-- mariadb ") {
                    pair.only = Some((Dialect::Mariadb, reason));
                } else if let Some(reason) = said("-- mysql ") {
                    pair.only = Some((Dialect::Mysql, reason));
                } else {
                    let text = match part {
                        0 => &mut pair.from,
                        1 => &mut pair.rows,
                        _ => &mut pair.to,
                    };
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    pairs
}

pub(crate) fn statements(dialect: Dialect, text: &str) -> Vec<String> {
    let script = Script::new(text, dialect);
    assert_eq!(script.problems(), [], "{text}");
    script
        .statements()
        .map(|statement| statement.sql().to_owned())
        .collect()
}

/// Makes the database what the text says, and sees that it is.
pub(crate) async fn bring(session: &mut Session, text: &str) -> anyhow::Result<Plan> {
    let texts = [("schema.sql".to_owned(), text.to_owned())];
    let dialect = session.engine().dialect;
    let wanted = wanted(&texts, dialect).map_err(|problems| anyhow!("{problems:?}"))?;
    let settings = Settings {
        renames: wanted.renames,
        ..Settings::default()
    };
    let desired = session.desired(&wanted.statements, None).await?;
    let current = session.inspect().await?;
    let planned =
        plan(&current, &desired, &settings).map_err(|refusals| anyhow!("refused: {refusals:?}"))?;
    let shown: Vec<&str> = planned
        .statements
        .iter()
        .map(|statement| statement.sql.as_str())
        .collect();
    let before = session.fingerprint().await?;
    session
        .apply(&planned.statements, TransactionMode::File)
        .await
        .with_context(|| format!("the plan {shown:#?}"))?;
    let looked = session.look(None).await?;
    let told = session.fingerprint().await?;
    ensure!(
        looked.fingerprint.is_none() || looked.fingerprint == told,
        "what is read and what the server tells of it differ"
    );
    // MySQL has no fingerprint.
    ensure!(
        told != before || shown.is_empty() || dialect == Dialect::Mysql,
        "the fingerprint does not tell of {shown:#?}"
    );
    let after = looked.catalog;
    let again =
        plan(&after, &desired, &settings).map_err(|refusals| anyhow!("refused: {refusals:?}"))?;
    ensure!(
        again.statements.is_empty(),
        "after {shown:#?} there is still to do: {:#?}",
        again.statements
    );
    ensure!(
        after.without_what_moves() == desired.without_what_moves(),
        "after {shown:#?} the database is\n{after:#?}\nand not\n{desired:#?}"
    );
    ensure!(
        column_order(&after) == column_order(&desired),
        "after {shown:#?} columns are in another order"
    );
    Ok(planned)
}

fn column_order(catalog: &Catalog) -> Vec<Vec<&String>> {
    catalog
        .schemas
        .values()
        .flat_map(|schema| schema.tables.values())
        .map(|table| table.columns.keys().collect())
        .collect()
}

async fn there(server: Server, pair: &Pair, database: &str) -> anyhow::Result<()> {
    let mut session = open(server, database).await?;
    bring(&mut session, &pair.from)
        .await
        .context("the first schema")?;
    server.sql(database, &pair.rows).context("its rows")?;
    let ask = || -> anyhow::Result<Vec<String>> {
        pair.keeps
            .iter()
            .map(|query| server.sql(database, query))
            .collect()
    };
    let before = ask()?;
    let planned = bring(&mut session, &pair.to)
        .await
        .context("the second schema")?;
    let after = ask()?;
    ensure!(before == after, "rows changed from {before:?} to {after:?}");
    let loses = planned
        .statements
        .iter()
        .any(|statement| statement.destructive);
    if loses != pair.loses {
        bail!("destructive is {loses}: {:#?}", planned.statements);
    }
    Ok(())
}

async fn back(server: Server, pair: &Pair, database: &str) -> anyhow::Result<()> {
    let mut session = open(server, database).await?;
    bring(&mut session, &pair.to)
        .await
        .context("the second schema")?;
    bring(&mut session, &pair.from)
        .await
        .context("back to the first schema")?;
    Ok(())
}

#[tokio::test]
async fn every_pair_is_brought_about() {
    let pairs = pairs();
    assert!(pairs.len() >= 80, "{}", pairs.len());
    for server in each() {
        all(server, &pairs).await;
    }
}

async fn all(server: Server, pairs: &[Pair]) {
    let only = std::env::var("PAIR").unwrap_or_default();
    let mut failed = Vec::new();
    for (number, pair) in pairs.iter().enumerate() {
        if !pair.name.contains(&only) {
            continue;
        }
        if let Some((dialect, reason)) = &pair.only
            && *dialect != server.dialect()
        {
            // Of MariaDB's own there is only to say where somebody wanted MySQL.
            if server.is_mysql() {
                say(&format!("not run on MySQL 8: {}: {reason}", pair.name));
            }
            continue;
        }
        if let Err(error) = there(server, pair, &format!("pair_{number}")).await {
            failed.push(format!("== {}\n{error:#}\n", pair.name));
        }
        if let Err(error) = back(server, pair, &format!("pair_{number}_back")).await {
            failed.push(format!("== {} (back)\n{error:#}\n", pair.name));
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed on {}\n{}",
        failed.len(),
        server.dialect(),
        failed.join("\n")
    );
    let left = server
        .sql("", "SHOW DATABASES LIKE 'tidegate\\_scratch%'")
        .expect("an answer");
    assert_eq!(left, "", "scratch databases are dropped");
}
