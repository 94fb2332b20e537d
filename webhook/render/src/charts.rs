//! Charts that are not in Git: repositories over HTTP, OCI registries, and the dependencies of a chart.
//!
//! Passwords go to helm in files of its private home, never on its command line ([`access`]).

mod access;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::access::{add, log_in};
use crate::digest::Digest;
use crate::directory::read;
use crate::error::{ProcessError, RenderError};
use crate::git::{Freshness, Range, Version};
use crate::manifests::yaml;
use crate::process::Run;
use crate::secret::Credential;
use crate::settings::Settings;
use crate::surroundings::Surroundings;
use crate::tree::Tree;
use crate::work::Work;

/// A chart repository's index is large, and new charts are rare.
const INDEX_AGE: Duration = Duration::from_mins(3);
/// What is remembered is forgotten beyond this many charts.
const MOST_CHARTS: usize = 1_000;
/// The name of the repository in helm's private settings.
const NAME: &str = "source";

/// The charts that were fetched.
#[derive(Debug, Default)]
pub(crate) struct Charts {
    /// The newest version in a range.
    versions: Mutex<BTreeMap<String, Newest>>,
    /// The most recently used last.
    trees: Mutex<Vec<(String, Arc<Tree>)>>,
}

/// When the newest version in a range was asked for, and which it was.
type Newest = (Instant, Result<String, ProcessError>);

/// A chart of a repository.
pub(crate) struct Chart<'a> {
    pub(crate) repository: &'a str,
    pub(crate) name: &'a str,
    pub(crate) credential: &'a Credential,
    pub(crate) pass_credentials: bool,
}

impl Charts {
    /// The version that a revision means: itself, or the newest in a range.
    pub(crate) fn resolve(
        &self,
        settings: &Settings,
        work: &Work,
        chart: &Chart<'_>,
        revision: &str,
        freshness: Freshness,
    ) -> Result<String, RenderError> {
        let revision = revision.trim();
        if is_one(revision) {
            return Ok(revision.to_owned());
        }
        if !revision.is_empty() && Range::parse(revision).is_none() {
            return Err(RenderError::Revision {
                repository: chart.repository.to_owned(),
                what: "chart version",
                revision: revision.to_owned(),
                hint: format!(
                    "; targetRevision of chart {} is a version such as 1.2.3 or a range such as 1.*",
                    chart.name
                ),
            });
        }
        let key = chart.key(revision);
        let known = {
            let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
            versions.get(&key).cloned()
        };
        let known = known.filter(|(at, version)| match freshness {
            Freshness::Polled if version.is_err() => at.elapsed() < settings.poll,
            Freshness::Polled => at.elapsed() < INDEX_AGE,
            Freshness::Since(asked) => *at >= asked,
        });
        let version = match known {
            Some((_, version)) => version,
            None => {
                let at = Instant::now();
                let version = chart.newest(settings, work, revision)?;
                let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
                if versions.len() >= MOST_CHARTS {
                    versions.clear();
                }
                versions.insert(key, (at, version.clone()));
                version
            }
        };
        version.map_err(|problem| chart.unreachable(problem))
    }

    /// The version that a revision meant when the chart was last asked for; none where that would take a question.
    pub(crate) fn heard(&self, chart: &Chart<'_>, revision: &str) -> Option<String> {
        let revision = revision.trim();
        if is_one(revision) {
            return Some(revision.to_owned());
        }
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, version) = versions.get(&chart.key(revision))?;
        version.clone().ok()
    }

    /// The files of a version, unpacked.
    pub(crate) fn tree(
        &self,
        settings: &Settings,
        work: &Work,
        chart: &Chart<'_>,
        version: &str,
    ) -> Result<Arc<Tree>, RenderError> {
        let key = chart.key(version);
        let locked = || self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut trees = locked();
            if let Some(place) = trees.iter().position(|(known, _)| *known == key) {
                let found = trees.remove(place);
                let tree = found.1.clone();
                trees.push(found);
                return Ok(tree);
            }
        }
        let tree = Arc::new(chart.pull(settings, work, version)?);
        let mut trees = locked();
        if trees.len() >= settings.limits.kept_trees.max(1) {
            trees.remove(0);
        }
        trees.push((key, tree.clone()));
        Ok(tree)
    }
}

/// Whether a revision is one version, or what a registry calls it by, rather than a range of them.
fn is_one(revision: &str) -> bool {
    let is_version = Version::parse(revision).is_some() && revision.split('.').count() >= 3;
    is_version || is_digest(revision)
}

/// Whether a registry knows one artifact by it (OCI image specification, `descriptor.md`).
fn is_digest(revision: &str) -> bool {
    revision
        .strip_prefix("sha256:")
        .is_some_and(|sum| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What helm is told about a chart: its name, and how to reach where it is.
struct Reached {
    chart: String,
    flags: Vec<String>,
}

impl Chart<'_> {
    /// What tells it from every other chart, and from the same one with another credential.
    pub(crate) fn key(&self, revision: &str) -> String {
        Digest::default()
            .texts([
                self.repository,
                self.name,
                revision,
                &self.credential.username,
            ])
            .texts(self.credential.secrets())
            .short()
    }

    fn is_oci(&self) -> bool {
        self.repository.starts_with("oci://")
            || (self.credential.enable_oci && !self.repository.contains("://"))
    }

    /// What helm is told; the home is made ready for it.
    fn prepare(
        &self,
        settings: &Settings,
        home: &Path,
    ) -> Result<Result<Reached, ProcessError>, RenderError> {
        if self.is_oci() {
            let address = self
                .repository
                .trim_start_matches("oci://")
                .trim_end_matches('/');
            return Ok(Ok(Reached {
                flags: log_in(home, &[(address, self.credential)])?,
                chart: format!("oci://{address}/{}", self.name),
            }));
        }
        let scheme = self.repository.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("https" | "http")) {
            return Err(RenderError::Address {
                repository: self.repository.to_owned(),
                problem:
                    "a chart comes from https://... (a chart repository) or oci://... (a registry)"
                        .to_owned(),
            });
        }
        add(
            home,
            &[(NAME.to_owned(), self.repository, self.credential)],
            self.pass_credentials,
        )?;
        let update = helm(settings, home, self.credential)
            .args(["repo", "update"])
            .output();
        Ok(update.map(|_| Reached {
            chart: format!("{NAME}/{}", self.name),
            flags: Vec::new(),
        }))
    }

    fn newest(
        &self,
        settings: &Settings,
        work: &Work,
        range: &str,
    ) -> Result<Result<String, ProcessError>, RenderError> {
        let home = work.folder()?;
        let reached = match self.prepare(settings, home.path())? {
            Ok(reached) => reached,
            Err(problem) => return Ok(Err(problem)),
        };
        let mut run = helm(settings, home.path(), self.credential)
            .args(["show", "chart", &reached.chart])
            .args(&reached.flags);
        if !range.is_empty() {
            run = run.args(["--version", range]);
        }
        let out = match run.output() {
            Ok(out) => out,
            Err(problem) => return Ok(Err(problem)),
        };
        let about = yaml(&format!("Chart.yaml of {}", self.name), &out)?;
        match about.get("version").and_then(Value::as_str) {
            Some(version) => Ok(Ok(version.to_owned())),
            None => Err(RenderError::Manifest {
                file: format!("Chart.yaml of {}", self.name),
                line: None,
                problem: "it has no version".to_owned(),
            }),
        }
    }

    fn pull(&self, settings: &Settings, work: &Work, version: &str) -> Result<Tree, RenderError> {
        let home = work.folder()?;
        let reached = self
            .prepare(settings, home.path())?
            .map_err(|problem| self.unreachable(problem))?;
        let to = work.folder()?;
        let which = if is_digest(version) {
            vec![format!("{}@{version}", reached.chart)]
        } else {
            vec![reached.chart, "--version".to_owned(), version.to_owned()]
        };
        helm(settings, home.path(), self.credential)
            .arg("pull")
            .args(which)
            .args(&reached.flags)
            .args(["--untar", "--untardir"])
            .arg(to.path())
            .output()
            .map_err(|problem| self.unreachable(problem))?;
        Tree::of_chart(to, self.name.rsplit('/').next().unwrap_or(self.name))
    }

    fn unreachable(&self, problem: ProcessError) -> RenderError {
        RenderError::Unreachable {
            repository: self.repository.to_owned(),
            problem,
        }
    }
}

/// Fetches what `Chart.yaml` names and `charts/` lacks, into the folder.
pub(crate) fn fetch_dependencies(
    around: &Surroundings<'_>,
    tree: &Tree,
    folder: &Path,
    home: &Path,
    pass_credentials: bool,
) -> Result<(), RenderError> {
    let file = folder.join("Chart.yaml");
    let about = yaml(
        &tree.shown(&file),
        &read(tree, &file, &around.settings.limits)?,
    )?;
    let listed = about.get("dependencies").and_then(Value::as_array);
    let mut addresses: Vec<&str> = listed
        .into_iter()
        .flatten()
        .filter_map(|dependency| dependency.get("repository")?.as_str())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    let known: Vec<(&str, Credential)> = addresses
        .iter()
        .map(|address| (*address, around.credentials.of(address)))
        .collect();
    // A chart of the repository that leads out of it by `file://../../..`.
    for local in addresses
        .iter()
        .filter_map(|address| address.strip_prefix("file://"))
    {
        tree.find(folder, local)?;
    }
    let named: Vec<(String, &str, &Credential)> = known
        .iter()
        .filter(|(address, _)| address.starts_with("http"))
        .enumerate()
        .map(|(index, (address, credential))| (format!("dependency-{index}"), *address, credential))
        .collect();
    let registries: Vec<(&str, &Credential)> = known
        .iter()
        .filter_map(|(address, credential)| Some((address.strip_prefix("oci://")?, credential)))
        .collect();
    let flags = log_in(home, &registries)?;
    let failed = |problem| RenderError::Tool {
        path: tree.shown(folder),
        problem,
    };
    let run = |arguments: &[&str], flags: &[String]| {
        let run = Run::new(around.settings, "helm", home, folder)
            .root(tree.root())
            .time(around.settings.limits.fetch_time)
            .args(arguments)
            .args(flags);
        let secrets = known
            .iter()
            .flat_map(|(_, credential)| credential.secrets());
        secrets.fold(run, Run::secret).output().map_err(failed)
    };
    if !named.is_empty() {
        add(home, &named, pass_credentials)?;
        run(&["repo", "update"], &[])?;
    }
    run(&["dependency", "build", "--skip-refresh"], &flags).map(drop)
}

fn helm<'a>(settings: &'a Settings, home: &'a Path, credential: &'a Credential) -> Run<'a> {
    let run = Run::new(settings, "helm", home, home).time(settings.limits.fetch_time);
    credential.secrets().fold(run, Run::secret)
}
