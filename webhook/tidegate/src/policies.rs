//! From the policies file to a set of loaded policies, for every command alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;
use tidegate_admission::{
    Date, Evaluate, PoliciesFile, PolicyState, RuleInfo, parse_policies_file,
};
use tidegate_host::{Host, HostSettings, PolicySet, PolicySpec};

/// Where the policies come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct PolicySource {
    /// The policies file. Without it: `policies/policies.yaml` beside the program's folder, which has Tidegate's own policies.
    #[arg(long = "policies", value_name = "FILE", env = "TIDEGATE_POLICIES")]
    pub(crate) file: Option<PathBuf>,
    /// Keeps compiled policies between runs. Only ever a folder that nobody else can write to.
    #[arg(long, value_name = "FOLDER", env = "TIDEGATE_CACHE_DIR")]
    pub(crate) cache: Option<PathBuf>,
}

impl PolicySource {
    /// The file that was named, or the one that came with the program.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let program = std::env::current_exe().context("cannot find this program's folder")?;
        let folder = program.parent().unwrap_or_else(|| Path::new("."));
        let places = [
            "policies/policies.yaml",
            "../policies/policies.yaml",
            "../share/tidegate/policies/policies.yaml",
        ];
        match places
            .iter()
            .map(|place| folder.join(place))
            .find(|path| path.is_file())
        {
            Some(path) => Ok(path),
            None => bail!(
                "no policies file: name one with --policies (looked for {} beside {})",
                places.join(", "),
                folder.display()
            ),
        }
    }

    /// The folder for compiled code: the one that was named, else the user's own.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        self.cache.clone().or_else(|| cache_folder("compiled"))
    }
}

/// The day, as policies are told it.
pub(crate) fn today() -> Date {
    let now = jiff::Timestamp::now();
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Where something that can be made again is kept for this user: compiled code, mirrors of repositories.
pub(crate) fn cache_folder(what: &str) -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home)?;
    Some(cache.join("tidegate").join(what))
}

/// Loads the policies for one command. A policy that cannot be loaded is an error here: in a terminal there is somebody to mend it.
pub(crate) async fn load(source: &PolicySource, dialect: Option<&str>) -> Result<Arc<PolicySet>> {
    let path = source.path()?;
    let host = Host::new(HostSettings {
        cache: source.cache(),
        ..HostSettings::default()
    })?;
    let specs = specs(&path, &read(&path)?);
    let mut set = host.load(specs.clone(), None).await;
    if let Some(dialect) = dialect {
        let specs = with_dialect(specs, &set, dialect)?;
        set = host.load(specs, Some(&set)).await;
    }
    let broken: Vec<String> = set
        .policies()
        .into_iter()
        .filter_map(|policy| match policy.state {
            PolicyState::Failed(reason) => Some(format!("\n  policy {}: {reason}", policy.name)),
            PolicyState::Ready | PolicyState::Off => None,
        })
        .collect();
    if !broken.is_empty() {
        bail!("{} cannot be used:{}", path.display(), broken.concat());
    }
    Ok(Arc::new(set))
}

/// Reads and checks the file; every problem is in the error.
pub(crate) fn read(path: &Path) -> Result<PoliciesFile> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse_policies_file(&text).map_err(|problems| {
        anyhow::anyhow!(
            "{} has problems:\n  {}",
            path.display(),
            problems.join("\n  ")
        )
    })
}

/// What the host is to load. Paths in the file are relative to it.
pub(crate) fn specs(path: &Path, file: &PoliciesFile) -> Vec<PolicySpec> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    file.policies
        .iter()
        .flat_map(|entry| PolicySpec::from_entry(entry, folder))
        .collect()
}

/// All rules of all loaded policies, by `policy/rule`, in the order of the policies file.
pub(crate) fn rules(policies: &impl Evaluate) -> Vec<(String, RuleInfo)> {
    policies
        .policies()
        .iter()
        .filter_map(|policy| Some((policy.name.clone(), policy.info.clone()?)))
        .flat_map(|(name, info)| {
            info.rules
                .iter()
                .map(|rule| (format!("{name}/{}", rule.id), rule.clone()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The policies with the dialect that was asked for, where their settings know one: for SQL files, and objects whose URL is in a Secret.
fn with_dialect(
    mut specs: Vec<PolicySpec>,
    set: &PolicySet,
    dialect: &str,
) -> Result<Vec<PolicySpec>> {
    let knows: Vec<Arc<str>> = set
        .policies()
        .into_iter()
        .filter(|policy| {
            let schema = policy
                .info
                .as_ref()
                .and_then(|info| serde_json::from_str::<Value>(&info.settings_schema).ok());
            schema.is_some_and(|schema| schema.pointer("/properties/dialect").is_some())
        })
        .map(|policy| policy.name)
        .collect();
    for spec in specs.iter_mut().filter(|spec| knows.contains(&spec.name)) {
        let mut settings: Value = serde_json::from_str(&spec.settings).context("settings")?;
        if let Some(map) = settings.as_object_mut() {
            map.insert("dialect".into(), dialect.into());
        }
        spec.settings = settings.to_string().into();
    }
    Ok(specs)
}
