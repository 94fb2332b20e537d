//! Runs a PostgreSQL and a MariaDB for a person or a script.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::Parser;
use tidegate_kit::mariadb::MariaDb;
use tidegate_kit::postgres::Postgres;

/// Runs throw-away database servers on loopback, each with an empty database `shop`.
///
/// Prints the address of one on each line when they are ready, then runs until a signal comes, and takes everything down again.
#[derive(Debug, Parser)]
struct Args {}

fn main() -> anyhow::Result<()> {
    Args::parse();
    let postgres = Postgres::start()?;
    postgres
        .psql("postgres", "CREATE DATABASE shop")?
        .ok()
        .context("making a database on PostgreSQL")?;
    let mariadb = MariaDb::start()?;
    mariadb.sql("", "CREATE DATABASE shop")?;
    writeln!(
        io::stdout(),
        "{}\n{}",
        postgres.url("shop", "search_path=public"),
        mariadb.url("shop")
    )
    .context("printing the addresses")?;
    // Signals need no handler: the servers' guards see this process go.
    loop {
        std::thread::park();
    }
}
