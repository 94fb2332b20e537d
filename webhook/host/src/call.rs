//! The way of one call: wait for a place, run for a few ticks beside everybody else, go on in the slow lane, be stopped at a limit.
//!
//! Three bounds keep a bad policy from taking everything. Each policy has so many calls at once and so many waiting. All calls together have so many
//! places on the server's threads, which are left after [`FIRST`] of CPU time at the latest. And the lane has so many places of its own: when those are
//! taken, a call that would need one is refused, not kept, so that places on the server's threads are always soon free.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tidegate_admission::{PolicyFailure, Timing};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout_at;

use crate::host::Shared;
use crate::meter::{Metered, Report, Stopped, total};
use crate::sandbox::{Answer, Question, Sandbox, peak};

/// After so much CPU time, looked at with every tick, a call leaves the server's threads. Not of time that passed: a good call that the machine let wait
/// for a moment would need a place in the lane, and be refused where spinning ones hold them all.
const FIRST: Duration = Duration::from_millis(2);

/// A policy's way to be called.
pub(crate) struct Caller {
    pub(crate) sandbox: Arc<Sandbox>,
    host: Arc<Shared>,
    places: Semaphore,
    waiting: AtomicUsize,
}

/// What came of a call.
pub(crate) struct Called {
    pub(crate) outcome: Result<Answer, PolicyFailure>,
    pub(crate) timing: Timing,
    pub(crate) memory_bytes: u64,
}

impl Caller {
    pub(crate) fn new(host: Arc<Shared>, sandbox: Sandbox) -> Self {
        let places = Semaphore::new(sandbox.limits.concurrency.max(1) as usize);
        Self {
            sandbox: Arc::new(sandbox),
            host,
            places,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Asks within the policy's limits; at `deadline` nobody will want the answer any more.
    pub(crate) async fn call(&self, question: Question, deadline: Instant) -> Called {
        let (arrived, report) = (Instant::now(), Report::shared());
        let limits = &self.sandbox.limits;
        let mut timing = Timing::default();
        let outcome = match self.place(deadline).await {
            None => {
                timing.queue = arrived.elapsed();
                Err(PolicyFailure::Overloaded)
            }
            Some((_place, fast)) => {
                let started = Instant::now();
                timing.queue = started - arrived;
                let call = Arc::clone(&self.sandbox).ask(question, Arc::clone(&report));
                let outcome = self
                    .run(Metered::new(call, limits.cpu, deadline), fast, deadline)
                    .await;
                timing.instantiate = total(&report.instantiate);
                timing.guest = started.elapsed().saturating_sub(timing.instantiate);
                match outcome {
                    Ok(answer) => answer,
                    Err(Refused::Stopped(Stopped::Cpu)) => Err(PolicyFailure::Cpu(limits.cpu)),
                    Err(Refused::Stopped(Stopped::Time)) => {
                        Err(PolicyFailure::Time(deadline - arrived))
                    }
                    Err(Refused::LaneFull) => Err(PolicyFailure::Overloaded),
                    Err(Refused::Panicked) => {
                        Err(PolicyFailure::Trap("the host failed; see its log".into()))
                    }
                }
            }
        };
        timing.host = total(&report.host);
        Called {
            outcome,
            timing,
            memory_bytes: peak(&report),
        }
    }

    /// One of the policy's places, then one of the host's.
    async fn place(&self, deadline: Instant) -> Option<(SemaphorePermit<'_>, SemaphorePermit<'_>)> {
        if let (Ok(own), Ok(fast)) = (self.places.try_acquire(), self.host.fast.try_acquire()) {
            return Some((own, fast));
        }
        let _waiting = Waiting::enter(&self.waiting, self.host.queue)?;
        let both = async {
            let own = self.places.acquire().await.ok()?;
            let fast = self.host.fast.acquire().await.ok()?;
            Some((own, fast))
        };
        timeout_at(deadline.into(), both).await.ok().flatten()
    }

    async fn run<T: Send + 'static>(
        &self,
        mut call: Metered<T>,
        fast: SemaphorePermit<'_>,
        deadline: Instant,
    ) -> Result<T, Refused> {
        let running = self.host.ticker.running();
        let first = poll_fn(|context| match pin!(&mut call).poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if call.used() < FIRST => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(outcome) = first.await {
            return outcome.map_err(Refused::Stopped);
        }
        let Ok(slow) = self.host.slow.clone().try_acquire_owned() else {
            // Its instance goes before its place does: who gets the place next needs the memory.
            drop(call);
            return Err(Refused::LaneFull);
        };
        drop(fast);
        // The permits go with the call: it holds its place until it is really gone, also when nobody waits for it any more.
        let in_lane = self.host.lane.run(async move {
            let outcome = call.await;
            drop((running, slow));
            outcome
        });
        let in_lane = in_lane.ok_or(Refused::Panicked)?;
        match timeout_at((deadline + GRACE).into(), in_lane).await {
            Err(_late) => Err(Refused::Stopped(Stopped::Time)),
            Ok(None) => Err(Refused::Panicked),
            Ok(Some(outcome)) => outcome.map_err(Refused::Stopped),
        }
    }
}

/// The lane stops a call itself; this is for a lane so busy that the call is never polled.
const GRACE: Duration = Duration::from_millis(5);

enum Refused {
    Stopped(Stopped),
    LaneFull,
    Panicked,
}

/// One of those who wait.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    /// None when enough wait already.
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let entered = Self(waiting);
        (before < most).then_some(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
