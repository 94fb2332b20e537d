//! `make bench`: what a review costs, beside what it costs the same server with no policy at all.
//!
//! All configurations are measured in turn, several times over, so that a neighbour's busy minute meets each alike. The best of the times is what the
//! program can do, the median what it did on this machine today.
#![expect(clippy::print_stdout, reason = "the tables are the output")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use tidegate_load::client::Protocol;
use tidegate_load::policies::Built;
use tidegate_load::review;
use tidegate_load::server::{Bench, Server};
use tidegate_load::table::{Row, Target, machine_load, print, short};
use tidegate_load::trial::{self, Figures, Load, Question};

/// Measures the optimised server on loopback.
#[derive(Debug, Parser)]
struct Args {
    /// The program to measure.
    #[arg(long)]
    tidegate: PathBuf,
    /// The folder of built policies.
    #[arg(long)]
    policies: PathBuf,
    /// Results of criterion's benchmarks to show beside their targets.
    #[arg(long)]
    criterion: Option<PathBuf>,
    /// Each trial's length.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How many times everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
const CALLERS: [usize; 3] = [1, 8, 64];
/// Of the object that most trials send.
const OBJECT: usize = 3_500;
const LARGE_OBJECT: usize = 1_300_000;
/// `wasmtime` keeps this much of a slot for the next call beside the memory that the policy grew to.
const START_UPS: usize = 7;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let bench = Bench::new(args.tidegate.clone())?;
    let built = Built(std::path::absolute(&args.policies)?);
    println!("load average before: {}", machine_load());

    let mut rows = Vec::new();
    if let Some(folder) = &args.criterion {
        rows.extend(sandbox(folder)?);
    }
    rows.extend(start_up(&bench, &built)?);
    rows.extend(server(&args, &bench, &built).await?);
    rows.extend(isolation(&args, &bench, &built).await?);
    rows.extend(memory_hog(&bench, &built).await?);
    print("Figures and targets", &rows);
    println!("load average after: {}", machine_load());
    Ok(())
}

/// From the process's start to ready, with compiled code in the cache; and memory when idle.
fn start_up(bench: &Bench, built: &Built) -> Result<Vec<Row>> {
    let hundred = built.different(bench.folder.path(), 100)?;
    let mut rows = Vec::new();
    for (what, policies, most) in [
        ("start, 2 policies of ours", built.own(), 150.0),
        ("start, 100 different small policies", hundred, 500.0),
    ] {
        // Fills the cache.
        drop(bench.start("start", &policies)?);
        let mut took = Vec::new();
        let mut idle = Vec::new();
        for _ in 0..START_UPS {
            let server = bench.start("start", &policies)?;
            took.push(server.ready_after.as_secs_f64() * 1e3);
            idle.push(server.resident()?);
        }
        rows.push(row(what, took, "ms", Target::Most(most)));
        rows.push(row(
            &format!("resident, idle, after that {what}"),
            idle,
            "MiB",
            Target::Most(60.0),
        ));
    }
    Ok(rows)
}

/// The server's figures for each set of policies, protocol and number of callers.
async fn server(args: &Args, bench: &Bench, built: &Built) -> Result<Vec<Row>> {
    let sets = [
        ("bare", built.none()),
        ("1 small", built.small_policies(1)),
        ("10 small", built.small_policies(10)),
        ("ours", built.own()),
    ];
    let mut servers = Vec::new();
    for (name, policies) in sets {
        servers.push((name, bench.start(&name.replace(' ', "-"), &policies)?));
    }
    let question = question(OBJECT);
    let mut all: BTreeMap<(usize, &str, &str), Vec<Figures>> = BTreeMap::new();
    for _ in 0..args.rounds {
        for protocol in PROTOCOLS {
            for callers in CALLERS {
                for (name, server) in &servers {
                    let figures = measure(args, server, &question, protocol, callers).await?;
                    let key = (callers, protocol.label(), *name);
                    all.entry(key).or_default().push(figures);
                }
            }
        }
    }
    print_trials(&all);

    let of = |callers, protocol, name, what: fn(&Figures) -> f64| -> Vec<f64> {
        let figures = all.get(&(callers, protocol, name));
        figures.into_iter().flatten().map(what).collect()
    };
    let mut rows = Vec::new();
    for callers in CALLERS {
        let name = format!("processor time a request, 1 small policy, h1, {callers} callers");
        let values = of(callers, "h1", "1 small", |figures| figures.cpu);
        rows.push(row(&name, values, "us", Target::Most(100.0)));
    }
    for protocol in ["h1", "h2"] {
        let one = of(1, protocol, "1 small", |figures| figures.p50);
        let bare = of(1, protocol, "bare", |figures| figures.p50);
        let name = format!("p50 of 1 small policy / bare, {protocol}, 1 caller");
        rows.push(row(&name, ratios(&one, &bare), "x", Target::Most(3.0)));
    }
    for callers in [1, 8] {
        let ten = of(callers, "h1", "10 small", |figures| figures.cpu);
        let one = of(callers, "h1", "1 small", |figures| figures.cpu);
        let name = format!("processor time, 10 small policies / 1, h1, {callers} callers");
        rows.push(row(&name, ratios(&ten, &one), "x", Target::Most(3.0)));
    }
    let large = self::question(LARGE_OBJECT);
    for (name, most) in [("bare", Target::None), ("1 small", Target::Most(3.0))] {
        let mut paid = Vec::new();
        for (_, server) in servers.iter().filter(|(other, _)| *other == name) {
            for _ in 0..args.rounds {
                let figures = measure(args, server, &large, Protocol::Http1, 2).await?;
                paid.push(figures.cpu / 1e3);
            }
        }
        let name = format!("processor time, object of 1.3 MB, {name}");
        rows.push(row(&name, paid, "ms", most));
    }
    Ok(rows)
}

/// Connections, branch predictors and the server's memory settle first.
async fn measure(
    args: &Args,
    server: &Server,
    question: &Question,
    protocol: Protocol,
    callers: usize,
) -> Result<Figures> {
    let target = server.target()?;
    let length = Duration::from_secs_f64(args.seconds);
    let mut load = Load {
        protocol,
        callers,
        length: length / 5,
    };
    trial::run(server, &target, question, load).await?;
    load.length = length;
    trial::run(server, &target, question, load).await
}

fn print_trials(all: &BTreeMap<(usize, &str, &str), Vec<Figures>>) {
    println!(
        "\nReviews of {OBJECT} bytes over kept TLS connections, best / median of all rounds; `x bare` of the medians"
    );
    println!(
        "{:>7} {:5} {:9} {:>15} {:>15} {:>17} {:>15} {:>7} {:>6}",
        "callers", "", "policies", "p50 us", "p99 us", "requests/s", "CPU us", "x bare", "MiB"
    );
    for (&(callers, protocol, name), figures) in all {
        let column = |what: fn(&Figures) -> f64| -> Vec<f64> { figures.iter().map(what).collect() };
        let both = |values: Vec<f64>, target| {
            let (best, median) = row("", values, "", target).best_and_median();
            format!("{} / {}", short(best), short(median))
        };
        let median = |name| {
            let cpu = all.get(&(callers, protocol, name)).into_iter().flatten();
            let values = cpu.map(|figures| figures.cpu).collect();
            row("", values, "", Target::None).best_and_median().1
        };
        let resident = column(|figures| figures.resident);
        println!(
            "{callers:>7} {protocol:5} {name:9} {:>15} {:>15} {:>17} {:>15} {:>7} {:>6}",
            both(column(|figures| figures.p50), Target::None),
            both(column(|figures| figures.p99), Target::None),
            both(column(|figures| figures.per_second), Target::Least(0.0)),
            both(column(|figures| figures.cpu), Target::None),
            short(median(name) / median("bare")),
            short(resident.into_iter().fold(0.0, f64::max)),
        );
    }
}

/// What a good policy's callers notice of eight who call one that never ends.
async fn isolation(args: &Args, bench: &Bench, built: &Built) -> Result<Vec<Row>> {
    let server = bench.start("isolation", &built.good_and_bad())?;
    let target = server.target()?;
    let good = Question {
        path: "/validate/good?timeout=10s",
        ..question(OBJECT)
    };
    let spinning = Question {
        path: "/validate/bad?timeout=10s",
        review: review::misbehaving("spin"),
        allowed: Some(false),
    };
    let length = Duration::from_secs_f64(args.seconds * 2.0);
    let load = |callers, length| Load {
        protocol: Protocol::Http1,
        callers,
        length,
    };
    let (mut kept, mut slower) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let alone = trial::run(&server, &target, &good, load(4, length)).await?;
        // A little longer than the good ones, and started with them.
        let spin = trial::run(&server, &target, &spinning, load(8, length));
        let (spun, beside) =
            tokio::join!(spin, trial::run(&server, &target, &good, load(4, length)));
        spun?;
        let beside = beside?;
        kept.push(beside.per_second / alone.per_second * 100.0);
        slower.push(beside.p99 / alone.p99);
    }
    Ok(vec![
        row(
            "throughput kept beside 8 callers of a spinning policy",
            kept,
            "%",
            Target::Least(50.0),
        ),
        row(
            "p99 beside 8 callers of a spinning policy / alone",
            slower,
            "x",
            Target::Most(10.0),
        ),
    ])
}

/// What one request to a policy that wants 1 GiB does to the server's memory. Its limit is 64 MiB.
async fn memory_hog(bench: &Bench, built: &Built) -> Result<Vec<Row>> {
    let server = bench.start("hog", &built.good_and_bad())?;
    let mut caller = server.target()?.caller().await?;
    let hog = review::misbehaving("allocate");
    let mut moved = Vec::new();
    for _ in 0..5 {
        let before = server.resident()?;
        server.forget_peak()?;
        let path = "/validate/bad?timeout=10s";
        let answer = caller.post(path, hog.clone()).await?;
        answer.must_be(false)?;
        moved.push(server.peak()? - before);
    }
    let what = "resident, rise by a policy that wants 1 GiB";
    Ok(vec![row(what, moved, "MiB", Target::Most(64.0))])
}

/// Criterion's own measurements, by the names that the host's benchmarks give them.
fn sandbox(folder: &Path) -> Result<Vec<Row>> {
    let median = |name: &str| -> Result<Option<f64>> {
        let file = folder.join(name).join("new/estimates.json");
        if !file.is_file() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(file)?;
        let estimates: serde_json::Value = serde_json::from_str(&text)?;
        let nanos = estimates.pointer("/median/point_estimate");
        Ok(nanos.and_then(serde_json::Value::as_f64))
    };
    let mut rows = Vec::new();
    for (name, what, most) in [
        ("fresh_instance", "fresh instance", 10.0),
        ("whole_call", "whole call of a small policy", 30.0),
    ] {
        if let Some(nanos) = median(name)? {
            rows.push(row(what, vec![nanos / 1e3], "us", Target::Most(most)));
        }
    }
    if let (Some(sandboxed), Some(native)) = (median("schema/sandbox")?, median("schema/native")?) {
        let what = "guide's AtlasSchema, fresh sandbox / native";
        rows.push(row(what, vec![sandboxed / native], "x", Target::Most(5.0)));
    }
    rows.extend(schemas(folder, &median)?);
    Ok(rows)
}

/// Of schemas whose tables all change: what the sandbox adds, and whether the cost grows with the text alone.
fn schemas(folder: &Path, median: &dyn Fn(&str) -> Result<Option<f64>>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if let Some(nanos) = median("schema/typical")? {
        let what = "AtlasSchema of 20 tables, fresh sandbox";
        rows.push(row(what, vec![nanos / 1e6], "ms", Target::Most(1.0)));
    }
    let both = |tables: u32| -> Result<Option<(f64, f64)>> {
        let sandboxed = median(&format!("schema/sandbox/{tables}"))?;
        Ok(sandboxed.zip(median(&format!("schema/native/{tables}"))?))
    };
    let smallest = both(250)?;
    for tables in [250, 500, 1000, 2000] {
        let (Some((sandboxed, native)), Some((small, _))) = (both(tables)?, smallest) else {
            continue;
        };
        let what = format!("{tables} tables changed, fresh sandbox / native");
        rows.push(row(&what, vec![sandboxed / native], "x", Target::Most(3.0)));
        let what = format!("{tables} tables changed, a table / a table of 250");
        let growth = sandboxed / f64::from(tables) / (small / 250.0);
        rows.push(row(&what, vec![growth], "x", Target::Most(1.5)));
    }
    let file = folder.join("schema/figures.json");
    if !file.is_file() {
        return Ok(rows);
    }
    let figures: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let number = |name: &str| figures.get(name).and_then(serde_json::Value::as_f64);
    if let Some(bytes) = number("memory_bytes") {
        let what = "peak of the guest's memory, 2,000 tables changed";
        rows.push(row(
            what,
            vec![bytes / f64::from(1 << 20)],
            "MiB",
            Target::Most(128.0),
        ));
    }
    if let Some(bytes) = number("component_bytes") {
        rows.push(row(
            "unsafe-sql's component",
            vec![bytes / 1e6],
            "MB",
            Target::Most(2.5),
        ));
    }
    if let Some(seconds) = figures
        .get("compiled_cold_seconds")
        .and_then(|all| all.as_array())
    {
        let seconds = seconds
            .iter()
            .filter_map(serde_json::Value::as_f64)
            .collect();
        rows.push(row("it, compiled cold", seconds, "s", Target::Most(3.0)));
    }
    Ok(rows)
}

fn question(bytes: usize) -> Question {
    Question {
        path: "/validate?timeout=10s",
        review: review::of_size(bytes),
        allowed: Some(true),
    }
}

fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

fn row(what: &str, values: Vec<f64>, unit: &'static str, target: Target) -> Row {
    Row {
        what: what.to_owned(),
        values,
        unit,
        target,
    }
}
