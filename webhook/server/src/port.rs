//! A port: accepting connections, as many as are allowed, until told to stop.
//!
//! When all places are taken, one makes room for the next: see `crowd`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::FutureExt as _;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::ConnectionLimits;
use crate::connection::{self, EndedFor, Leaving};
use crate::crowd::{Crowd, Seat};
use crate::metrics::Metrics;

/// How long accepting rests after it failed, for want of file descriptors for example.
const REST: Duration = Duration::from_millis(100);

/// Read from a socket at a time. rustls alone takes 4 KiB, which makes two system calls of most reviews and hundreds of a large one.
const READ_AHEAD: usize = 16 << 10;

/// The first byte of a TLS handshake record; nothing else may begin a connection.
const HANDSHAKE: u8 = 22;

/// Go's words, which everybody who has ever mixed up the two searches for.
const PLAIN_HTTP: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// One listening socket and what is behind it.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) router: Router,
    pub(crate) limits: ConnectionLimits,
    pub(crate) metrics: Metrics,
    pub(crate) leaving: Leaving,
    /// All connections of this port, to be waited for.
    pub(crate) tasks: TaskTracker,
}

impl Port {
    /// Accepts until the port closes.
    pub(crate) async fn run(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let crowd = Crowd::default();
        while let Some(accepted) = self
            .leaving
            .closing
            .run_until_cancelled(listener.accept())
            .await
        {
            self.take(accepted.map(|(tcp, _)| tcp), &places, &crowd)
                .await;
        }
        // What had connected before the port closed is served, and told goodbye.
        while let Some(Ok((tcp, _))) = listener.accept().now_or_never() {
            self.take(Ok(tcp), &places, &crowd).await;
        }
        self.tasks.close();
    }

    async fn take(&self, accepted: io::Result<TcpStream>, places: &Arc<Semaphore>, crowd: &Crowd) {
        match accepted {
            Ok(tcp) => {
                let Some(place) = self.place(places, crowd).await else {
                    return;
                };
                let seat = crowd.enter();
                let port = self.clone();
                self.tasks.spawn(async move {
                    let _opened = port.metrics.connection_opens(port.name);
                    let gone = port.leaving.gone.clone();
                    if let Some(Some(reason)) = gone
                        .run_until_cancelled(Box::pin(port.serve(tcp, seat)))
                        .await
                    {
                        port.metrics.connection_ended(reason);
                        debug!(port = port.name, reason, "connection ended");
                    }
                    drop(place);
                });
            }
            // The caller was gone before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                self.metrics.connection_ended("accept");
                warn!(port = self.name, %error, "failed to accept a connection; trying again");
                crowd.evict_one();
                tokio::time::sleep(REST).await;
            }
        }
    }

    /// A place among the connections; none when the port closes before one is free.
    async fn place(&self, places: &Arc<Semaphore>, crowd: &Crowd) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return Some(place);
        }
        crowd.evict_one();
        self.leaving
            .closing
            .run_until_cancelled(Arc::clone(places).acquire_owned())
            .await?
            .ok()
    }

    async fn serve(&self, tcp: TcpStream, seat: Seat) -> EndedFor {
        // Without it, an answer may wait 40 ms for an acknowledgement. A socket that refuses is on its way out.
        if tcp.set_nodelay(true).is_err() {
            return None;
        }
        let Some(tls) = &self.tls else {
            return connection::serve(
                tcp,
                false,
                self.router.clone(),
                &self.limits,
                &self.leaving,
                seat,
            )
            .await;
        };
        let evicted = seat.evicted();
        let shaking = timeout(self.limits.handshake, shake_hands(tcp, tls));
        let stream = match evicted.run_until_cancelled(shaking).await {
            None => return Some("evicted"),
            Some(Err(_)) => return Some("handshake-time"),
            Some(Ok(None)) => return Some("plain-http"),
            Some(Ok(Some(Err(error)))) => {
                debug!(%error, "TLS handshake failed");
                return Some("handshake");
            }
            Some(Ok(Some(Ok(stream)))) => stream,
        };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        connection::serve(
            stream,
            http2,
            self.router.clone(),
            &self.limits,
            &self.leaving,
            seat,
        )
        .await
    }
}

/// None: the caller speaks something else than TLS, and was told so.
async fn shake_hands(
    mut tcp: TcpStream,
    tls: &TlsAcceptor,
) -> Option<io::Result<tokio_rustls::server::TlsStream<BufReader<TcpStream>>>> {
    let mut first = [0];
    if let Ok(1) = tcp.peek(&mut first).await
        && first != [HANDSHAKE]
    {
        // A caller that does not want to know is nobody's trouble.
        let _ = tcp.write_all(PLAIN_HTTP).await;
        let _ = tcp.shutdown().await;
        return None;
    }
    Some(tls.accept(BufReader::with_capacity(READ_AHEAD, tcp)).await)
}
