//! What one connection is doing and since when, told by its stream and its requests.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::ConnectionLimits;
use crate::crowd::Seat;

/// What a connection is doing, written by its stream and its requests, read by whoever drives it.
#[derive(Debug)]
pub(super) struct Pulse {
    pub(super) http2: bool,
    header: Duration,
    idle: Duration,
    seat: Seat,
    pub(super) born: Instant,
    /// Since when it has been doing what it does, in milliseconds after `born`.
    since: AtomicU64,
    answering: AtomicUsize,
    served: AtomicBool,
    /// Bytes of a next request have come.
    reading: AtomicBool,
}

impl Pulse {
    pub(super) fn new(http2: bool, limits: &ConnectionLimits, seat: Seat) -> Self {
        Self {
            http2,
            header: limits.header,
            idle: limits.idle,
            seat,
            born: Instant::now(),
            since: AtomicU64::new(0),
            answering: AtomicUsize::new(0),
            served: AtomicBool::new(false),
            reading: AtomicBool::new(false),
        }
    }

    pub(super) fn request_begins(pulse: &Arc<Self>) -> Answering {
        pulse.reading.store(false, Ordering::Relaxed);
        pulse.answering.fetch_add(1, Ordering::AcqRel);
        pulse.seat.answers();
        Answering(Arc::clone(pulse))
    }

    /// HTTP/2 sends frames of its own between requests; only in HTTP/1.1 do bytes mean that a header begins.
    fn bytes_came(&self) {
        if !self.http2
            && !self.is_answering()
            && !self.reading.swap(true, Ordering::Relaxed)
            && self.has_served()
        {
            self.now();
        }
    }

    fn now(&self) {
        let millis = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(millis, Ordering::Relaxed);
    }

    fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Acquire) > 0
    }

    pub(super) fn has_asked(&self) -> bool {
        self.has_served() || self.is_answering()
    }

    pub(super) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// When this has lasted too long, and its name; none while answering, which has its own deadline.
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        if self.is_answering() {
            return None;
        }
        let since = self.born + Duration::from_millis(self.since.load(Ordering::Relaxed));
        if self.reading.load(Ordering::Relaxed) || !self.has_served() {
            Some((since + self.header, "header"))
        } else {
            Some((since + self.idle, "idle"))
        }
    }
}

/// A request under way; dropped with its answer, or when the caller goes.
#[derive(Debug)]
pub(super) struct Answering(Arc<Pulse>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.served.store(true, Ordering::Relaxed);
        self.0.now();
        if self.0.answering.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.seat.rests();
        }
    }
}

/// A stream that tells the pulse when bytes come.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) pulse: Arc<Pulse>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.pulse.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
