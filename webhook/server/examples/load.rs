//! Sends admission reviews over kept TLS connections, as an API server does, and measures: latency, throughput, and what the server pays for it.
//!
//! Each protocol is tried at each concurrency, one connection for each caller with HTTP/1.1, one for all of them with HTTP/2. One JSON line comes
//! out for each trial. A wrong answer ends the program: the figures are of reviews that were answered rightly, or there are none. Where the server's
//! process id is given, its processor time for each request is taken from `/proc`, whose clock ticks (10 ms) are the figure's error over the trial.
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::Parser;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[derive(Debug, Clone, Parser)]
struct Args {
    /// Where the webhook listens.
    #[arg(long)]
    address: SocketAddr,
    /// The PEM that the server's certificate is checked against.
    #[arg(long)]
    ca: PathBuf,
    /// The name in the certificate.
    #[arg(long, default_value = "localhost")]
    name: String,
    /// What is asked.
    #[arg(long, default_value = "/validate?timeout=10s")]
    path: String,
    /// An AdmissionReview to send; without it, the create of an AtlasSchema of `--bytes`.
    #[arg(long)]
    review: Option<PathBuf>,
    /// Size of the object that is made up.
    #[arg(long, default_value_t = 3500)]
    bytes: usize,
    /// The answer that is right.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    allowed: bool,
    /// `h1`, `h2`.
    #[arg(long, value_delimiter = ',', default_value = "h1,h2")]
    protocols: Vec<String>,
    /// Callers at a time.
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    concurrency: Vec<usize>,
    /// For each trial.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Process id of the server, for its processor time and memory.
    #[arg(long)]
    pid: Option<u32>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let body = match &args.review {
        Some(file) => std::fs::read(file)
            .with_context(|| format!("reading {}", file.display()))?
            .into(),
        None => made_up(args.bytes),
    };
    for protocol in &args.protocols {
        for &concurrency in &args.concurrency {
            // Connections, branch predictors and the server's memory settle first.
            trial(
                &args,
                &body,
                protocol,
                concurrency,
                Duration::from_millis(300),
            )
            .await?;
            let figures = trial(
                &args,
                &body,
                protocol,
                concurrency,
                Duration::from_secs_f64(args.seconds),
            )
            .await?;
            println!("{figures}");
        }
    }
    Ok(())
}

async fn trial(
    args: &Args,
    body: &Bytes,
    protocol: &str,
    concurrency: usize,
    length: Duration,
) -> anyhow::Result<Value> {
    let mut callers = Vec::with_capacity(concurrency);
    let mut shared = None;
    for _ in 0..concurrency {
        callers.push(match (protocol, &shared) {
            ("h2", Some(client)) => Caller::H2(http2::SendRequest::clone(client)),
            ("h2", None) => {
                let (client, connection) = http2::handshake(
                    TokioExecutor::new(),
                    TokioIo::new(connect(args, b"h2").await?),
                )
                .await?;
                tokio::spawn(connection);
                Caller::H2(shared.insert(client).clone())
            }
            _ => {
                let (client, connection) =
                    http1::handshake(TokioIo::new(connect(args, b"http/1.1").await?)).await?;
                tokio::spawn(connection);
                Caller::H1(client)
            }
        });
    }
    let before = args.pid.map(processor_time).transpose()?;
    let begun = Instant::now();
    let mut calling = JoinSet::new();
    for mut caller in callers {
        let (args, body) = (args.clone(), body.clone());
        calling.spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < length {
                let asked = Instant::now();
                caller.ask(&args, &body).await?;
                took.push(asked.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(caller) = calling.join_next().await {
        took.extend(caller??);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let paid = args
        .pid
        .map(processor_time)
        .transpose()?
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    took.sort_unstable();
    let requests = u32::try_from(took.len())?;
    let micros = |percent: usize| {
        took.get(took.len() * percent / 100)
            .map(Duration::as_micros)
    };
    Ok(json!({
        "protocol": protocol,
        "concurrency": concurrency,
        "requests": requests,
        "per_second": (f64::from(requests) / elapsed).round(),
        "p50_us": micros(50),
        "p99_us": micros(99),
        "server_cpu_us": paid.map(|paid| (paid.as_secs_f64() * 1e7 / f64::from(requests)).round() / 10.0),
        "server_rss_kib": args.pid.map(resident_kib).transpose()?,
    }))
}

enum Caller {
    H1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

impl Caller {
    async fn ask(&mut self, args: &Args, body: &Bytes) -> anyhow::Result<()> {
        let uri = match self {
            Self::H1(_) => args.path.clone(),
            Self::H2(_) => format!("https://{}{}", args.name, args.path),
        };
        let request = Request::post(uri)
            .header("host", &args.name)
            .header("content-type", "application/json")
            .header("user-agent", "kube-apiserver-admission")
            .body(Full::new(body.clone()))?;
        let response = match self {
            Self::H1(client) => {
                client.ready().await?;
                client.send_request(request).await?
            }
            Self::H2(client) => {
                client.ready().await?;
                client.send_request(request).await?
            }
        };
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(
            status == 200,
            "{status}: {}",
            String::from_utf8_lossy(&answer)
        );
        let right = format!(r#""allowed":{}"#, args.allowed);
        ensure!(
            contains(&answer, right.as_bytes()),
            "not {right}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

async fn connect(args: &Args, alpn: &[u8]) -> anyhow::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&args.ca)? {
        roots.add(certificate?)?;
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()?
    .with_root_certificates(roots)
    .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let tcp = TcpStream::connect(args.address).await?;
    tcp.set_nodelay(true)?;
    Ok(TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(args.name.clone())?, tcp)
        .await?)
}

/// User and system time, of all threads.
fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("a stat line has a name")?;
    let ticks = |index| {
        fields
            .split_whitespace()
            .nth(index)
            .and_then(|field| field.parse::<u64>().ok())
    };
    let (user, system) = ticks(11).zip(ticks(12)).context("a stat line has times")?;
    Ok(Duration::from_millis((user + system) * 10))
}

fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("a status has VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn made_up(bytes: usize) -> Bytes {
    let columns = (0..).map(|number| format!("  column_{number} varchar(255) NOT NULL,\n"));
    let mut sql = String::from("CREATE TABLE orders (\n");
    for column in columns {
        if sql.len() + 400 > bytes {
            break;
        }
        sql.push_str(&column);
    }
    sql.push_str("  id bigint PRIMARY KEY\n);\n");
    let review = json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "db.atlasgo.io", "version": "v1alpha1", "kind": "AtlasSchema"},
            "resource": {"group": "db.atlasgo.io", "version": "v1alpha1", "resource": "atlasschemas"},
            "requestKind": {"group": "db.atlasgo.io", "version": "v1alpha1", "kind": "AtlasSchema"},
            "requestResource": {"group": "db.atlasgo.io", "version": "v1alpha1", "resource": "atlasschemas"},
            "name": "shop",
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:argocd:argocd-application-controller", "groups": ["system:authenticated"]},
            "object": {
                "apiVersion": "db.atlasgo.io/v1alpha1",
                "kind": "AtlasSchema",
                "metadata": {"name": "shop", "namespace": "shop", "annotations": {"argocd.argoproj.io/sync-wave": "1"}},
                "spec": {"urlFrom": {"secretKeyRef": {"name": "shop", "key": "url"}}, "schema": {"sql": sql}},
            },
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    });
    Bytes::from(review.to_string())
}
