//! A running control plane: started, waited for, talked to over its own kubectl and helm.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::certificates::{Authority, Identity, SigningKey};
use crate::flags;
use crate::guard::Guard;
use crate::places::{free_port, temporary_folder};
use crate::tools::{Output, bin, checkout, run};

/// The controllers without which a cluster keeps rubbish or cannot take in a pod: namespaces empty themselves when deleted,
/// owned objects go with their owner, and each namespace has its default service account.
pub const HOUSEKEEPING: &[&str] = &[
    "garbage-collector-controller",
    "namespace-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
];

/// How a control plane is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder for the kubeconfig, certificates and logs; it is made, and stays. Without one they are in a temporary folder
    /// that goes with the plane. The database is always temporary.
    pub folder: Option<PathBuf>,
    /// Controllers of kube-controller-manager to run, by its own names; empty means that it is not started.
    pub controllers: Vec<String>,
    /// How long the start may take. Three to four seconds are usual; the default of two minutes is for busy machines.
    pub start_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: None,
            controllers: Vec::new(),
            start_timeout: Duration::from_mins(2),
        }
    }
}

impl Options {
    /// Runs the controllers of [`HOUSEKEEPING`] as well.
    #[must_use]
    pub fn with_housekeeping(mut self) -> Self {
        self.controllers = HOUSEKEEPING.iter().map(ToString::to_string).collect();
        self
    }
}

/// A running control plane, which ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct ControlPlane {
    guard: Guard,
    folder: PathBuf,
    server: String,
    kubeconfig: PathBuf,
}

impl ControlPlane {
    /// Starts etcd and kube-apiserver, and waits until they are ready.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Starts a control plane and waits until it is ready. An error shows the last lines of the logs.
    pub fn start_with(options: &Options) -> anyhow::Result<Self> {
        // A free port is only known by giving it back, and somebody else may take it in between.
        const ATTEMPTS: usize = 3;
        for _ in 1..ATTEMPTS {
            match Self::try_start(options) {
                Err(error) if format!("{error:#}").contains("address already in use") => {}
                other => return other,
            }
        }
        Self::try_start(options)
    }

    /// The one control plane that all tests of this binary use, with [`Options::with_housekeeping`]. It is started by the
    /// first caller and ends with the process. Tests then need names of their own for what they create.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                Self::start_with(&Options::default().with_housekeeping())
                    .map_err(|error| format!("{error:#}"))
            })
            .as_ref()
            .map_err(|message| anyhow!("{message}"))
    }

    /// A kubeconfig with the rights of an administrator. It needs no other file.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The folder with the kubeconfig, certificates and logs (`etcd.log`, `kube-apiserver.log`).
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs kubectl as administrator with `stdin` as its input.
    pub fn kubectl(&self, args: &[&str], stdin: &str) -> anyhow::Result<Output> {
        run(
            Command::new(bin("kubectl")?)
                .args(args)
                .envs(self.environment()),
            stdin,
        )
    }

    /// Applies manifests (YAML or JSON, any number of documents) and fails if one is refused.
    pub fn apply(&self, manifests: &str) -> anyhow::Result<String> {
        self.kubectl(&["apply", "-f", "-"], manifests)?
            .ok()
            .context("kubectl apply")
    }

    /// Runs helm as administrator.
    pub fn helm(&self, args: &[&str]) -> anyhow::Result<Output> {
        run(
            Command::new(bin("helm")?)
                .args(args)
                .envs(self.environment()),
            "",
        )
    }

    /// Installs the chart's CRDs and waits until the API server serves them.
    pub fn install_crds(&self) -> anyhow::Result<()> {
        let folder = checkout("charts/tidegate/files/crds");
        let folder = folder
            .to_str()
            .context("the checkout's path is not UTF-8")?;
        self.kubectl(&["apply", "--server-side", "-f", folder], "")?
            .ok()
            .context("installing the CRDs")?;
        self.kubectl(
            &[
                "wait",
                "--for=condition=Established",
                "--timeout=60s",
                "-f",
                folder,
            ],
            "",
        )?
        .ok()
        .context("waiting for the CRDs")?;
        Ok(())
    }

    /// The environment in which any Kubernetes client talks to this plane and keeps its caches in the plane's folder.
    pub fn environment(&self) -> [(&'static str, PathBuf); 5] {
        [
            ("KUBECONFIG", self.kubeconfig.clone()),
            ("KUBECACHEDIR", self.folder.join("cache/kubectl")),
            ("HELM_CACHE_HOME", self.folder.join("cache/helm")),
            ("HELM_CONFIG_HOME", self.folder.join("helm/config")),
            ("HELM_DATA_HOME", self.folder.join("helm/data")),
        ]
    }

    fn try_start(options: &Options) -> anyhow::Result<Self> {
        let deadline = Instant::now() + options.start_timeout;
        let mut guard = Guard::new()?;
        let temporary = temporary_folder("tidegate-plane-")?;
        guard.remove_folder(&temporary)?;
        let folder = match &options.folder {
            Some(folder) => std::path::absolute(folder).context("the plane's folder")?,
            None => temporary.clone(),
        };
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;

        let secrets = Secrets::generate()?;
        secrets.write(&folder)?;
        let (etcd, api) = (free_port()?, free_port()?);
        let server = format!("https://127.0.0.1:{api}");
        let kubeconfig = folder.join("kubeconfig");
        write_secret(&kubeconfig, &secrets.kubeconfig(&server))?;
        let mut plane = Self {
            guard,
            folder,
            server,
            kubeconfig,
        };

        plane.spawn("etcd", &flags::etcd(&temporary.join("etcd"), etcd))?;
        plane.spawn(
            "kube-apiserver",
            &flags::apiserver(&plane.folder, etcd, api),
        )?;
        plane.wait_until(
            deadline,
            "kube-apiserver is ready",
            &["get", "--raw", "/readyz"],
        )?;
        // Namespaces are made by a loop that readiness does not ask for.
        plane.wait_until(
            deadline,
            "the default namespace exists",
            &["get", "namespace", "default"],
        )?;
        if !options.controllers.is_empty() {
            let flags =
                flags::controller_manager(&plane.folder, &plane.kubeconfig, &options.controllers);
            plane.spawn("kube-controller-manager", &flags)?;
            if options
                .controllers
                .iter()
                .any(|name| name == "serviceaccount-controller")
            {
                let get = ["get", "serviceaccount", "default", "--namespace=default"];
                plane.wait_until(deadline, "the controllers work", &get)?;
            }
        }
        Ok(plane)
    }

    fn spawn(&mut self, name: &str, flags: &[String]) -> anyhow::Result<()> {
        let log = log_file(&self.folder, name);
        let log = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let errors = log.try_clone().context("sharing a log file")?;
        let mut command = Command::new(bin(name)?);
        command
            .args(flags)
            .current_dir(&self.folder)
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(errors));
        // Webhooks on loopback must not be looked for behind a proxy.
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env_remove(variable);
        }
        self.guard.spawn(name, &mut command)
    }

    /// Runs kubectl again and again until it succeeds; gives up when a process of the plane has ended or time is up.
    fn wait_until(&mut self, deadline: Instant, what: &str, args: &[&str]) -> anyhow::Result<()> {
        const PAUSE: Duration = Duration::from_millis(50);
        loop {
            let output = self.kubectl(args, "")?;
            if output.success() {
                return Ok(());
            }
            let problem = match self.guard.fallen()? {
                Some(fallen) => fallen,
                None if Instant::now() >= deadline => {
                    format!("time is up; last answer: {}", output.stderr.trim())
                }
                None => {
                    std::thread::sleep(PAUSE);
                    continue;
                }
            };
            bail!("waiting until {what}: {problem}\n{}", self.log_tails());
        }
    }

    fn log_tails(&self) -> String {
        const LINES: usize = 20;
        let mut text = String::new();
        for name in ["etcd", "kube-apiserver", "kube-controller-manager"] {
            let Ok(log) = fs::read(log_file(&self.folder, name)) else {
                continue;
            };
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines
                .get(lines.len().saturating_sub(LINES)..)
                .unwrap_or_default();
            text.extend([
                "--- the last lines of ",
                name,
                ".log\n",
                &tail.join("\n"),
                "\n",
            ]);
        }
        text
    }
}

fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("writing {}", path.display()))
}

struct Secrets {
    authority: String,
    server: Identity,
    administrator: Identity,
    tokens: SigningKey,
}

impl Secrets {
    fn generate() -> anyhow::Result<Self> {
        let authority = Authority::new("tidegate-kit")?;
        let names = [
            "127.0.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "10.0.0.1",
        ];
        Ok(Self {
            server: authority.server("kube-apiserver", &names)?,
            // Members of this group may do everything, whatever RBAC says.
            administrator: authority.client("administrator", "system:masters")?,
            tokens: SigningKey::generate()?,
            authority: authority.certificate().to_owned(),
        })
    }

    /// Under the names that [`flags::apiserver`] and [`flags::controller_manager`] use.
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        write_secret(&folder.join("ca.crt"), &self.authority)?;
        write_secret(&folder.join("server.crt"), &self.server.certificate)?;
        write_secret(&folder.join("server.key"), &self.server.key)?;
        write_secret(&folder.join("tokens.pub"), &self.tokens.public)?;
        write_secret(&folder.join("tokens.key"), &self.tokens.private)
    }

    fn kubeconfig(&self, server: &str) -> String {
        let authority = BASE64.encode(&self.authority);
        let certificate = BASE64.encode(&self.administrator.certificate);
        let key = BASE64.encode(&self.administrator.key);
        format!(
            "apiVersion: v1
kind: Config
current-context: tidegate
contexts:
  - name: tidegate
    context: {{cluster: tidegate, user: administrator, namespace: default}}
clusters:
  - name: tidegate
    cluster:
      server: {server}
      certificate-authority-data: {authority}
users:
  - name: administrator
    user:
      client-certificate-data: {certificate}
      client-key-data: {key}
"
        )
    }
}
