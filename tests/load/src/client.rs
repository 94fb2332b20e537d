//! A caller that keeps its TLS connection, as the API server does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name in the server's certificate.
const NAME: &str = "localhost";

/// What is spoken over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// One connection for each caller.
    Http1,
    /// One connection for all callers.
    Http2,
}

impl Protocol {
    /// As people write it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Http1 => "h1",
            Self::Http2 => "h2",
        }
    }

    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// Where to call, and whom to trust there.
#[derive(Debug, Clone)]
pub struct Target {
    /// The webhook's port.
    pub address: SocketAddr,
    roots: Arc<rustls::RootCertStore>,
}

impl Target {
    /// Trusts the authority whose certificate is in `ca`, as PEM.
    pub fn new(address: SocketAddr, ca: &Path) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(ca);
        for certificate in certificates.with_context(|| format!("reading {}", ca.display()))? {
            roots.add(certificate?)?;
        }
        let roots = Arc::new(roots);
        Ok(Self { address, roots })
    }

    /// A TLS connection and nothing on it yet.
    pub async fn tls(&self, protocol: Protocol) -> Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.alpn().to_vec()];
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(connector.connect(ServerName::try_from(NAME)?, tcp).await?)
    }

    /// So many callers.
    pub async fn callers(&self, protocol: Protocol, count: usize) -> Result<Vec<Caller>> {
        let mut callers = Vec::with_capacity(count);
        match protocol {
            Protocol::Http1 => {
                for _ in 0..count {
                    let io = TokioIo::new(self.tls(protocol).await?);
                    let (client, connection) = http1::handshake(io).await?;
                    tokio::spawn(connection);
                    callers.push(Caller::Http1(client));
                }
            }
            Protocol::Http2 => {
                let io = TokioIo::new(self.tls(protocol).await?);
                let (client, connection) = http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(1 << 20)
                    .initial_connection_window_size(8 << 20)
                    .handshake(io)
                    .await?;
                tokio::spawn(connection);
                callers.extend((0..count).map(|_| Caller::Http2(client.clone())));
            }
        }
        Ok(callers)
    }

    /// One caller over HTTP/1.1.
    pub async fn caller(&self) -> Result<Caller> {
        let callers = self.callers(Protocol::Http1, 1).await?;
        callers.into_iter().next().context("one was asked for")
    }
}

/// One caller, with its part of a connection.
#[derive(Debug)]
pub enum Caller {
    /// Its own connection.
    Http1(http1::SendRequest<Full<Bytes>>),
    /// A shared connection.
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

impl Caller {
    /// Posts a review.
    pub async fn post(&mut self, path: &str, body: Bytes) -> Result<Answer> {
        let uri = match self {
            Self::Http1(_) => path.to_owned(),
            Self::Http2(_) => format!("https://{NAME}{path}"),
        };
        let request = Request::post(uri)
            .header("host", NAME)
            .header("content-type", "application/json")
            .header("user-agent", "kube-apiserver-admission")
            .body(Full::new(body))?;
        let response = match self {
            Self::Http1(client) => {
                client.ready().await?;
                client.send_request(request).await?
            }
            Self::Http2(client) => {
                client.ready().await?;
                client.send_request(request).await?
            }
        };
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// Holds when this is a review's answer of 200 that says `allowed` so.
    pub fn must_be(&self, allowed: bool) -> Result<()> {
        let right: &[u8] = if allowed {
            br#""allowed":true"#
        } else {
            br#""allowed":false"#
        };
        let said = self.body.windows(right.len()).any(|part| part == right);
        ensure!(
            self.status == 200 && said,
            "expected 200 and allowed: {allowed}, got {}",
            self.excerpt()
        );
        Ok(())
    }

    /// The status and the beginning of the body, on one line.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text: String = text.chars().take(400).collect();
        format!("{}: {}", self.status, text.replace('\n', " "))
    }
}
