//! An API server that fails when a test wants it to: a proxy before the real one.
//!
//! What must survive a fault is tried with the real requests of a real client against the real API server, and only the answers are spoilt. Each request is shown to
//! the test's own rule, with its number among the writes, so that a fault is at the same place in each run and nothing has to be waited for. The proxy
//! speaks plain HTTP on loopback; `kubectl proxy` behind it knows the certificates.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use futures::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::guard::Guard;
use crate::plane::ControlPlane;
use crate::tools::bin;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused with this code, and not done.
    Refused(u16),
    /// The connection is cut, and nothing done.
    Cut,
    /// It is done, and the connection cut before the answer.
    Lost,
    /// It is done, and never answered, nor is any request after it done: for whoever asked, time has ended.
    Frozen,
    /// A watch that says `410 Gone` after its first event; other requests are done as usual.
    Expired,
}

/// A request, as a rule is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `GET`, `PATCH` and so on.
    pub method: &'a str,
    /// The path without its query.
    pub path: &'a str,
    /// Its number among all that change something, from 1; none for what only reads, dry runs and watches.
    pub write: Option<usize>,
    /// Whether it is a watch.
    pub watch: bool,
}

/// A write that the API server accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// What was sent.
    pub body: String,
}

type Rule = dyn Fn(Asked<'_>) -> Option<Fault> + Send + Sync;

struct Shared {
    rule: Box<Rule>,
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    state: Mutex<State>,
    frozen: tokio::sync::watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    asked: usize,
    writes: Vec<Write>,
}

/// A proxy before a plane's API server. It ends with this.
#[derive(Debug)]
pub struct Proxy {
    kubeconfig: PathBuf,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
    _kubectl: Guard,
    _folder: tempfile::TempDir,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Proxy {
    /// Starts one whose faults are those that the rule gives.
    pub fn start(
        plane: &ControlPlane,
        rule: impl Fn(Asked<'_>) -> Option<Fault> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let (kubectl, upstream) = kubectl_proxy(plane)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("starting a runtime for the proxy")?;
        let shared = Arc::new(Shared {
            rule: Box::new(rule),
            upstream,
            client: Client::builder(TokioExecutor::new()).build_http(),
            state: Mutex::default(),
            frozen: tokio::sync::watch::Sender::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
        listener.set_nonblocking(true).context("listening")?;
        let port = listener.local_addr().context("listening")?.port();
        let served = shared.clone();
        runtime.spawn(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                return;
            };
            while let Ok((stream, _)) = listener.accept().await {
                let shared = served.clone();
                let serve = service_fn(move |request| answer(shared.clone(), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), serve);
                // An error is a connection that was cut, mostly by us.
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        let folder = tempfile::tempdir().context("making a folder")?;
        let kubeconfig = folder.path().join("kubeconfig");
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: it, contexts: [{{name: it, context: {{cluster: it, user: it}}}}], clusters: [{{name: it, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}], users: [{{name: it, user: {{}}}}]}}\n"
        );
        std::fs::write(&kubeconfig, text).context("writing a kubeconfig")?;
        Ok(Self {
            kubeconfig,
            shared,
            _kubectl: kubectl,
            runtime: Some(runtime),
            _folder: folder,
        })
    }

    /// How it is reached.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What was written through it and accepted, in order; dry runs are not.
    pub fn writes(&self) -> Vec<Write> {
        self.shared.state().writes.clone()
    }

    /// Waits until a request was [`Fault::Frozen`].
    pub async fn frozen(&self) {
        let mut frozen = self.shared.frozen.subscribe();
        // The sender is ours, so that there is no error to wait for.
        let _ = frozen.wait_for(|frozen| *frozen).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of a request, if it has one.
    fn fault(&self, request: &Request<Incoming>) -> Option<Fault> {
        let query = request.uri().query().unwrap_or_default();
        let is_write = *request.method() != Method::GET && !query.contains("dryRun=");
        let write = is_write.then(|| {
            let mut state = self.state();
            state.asked += 1;
            state.asked
        });
        (self.rule)(Asked {
            method: request.method().as_str(),
            path: request.uri().path(),
            write,
            watch: query.contains("watch=true") || query.contains("watch=1"),
        })
    }
}

/// Has the plane's kubectl know the certificates for us; it ends with the guard.
fn kubectl_proxy(plane: &ControlPlane) -> anyhow::Result<(Guard, String)> {
    let mut guard = Guard::new()?;
    let (ours, theirs) = UnixStream::pair().context("making a pipe")?;
    let mut command = Command::new(bin("kubectl")?);
    command
        .args(["proxy", "--port=0"])
        .envs(plane.environment())
        .stdout(OwnedFd::from(theirs))
        .stderr(Stdio::null());
    guard.spawn("kubectl proxy", &mut command)?;
    drop(command); // it holds the other end as well
    let mut line = String::new();
    BufReader::new(ours)
        .read_line(&mut line)
        .context("reading the address of kubectl proxy")?;
    let address = line.rsplit(' ').next().unwrap_or_default().trim();
    Ok((guard, format!("http://{address}")))
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    if *shared.frozen.borrow() {
        std::future::pending::<Infallible>().await;
    }
    let fault = shared.fault(&request);
    match fault {
        Some(Fault::Refused(code)) => return refused(code),
        Some(Fault::Cut) => return Err("cut".into()),
        _ => {}
    }
    // A task of its own: what the API server was asked for it does, also when whoever asked is gone.
    let asked = shared.clone();
    let answer = tokio::spawn(async move { forward(&asked, request).await }).await??;
    match fault {
        Some(Fault::Lost) => Err("lost".into()),
        Some(Fault::Frozen) => {
            shared.frozen.send_replace(true);
            std::future::pending().await
        }
        Some(Fault::Expired) => Ok(expiring(answer)),
        _ => Ok(answer),
    }
}

/// Asks the API server, and notes a write that it accepts before its answer goes on.
async fn forward(shared: &Shared, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let sent = body.collect().await?.to_bytes();
    let target = format!("{}{}", shared.upstream, parts.uri);
    let mut asked = Request::builder()
        .method(parts.method.clone())
        .uri(target.parse::<Uri>()?);
    for (name, value) in &parts.headers {
        if name != hyper::header::HOST {
            asked = asked.header(name, value);
        }
    }
    let answer = shared
        .client
        .request(asked.body(Full::new(sent.clone()))?)
        .await?;
    let is_dry = parts
        .uri
        .query()
        .is_some_and(|query| query.contains("dryRun="));
    if parts.method != Method::GET && !is_dry && answer.status().is_success() {
        shared.state().writes.push(Write {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            body: String::from_utf8_lossy(&sent).into_owned(),
        });
    }
    Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}

/// As the API server says no.
fn refused(code: u16) -> Result<Response<Body>, BoxError> {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    let status = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"injected {reason}","reason":"{reason}","code":{code}}}"#
    );
    let body = Full::new(Bytes::from(status)).map_err(|never| match never {});
    let mut answer = Response::builder()
        .status(StatusCode::from_u16(code)?)
        .header(hyper::header::CONTENT_TYPE, "application/json");
    if code == 429 {
        answer = answer.header(hyper::header::RETRY_AFTER, "1");
    }
    Ok(answer.body(body.boxed_unsync())?)
}

/// A watch that is told that its version is too old once it has seen something.
fn expiring(answer: Response<Body>) -> Response<Body> {
    let error = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\",\"code\":410}}\n";
    answer.map(|body| {
        let frames = futures::stream::unfold(body, |mut body| async move {
            let frame = body.frame().await?;
            Some((frame, body))
        });
        let error = futures::stream::once(async move { Ok(Frame::data(Bytes::from(error))) });
        StreamBody::new(frames.take(1).chain(error)).boxed_unsync()
    })
}
