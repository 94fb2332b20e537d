//! `tidegate policy build`: cargo for the Wasm target, then the core module becomes a component.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

const TARGET: &str = "wasm32-unknown-unknown";

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The policy's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where to put the component. Default: target/NAME.wasm in the policy's folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &BuildArgs) -> Result<()> {
    let output = component(&args.folder, args.output.as_deref())?;
    let size = std::fs::metadata(&output)
        .with_context(|| format!("cannot read {}", output.display()))?
        .len();
    crate::print(&format!(
        "{} ({} kB)\n",
        output.display(),
        size.div_ceil(1000)
    ))
}

/// Builds the component of the policy in a folder; gives its path.
pub(crate) fn component(folder: &Path, output: Option<&Path>) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        bail!(
            "{} has no Cargo.toml; `tidegate policy new NAME` makes a policy",
            folder.display()
        );
    }
    let built = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--release",
            "--lib",
            "--target",
            TARGET,
            "--message-format",
            "json-render-diagnostics",
        ])
        .arg("--manifest-path")
        .arg(&manifest)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !built.status.success() {
        bail!("the policy does not build; if the target is missing: rustup target add {TARGET}");
    }
    let module = core_module(&built.stdout)
        .context("cargo made no Wasm module; does Cargo.toml say crate-type = [\"cdylib\"]?")?;
    let core =
        std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let component = tidegate_componentize::componentize(&core)
        .context("the module is no policy; is export_policy! there?")?;
    let name = module
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .replace('_', "-");
    let output = output.map_or_else(
        || folder.join("target").join(format!("{name}.wasm")),
        Path::to_path_buf,
    );
    if let Some(parent) = output.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
    }
    // Renamed into place, so that a server that watches never reads half a file.
    let part = output.with_extension("wasm.part");
    std::fs::write(&part, component).with_context(|| format!("cannot write {}", part.display()))?;
    std::fs::rename(&part, &output)
        .with_context(|| format!("cannot write {}", output.display()))?;
    Ok(output)
}

/// The last Wasm file that cargo's messages name: the policy itself is built after what it depends on.
fn core_module(messages: &[u8]) -> Option<PathBuf> {
    let messages = String::from_utf8_lossy(messages);
    messages
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| {
            let files = message.get("filenames")?.as_array()?.clone();
            files
                .iter()
                .filter_map(|file| file.as_str().map(PathBuf::from))
                .find(|file| file.extension().is_some_and(|ending| ending == "wasm"))
        })
}
