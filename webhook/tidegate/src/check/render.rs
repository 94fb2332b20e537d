//! Folders whose manifests a tool makes: kustomizations and charts are rendered by the tools that people have.
//!
//! Only the folder that was named is rendered, as Argo CD renders the path of an Application; what lies below it is read as it is. Rendering a stranger's
//! folder runs no program of that folder, but Kustomize may fetch what it names from the network.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a tool may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// The most that a tool may print.
const LARGEST_BYTES: u64 = 64 << 20;

/// What makes the manifests of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Its root has a kustomization.
    Kustomize,
    /// Its root has a chart with templates.
    Helm,
}

/// The tool of a folder, as Argo CD finds it: a chart before a kustomization, and neither for a plain folder.
pub(crate) fn tool(folder: &Path) -> Option<Tool> {
    let has = |name: &str| folder.join(name).is_file();
    if has("Chart.yaml") {
        return Some(Tool::Helm);
    }
    ["kustomization.yaml", "kustomization.yml", "Kustomization"]
        .into_iter()
        .any(has)
        .then_some(Tool::Kustomize)
}

/// The manifests of a folder, as one YAML text.
pub(crate) fn render(tool: Tool, folder: &Path) -> Result<String> {
    let shown = folder.display();
    let name = folder
        .canonicalize()
        .ok()
        .and_then(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "chart".to_owned());
    let (what, commands): (_, &[&[&str]]) = match tool {
        Tool::Kustomize => (
            "a kustomization",
            &[&["kustomize", "build"], &["kubectl", "kustomize"]],
        ),
        Tool::Helm => ("a chart", &[&["helm", "template", "--include-crds"]]),
    };
    for command in commands {
        let Some((program, arguments)) = command.split_first() else {
            continue;
        };
        let mut run = Command::new(program);
        run.args(arguments);
        if tool == Tool::Helm {
            run.arg(&name);
        }
        if let Some(text) = output(run.arg(folder), program)? {
            return Ok(text);
        }
    }
    let programs: Vec<&str> = commands
        .iter()
        .filter_map(|command| command.first().copied())
        .collect();
    bail!(
        "{shown} is {what}, and rendering it needs {} on the PATH; or render it yourself and pipe the result to `tidegate check -`",
        programs.join(" or ")
    )
}

/// What a program prints; none when there is no such program.
fn output(command: &mut Command, program: &str) -> Result<Option<String>> {
    let started = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot start {program}")),
    };
    // Both pipes are read while it runs, or a full one would stop it.
    let out = child.stdout.take().map(reader);
    let err = child.stderr.take().map(reader);
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child
            .try_wait()
            .with_context(|| format!("cannot wait for {program}"))?
        {
            break status;
        }
        if Instant::now() > until {
            child
                .kill()
                .with_context(|| format!("cannot stop {program}"))?;
            child
                .wait()
                .with_context(|| format!("cannot stop {program}"))?;
            bail!("{program} took longer than {PATIENCE:?}");
        }
        std::thread::park_timeout(Duration::from_millis(10));
    };
    let read = |pipe: Option<std::thread::JoinHandle<Vec<u8>>>| {
        pipe.and_then(|pipe| pipe.join().ok()).unwrap_or_default()
    };
    let (out, err) = (read(out), read(err));
    if !status.success() {
        let said = String::from_utf8_lossy(&err);
        bail!("{program} failed: {}", said.trim());
    }
    if out.len() as u64 >= LARGEST_BYTES {
        bail!("{program} printed more than {} MiB", LARGEST_BYTES >> 20);
    }
    let text = String::from_utf8(out)
        .with_context(|| format!("{program} printed something that is not UTF-8"))?;
    Ok(Some(text))
}

fn reader(pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could not be read is missing from the end; the program's exit status tells why.
        let _ = pipe.take(LARGEST_BYTES).read_to_end(&mut bytes);
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_no_answer_and_a_failing_one_is_an_error() {
        assert_eq!(
            output(&mut Command::new("tidegate-no-such-program"), "x").expect("no error"),
            None
        );
        let error = output(
            Command::new("sh").args(["-c", "echo broken >&2; exit 3"]),
            "sh",
        )
        .expect_err("it fails");
        assert!(error.to_string().contains("broken"), "{error}");
        let text = output(Command::new("sh").args(["-c", "echo 'a: 1'"]), "sh").expect("it works");
        assert_eq!(text.as_deref(), Some("a: 1\n"));
    }

    #[test]
    fn the_tool_is_found_as_argo_cd_finds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(tool(folder.path()), None);
        std::fs::write(folder.path().join("kustomization.yml"), "").expect("written");
        assert_eq!(tool(folder.path()), Some(Tool::Kustomize));
        std::fs::write(folder.path().join("Chart.yaml"), "").expect("written");
        assert_eq!(tool(folder.path()), Some(Tool::Helm));
    }
}
