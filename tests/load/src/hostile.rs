//! Callers that do not want an answer: they take connections, and keep them.
//!
//! Each function does its worst, asks a good question beside it, and holds the server to what it must do with such a caller. None waits for a time: what
//! a server must do in the end is waited for, up to [`PATIENCE`].

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Caller, Protocol, Target};
use crate::review;
use crate::server::Server;

/// More than any of the server's own times, on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Of those that keep connections open without an honest purpose.
const HOSTILE: usize = 100;
/// Between two bytes of a slow caller.
const DRIP: Duration = Duration::from_millis(500);
/// The server's own limit of connections.
const CONNECTIONS: usize = 512;
/// Descriptors for anything else, connections on their way out included.
const OTHER_DESCRIPTORS: usize = 128;

/// The question that must be answered rightly whatever else goes on.
pub async fn asks_well(caller: &mut Caller) -> Result<()> {
    let review = review::of_sql("CREATE TABLE orders (id bigint PRIMARY KEY);");
    let asked = caller.post("/validate/good?timeout=30s", review);
    let answer = timeout(PATIENCE, asked).await.context("no answer")??;
    answer.must_be(true)
}

/// Plain HTTP to the port that speaks TLS is told so.
pub async fn plain_http(target: &Target) -> Result<()> {
    let mut tcp = TcpStream::connect(target.address).await?;
    tcp.write_all(b"POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        .await?;
    let said = until_closed(&mut tcp).await?;
    ensure!(said.starts_with("HTTP/1.0 400 Bad Request"), "got {said:?}");
    Ok(())
}

/// Headers and bodies that come a byte at a time are cut off, all of them, while others are answered.
pub async fn slow(target: &Target) -> Result<()> {
    let header = "POST /validate HTTP/1.1\r\nHost: localhost\r\n";
    let body = format!(
        "{}Content-Length: 1000\r\n\r\n",
        header.replace("validate", "validate?timeout=2s")
    );
    let mut dripping = JoinSet::new();
    for number in 0..HOSTILE {
        let (begin, drop, says) = match number % 2 {
            0 => (header.to_owned(), "x: y\r\n", ""),
            _ => (body.clone(), "{", "HTTP/1.1 408 "),
        };
        let stream = target.tls(Protocol::Http1).await?;
        dripping.spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let drips = async {
                writer.write_all(begin.as_bytes()).await?;
                loop {
                    writer.write_all(drop.as_bytes()).await?;
                    writer.flush().await?;
                    sleep(DRIP).await;
                }
                #[expect(unreachable_code, reason = "says the type of the errors")]
                anyhow::Ok(())
            };
            // The writer ends when the server has closed; so does the reader, and it is the one that tells what was said.
            tokio::select! {
                biased;
                said = until_closed(&mut reader) => {
                    let said = said?;
                    ensure!(said.starts_with(says), "expected {says:?}, got {said:?}");
                    Ok(())
                }
                dripped = drips => match dripped {
                    Err(_) if says.is_empty() => Ok(()),
                    other => other.context("the server closed without an answer"),
                },
            }
        });
    }
    let mut honest = target.caller().await?;
    while !dripping.is_empty() {
        asks_well(&mut honest).await?;
        if let Ok(Some(ended)) = timeout(DRIP, dripping.join_next()).await {
            ended??;
        }
    }
    Ok(())
}

/// Callers that close their half before, within and after a request do not stay.
pub async fn half_closed(target: &Target) -> Result<()> {
    let whole = review::of_sql("CREATE TABLE a (id int);");
    let head = "POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let sent: [Vec<u8>; 4] = [
        Vec::new(),
        b"POST /vali".to_vec(),
        format!("{head}Content-Length: 100\r\n\r\n{{").into_bytes(),
        [
            format!("{head}Content-Length: {}\r\n\r\n", whole.len()).as_bytes(),
            &whole,
        ]
        .concat(),
    ];
    let mut tcp = TcpStream::connect(target.address).await?;
    tcp.shutdown().await?;
    until_closed(&mut tcp).await?;
    for bytes in sent {
        let mut stream = target.tls(Protocol::Http1).await?;
        stream.write_all(&bytes).await?;
        stream.shutdown().await?;
        until_closed(&mut stream).await?;
    }
    Ok(())
}

/// So many connections that never ask: those who ask are answered, those who come are let in, and the server holds no more than its limit.
pub async fn many_that_never_ask(server: &Server, target: &Target, count: usize) -> Result<()> {
    let mut known = target.caller().await?;
    asks_well(&mut known).await?;
    let mut silent = Vec::with_capacity(count);
    for number in 0..count {
        silent.push(
            timeout(PATIENCE, TcpStream::connect(target.address))
                .await
                .context("not let in")??,
        );
        if number % 500 == 499 {
            asks_well(&mut known).await?;
            asks_well(&mut target.caller().await?).await?;
            let descriptors = server.descriptors()?;
            ensure!(
                descriptors <= CONNECTIONS + OTHER_DESCRIPTORS,
                "{descriptors} descriptors with {} connections",
                silent.len()
            );
        }
    }
    drop(silent);
    asks_well(&mut known).await
}

/// So many connections that each asked once and stay: whoever comes next is answered all the same.
pub async fn many_that_asked(server: &Server, target: &Target, count: usize) -> Result<()> {
    let mut asked = Vec::with_capacity(count);
    for _ in 0..count {
        let mut caller = timeout(PATIENCE, target.caller())
            .await
            .context("not let in")??;
        asks_well(&mut caller).await?;
        asked.push(caller);
    }
    let descriptors = server.descriptors()?;
    ensure!(
        descriptors <= CONNECTIONS + OTHER_DESCRIPTORS,
        "{descriptors} descriptors"
    );
    Ok(())
}

/// Waits until this is so.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds()? {
        if begun.elapsed() > PATIENCE {
            bail!("{what}: not after {PATIENCE:?}");
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// What the server says until it closes. How it closes does not matter.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> Result<String> {
    let mut said = Vec::new();
    let reading = stream.read_to_end(&mut said);
    // A reset is a way to close.
    let _ = timeout(PATIENCE, reading)
        .await
        .context("the server keeps the connection")?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}
