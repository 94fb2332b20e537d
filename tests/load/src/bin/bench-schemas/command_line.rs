//! What the command line costs: four steps for each engine and size, and how they grow.
//!
//! What is measured is the processor time of the program alone, not of the server behind it, beside what the community `atlas` CLI needed for the same on
//! a machine of this kind. SQLite is part of either program: what its own statements cost is measured beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tidegate_load::table::{Row, Target};
use tidegate_load::tables::Tables;

use crate::databases::Databases;
use crate::{Args, ratios};

const COUNTS: [usize; 3] = [10, 100, 1000];
const STEPS: [&str; 4] = ["first apply", "no-op", "diff of 10 %", "apply of 10 %"];
/// Two of them: those that change something.
const FIRST: usize = 0;
const GROWN: usize = 3;
/// Seconds of processor time of the community CLI, by engine, for [`COUNTS`] and [`STEPS`]; none where it took too long to be measured.
const PEER: [(&str, [[Option<f64>; 4]; 3]); 3] = [
    (
        "sqlite",
        [
            [Some(0.03), Some(0.03), Some(0.02), Some(0.03)],
            [Some(0.11), Some(0.14), Some(0.15), Some(0.15)],
            [Some(4.3), Some(7.46), Some(7.49), Some(8.6)],
        ],
    ),
    (
        "postgres",
        [
            [Some(0.05), Some(0.05), Some(0.05), Some(0.05)],
            [Some(0.2), Some(0.14), Some(0.15), Some(0.14)],
            [Some(1.81), Some(1.29), Some(1.45), None],
        ],
    ),
    (
        "mariadb",
        [
            [Some(0.03), Some(0.03), Some(0.04), Some(0.05)],
            [Some(0.17), Some(0.18), Some(0.14), Some(0.14)],
            [Some(1.52), Some(1.25), None, None],
        ],
    ),
];

/// The four steps for each size, and how they grow.
pub(crate) fn measure(args: &Args, folder: &Path, engine: &str) -> Result<Vec<Row>> {
    let peer = PEER.iter().find(|(name, _)| *name == engine);
    let databases = Databases::start(engine, folder)?;
    let mut spent: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    let mut alone: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    let sizes = || COUNTS.into_iter().filter(|count| *count <= args.tables);
    for round in 0..args.rounds {
        for (size, count) in sizes().enumerate() {
            let url = databases.url(&format!("r{round}_{count}"))?;
            let file = |grown: bool| -> Result<PathBuf> {
                let file = folder.join(format!("{count}-{grown}.sql"));
                std::fs::write(&file, Tables { count, grown }.sql())?;
                Ok(file)
            };
            let (wanted, grown) = (file(false)?, file(true)?);
            let asked = [
                (["apply", "--auto-approve"].as_slice(), &wanted),
                (&["apply", "--auto-approve"], &wanted),
                (&["plan", "--output=sql"], &grown),
                (&["apply", "--auto-approve"], &grown),
            ];
            for (step, (arguments, wanted)) in asked.into_iter().enumerate() {
                let seconds = processor_time(&args.tidegate, arguments, &url, wanted)?;
                spent.entry((step, size)).or_default().push(seconds);
            }
            if engine == "sqlite" {
                let tables = Tables {
                    count,
                    grown: false,
                };
                let file = folder.join(format!("alone_{round}_{count}.db"));
                for (step, sql) in [(FIRST, tables.sql()), (GROWN, tables.growth())] {
                    let seconds = sqlite_alone(&file, &sql)?;
                    alone.entry((step, size)).or_default().push(seconds);
                }
            }
        }
    }
    let mut rows = Vec::new();
    for (step, name) in STEPS.iter().enumerate() {
        for (size, count) in sizes().enumerate() {
            let most = peer.and_then(|(_, sizes)| *sizes.get(size)?.get(step)?);
            // What the peer takes seconds for, because its time grows with the square.
            let most = match (engine, count) {
                ("sqlite", 1000) => Some(1.0),
                _ => most,
            };
            rows.push(Row {
                what: format!("{engine}, {count} tables, {name}, processor time"),
                values: spent.get(&(step, size)).cloned().unwrap_or_default(),
                unit: "s",
                target: most.map_or(Target::None, Target::Most),
            });
            if let Some(alone) = alone.get(&(step, size)) {
                rows.push(Row {
                    what: format!("{engine}, {count} tables, {name}, SQLite alone"),
                    values: alone.clone(),
                    unit: "s",
                    target: Target::None,
                });
            }
        }
        let ours = |size| -> Option<Vec<f64>> {
            let spent = spent.get(&(step, size))?.iter();
            let alone = alone.get(&(step, size)).into_iter().flatten().copied();
            let alone = alone.chain(std::iter::repeat(0.0));
            Some(
                spent
                    .zip(alone)
                    .map(|(spent, alone)| spent - alone)
                    .collect(),
            )
        };
        if let (Some(thousand), Some(hundred)) = (ours(2), ours(1)) {
            let but = match alone.get(&(step, 2)) {
                Some(_) => " but SQLite's own part",
                None => "",
            };
            rows.push(Row {
                what: format!("{engine}, {name}{but}, 1000 tables / 100"),
                values: ratios(&thousand, &hundred),
                unit: "x",
                target: Target::Most(12.0),
            });
        }
    }
    Ok(rows)
}

/// What SQLite itself takes for statements that make or change tables: it reads its whole schema again for each of them, whoever sends them, so that its
/// part grows with the square.
fn sqlite_alone(file: &Path, sql: &str) -> Result<f64> {
    let before = thread_time()?;
    let connection = rusqlite::Connection::open(file)?;
    connection.execute_batch(&format!("BEGIN;\n{sql}COMMIT;"))?;
    drop(connection);
    Ok(thread_time()?.saturating_sub(before).as_secs_f64())
}

/// User and system time of this thread.
fn thread_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split(' ').next().context("schedstat is empty")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// User and system time of one run, as the shell tells it: to the millisecond, and of this program only.
fn processor_time(tidegate: &Path, arguments: &[&str], url: &str, wanted: &Path) -> Result<f64> {
    let output = Command::new("bash")
        .args(["-c", r#"TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>"$0""#])
        .arg(wanted.with_extension("log"))
        .arg(tidegate)
        .arg("schema")
        .args(arguments)
        .arg("--to")
        .arg(wanted)
        .env("TIDEGATE_DATABASE_URL", url)
        .output()
        .context("running the program")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{arguments:?} failed: {}",
        std::fs::read_to_string(wanted.with_extension("log"))?
    );
    let seconds = said.split_whitespace().map(str::parse::<f64>);
    Ok(seconds.sum::<Result<f64, _>>()?)
}
