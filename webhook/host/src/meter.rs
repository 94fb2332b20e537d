//! Two clocks around a call: the CPU time of the thread that polls it, and the time of day.
//!
//! A guest returns from `poll` at every tick at the latest, so that looking at the clocks after each poll is enough. CPU time is what the kernel
//! counted for this thread, not what passed: a call is not to blame for a busy machine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What is known of a call while it runs, and after it was stopped.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Nanoseconds.
    pub(crate) instantiate: AtomicU64,
    /// Nanoseconds in host functions.
    pub(crate) host: AtomicU64,
    /// Bytes, at most at the same time.
    pub(crate) memory: AtomicU64,
}

/// Why a call was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// CPU time.
    Cpu,
    /// Wall time.
    Time,
}

/// A call with its clocks.
pub(crate) struct Metered<T> {
    /// None once stopped: dropping it unwinds the guest and gives its slot back.
    inner: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    used: Duration,
    limit: Duration,
    deadline: Instant,
}

impl<T> Metered<T> {
    /// `limit` in CPU time.
    pub(crate) fn new(
        inner: impl Future<Output = T> + Send + 'static,
        limit: Duration,
        deadline: Instant,
    ) -> Self {
        Self {
            inner: Some(Box::pin(inner)),
            used: Duration::ZERO,
            limit,
            deadline,
        }
    }

    /// CPU time until the last poll.
    pub(crate) fn used(&self) -> Duration {
        self.used
    }
}

impl<T> Future for Metered<T> {
    type Output = Result<T, Stopped>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(Err(Stopped::Time));
        };
        let before = thread_time();
        let polled = inner.as_mut().poll(context);
        match polled {
            Poll::Ready(output) => {
                self.inner = None;
                Poll::Ready(Ok(output))
            }
            Poll::Pending => {
                self.used += thread_time().saturating_sub(before);
                let stopped = if self.used >= self.limit {
                    Stopped::Cpu
                } else if Instant::now() >= self.deadline {
                    Stopped::Time
                } else {
                    return Poll::Pending;
                };
                self.inner = None;
                Poll::Ready(Err(stopped))
            }
        }
    }
}

/// CPU time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

/// Adds the time since `start`.
pub(crate) fn add_since(counter: &AtomicU64, start: Instant) {
    counter.fetch_add(
        start.elapsed().as_nanos().try_into().unwrap_or(u64::MAX),
        Ordering::Relaxed,
    );
}

/// What was added.
pub(crate) fn total(counter: &AtomicU64) -> Duration {
    Duration::from_nanos(counter.load(Ordering::Relaxed))
}

impl Report {
    /// A fresh one, shared between the call and who waits for it.
    pub(crate) fn shared() -> Arc<Self> {
        Arc::default()
    }
}
