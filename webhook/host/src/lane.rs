//! The slow lane: where calls go that did not end within their first ticks.
//!
//! A policy that spins, or one that honestly needs 50 ms, must not sit on the threads that answer everybody else. The lane has threads of its own,
//! less favoured by the kernel ([`NICENESS`]): on an idle machine they run at full speed, on a busy one the server's threads get ten times their share.
//! Not 19, the least: an honest heavy review must still end within its wall time on a busy machine. Every call gives way at each tick, so that the
//! lane's threads go round among all calls in it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// On Linux a thread of niceness 10 weighs 110 where one of 0 weighs 1024.
const NICENESS: i32 = 10;

/// The lane's threads; they end with it.
#[derive(Debug)]
pub(crate) struct Lane(Option<Runtime>);

/// A call in the lane. Dropping it ends the call at its next tick.
#[derive(Debug)]
pub(crate) struct InLane<T>(JoinHandle<T>);

impl Lane {
    /// Starts the threads.
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("policy-lane")
            .on_thread_start(|| {
                if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
                    tracing::warn!(%error, "the slow lane's threads could not be made less favoured: heavy policies may slow down others");
                }
            })
            .build()
            .map(|runtime| Self(Some(runtime)))
    }

    /// Goes on with a call there.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Option<InLane<T>> {
        self.0.as_ref().map(|runtime| InLane(runtime.spawn(call)))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for the threads would panic inside another runtime; calls are ended at their next tick.
            runtime.shutdown_background();
        }
    }
}

impl<T> Future for InLane<T> {
    /// None when the call panicked on the host's side or the lane ended.
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(Result::ok)
    }
}

impl<T> Drop for InLane<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
