//! One trial: so many callers ask the same question for so long.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::client::{Protocol, Target};
use crate::server::Server;

/// What is asked, and what is the right answer.
#[derive(Debug, Clone)]
pub struct Question {
    /// The path and its query.
    pub path: &'static str,
    /// The AdmissionReview.
    pub review: Bytes,
    /// None: any answer will do.
    pub allowed: Option<bool>,
}

/// How many ask, and how.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// One connection each, or one for all.
    pub protocol: Protocol,
    /// Callers, each with one request at a time.
    pub callers: usize,
    /// How long they ask.
    pub length: Duration,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Answered requests.
    pub requests: usize,
    /// Answered requests in a second.
    pub per_second: f64,
    /// Half of the requests took at most this, in microseconds.
    pub p50: f64,
    /// All but one in a hundred took at most this, in microseconds.
    pub p99: f64,
    /// The server process's own processor time for each request, in microseconds.
    pub cpu: f64,
    /// The server's resident memory afterwards, in MiB.
    pub resident: f64,
}

/// Asks, and measures from outside: time by the clock, processor time and memory from the kernel's books.
pub async fn run(
    server: &Server,
    target: &Target,
    question: &Question,
    load: Load,
) -> Result<Figures> {
    let callers = target.callers(load.protocol, load.callers).await?;
    let before = server.processor_time()?;
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for mut caller in callers {
        let question = question.clone();
        asking.spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < load.length {
                let asked = Instant::now();
                let answer = caller.post(question.path, question.review.clone()).await?;
                took.push(asked.elapsed());
                if let Some(allowed) = question.allowed {
                    answer.must_be(allowed)?;
                }
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(asked) = asking.join_next().await {
        took.extend(asked??);
    }
    let elapsed = begun.elapsed();
    let paid = server.processor_time()?.saturating_sub(before);
    took.sort_unstable();
    Ok(Figures {
        requests: took.len(),
        per_second: as_f64(took.len()) / elapsed.as_secs_f64(),
        p50: percentile(&took, 50),
        p99: percentile(&took, 99),
        cpu: paid.as_secs_f64() * 1e6 / as_f64(took.len().max(1)),
        resident: server.resident()?,
    })
}

/// Of sorted durations, in microseconds; 0 of none.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let found = sorted.get(sorted.len() * percent / 100);
    found.map_or(0.0, |took| took.as_secs_f64() * 1e6)
}

/// A count as a number to divide.
pub fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
