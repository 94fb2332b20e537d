//! Second part of `make bench`: what bringing schemas about costs, by the command line and in a cluster.
//!
//! What is measured of the command line is the processor time of the program alone, not of the server behind it, beside what the community `atlas` CLI
//! needed for the same on a machine of this kind (four steps: a first apply, the same again, the difference to a schema where a tenth of the tables
//! grew, and that applied). Its wall time there was that of the server.
#![expect(clippy::print_stdout, reason = "the tables are the output")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};
use tidegate_kit::{MariaDb, Postgres};
use tidegate_load::plane::{Api, Plane};
use tidegate_load::server::Bench;
use tidegate_load::table::{Row, Target, machine_load, print};
use tidegate_load::tables::Tables;

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

const COUNTS: [usize; 3] = [10, 100, 1000];
const STEPS: [&str; 4] = ["first apply", "no-op", "diff of 10 %", "apply of 10 %"];
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

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let bench = Bench::new(args.tidegate.clone())?;
    println!("load average before: {}", machine_load());
    let mut rows = Vec::new();
    for (engine, peer) in PEER {
        if args.engine.as_deref().is_none_or(|only| only == engine) {
            rows.extend(command_line(&args, bench.folder.path(), engine, &peer)?);
        }
    }
    if !args.skip_cluster {
        rows.extend(cluster(&args, &bench).await?);
    }
    print("Figures and targets", &rows);
    println!("load average after: {}", machine_load());
    Ok(())
}

/// The four steps for each size, and how they grow.
fn command_line(
    args: &Args,
    folder: &Path,
    engine: &str,
    peer: &[[Option<f64>; 4]; 3],
) -> Result<Vec<Row>> {
    let databases = Databases::start(engine, folder)?;
    let mut spent: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
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
        }
    }
    let mut rows = Vec::new();
    for (step, name) in STEPS.iter().enumerate() {
        for (size, count) in sizes().enumerate() {
            let most = peer.get(size).and_then(|row| *row.get(step)?);
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
        }
        if let (Some(thousand), Some(hundred)) = (spent.get(&(step, 2)), spent.get(&(step, 1))) {
            rows.push(Row {
                what: format!("{engine}, {name}, 1000 tables / 100"),
                values: ratios(thousand, hundred),
                unit: "x",
                target: Target::Most(12.0),
            });
        }
    }
    Ok(rows)
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

/// Where schemas are brought about.
enum Databases {
    Sqlite(PathBuf),
    Postgres(Postgres),
    MariaDb(MariaDb),
}

impl Databases {
    fn start(engine: &str, folder: &Path) -> Result<Self> {
        Ok(match engine {
            "postgres" => Self::Postgres(Postgres::start()?),
            "mariadb" => Self::MariaDb(MariaDb::start()?),
            _ => Self::Sqlite(folder.to_owned()),
        })
    }

    /// An empty database.
    fn url(&self, name: &str) -> Result<String> {
        Ok(match self {
            Self::Sqlite(folder) => format!("sqlite://{}/{name}.db", folder.display()),
            Self::Postgres(server) => server.url(&server.database()?, ""),
            Self::MariaDb(server) => {
                server.sql("", &format!("CREATE DATABASE {name}"))?;
                server.url(name)
            }
        })
    }
}

const ONE_BY_ONE: usize = 30;
const AT_ONCE: usize = 100;
const AT_REST: usize = 1000;
/// Looks that find nothing: the kernel counts in hundredths of a second, and one takes a few.
const LOOKS: u32 = 5;
/// What an ordinary object wants.
const ORDINARY: Tables = Tables {
    count: 3,
    grown: false,
};

/// Objects on a real API server: one after another, many at once, and what the program holds when nothing happens, on SQLite; and a large schema on
/// each engine.
async fn cluster(args: &Args, bench: &Bench) -> Result<Vec<Row>> {
    let plane = Plane::start()?;
    let mut latency = Vec::new();
    let (mut at_once, mut at_once_cpu, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    let mut large = Vec::new();
    for (engine, _) in PEER {
        let databases = Databases::start(engine, bench.folder.path())?;
        large.push((engine, databases, Vec::new(), Vec::new()));
    }
    for round in 0..args.rounds {
        let name = format!("schemas-{round}");
        // The objects of earlier rounds are nobody's any more.
        let only = ["--reconcile-namespace", &name];
        let server = plane.reconciler(bench, &name, "AtlasSchema", &only)?;
        let objects = Objects::new(&plane, bench, &name)?;
        let mut api = objects.namespace().await?;
        for number in 0..ONE_BY_ONE {
            let begun = Instant::now();
            objects
                .create(&mut api, number, &objects.file(number), ORDINARY)
                .await?;
            objects.ready(number + 1).await?;
            latency.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let spent = || server.whole_processor_time().map(|time| time.as_secs_f64());
        let (begun, before) = (Instant::now(), spent()?);
        for number in ONE_BY_ONE..ONE_BY_ONE + AT_ONCE {
            objects
                .create(&mut api, number, &objects.file(number), ORDINARY)
                .await?;
        }
        objects.ready(ONE_BY_ONE + AT_ONCE).await?;
        at_once.push(begun.elapsed().as_secs_f64());
        at_once_cpu.push(spent()? - before);
        for number in ONE_BY_ONE + AT_ONCE..AT_REST {
            objects
                .create(&mut api, number, &objects.file(number), ORDINARY)
                .await?;
        }
        objects.ready(AT_REST).await?;
        resident.push(server.resident()?);

        let tables = Tables {
            count: args.tables,
            grown: false,
        };
        for (number, (_, databases, first, no_op)) in (AT_REST..).zip(&mut large) {
            let url = databases.url(&format!("large_{round}"))?;
            let before = server.processor_time_at_rest().await?;
            objects.create(&mut api, number, &url, tables).await?;
            objects.ready(number + 1).await?;
            let between = server.processor_time_at_rest().await?;
            for look in 0..LOOKS {
                objects.touch(&mut api, number, tables, look).await?;
            }
            let after = server.processor_time_at_rest().await?;
            first.push(between.saturating_sub(before).as_secs_f64());
            no_op.push(after.saturating_sub(between).as_secs_f64() / f64::from(LOOKS));
        }
    }
    let row = |what: String, values, unit, target| Row {
        what,
        values,
        unit,
        target,
    };
    let tables = args.tables;
    let mut rows = vec![
        row(
            "AtlasSchema on SQLite, created to Ready".to_owned(),
            latency,
            "ms",
            Target::Most(150.0),
        ),
        row(
            format!("{AT_ONCE} AtlasSchemas at once, all Ready"),
            at_once,
            "s",
            Target::Most(5.0),
        ),
        row(
            format!("{AT_ONCE} AtlasSchemas at once, processor time"),
            at_once_cpu,
            "s",
            Target::None,
        ),
        row(
            format!("resident, {AT_REST} AtlasSchemas at rest"),
            resident,
            "MiB",
            Target::Most(100.0),
        ),
    ];
    for (engine, _, first, no_op) in large {
        let ratio = ratios(&first, &no_op);
        let what = |look| format!("AtlasSchema of {tables} tables on {engine}, {look}");
        rows.extend([
            row(what("first look, processor time"), first, "s", Target::None),
            row(
                what("look that finds nothing, processor time"),
                no_op,
                "s",
                Target::None,
            ),
            row(
                what("the first look / the one that finds nothing"),
                ratio,
                "x",
                Target::Least(10.0),
            ),
        ]);
    }
    Ok(rows)
}

/// Objects in a namespace of their own.
struct Objects<'a> {
    plane: &'a Plane,
    folder: PathBuf,
    namespace: String,
    path: String,
}

impl<'a> Objects<'a> {
    fn new(plane: &'a Plane, bench: &Bench, namespace: &str) -> Result<Self> {
        let folder = bench.folder.path().join(namespace);
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            plane,
            folder,
            namespace: namespace.to_owned(),
            path: format!("/apis/db.atlasgo.io/v1alpha1/namespaces/{namespace}/atlasschemas"),
        })
    }

    async fn namespace(&self) -> Result<Api> {
        let mut api = self.plane.api().await?;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}});
        api.create("/api/v1/namespaces", &namespace).await?;
        Ok(api)
    }

    /// Where an ordinary object's database is.
    fn file(&self, number: usize) -> String {
        format!("sqlite://{}/{number}.db", self.folder.display())
    }

    async fn create(&self, api: &mut Api, number: usize, url: &str, tables: Tables) -> Result<()> {
        let object = json!({
            "apiVersion": "db.atlasgo.io/v1alpha1",
            "kind": "AtlasSchema",
            "metadata": {"name": format!("s{number}")},
            "spec": {"url": url, "schema": {"sql": tables.sql()}},
        });
        api.create(&self.path, &object).await?;
        Ok(())
    }

    /// So many are what their generation wants.
    async fn ready(&self, count: usize) -> Result<()> {
        self.plane.until(&self.path, count, is_ready).await
    }

    /// The same schema with another comment: a new generation, and nothing to do.
    async fn touch(&self, api: &mut Api, number: usize, tables: Tables, look: u32) -> Result<()> {
        let sql = format!("-- The same, {look}.\n{}", tables.sql());
        let name = format!("s{number}");
        let path = format!("{}/{name}", self.path);
        let patch = json!({"spec": {"schema": {"sql": sql}}});
        let generation = api.patch(&path, &patch).await?;
        let generation = generation.pointer("/metadata/generation").cloned();
        let current = |object: &Value| {
            object.pointer("/metadata/name") == Some(&json!(name))
                && object.pointer("/metadata/generation") == generation.as_ref()
                && is_ready(object)
        };
        self.plane.until(&self.path, 1, current).await
    }
}

fn is_ready(object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    let generation = object.pointer("/metadata/generation");
    generation.is_some()
        && conditions.into_iter().any(|condition| {
            condition.get("type") == Some(&json!("Ready"))
                && condition.get("status") == Some(&json!("True"))
                && condition.get("observedGeneration") == generation
        })
}

fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}
