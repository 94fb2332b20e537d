//! Connections that behave badly, over real sockets. How long a connection may do what is tested in memory, beside the code.

use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Obedient, Running, eventually, post, review, tls};

const OPEN: &str = r#"tidegate_connections{port="webhook"}"#;

fn ended(reason: &str) -> String {
    format!(r#"tidegate_connections_ended_total{{reason="{reason}"}}"#)
}

#[tokio::test]
async fn plain_http_to_the_tls_port_is_told_so() {
    let server = Running::start(&Obedient::ready(), |_| {});
    let mut tcp = TcpStream::connect(server.webhook).await.unwrap();
    tcp.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    let _ = tcp.read_to_string(&mut answer).await;
    assert!(
        answer.starts_with("HTTP/1.0 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("Client sent an HTTP request to an HTTPS server"),
        "{answer}"
    );
    assert_eq!(server.metric(&ended("plain-http")).await, 1);
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let server = Running::start(&Obedient::ready(), |settings| {
        settings.connections.handshake = Duration::from_millis(50);
    });
    let mut silent = TcpStream::connect(server.webhook).await.unwrap();
    let mut slow = TcpStream::connect(server.webhook).await.unwrap();
    slow.write_all(&[22, 3, 1]).await.unwrap();
    for tcp in [&mut silent, &mut slow] {
        assert_eq!(tcp.read(&mut [0]).await.unwrap_or(0), 0);
    }
    assert_eq!(server.metric(&ended("handshake-time")).await, 2);
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_ends_only_itself() {
    let server = Running::start(&Obedient::ready(), |_| {});
    let mut tcp = TcpStream::connect(server.webhook).await.unwrap();
    tcp.write_all(&[22; 300]).await.unwrap();
    let mut rest = Vec::new();
    let _ = tcp.read_to_end(&mut rest).await;
    eventually("the handshake fails", async || {
        server.metric(&ended("handshake")).await == 1
    })
    .await;
    assert!(
        server
            .connect("h2")
            .await
            .unwrap()
            .review("nothing")
            .await
            .unwrap()
    );
}

/// A header that drips in holds a connection for the header's time and no longer, though bytes keep coming.
#[tokio::test]
async fn a_slow_header_is_cut_off() {
    let server = Running::start(&Obedient::ready(), |settings| {
        settings.connections.header = Duration::from_millis(100);
    });
    let mut stream = tls(server.webhook, &server.trust, "http/1.1")
        .await
        .unwrap();
    stream
        .write_all(b"POST /validate HTTP/1.1\r\n")
        .await
        .unwrap();
    let dripping = async {
        while stream.write_all(b"x: y\r\n").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), dripping)
        .await
        .expect("the server closes");
    eventually("it is counted", async || {
        server.metric(&ended("header")).await == 1
    })
    .await;
}

#[tokio::test]
async fn a_half_closed_connection_does_not_stay() {
    let server = Running::start(&Obedient::ready(), |_| {});
    for sent in [
        "",
        "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
    ] {
        let mut stream = tls(server.webhook, &server.trust, "http/1.1")
            .await
            .unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        eventually("it is closed", async || server.metric(OPEN).await == 0).await;
    }
    assert_eq!(server.metric("tidegate_admission_body_held_bytes").await, 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_its_review() {
    let policies = Obedient::ready();
    let server = Running::start(&policies, |_| {});
    let mut client = server.connect("http/1.1").await.unwrap();
    let waits = policies.waits.notified();
    let caller = tokio::spawn(async move { client.review("wait").await });
    waits.await;
    assert_eq!(server.metric("tidegate_admission_inflight").await, 1);
    caller.abort();
    eventually("nothing is under way", async || {
        server.metric("tidegate_admission_inflight").await == 0
    })
    .await;
}

/// Connections that only open take no place from those that ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_idle_connections_hold_nobody_up() {
    const IDLE: usize = 2_000;
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).unwrap();

    let server = Running::start(&Obedient::ready(), |settings| {
        settings.connections.connections = 64;
    });
    let mut known = server.connect("http/1.1").await.unwrap();
    assert!(known.review("nothing").await.unwrap());
    let mut idle = Vec::with_capacity(IDLE);
    for number in 0..IDLE {
        idle.push(TcpStream::connect(server.webhook).await.unwrap());
        if number % 100 == 0 {
            assert!(known.review("nothing").await.unwrap());
            let mut new = server.connect("h2").await.unwrap();
            assert!(new.review("nothing").await.unwrap());
        }
    }
    assert!(known.review("nothing").await.unwrap());
    assert!(server.metric(OPEN).await <= 64);
    assert!(server.metric(&ended("evicted")).await >= 1_900);
    drop(idle);
    eventually("only the known one is left", async || {
        server.metric(OPEN).await == 1
    })
    .await;
}

/// Nor do connections that asked once and stay: the one that rests longest makes room, and the one that asked last is still there.
#[tokio::test]
async fn connections_that_rest_make_room() {
    let server = Running::start(&Obedient::ready(), |settings| {
        settings.connections.connections = 8;
    });
    let mut asked = Vec::new();
    for number in 0..20 {
        let mut client = server
            .connect(["http/1.1", "h2"][number % 2])
            .await
            .unwrap();
        assert!(client.review("nothing").await.unwrap());
        asked.push(client);
    }
    assert!(server.metric(OPEN).await <= 8);
    assert!(server.metric(&ended("evicted")).await >= 12);
    let last = asked.last_mut().unwrap();
    assert!(last.review("nothing").await.unwrap());
}

#[tokio::test]
async fn large_reviews_are_read_and_too_large_ones_answered() {
    let server = Running::start(&Obedient::ready(), |_| {});
    for alpn in ["http/1.1", "h2"] {
        for (bytes, allowed) in [(3 << 20, true), (9 << 20, false)] {
            let mut client = server.connect(alpn).await.unwrap();
            let body = review("nothing").to_string();
            let body = body.replacen(
                r#""request":{"#,
                &format!(
                    r#""request":{{"uid":"uid-nothing","x":"{}","#,
                    "x".repeat(bytes)
                ),
                1,
            );
            let body = body.replacen(r#","uid":"uid-nothing""#, "", 1);
            let response = client.send(post("/validate", body)).await.unwrap();
            let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(
                (&answer["response"]["uid"], &answer["response"]["allowed"]),
                (&"uid-nothing".into(), &allowed.into()),
                "{alpn} {answer}"
            );
        }
    }
    assert_eq!(server.metric("tidegate_admission_body_held_bytes").await, 0);
}

#[tokio::test]
async fn a_header_over_the_limit_is_refused() {
    let server = Running::start(&Obedient::ready(), |_| {});
    let mut client = server.connect("http/1.1").await.unwrap();
    let mut request = post("/validate", review("nothing").to_string());
    request
        .headers_mut()
        .insert("x", "x".repeat(20_000).parse().unwrap());
    assert_eq!(client.send(request).await.unwrap().status(), 431);
}

#[tokio::test]
async fn health_is_answered_on_both_ports() {
    let server = Running::start(&Obedient::ready(), |_| {});
    let mut client = server.connect("http/1.1").await.unwrap();
    for path in ["/livez", "/readyz", "/metrics"] {
        let request = http::Request::get(path)
            .header("host", "a")
            .body(http_body_util::Full::default())
            .unwrap();
        assert_eq!(client.send(request).await.unwrap().status(), 200, "{path}");
        assert_eq!(server.plain(path).await.0, 200, "{path}");
    }
    assert_eq!(server.plain("/validate").await.0, 404);
}
