//! A real server, one schema or one database for each case.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tidegate_database::{Address, Limits, Session, TransactionMode};
use tidegate_kit::Postgres;
use tidegate_schemaplan::{Catalog, Plan, Settings, plan};
use tidegate_sqlplan::{Dialect, Script};

/// The statements of a script.
pub(crate) fn statements(script: &str) -> Vec<String> {
    let script = Script::new(script, Dialect::Postgres);
    assert!(script.problems().is_empty(), "{:?}", script.problems());
    script
        .statements()
        .map(|statement| statement.sql().to_owned())
        .collect()
}

pub(crate) fn limits() -> Limits {
    Limits {
        wait_for_lock: Duration::from_secs(20),
        ..Limits::default()
    }
}

pub(crate) async fn open(url: &str) -> anyhow::Result<Session> {
    Ok(Session::open(&Address::parse(url)?, &limits()).await?)
}

/// A session bound to the schema `app` of a database of its own.
pub(crate) async fn bound() -> anyhow::Result<(String, Session)> {
    let server = Postgres::shared()?;
    let name = server.database()?;
    server.psql(&name, "CREATE SCHEMA app")?.ok()?;
    let session = open(&server.url(&name, "search_path=app")).await?;
    Ok((name, session))
}

/// A session with the whole of a database of its own.
pub(crate) async fn whole() -> anyhow::Result<(String, Session)> {
    let server = Postgres::shared()?;
    let name = server.database()?;
    let session = open(&server.url(&name, "")).await?;
    Ok((name, session))
}

/// What is wanted, and the plan to it.
pub(crate) async fn plan_to(
    session: &mut Session,
    wanted: &str,
    settings: &Settings,
) -> anyhow::Result<(Catalog, Plan)> {
    let desired = session.desired(&statements(wanted), None).await?;
    let current = session.inspect().await?;
    let plan = plan(&current, &desired, settings).map_err(|refusals| {
        let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("refused: {}", refusals.join("; "))
    })?;
    Ok((desired, plan))
}

/// The law: apply(plan(a, b)) inspects as b, and plan(b, b) is empty; and the fingerprint tells that something was changed. Gives the plan.
pub(crate) async fn reach(
    session: &mut Session,
    wanted: &str,
    settings: &Settings,
) -> anyhow::Result<Plan> {
    let (desired, made) = plan_to(session, wanted, settings).await?;
    let listed: Vec<&str> = made.statements.iter().map(|one| one.sql.as_str()).collect();
    let listed = listed.join(";\n");
    let before = session.fingerprint().await?;
    session
        .apply(&made.statements, TransactionMode::File)
        .await
        .with_context(|| format!("the plan:\n{listed}"))?;
    let found = session.look(None).await?;
    ensure!(
        before.is_some() && (found.fingerprint != before || made.statements.is_empty()),
        "the fingerprint does not tell:\n{listed}"
    );
    let now = found.catalog;
    if now != desired {
        bail!(
            "the plan:\n{listed}\nleads elsewhere:\n{}",
            differing(&shown(&now), &shown(&desired))
        );
    }
    let again =
        plan(&now, &desired, settings).map_err(|refusals| anyhow::anyhow!("{refusals:?}"))?;
    ensure!(again.statements.is_empty(), "again: {again:?}");
    Ok(made)
}

fn shown(catalog: &Catalog) -> String {
    serde_json::to_string_pretty(catalog).unwrap_or_default()
}

/// The lines that only one has.
fn differing(now: &str, wanted: &str) -> String {
    let only = |sign: &str, one: &str, other: &str| {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|o| o == *line));
        let lines: Vec<String> = lines.map(|line| format!("{sign}{line}")).collect();
        lines.join("\n")
    };
    only("is ", now, wanted) + "\n" + &only("should be ", wanted, now)
}
