//! Second part of `make bench`: what bringing schemas about costs, by the command line and in a cluster.
//!
//! Seconds are of the program's processors, not of the servers behind it: those do the same work for every client.
#![expect(clippy::print_stdout, reason = "the tables are the output")]

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use tidegate_load::server::Bench;
use tidegate_load::table::{machine_load, print};

mod cluster;
mod command_line;
mod databases;

use databases::ENGINES;

/// What SQLite alone takes is measured in this program, with the allocator that the one that is measured has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the optimised program on databases of its own and on a control plane of its own.
#[derive(Debug, Parser)]
struct Args {
    /// The program to measure.
    #[arg(long)]
    tidegate: PathBuf,
    /// How many times everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only this engine: sqlite, postgres or mariadb.
    #[arg(long)]
    engine: Option<String>,
    /// The most tables.
    #[arg(long, default_value_t = 1000)]
    tables: usize,
    /// Leave out the cluster.
    #[arg(long)]
    skip_cluster: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let bench = Bench::new(args.tidegate.clone())?;
    println!("load average before: {}", machine_load());
    let mut rows = Vec::new();
    for engine in ENGINES {
        if args.engine.as_deref().is_none_or(|only| only == engine) {
            let folder = bench.folder.path();
            rows.extend(command_line::measure(&args, folder, engine)?);
        }
    }
    if !args.skip_cluster {
        rows.extend(cluster::measure(&args, &bench).await?);
    }
    print("Figures and targets", &rows);
    println!("load average after: {}", machine_load());
    Ok(())
}

fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}
