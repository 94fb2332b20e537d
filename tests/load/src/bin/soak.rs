//! `make soak`: everything bad that can be thrown at the optimised server, then very many reviews; and what must be true afterwards.
//!
//! It asserts answers, memory and descriptors, never times: it may run on the busiest machine, and what it finds there is a bug. Every step goes on after a
//! wrong answer, so that one run shows all; the exit code is 1 if there was any.
#![expect(clippy::print_stdout, reason = "the steps are the output")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use tidegate_load::bad::{self, Bad, Expected};
use tidegate_load::client::{Protocol, Target};
use tidegate_load::hostile::{self, asks_well, eventually};
use tidegate_load::policies::Built;
use tidegate_load::review;
use tidegate_load::server::{Bench, Server};
use tidegate_load::table::short;
use tokio::task::JoinSet;

/// Torments the optimised server on loopback.
#[derive(Debug, Parser)]
struct Args {
    /// The program to torment.
    #[arg(long)]
    tidegate: PathBuf,
    /// The folder of built policies.
    #[arg(long)]
    policies: PathBuf,
    /// Reviews after which memory is compared with what it was after the first thousand.
    #[arg(long, default_value_t = 100_000)]
    reviews: usize,
    /// Connections that never ask.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

/// Reviews after which memory has settled.
const FIRST: usize = 1_000;
/// Resident memory after all reviews, of what it was after the first.
const MOST_GROWTH: f64 = 1.05;
/// At a time.
const CALLERS: usize = 8;
/// Callers that asked once and stay: more than the server's limit of connections.
const ASKED: usize = 600;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    raise_descriptors(args.connections)?;
    let built = Built(std::path::absolute(&args.policies)?);
    let bench = Bench::new(args.tidegate.clone())?;
    let mut server = bench.start("soak", &built.good_and_bad())?;
    let target = server.target()?;
    let mut steps = Steps::default();

    asks_well(&mut target.caller().await?).await?;
    eventually("the first caller is gone", || Ok(open(&server)? == 0)).await?;
    let before = server.descriptors()?;

    for bad in [bad::sql(), bad::json(), bad::policies()].concat() {
        steps.done(&bad.what, ask(&target, &bad).await);
    }
    steps.done(
        "plain HTTP to the TLS port",
        hostile::plain_http(&target).await,
    );
    steps.done(
        "half-closed connections",
        hostile::half_closed(&target).await,
    );
    steps.done(
        "headers and bodies a byte at a time",
        hostile::slow(&target).await,
    );
    let what = format!("{} connections that never ask", args.connections);
    let silent = hostile::many_that_never_ask(&server, &target, args.connections).await;
    steps.done(&what, silent);
    let what = format!("{ASKED} connections that asked once and stay");
    steps.done(
        &what,
        hostile::many_that_asked(&server, &target, ASKED).await,
    );

    let what = format!("memory after {} reviews", args.reviews);
    steps.done(&what, memory(&server, &target, args.reviews).await);

    steps.done("nothing is left", nothing_left(&server, before).await);
    let well = asks_well(&mut target.caller().await?).await;
    steps.done("a good review at the end", well);
    let alive = server.is_alive()?;
    steps.done("the server lives", alive.then_some(()).context("it ended"));
    println!("{} steps, {} wrong", steps.done, steps.wrong);
    Ok(ExitCode::from(u8::from(steps.wrong > 0)))
}

/// What was tried so far.
#[derive(Debug, Default)]
struct Steps {
    done: usize,
    wrong: usize,
}

impl Steps {
    fn done(&mut self, what: &str, came: Result<()>) {
        self.done += 1;
        match came {
            Ok(()) => println!("ok     {what}"),
            Err(error) => {
                self.wrong += 1;
                println!("WRONG  {what}: {error:#}");
            }
        }
    }
}

/// A bad review, and on another connection a good one while it is judged.
async fn ask(target: &Target, bad: &Bad) -> Result<()> {
    let mut caller = target.caller().await?;
    let mut other = target.caller().await?;
    let asked = caller.post(&bad.path, bad.review.clone());
    let (answer, well) = tokio::join!(asked, asks_well(&mut other));
    well.context("beside it")?;
    bad.expected.check(&answer?)
}

/// Resident memory stays where it was after the first thousand, whatever was asked.
async fn memory(server: &Server, target: &Target, reviews: usize) -> Result<()> {
    mix(target, FIRST).await?;
    let first = server.resident()?;
    mix(target, reviews.saturating_sub(FIRST)).await?;
    let last = server.resident()?;
    println!(
        "       {} MiB after {FIRST}, {} MiB after {reviews}",
        short(first),
        short(last)
    );
    ensure!(
        last <= first * MOST_GROWTH,
        "it grew to {} times",
        short(last / first)
    );
    Ok(())
}

/// Mostly what a small policy allows; one in ten has its SQL read and is denied, one in a hundred makes a policy fail.
async fn mix(target: &Target, reviews: usize) -> Result<()> {
    let traps = bad::policies();
    let trap = traps.iter().find(|bad| bad.what.contains("trap"));
    let trap = trap.cloned().context("one traps")?;
    let harmless = review::of_size(3_500);
    let drop = review::of_sql("DROP TABLE users;");
    let next = Arc::new(AtomicUsize::new(0));
    let mut asking = JoinSet::new();
    for mut caller in target.callers(Protocol::Http1, CALLERS).await? {
        let (next, trap) = (Arc::clone(&next), trap.clone());
        let (harmless, drop) = (harmless.clone(), drop.clone());
        asking.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let (path, review, expected) = match number {
                    _ if number >= reviews => return anyhow::Ok(()),
                    _ if number % 100 == 0 => (trap.path.as_str(), &trap.review, trap.expected),
                    _ if number % 10 == 0 => {
                        let denied = Expected::Denied("[unsafe-sql/drop-table]");
                        ("/validate/unsafe-sql?timeout=30s", &drop, denied)
                    }
                    _ => ("/validate/good?timeout=30s", &harmless, Expected::Allowed),
                };
                let answer = caller.post(path, review.clone()).await?;
                expected.check(&answer)?;
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    Ok(())
}

/// No connection, no request, no byte of a body, no descriptor more than at the beginning.
async fn nothing_left(server: &Server, descriptors: usize) -> Result<()> {
    eventually("all connections are closed", || Ok(open(server)? == 0)).await?;
    for gauge in [
        "tidegate_admission_inflight",
        "tidegate_admission_body_held_bytes",
    ] {
        let value = server.metric(gauge)?;
        ensure!(value == 0, "{gauge} is {value}");
    }
    let what = format!("{descriptors} descriptors, as at the beginning");
    eventually(&what, || Ok(server.descriptors()? <= descriptors)).await
}

fn open(server: &Server) -> Result<i64> {
    server.metric(r#"tidegate_connections{port="webhook"}"#)
}

/// As many as are needed, if this process may.
fn raise_descriptors(connections: usize) -> Result<()> {
    let needed = u64::try_from(connections)? + 2_000;
    let mut files = getrlimit(Resource::Nofile);
    if files.current.is_some_and(|current| current < needed) {
        files.current = files.maximum.map(|most| most.min(needed)).or(Some(needed));
        setrlimit(Resource::Nofile, files)?;
    }
    let allowed = getrlimit(Resource::Nofile).current;
    ensure!(
        allowed.is_none_or(|allowed| allowed >= needed),
        "only {allowed:?} descriptors are allowed, and {needed} are needed: raise `ulimit -n`, or ask for fewer with --connections"
    );
    Ok(())
}
