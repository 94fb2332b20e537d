//! One connection: how long it may do nothing, and how it says goodbye.
//!
//! hyper's own header time-out also counts the time between requests of a kept connection (measured: with a time-out near the client's period an
//! eighth of the requests failed, because the server closed while the client wrote). So hyper's is off, and the times are kept here, where it is
//! known what a connection is doing: waiting for its first request, between requests, in the middle of a header, or answering.

mod pulse;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use axum::Router;
use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::ConnectionLimits;
use crate::crowd::Seat;
use pulse::{Pulse, Watched};

/// How long a connection that was told goodbye may take to write it.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a connection that has just come is waited for when the port closes: its first request may be on its way, and closing would lose it.
const LINGER: Duration = Duration::from_secs(1);

/// What a client may send ahead on one HTTP/2 stream, and on all of a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// The moments of going.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaving {
    /// Answers say goodbye from now on.
    pub(crate) draining: CancellationToken,
    /// Nothing new from now on.
    pub(crate) closing: CancellationToken,
    /// Nothing at all from now on.
    pub(crate) gone: CancellationToken,
}

/// How a connection ended that did not end by itself.
pub(crate) type EndedFor = Option<&'static str>;

/// Serves one connection over a stream that is ready for HTTP.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
    router: Router,
    limits: &ConnectionLimits,
    leaving: &Leaving,
    seat: Seat,
) -> EndedFor {
    let evicted = seat.evicted();
    let pulse = Arc::new(Pulse::new(http2, limits, seat));
    let service = {
        let (pulse, draining) = (Arc::clone(&pulse), leaving.draining.clone());
        service_fn(move |request: Request<Incoming>| {
            let answering = Pulse::request_begins(&pulse);
            let draining = draining.clone();
            let answer = router.clone().call(request);
            async move {
                let mut response = answer.await?;
                if !http2 && draining.is_cancelled() {
                    response
                        .headers_mut()
                        .insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                drop(answering);
                Ok::<_, std::convert::Infallible>(response)
            }
        })
    };
    let io = TokioIo::new(Watched {
        stream,
        pulse: Arc::clone(&pulse),
    });
    let header_bytes = usize::try_from(limits.header_size.0).unwrap_or(usize::MAX);
    if http2 {
        let conn = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.header_size.0).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(limits.idle / 4)
            .keep_alive_timeout(limits.header)
            .serve_connection(io, service);
        drive(conn, &pulse, leaving, evicted).await
    } else {
        let conn = hyper::server::conn::http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(header_bytes)
            // Head and body in one TLS record: in two, a sleepy receiver costs 40 ms.
            .writev(false)
            .serve_connection(io, service);
        drive(conn, &pulse, leaving, evicted).await
    }
}

/// Polls a connection until it ends or has done nothing for too long.
async fn drive<C: GracefulConnection>(
    conn: C,
    pulse: &Pulse,
    leaving: &Leaving,
    evicted: CancellationToken,
) -> EndedFor {
    let mut conn = pin!(conn);
    let mut alarm = pin!(sleep_until(pulse.born));
    let mut draining = pin!(leaving.draining.cancelled());
    let mut closing = pin!(leaving.closing.cancelled());
    let mut evicted = pin!(evicted.cancelled());
    let mut goodbye: Option<(Instant, &'static str)> = None;
    let mut told = false;
    let mut lingers_until = None;
    poll_fn(|cx| {
        let closes = closing.as_mut().poll(cx).is_ready();
        if closes && lingers_until.is_none() {
            lingers_until = Some(Instant::now() + LINGER);
        }
        // HTTP/1.1 says goodbye in the header of an answer; HTTP/2 can at any time. A connection that has just come shall get its first answer.
        let drains = draining.as_mut().poll(cx).is_ready() && pulse.http2;
        let lingers =
            !pulse.has_served() && lingers_until.is_none_or(|until| Instant::now() < until);
        if (closes || drains) && !lingers && !told {
            told = true;
            conn.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(ended) = conn.as_mut().poll(cx) {
            return Poll::Ready(
                goodbye
                    .map(|(_, why)| why)
                    .or_else(|| ended.is_err().then_some("broken")),
            );
        }
        if evicted.as_mut().poll(cx).is_ready() {
            if !pulse.has_asked() {
                return Poll::Ready(Some("evicted"));
            }
            // What it asked meanwhile is answered first.
            goodbye.get_or_insert_with(|| (Instant::now() + FAREWELL, "evicted"));
            if !told {
                told = true;
                conn.as_mut().graceful_shutdown();
                if conn.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Some("evicted"));
                }
            }
        }
        loop {
            let lingers = lingers_until
                .filter(|_| !told)
                .map(|until| (until, "goodbye"));
            // None while answering: what has begun is finished, even in the second of saying goodbye.
            let Some(deadline) = pulse.deadline() else {
                return Poll::Pending;
            };
            let (deadline, why) = goodbye.or(lingers).unwrap_or(deadline);
            if deadline < alarm.deadline() || alarm.is_elapsed() {
                alarm.as_mut().reset(deadline);
            }
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() < deadline {
                continue;
            }
            if goodbye.is_some() {
                return Poll::Ready(Some(why));
            }
            goodbye = Some((Instant::now() + FAREWELL, why));
            told = true;
            conn.as_mut().graceful_shutdown();
            if conn.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Some(why));
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::*;
    use crate::crowd::Crowd;

    const REQUEST: &[u8] = b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n";

    struct Pair {
        client: DuplexStream,
        server: JoinHandle<EndedFor>,
        leaving: Leaving,
        evicted: CancellationToken,
        begun: Instant,
    }

    fn connect(http2: bool) -> Pair {
        let (client, stream) = duplex(64 << 10);
        let leaving = Leaving::default();
        let seat = Crowd::default().enter();
        let evicted = seat.evicted();
        let router = Router::new().route("/quick", get(async || "quick")).route(
            "/slow",
            get(async || {
                sleep(Duration::from_mins(5)).await;
                "slow"
            }),
        );
        let server = tokio::spawn({
            let leaving = leaving.clone();
            async move {
                serve(
                    stream,
                    http2,
                    router,
                    &ConnectionLimits::default(),
                    &leaving,
                    seat,
                )
                .await
            }
        });
        Pair {
            client,
            server,
            leaving,
            evicted,
            begun: Instant::now(),
        }
    }

    impl Pair {
        async fn ask(&mut self, request: &[u8]) -> String {
            self.client.write_all(request).await.unwrap();
            let mut answer = vec![0; 1024];
            let read = self.client.read(&mut answer).await.unwrap();
            String::from_utf8(answer[..read].to_vec()).unwrap()
        }

        /// How it ended, and after how many seconds.
        async fn end(self) -> (EndedFor, u64) {
            let ended = self.server.await.unwrap();
            (ended, self.begun.elapsed().as_secs())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_has_the_headers_time() {
        assert_eq!(connect(false).end().await, (Some("header"), 10));
        assert_eq!(connect(true).end().await.0, Some("header"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_header_has_no_more_time_than_a_silent_one() {
        let mut pair = connect(false);
        pair.client
            .write_all(b"GET /quick HTTP/1.1\r\n")
            .await
            .unwrap();
        for _ in 0..9 {
            sleep(Duration::from_secs(1)).await;
            pair.client.write_all(b"a: b\r\n").await.unwrap();
        }
        let (ended, seconds) = pair.end().await;
        assert_eq!(ended, Some("header"));
        assert!((10..=11).contains(&seconds), "{seconds}");
    }

    /// The API server closes after 90 s; a server that closes first loses the request that is just being written.
    #[tokio::test(start_paused = true)]
    async fn between_requests_it_waits_longer_than_the_api_server() {
        let mut pair = connect(false);
        for _ in 0..3 {
            assert!(pair.ask(REQUEST).await.ends_with("quick"));
            sleep(Duration::from_secs(119)).await;
        }
        assert_eq!(pair.end().await, (Some("idle"), 119 + 119 + 120));
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_header_has_its_time_from_its_first_byte() {
        let mut pair = connect(false);
        pair.ask(REQUEST).await;
        sleep(Duration::from_secs(100)).await;
        pair.client.write_all(b"GET /qu").await.unwrap();
        let (ended, seconds) = pair.end().await;
        assert_eq!(ended, Some("header"));
        assert!((110..=111).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_takes_the_time_that_it_takes() {
        let mut pair = connect(false);
        assert!(
            pair.ask(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .ends_with("slow")
        );
        assert_eq!(pair.begun.elapsed().as_secs(), 300);
        assert!(pair.ask(REQUEST).await.ends_with("quick"));
    }

    #[tokio::test(start_paused = true)]
    async fn goodbye_is_said_with_the_answer() {
        let mut pair = connect(false);
        assert!(!pair.ask(REQUEST).await.contains("connection: close"));
        pair.leaving.draining.cancel();
        assert!(pair.ask(REQUEST).await.contains("connection: close"));
        assert_eq!(pair.end().await, (None, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_when_the_port_closes() {
        let mut pair = connect(false);
        pair.ask(REQUEST).await;
        pair.leaving.closing.cancel();
        assert_eq!(pair.end().await, (None, 0));
    }

    /// What has connected just before the port closes gets an answer to its first request, and is not waited for if it has none.
    #[tokio::test(start_paused = true)]
    async fn a_new_connection_is_not_closed_before_its_first_answer() {
        for asks in [true, false] {
            let mut pair = connect(false);
            pair.leaving.draining.cancel();
            pair.leaving.closing.cancel();
            tokio::task::yield_now().await;
            if asks {
                assert!(pair.ask(REQUEST).await.contains("connection: close"));
            }
            let seconds = u64::from(!asks);
            assert_eq!(pair.end().await, (None, seconds), "asks: {asks}");
        }
    }

    /// One that has never asked and one that rests go at once; one that is being answered goes with its answer.
    #[tokio::test(start_paused = true)]
    async fn a_connection_makes_room_when_told_to() {
        let stranger = connect(false);
        stranger.evicted.cancel();
        assert_eq!(stranger.end().await, (Some("evicted"), 0));

        let mut resting = connect(false);
        resting.ask(REQUEST).await;
        resting.evicted.cancel();
        assert_eq!(resting.end().await, (Some("evicted"), 0));

        let mut asking = connect(false);
        let evicted = asking.evicted.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(7)).await;
            evicted.cancel();
        });
        let answer = asking.ask(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.ends_with("slow"), "{answer}");
        assert_eq!(asking.end().await, (Some("evicted"), 300));
    }
}
