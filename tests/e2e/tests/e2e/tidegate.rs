//! Starting the real program, and telling the API server about it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tidegate_kit::{ControlPlane, Output};

/// For things that take well under a second on an idle machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `tidegate serve`.
pub(crate) struct Tidegate {
    child: Child,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) webhook: String,
    pub(crate) health: String,
    _log: std::thread::JoinHandle<()>,
}

/// How it is started.
pub(crate) struct Start<'a> {
    pub(crate) policies: &'a str,
    pub(crate) arguments: Vec<String>,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self {
            policies: POLICIES,
            arguments: vec![],
        }
    }
}

/// The policies as shipped; `FOLDER` is where the components are.
pub(crate) const POLICIES: &str = "
policies:
- {name: unsafe-sql, file: FOLDER/unsafe-sql.wasm, limits: {memory: 256MiB, cpu: 5s, time: 20s}}
- {name: wave-order, file: FOLDER/wave-order.wasm, limits: {cpu: 5s, time: 20s}}
";

impl Tidegate {
    pub(crate) fn start(start: &Start<'_>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let policies = folder.path().join("policies.yaml");
        let components = components()?;
        std::fs::write(
            &policies,
            start
                .policies
                .replace("FOLDER", &components.display().to_string()),
        )?;
        let mut command = Command::new(program()?);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--health",
                "127.0.0.1:0",
                "--log-format",
                "json",
            ])
            .args(["--drain", "3s", "--cache"])
            .arg(target()?.join("e2e-compiled"))
            .arg("--policies")
            .arg(&policies)
            .args(&start.arguments);
        if !start
            .arguments
            .iter()
            .any(|argument| argument == "--tls-cert" || argument == "--ca-folder")
        {
            command.arg("--ca-folder").arg(folder.path().join("ca"));
        }
        let mut child = command
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .context("starting tidegate")?;
        let stderr = child
            .stderr
            .take()
            .context("tidegate has no standard error")?;
        let (lines, receive) = channel();
        let log = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody may be listening any more; the pipe must be read all the same.
                let _ = lines.send(line);
            }
        });
        let (webhook, health) = addresses(&receive).inspect_err(|_| {
            let _ = child.kill();
        })?;
        let tidegate = Self {
            child,
            folder,
            webhook,
            health,
            _log: log,
        };
        tidegate.wait_ready()?;
        Ok(tidegate)
    }

    /// Our own authority's certificate.
    pub(crate) fn ca_bundle(&self) -> Result<String> {
        Ok(std::fs::read_to_string(
            self.folder.path().join("ca/ca.crt"),
        )?)
    }

    pub(crate) fn policies_file(&self) -> PathBuf {
        self.folder.path().join("policies.yaml")
    }

    /// The answer of the health port: the status, and the body.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String)> {
        get(&self.health, path)
    }

    /// The sum of a metric over all label sets that hold `labels`.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> Result<f64> {
        let (_, text) = self.get("/metrics")?;
        let lines = text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(labels));
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    pub(crate) fn terminate(&mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .context("kill")?;
        Ok(())
    }

    pub(crate) fn wait_exit(&mut self) -> Result<std::process::ExitStatus> {
        let child = &mut self.child;
        eventually("tidegate to end", || Ok(child.try_wait()?))
    }

    fn wait_ready(&self) -> Result<()> {
        eventually("readiness", || {
            Ok(self
                .get("/readyz")
                .ok()
                .filter(|(status, _)| *status == 200)
                .map(|_| ()))
        })
    }
}

impl Drop for Tidegate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until there is an answer; a bounded wait for a condition, not a sleep.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().with_context(|| what.to_owned())? {
            return Ok(answer);
        }
        if start.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} for {what}");
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Plain HTTP, as a probe asks.
fn get(address: &str, path: &str) -> Result<(u16, String)> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .context("no status line")?;
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    Ok((status, body))
}

fn addresses(lines: &Receiver<String>) -> Result<(String, String)> {
    let mut seen = String::new();
    let start = Instant::now();
    while let Ok(line) = lines.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event["message"] == "listening" {
            let address = |field: &str| {
                event[field].as_str().map(|text| {
                    text.trim_start_matches("Some(")
                        .trim_end_matches(')')
                        .to_owned()
                })
            };
            return Ok((
                address("webhook").context("no webhook address")?,
                address("health").context("no health address")?,
            ));
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    bail!("tidegate did not start:\n{seen}")
}

/// The program: the one that `TIDEGATE_PROGRAM` names, or one built now, once.
///
/// `make test` names the one that the workspace's tests were built beside. Building it alone would compile half the tree a second time, because other
/// packages' tests ask for more features of what they share with it.
pub(crate) fn program() -> Result<PathBuf> {
    static BUILT: std::sync::OnceLock<Result<PathBuf, String>> = std::sync::OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if let Some(named) = std::env::var_os("TIDEGATE_PROGRAM").map(PathBuf::from) {
            return if named.is_file() {
                Ok(named)
            } else {
                Err(format!("TIDEGATE_PROGRAM: there is no {}", named.display()))
            };
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "-p", "tidegate"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .status();
        match status {
            Ok(status) if status.success() => target()
                .map(|target| target.join("debug/tidegate"))
                .map_err(|error| error.to_string()),
            other => Err(format!("building tidegate: {other:?}")),
        }
    });
    built.clone().map_err(anyhow::Error::msg)
}

/// The folder that this very test was built into.
fn target() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    Ok(test
        .ancestors()
        .nth(3)
        .context("the test is not in a target folder")?
        .to_owned())
}

/// Where `make policies` puts the components.
pub(crate) fn components() -> Result<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies");
    let folder = checkout
        .canonicalize()
        .context("no components: run `make policies`")?;
    if !folder.join("unsafe-sql.wasm").is_file() {
        bail!("no components in {}: run `make policies`", folder.display());
    }
    Ok(folder)
}

/// A namespace whose objects only these webhook configurations see.
pub(crate) struct Gated<'p> {
    pub(crate) plane: &'p ControlPlane,
    pub(crate) namespace: String,
}

impl<'p> Gated<'p> {
    /// Makes the namespace and registers both webhooks for it.
    pub(crate) fn new(
        plane: &'p ControlPlane,
        namespace: &str,
        url: &str,
        ca: &str,
        failure_policy: &str,
    ) -> Result<Self> {
        plane.apply(
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
                .to_string(),
        )?;
        let gated = Self {
            plane,
            namespace: namespace.to_owned(),
        };
        gated.register(url, ca, failure_policy)?;
        Ok(gated)
    }

    /// Applies the configurations, then waits until the API server uses them: it learns of them by a watch of its own.
    pub(crate) fn register(&self, url: &str, ca: &str, failure_policy: &str) -> Result<()> {
        for (kind, stage) in [
            ("ValidatingWebhookConfiguration", "validate"),
            ("MutatingWebhookConfiguration", "mutate"),
        ] {
            self.plane.apply(
                &configuration(kind, stage, &self.namespace, url, ca, failure_policy).to_string(),
            )?;
        }
        eventually("the API server to call the webhook", || {
            let probe = json!({
                "apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema",
                "metadata": {"name": "probe", "namespace": self.namespace},
                "spec": {"url": "sqlite://probe.db", "schema": {"sql": "DROP DATABASE probe;"}},
            });
            let output = self.plane.kubectl(
                &["create", "--dry-run=server", "-f", "-"],
                &probe.to_string(),
            )?;
            Ok((!output.success() && output.stderr.contains("webhook")).then_some(()))
        })
    }

    /// Whether it was taken, and what kubectl said.
    pub(crate) fn apply(&self, manifest: &str) -> Result<Output> {
        self.plane
            .kubectl(&["apply", "-n", &self.namespace, "-f", "-"], manifest)
    }

    #[track_caller]
    pub(crate) fn accepts(&self, manifest: &str) -> Output {
        let output = self.apply(manifest).unwrap();
        assert!(output.success(), "should be accepted: {}", output.stderr);
        output
    }

    /// Refused, and for this reason: a connection error or a bad manifest would be refused too.
    #[track_caller]
    pub(crate) fn rejects(&self, manifest: &str, rule: &str, message: &str) -> Output {
        let output = self.apply(manifest).unwrap();
        assert!(!output.success(), "should be refused by {rule}");
        assert!(
            output.stderr.contains(&format!("[{rule}]")) && output.stderr.contains(message),
            "should be refused by {rule} with {message}: {}",
            output.stderr
        );
        output
    }

    pub(crate) fn get(&self, resource: &str, name: &str) -> Result<Value> {
        let text = self
            .plane
            .kubectl(
                &["get", "-n", &self.namespace, resource, name, "-o", "json"],
                "",
            )?
            .ok()?;
        Ok(serde_json::from_str(&text)?)
    }
}

fn configuration(
    kind: &str,
    stage: &str,
    namespace: &str,
    url: &str,
    ca: &str,
    failure_policy: &str,
) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": format!("tidegate-{namespace}")},
        "webhooks": [{
            "name": format!("{stage}.tidegate.dev"),
            "clientConfig": {"url": format!("https://{url}/{stage}"), "caBundle": BASE64_STANDARD.encode(ca)},
            "rules": [{
                "apiGroups": ["argoproj.io", "db.atlasgo.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": ["applications", "appprojects", "atlasschemas", "atlasmigrations"], "scope": "Namespaced",
            }],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "failurePolicy": failure_policy, "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 30,
        }],
    })
}

/// An AtlasSchema in a namespace.
pub(crate) fn atlas_schema(name: &str, url: &str, sql: &str) -> String {
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema", "metadata": {"name": name},
        "spec": {"url": url, "schema": {"sql": sql}},
    })
    .to_string()
}
