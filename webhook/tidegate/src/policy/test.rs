//! `tidegate policy test`: the cases of a policy's pages through its compiled component, in the sandbox that the server uses.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;
use tidegate_admission::{
    Action, Call, Enforcement, Evaluate as _, Finding, GroupVersionKind, GroupVersionResource,
    Operation, PolicyState, Review, Selection, Severity, Stage, UserInfo, Verdict, apply_checked,
};
use tidegate_cases::{Case, DAY, Reported, compare, compare_object, parse};
use tidegate_host::{Host, HostSettings, PolicySet, PolicySpec};

use crate::policies::cache_folder;

/// Generous: a test on a busy machine must not fail for want of a millisecond.
const PATIENCE: Duration = Duration::from_secs(20);
/// The deepest folder looked into.
const DEEPEST: usize = 8;

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The policy's folder, with its cases in Markdown pages (and YAML files in `cases/`).
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The compiled component. Default: it is built.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

/// Whether every case holds.
pub(crate) async fn run(args: &TestArgs) -> Result<bool> {
    let mut files = Vec::new();
    find(&args.folder, 0, &mut files)?;
    let mut cases = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let name = file
            .strip_prefix(&args.folder)
            .unwrap_or(file)
            .display()
            .to_string();
        match parse(&name, &text) {
            Ok(found) => cases.extend(found),
            Err(problems) => bail!(
                "{}",
                problems
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n")
            ),
        }
    }
    if cases.is_empty() {
        bail!(
            "no cases: write fenced `yaml` or `sql` blocks into a Markdown page below {}",
            args.folder.display()
        );
    }
    let component = match &args.component {
        Some(file) => file.clone(),
        None => super::build::component(&args.folder, None)?,
    };
    let host = Host::new(HostSettings {
        cache: cache_folder("compiled"),
        ..HostSettings::default()
    })?;
    let mut set: Option<(Value, PolicySet)> = None;
    let (mut report, mut failed) = (String::new(), 0);
    for case in &cases {
        // One load serves all cases with the same settings.
        if set
            .as_ref()
            .is_none_or(|(settings, _)| *settings != case.settings)
        {
            let loaded = load(
                &host,
                &component,
                &case.settings,
                set.as_ref().map(|(_, set)| set),
            )
            .await?;
            set = Some((case.settings.clone(), loaded));
        }
        let (_, policies) = set.as_ref().context("a set was just loaded")?;
        match check(policies, case).await {
            Ok(()) => _ = writeln!(report, "ok    {}", case.name),
            Err(difference) => {
                failed += 1;
                let _ = writeln!(report, "FAIL  {}\n{}", case.name, indented(&difference));
            }
        }
    }
    let _ = writeln!(report, "{} passed, {failed} failed", cases.len() - failed);
    crate::print(&report)?;
    Ok(failed == 0)
}

async fn load(
    host: &Arc<Host>,
    component: &Path,
    settings: &Value,
    previous: Option<&PolicySet>,
) -> Result<PolicySet> {
    let mut spec = PolicySpec::new("policy", component);
    spec.settings = settings.to_string().into();
    spec.limits.memory = tidegate_admission::ByteSize(256 << 20);
    (spec.limits.cpu, spec.limits.time) = (PATIENCE, PATIENCE);
    spec.enforcement = Arc::new(Enforcement {
        action: Action::Deny,
        mutate: true,
        ..Enforcement::default()
    });
    let set = host.load(vec![spec], previous).await;
    if let Some(PolicyState::Failed(reason)) = set.policies().pop().map(|policy| policy.state) {
        bail!("{}: {reason}", component.display());
    }
    Ok(set)
}

async fn check(policies: &PolicySet, case: &Case) -> Result<(), String> {
    let review = Arc::new(review(case));
    let verdict = ask(policies, Stage::Validate, &review).await?;
    let reported: Vec<Reported> = verdict.findings.iter().map(reported).collect();
    compare(&case.expected, &reported)?;
    let (Some(expected), Some(object)) = (&case.patched, &review.object) else {
        return Ok(());
    };
    let patch = ask(policies, Stage::Mutate, &review).await?.patch;
    let patched = apply_checked(object, &patch).map_err(|error| error.to_string())?;
    let patched: Value = serde_json::from_str(&patched).map_err(|error| error.to_string())?;
    compare_object(expected, &patched)
}

/// The policy's verdict; an empty one when it does not match the object.
async fn ask(policies: &PolicySet, stage: Stage, review: &Arc<Review>) -> Result<Verdict, String> {
    let call = Call {
        stage,
        selection: Selection::Matching,
        review: review.clone(),
        budget: PATIENCE,
        day: DAY.parse().map_err(|error| format!("{DAY}: {error}"))?,
    };
    match policies.evaluate(call).await.pop() {
        None => Ok(Verdict::default()),
        Some(evaluated) => evaluated.outcome.map_err(|failure| failure.to_string()),
    }
}

fn review(case: &Case) -> Review {
    let request = &case.request;
    let key = &request.key;
    let text = |object: &Option<Value>| object.as_ref().map(|object| object.to_string().into());
    Review {
        uid: case.name.clone(),
        operation: match request.operation {
            tidegate_cases::Operation::Create => Operation::Create,
            tidegate_cases::Operation::Update => Operation::Update,
            tidegate_cases::Operation::Delete => Operation::Delete,
        },
        kind: GroupVersionKind {
            group: key.group.clone(),
            version: key.version.clone(),
            kind: key.kind.clone(),
        },
        resource: GroupVersionResource::default(),
        sub_resource: None,
        name: key.name.clone(),
        namespace: key.namespace.clone(),
        user: UserInfo {
            username: "tidegate:test".into(),
            ..UserInfo::default()
        },
        dry_run: false,
        object: text(&request.object),
        old_object: text(&request.old_object),
    }
}

fn reported(finding: &Finding) -> Reported {
    Reported {
        rule: finding.rule.clone(),
        severity: match finding.severity {
            Severity::Error => tidegate_cases::Severity::Error,
            Severity::Warning => tidegate_cases::Severity::Warning,
            Severity::Info => tidegate_cases::Severity::Info,
        },
        message: finding.message.clone(),
        path: finding.path.clone(),
        line: finding.position.map(|position| position.line),
    }
}

fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .with_context(|| format!("cannot read {}", folder.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        // What is in `tests` is cargo's to run, whatever it looks like.
        let hidden = name.to_string_lossy().starts_with('.')
            || ["target", "tests", "README.md"]
                .iter()
                .any(|other| name == *other);
        if hidden || depth > DEEPEST {
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let in_cases = folder.file_name().is_some_and(|name| name == "cases");
        match extension {
            _ if path.is_dir() => find(&path, depth + 1, files)?,
            Some("md") => files.push(path),
            Some("yaml" | "yml") if in_cases => files.push(path),
            _ => {}
        }
    }
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("      {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
