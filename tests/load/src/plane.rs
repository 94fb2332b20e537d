//! A real control plane for the reconciler's figures, asked without kubectl: starting that takes longer than what is measured.
//!
//! `kubectl proxy` holds the administrator's certificate, so that requests here are plain HTTP on loopback; it costs well under a millisecond each. That
//! something has come about is heard from a watch, not asked again and again: figures then neither wait for a poll nor load the API server with it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tidegate_kit::ControlPlane;
use tokio::net::TcpStream;

use crate::server::{Bench, Server};

/// However busy the machine is, what takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(10);

/// A control plane with the chart's CRDs.
#[derive(Debug)]
pub struct Plane {
    /// For what kubectl does well.
    pub kit: ControlPlane,
    proxy: Proxy,
}

impl Plane {
    /// Starts everything and waits until it serves.
    pub fn start() -> Result<Self> {
        let kit = ControlPlane::start()?;
        kit.install_crds()?;
        let proxy = Proxy::start(&kit)?;
        Ok(Self { kit, proxy })
    }

    /// Starts the program with its reconciler for these kinds, without a policy. `more` are further arguments of `tidegate serve`.
    pub fn reconciler(
        &self,
        bench: &Bench,
        name: &str,
        kinds: &str,
        more: &[&str],
    ) -> Result<Server> {
        let kubeconfig = self.kit.kubeconfig().to_str();
        let kubeconfig = kubeconfig.context("the kubeconfig's path is not UTF-8")?;
        let mut arguments = vec!["--reconcile", "--reconcile-kinds", kinds];
        arguments.extend(["--kubeconfig", kubeconfig]);
        arguments.extend(more);
        bench.start_with(name, "policies: []\n", &arguments)
    }

    /// A connection to the API server.
    pub async fn api(&self) -> Result<Api> {
        let stream = TcpStream::connect(self.proxy.address).await?;
        stream.set_nodelay(true)?;
        let (client, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Api {
            client,
            host: self.proxy.address.to_string(),
        })
    }

    /// Waits until `count` objects below a path (`/apis/GROUP/VERSION/namespaces/NAMESPACE/KINDS`) are as `is_done` wants them, each at some time.
    pub async fn until(
        &self,
        path: &str,
        count: usize,
        is_done: impl Fn(&Value) -> bool,
    ) -> Result<()> {
        let mut done = BTreeSet::new();
        let mut last = Value::Null;
        let watching = self.watch(path, |object| {
            if is_done(&object) {
                done.insert(object.pointer("/metadata/name").map(Value::to_string));
            } else {
                last = object;
            }
            done.len() < count
        });
        match tokio::time::timeout(PATIENCE, watching).await {
            Ok(watched) => watched,
            Err(_) => bail!("{} of {count} at {path}; one is {last}", done.len()),
        }
    }

    /// Every state of every object below a path, those that are there first, for as long as `goes_on` says so.
    async fn watch(&self, path: &str, mut goes_on: impl FnMut(Value) -> bool) -> Result<()> {
        let mut api = self.api().await?;
        let path = format!("{path}?watch=1&resourceVersion=0");
        let response = api.send(Method::GET, &path, None).await?;
        ensure!(response.status().is_success(), "{path}: {response:?}");
        let mut body = response.into_body();
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            text.extend_from_slice(&data);
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                let event: Event = serde_json::from_slice(&line)?;
                ensure!(event.what != "ERROR", "{path}: {}", event.object);
                if event.what != "DELETED" && !goes_on(event.object) {
                    return Ok(());
                }
            }
        }
        bail!("{path}: the watch has ended")
    }
}

/// A line of a watch.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    what: String,
    object: Value,
}

/// A connection to the API server as administrator.
#[derive(Debug)]
pub struct Api {
    client: http1::SendRequest<Full<Bytes>>,
    host: String,
}

impl Api {
    /// Creates an object.
    pub async fn create(&mut self, path: &str, object: &Value) -> Result<Value> {
        let answer = self.text(Method::POST, path, Some(object)).await?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Merges into an object.
    pub async fn patch(&mut self, path: &str, patch: &Value) -> Result<Value> {
        let answer = self.text(Method::PATCH, path, Some(patch)).await?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// What is at a path, as text: an object, a list, `/metrics`.
    pub async fn get(&mut self, path: &str) -> Result<String> {
        self.text(Method::GET, path, None).await
    }

    async fn text(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<String> {
        let response = self.send(method, path, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let text = String::from_utf8(body.into()).context("the answer is not UTF-8")?;
        ensure!(status.is_success(), "{path}: {status}: {text}");
        Ok(text)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>> {
        let media = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", media)
            .body(Full::new(body.into()))?;
        self.client.ready().await?;
        Ok(self.client.send_request(request).await?)
    }
}

/// `kubectl proxy`, on a free port that it chose.
#[derive(Debug)]
struct Proxy {
    child: Child,
    address: SocketAddr,
}

impl Proxy {
    fn start(kit: &ControlPlane) -> Result<Self> {
        let mut child = Command::new(tidegate_kit::bin("kubectl")?)
            .args(["proxy", "--port=0"])
            .envs(kit.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting kubectl proxy")?;
        let output = child.stdout.take().context("its output is piped")?;
        let mut proxy = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        // "Starting to serve on 127.0.0.1:34567"
        let address = line.trim().rsplit(' ').next().map(str::parse);
        proxy.address = address.context("kubectl proxy says nothing")??;
        Ok(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
