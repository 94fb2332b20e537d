//! Going without losing a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::support::{Client, Obedient, Running, eventually};

#[tokio::test]
async fn a_going_server_says_so_and_still_answers() {
    let mut server = Running::start(&Obedient::ready(), |settings| {
        settings.drain.announce = Duration::from_mins(1);
    });
    let mut old = [
        server.connect("http/1.1").await.unwrap(),
        server.connect("h2").await.unwrap(),
    ];
    for client in &mut old {
        assert!(client.review("nothing").await.unwrap());
    }
    assert_eq!(
        server.plain("/readyz").await,
        (200, "[+] first ready\nready\n".into())
    );
    server.shut_down();
    eventually("it is not ready", async || {
        server.plain("/readyz").await.0 == 503
    })
    .await;
    assert_eq!(
        server.plain("/readyz").await.1,
        "not ready: the server is shutting down\n"
    );
    assert_eq!(server.plain("/livez").await.0, 200);

    // HTTP/2 is told at once, HTTP/1.1 with its next answer; both come back, are answered, and told again.
    let [h1, h2] = &mut old;
    eventually("the HTTP/2 connection is closed", async || {
        !h2.is_open().await
    })
    .await;
    assert!(h1.review("nothing").await.unwrap());
    assert!(!h1.is_open().await);
    for alpn in ["http/1.1", "h2"] {
        let mut new = server.connect(alpn).await.unwrap();
        assert!(new.review("nothing").await.unwrap());
        eventually("it is told to go", async || !new.is_open().await).await;
    }
}

/// Every request that was sent is answered, from the first moment of the drain to the last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_under_load_loses_nothing() {
    let mut server = Running::start(&Obedient::ready(), |settings| {
        settings.drain.announce = Duration::from_millis(500);
    });
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let alpn = if number % 2 == 0 { "http/1.1" } else { "h2" };
        let (answered, address, trust) =
            (Arc::clone(&answered), server.webhook, server.trust.clone());
        callers.spawn(async move {
            // A server that accepts no more sends its callers elsewhere: no request is under way then.
            while let Ok(mut client) = Client::connect(address, &trust, alpn).await {
                while client.is_open().await {
                    match client.review("nothing").await {
                        Ok(allowed) => assert!(allowed),
                        // Told goodbye just before it would have sent.
                        Err(error) if was_not_sent(&error) => break,
                        Err(error) => panic!("{alpn}: {error:#}"),
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    eventually("there is load", async || {
        answered.load(Ordering::Relaxed) > 200
    })
    .await;
    server.shut_down();
    let at_shutdown = answered.load(Ordering::Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert!(
        answered.load(Ordering::Relaxed) > at_shutdown + 8,
        "it went on answering while draining"
    );
    server.ended().await;
}

/// Whether the connection went before the request was taken: hyper still had it, or HTTP/2's GOAWAY without an error came, after which whatever the
/// server had not begun may be sent again (RFC 9113, 6.8). Go's client, which is the API server's, does both by itself.
fn was_not_sent(error: &anyhow::Error) -> bool {
    let gone_away = "connection error received: not a result of an error";
    error
        .downcast_ref::<hyper::Error>()
        .is_some_and(|hyper| hyper.is_canceled() || format!("{error:?}").contains(gone_away))
}

#[tokio::test]
async fn what_is_under_way_is_finished() {
    let policies = Obedient::ready();
    let mut server = Running::start(&policies, |settings| {
        settings.drain.announce = Duration::ZERO;
    });
    let mut callers = Vec::new();
    for alpn in ["http/1.1", "h2"] {
        let mut client = server.connect(alpn).await.unwrap();
        let waits = policies.waits.notified();
        callers.push(tokio::spawn(async move { client.review("wait").await }));
        waits.await;
    }
    server.shut_down();
    let address = server.webhook;
    eventually("it accepts no more", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    policies.release.notify_waiters();
    for caller in callers {
        assert!(caller.await.unwrap().unwrap());
    }
    server.ended().await;
}

#[tokio::test]
async fn what_does_not_finish_is_not_waited_for_for_ever() {
    let policies = Obedient::ready();
    let mut server = Running::start(&policies, |settings| {
        settings.drain.announce = Duration::ZERO;
        settings.drain.finish = Duration::from_millis(50);
    });
    let mut client = server.connect("http/1.1").await.unwrap();
    let waits = policies.waits.notified();
    let caller = tokio::spawn(async move { client.review("wait").await });
    waits.await;
    server.shut_down();
    server.ended().await;
    assert!(caller.await.unwrap().is_err());
}
