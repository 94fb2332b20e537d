//! Policies that do what the object says, and a client that sees every byte's fate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tidegate_admission::{
    Call, Enforcement, Evaluate, Evaluated, FailurePolicy, Finding, PolicyFailure, PolicyState,
    PolicyStatus, Selection, Severity, Timing, Verdict,
};
use tidegate_server::{
    Authority, CertificateSource, Gate, Readiness, RequestLimits, Server, Settings,
};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name in the certificates of these tests.
pub(crate) const NAME: &str = "tidegate.test.svc";

/// Policies that read in `spec.do` what to do.
#[derive(Debug)]
pub(crate) struct Obedient {
    pub(crate) states: Vec<(&'static str, PolicyState)>,
    /// What `spec.do: wait` waits for.
    pub(crate) release: Notify,
    /// Notified when a review waits.
    pub(crate) waits: Notify,
    pub(crate) calls: std::sync::Mutex<Vec<Call>>,
}

impl Obedient {
    pub(crate) fn new(states: &[(&'static str, PolicyState)]) -> Arc<Self> {
        Arc::new(Self {
            states: states.to_vec(),
            release: Notify::new(),
            waits: Notify::new(),
            calls: std::sync::Mutex::default(),
        })
    }

    pub(crate) fn ready() -> Arc<Self> {
        Self::new(&[("first", PolicyState::Ready)])
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl Evaluate for Obedient {
    async fn evaluate(&self, call: Call) -> Vec<Evaluated> {
        self.calls.lock().unwrap().push(call.clone());
        let subject: Value = call
            .review
            .subject()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let order = subject["spec"]["do"].as_str().unwrap_or_default();
        let finding = |severity| Finding {
            rule: "rule".into(),
            severity,
            message: "the object says so".into(),
            path: Some("/spec/do".into()),
            position: None,
            suggestion: None,
            mended: false,
        };
        let mut enforcement = Enforcement {
            mutate: true,
            ..Enforcement::default()
        };
        let outcome = match order {
            "deny" => Ok(Verdict {
                findings: vec![finding(Severity::Error)],
                ..Verdict::default()
            }),
            "warn" => Ok(Verdict {
                findings: vec![finding(Severity::Warning)],
                ..Verdict::default()
            }),
            "patch" => Ok(Verdict {
                patch: serde_json::from_value(
                    json!([{"op": "add", "path": "/spec/patched", "value": true}]),
                )
                .unwrap(),
                ..Verdict::default()
            }),
            "trap" => Err(PolicyFailure::Trap("unreachable".into())),
            "overload" => Err(PolicyFailure::Overloaded),
            "overload-allowed" => {
                enforcement.failure_policy = FailurePolicy::Allow;
                Err(PolicyFailure::Overloaded)
            }
            "panic" => panic!("the object says so"),
            "hang" => std::future::pending().await,
            "wait" => {
                self.waits.notify_one();
                self.release.notified().await;
                Ok(Verdict::default())
            }
            _ => Ok(Verdict::default()),
        };
        let policy = match &call.selection {
            Selection::Matching => "first".into(),
            Selection::Named(name) => name.as_str().into(),
        };
        vec![Evaluated {
            policy,
            enforcement: enforcement.into(),
            outcome,
            timing: Timing {
                guest: Duration::from_micros(30),
                ..Timing::default()
            },
            memory_bytes: 65_536,
        }]
    }

    fn policies(&self) -> Vec<PolicyStatus> {
        self.states
            .iter()
            .map(|(name, state)| PolicyStatus {
                name: (*name).into(),
                digest: None,
                state: state.clone(),
                info: None,
            })
            .collect()
    }
}

/// A gate that serves these policies with the default limits.
pub(crate) fn gate(policies: &Arc<Obedient>) -> Gate<Obedient> {
    let gate = Gate::new(RequestLimits::default(), Readiness::default());
    gate.serve_policies(Arc::clone(policies));
    gate
}

/// A create of an AtlasSchema that tells the policies what to do.
pub(crate) fn review(order: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": format!("uid-{order}"),
            "kind": {"group": "db.atlasgo.io", "version": "v1alpha1", "kind": "AtlasSchema"},
            "resource": {"group": "db.atlasgo.io", "version": "v1alpha1", "resource": "atlasschemas"},
            "name": "shop",
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": "grace"},
            "object": {"metadata": {"name": "shop"}, "spec": {"do": order}},
            "dryRun": false,
        }
    })
}

/// A POST of a review to this path.
pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", NAME)
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

/// A server on loopback, stopped when told to or dropped.
pub(crate) struct Running {
    pub(crate) webhook: SocketAddr,
    pub(crate) health: SocketAddr,
    pub(crate) trust: Vec<u8>,
    shutdown: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

impl Running {
    /// With an own authority, after `change` of the settings.
    pub(crate) fn start(policies: &Arc<Obedient>, change: impl FnOnce(&mut Settings)) -> Self {
        let now = std::time::SystemTime::now();
        let authority = Authority::generate(now).unwrap();
        let trust = authority.certificate_pem().as_bytes().to_vec();
        let certificate = CertificateSource::Own {
            authority: authority.into(),
            names: vec![NAME.into(), "127.0.0.1".into()],
            lifetime: Duration::from_hours(1),
        };
        let mut settings = Settings::new(certificate);
        settings.certificate_poll = Duration::from_millis(10);
        settings.drain.announce = Duration::from_millis(300);
        change(&mut settings);
        Self::with(policies, settings, trust)
    }

    pub(crate) fn with(policies: &Arc<Obedient>, mut settings: Settings, trust: Vec<u8>) -> Self {
        let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
        settings.webhook = loopback;
        settings.health = Some(loopback);
        let gate = gate(policies);
        let server = Server::bind(settings, gate).unwrap();
        let (shutdown, told) = oneshot::channel();
        Self {
            webhook: server.webhook_address().unwrap(),
            health: server.health_address().unwrap().unwrap(),
            trust,
            shutdown: Some(shutdown),
            ended: tokio::spawn(server.run(async {
                let _ = told.await;
            })),
        }
    }

    pub(crate) fn shut_down(&mut self) {
        let _ = self.shutdown.take().map(|shutdown| shutdown.send(()));
    }

    pub(crate) async fn ended(mut self) {
        (&mut self.ended).await.unwrap();
    }

    /// The value of a series, as `/metrics` says it.
    pub(crate) async fn metric(&self, series: &str) -> u64 {
        let text = self.plain("/metrics").await.1;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// A GET from the plain port.
    pub(crate) async fn plain(&self, path: &str) -> (u16, String) {
        let tcp = TcpStream::connect(self.health).await.unwrap();
        let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::get(path)
            .header("host", NAME)
            .body(Full::<Bytes>::default())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(crate) async fn connect(&self, alpn: &str) -> anyhow::Result<Client> {
        Client::connect(self.webhook, &self.trust, alpn).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ended.abort();
    }
}

/// Waits until something is so, by asking again; a test whose condition never comes fails with its name.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come about that {what}");
}

/// One connection.
pub(crate) enum Client {
    H1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    H2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(crate) async fn connect(
        address: SocketAddr,
        trust: &[u8],
        alpn: &str,
    ) -> anyhow::Result<Self> {
        let stream = tls(address, trust, alpn).await?;
        let io = TokioIo::new(stream);
        Ok(if alpn == "h2" {
            let (client, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            Self::H2(client)
        } else {
            let (client, connection) = hyper::client::conn::http1::handshake(io).await?;
            tokio::spawn(connection);
            Self::H1(client)
        })
    }

    /// Whether the connection will take another request.
    pub(crate) async fn is_open(&mut self) -> bool {
        match self {
            Self::H1(client) => client.ready().await.is_ok(),
            Self::H2(client) => client.ready().await.is_ok(),
        }
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<Response<Bytes>> {
        // The connection's task may not have noticed yet that the answer before was read.
        let response = match self {
            Self::H1(client) => {
                client.ready().await.context("getting ready")?;
                client.send_request(request).await
            }
            Self::H2(client) => {
                client.ready().await.context("getting ready")?;
                client.send_request(request).await
            }
        };
        let (head, body) = response.context("sending")?.into_parts();
        Ok(Response::from_parts(
            head,
            body.collect()
                .await
                .context("reading the answer")?
                .to_bytes(),
        ))
    }

    /// Sends a review that obeys and gives the response's `allowed`.
    pub(crate) async fn review(&mut self, order: &str) -> anyhow::Result<bool> {
        let response = self
            .send(post("/validate?timeout=10s", review(order).to_string()))
            .await?;
        let answer: Value =
            serde_json::from_slice(response.body()).context("the answer is JSON")?;
        anyhow::ensure!(
            answer["response"]["uid"] == format!("uid-{order}"),
            "{answer}"
        );
        answer["response"]["allowed"].as_bool().context("allowed")
    }
}

/// A TLS connection that trusts only this PEM bundle.
pub(crate) async fn tls(
    address: SocketAddr,
    trust: &[u8],
    alpn: &str,
) -> io::Result<TlsStream<TcpStream>> {
    tls_of(rustls::DEFAULT_VERSIONS, address, trust, alpn).await
}

/// Likewise, with these versions of TLS only.
pub(crate) async fn tls_of(
    versions: &[&'static rustls::SupportedProtocolVersion],
    address: SocketAddr,
    trust: &[u8],
    alpn: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trust) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
}
