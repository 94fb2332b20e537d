//! Finds the programs of the control plane and runs those that come back with an answer.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, anyhow, bail};

/// What a program said.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error, where kubectl also prints the warnings of a webhook.
    pub stderr: String,
}

impl Output {
    /// Whether it ended with exit code zero.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// Its standard output, or an error that shows all that it said.
    pub fn ok(self) -> anyhow::Result<String> {
        if !self.success() {
            bail!("{}\n{}{}", self.status, self.stdout, self.stderr);
        }
        Ok(self.stdout)
    }
}

/// The path of a program of the control plane: `kubectl`, `helm`, `kustomize`, `etcd`, `kube-apiserver`,
/// `kube-controller-manager`.
///
/// The first call in a process asks `tests/cluster/get`, which honours `KUBEBUILDER_ASSETS` and otherwise builds them once
/// for this user; that takes some minutes and says so on standard error.
pub fn bin(name: &str) -> anyhow::Result<PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER
        .get_or_init(|| get_cluster().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|message| anyhow!("{message}"))?;
    let path = folder.join(name);
    if !path.is_file() {
        bail!(
            "{} does not exist; put {name} into the folder that KUBEBUILDER_ASSETS names, or unset that",
            path.display()
        );
    }
    Ok(path)
}

/// A path inside the checkout, given from its root.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Runs a command to its end with `stdin` as its input.
pub(crate) fn run(command: &mut Command, stdin: &str) -> anyhow::Result<Output> {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let mut input = child.stdin.take().context("a piped child has an input")?;
    // From a thread, as a child that answers before it has read all would otherwise wait for us while we wait for it.
    // Writing fails when the child ends early; then its exit code and words are the better error.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = input.write_all(stdin.as_bytes());
        });
        child.wait_with_output()
    })
    .with_context(|| format!("waiting for {}", program.display()))?;
    Ok(Output {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn get_cluster() -> anyhow::Result<PathBuf> {
    let script = checkout("tests/cluster/get");
    // Standard error goes to the terminal, past the test harness: a first build must not look hung.
    let output = Command::new(&script)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("running {}", script.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let folder = stdout.lines().next_back().unwrap_or_default();
    if !output.status.success() || folder.is_empty() {
        bail!(
            "tests/cluster/get could not provide a control plane ({}); its messages are above",
            output.status
        );
    }
    Ok(PathBuf::from(folder))
}
