//! `tidegate policy new NAME`: a policy that builds, with one rule whose page is its test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Lower-case words joined by `-`; also the folder's name.
    name: String,
    /// Where the SDK's source is, when it is not taken from a registry: `policies/sdk` of a checkout.
    #[arg(long, value_name = "FOLDER", env = "TIDEGATE_SDK")]
    sdk: Option<PathBuf>,
    /// Where to make the folder.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    parent: PathBuf,
}

const LIB: &str = include_str!("template/lib.rs");
const RULE: &str = include_str!("template/owner_missing.md");

pub(crate) fn run(args: &NewArgs) -> Result<()> {
    let name = &args.name;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty()
        || !name.chars().all(good)
        || !name.starts_with(|c: char| c.is_ascii_lowercase())
        || name.ends_with('-')
    {
        bail!(
            "`{name}` cannot name a policy: lower-case letters, digits and `-`, beginning with a letter"
        );
    }
    let folder = args.parent.join(name);
    if folder.exists() {
        bail!("{} is already there", folder.display());
    }
    let sdk = match &args.sdk {
        Some(path) => {
            let path = path
                .canonicalize()
                .with_context(|| format!("cannot find the SDK at {}", path.display()))?;
            format!("{{ path = {:?}", path.display().to_string())
        }
        None => format!("{{ version = {:?}", env!("CARGO_PKG_VERSION")),
    };
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n[dependencies]\ntidegate-policy-sdk = {sdk} }}\n\n[dev-dependencies]\ntidegate-policy-sdk = {sdk}, features = [\"testing\"] }}\n\n[profile.release]\nopt-level = \"s\"\nlto = true\ncodegen-units = 1\nstrip = true\npanic = \"abort\"\n\n[workspace]\n"
    );
    write(&folder, "Cargo.toml", &manifest)?;
    write(&folder, ".gitignore", "/target\n")?;
    write(&folder, "src/lib.rs", &LIB.replace("{{name}}", name))?;
    write(
        &folder,
        "src/owner_missing.md",
        &RULE.replace("{{name}}", name),
    )?;
    crate::print(&format!(
        "Made {0}: the rule is src/lib.rs, its page and tests are src/owner_missing.md.\n\n  cargo test --manifest-path {0}/Cargo.toml   # the cases, natively\n  tidegate policy build {0}        # the component\n  tidegate policy test {0}         # the cases, through the component\n  tidegate policy inspect {0}/target/{name}.wasm\n\nThen name it in the policies file:\n\n  policies:\n  - name: {name}\n    file: {name}.wasm\n",
        folder.display()
    ))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
