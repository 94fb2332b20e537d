//! `tidegate app sync`: asks for an operation by writing it into the Application, and waits for how it ends.
//!
//! Whoever reconciles the Application does the work, be it this program's reconciler or Argo CD. What the operation is, is decided here as a pure function
//! of the flags and the Application ([`operation`]).

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::application::Application;
use tidegate_model::object::{at, label, text};
use tidegate_reconcile::application::refusal_of_manual_sync;
use tidegate_reconcile::remote::Remote;
use tidegate_syncplan::operation::{Selector, selects};

use super::cluster::{ClusterArgs, Place};
use super::look::refreshed;
use super::manifests::{RenderingArgs, local, rendered_for};
use super::spec::patiently;
use super::wait::{Wish, deadline, wait};
use super::{Output, chosen, seconds, status};
use crate::sources::SourceArgs;

/// What to sync, and how.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// The Applications: NAME or NAMESPACE/NAME.
    #[arg(value_name = "APP")]
    names: Vec<String>,
    /// Those with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    #[command(flatten)]
    operation: OperationArgs,
    /// Ask for it, and do not wait.
    #[arg(long)]
    r#async: bool,
    /// How many seconds to wait for each; 0 is for ever.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    timeout: Duration,
    /// How the result is printed.
    #[arg(short, long, default_value = "wide")]
    output: Output,
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What of the flags becomes part of the operation.
#[derive(Debug, Default, Args)]
struct OperationArgs {
    /// The commit, branch, tag or version to sync to.
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// The same for an Application of several sources: once for each, in their order.
    #[arg(long, value_name = "REVISION", conflicts_with = "revision")]
    revisions: Vec<String>,
    /// Delete what is no longer wanted.
    #[arg(long)]
    prune: bool,
    /// Change nothing, and say what would be.
    #[arg(long)]
    dry_run: bool,
    /// What cannot be changed is deleted and made again.
    #[arg(long)]
    force: bool,
    /// Replace objects instead of applying over them.
    #[arg(long)]
    replace: bool,
    /// Apply on the server's side.
    #[arg(long)]
    server_side: bool,
    /// Only what is out of sync.
    #[arg(long)]
    apply_out_of_sync_only: bool,
    /// `apply` runs no hooks.
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<Strategy>,
    /// Only these: `[!]GROUP:KIND:[NAMESPACE/]NAME`, globs. Runs no hooks. May be repeated.
    #[arg(long, value_name = "G:K:N")]
    resource: Vec<String>,
    /// Only those with these labels. Runs no hooks. The sources are rendered here.
    #[arg(long, value_name = "LABELS", conflicts_with = "resource")]
    label: Option<String>,
    /// Manifests of this folder here in place of the repository's. Not with automated syncs, but for a dry run.
    #[arg(long, value_name = "FOLDER")]
    local: Option<PathBuf>,
    /// A sync option, such as `PruneLast=true`. May be repeated.
    #[arg(long, value_name = "OPTION")]
    sync_option: Vec<String>,
    /// `KEY=VALUE`, kept with the operation for people. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    info: Vec<String>,
    /// How often to try again.
    #[arg(long, value_name = "COUNT")]
    retry_limit: Option<i64>,
    /// The wait before the first further try, such as 5s.
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    retry_backoff_duration: String,
    /// The longest wait.
    #[arg(long, value_name = "DURATION", default_value = "3m0s")]
    retry_backoff_max_duration: String,
    /// How much longer each wait is than the one before.
    #[arg(long, value_name = "FACTOR", default_value_t = 2)]
    retry_backoff_factor: i64,
    /// Each further try takes the newest commit.
    #[arg(long)]
    retry_refresh: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Strategy {
    Apply,
    Hook,
}

pub(crate) async fn run(args: &SyncArgs) -> Result<bool> {
    let (remote, places) = chosen(&args.cluster, &args.names, args.selector.as_deref()).await?;
    let mut all = true;
    for place in &places {
        patiently(|| async {
            let mut application = remote.get(&place.namespace, &place.name).await?;
            if args.operation.is_of_some() && at(&application, "/status/reconciledAt").is_none() {
                application = refreshed(&remote, place, false).await?; // what it has is not known yet
            }
            if let Some(why) = args.closed(&remote, &application).await? {
                bail!("application {place}: cannot sync: {why}");
            }
            let operation = args.operation(&remote, place, &application).await?;
            ask(&remote, place, &application, operation).await
        })
        .await?;
        if args.r#async {
            writeln!(
                anstream::stderr(),
                "application {place}: the sync is asked for"
            )?;
            continue;
        }
        all &= finish(&remote, place, args).await?;
    }
    Ok(all)
}

impl OperationArgs {
    /// Whether it is of some of the Application's objects only.
    fn is_of_some(&self) -> bool {
        !self.resource.is_empty() || self.label.is_some()
    }
}

impl SyncArgs {
    /// Why the project's sync windows keep a person from syncing now. The reconciler would wait for the window; Argo CD's command line says so at once.
    async fn closed(&self, remote: &Remote, application: &Value) -> Result<Option<String>> {
        let project = text(application, "/spec/project").unwrap_or("default");
        let project = remote.project(&self.cluster.namespace, project).await?;
        Ok(project
            .and_then(|project| refusal_of_manual_sync(&project, application, Timestamp::now())))
    }

    /// The operation, with what only the sources can tell.
    async fn operation(
        &self,
        remote: &Remote,
        place: &Place,
        application: &Value,
    ) -> Result<Value> {
        let args = &self.operation;
        let mut operation = operation(args, application, &user())?;
        if let Some(folder) = &args.local {
            if Application(application).is_automated() && !args.dry_run {
                bail!(
                    "cannot use local sync when Automatic Sync Policy is enabled except with --dry-run"
                );
            }
            let rendering = RenderingArgs::plain(self.sources.clone());
            let (local, rendering) = local(application, folder, &rendering)?;
            let rendered = rendered_for(&self.cluster, remote, &rendering, &local).await?;
            let manifests: Vec<String> =
                rendered.manifests.iter().map(ToString::to_string).collect();
            json_patch::merge(&mut operation, &json!({"sync": {"manifests": manifests}}));
        }
        if let Some(labels) = &args.label {
            let rendering = RenderingArgs::plain(self.sources.clone());
            let rendered = rendered_for(&self.cluster, remote, &rendering, application).await?;
            let selected = labelled(&rendered.manifests, labels, application)?;
            if selected.is_empty() {
                bail!("--label {labels}: no resource of application {place} has it");
            }
            json_patch::merge(&mut operation, &json!({"sync": {"resources": selected}}));
        }
        Ok(operation)
    }
}

/// Those manifests that have all of these labels (`KEY=VALUE`, `KEY`), as an operation names them.
fn labelled(manifests: &[Value], labels: &str, application: &Value) -> Result<Vec<Value>> {
    let mut wanted = Vec::new();
    for part in labels
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if part.contains([' ', '!', '(']) {
            bail!("--label {labels}: write KEY=VALUE or KEY, several with commas");
        }
        let (key, value) = match part.split_once('=') {
            Some((key, value)) => (key, Some(value.trim_start_matches('='))),
            None => (part, None),
        };
        wanted.push((key, value));
    }
    let destination = Application(application).namespace();
    let has = |manifest: &&Value| {
        wanted.iter().all(|(key, value)| {
            let own = label(manifest, key);
            own.is_some() && value.is_none_or(|value| own == Some(value))
        })
    };
    let selected = manifests.iter().filter(has).map(|manifest| {
        let key = ObjectKey::of(manifest);
        json!({"group": key.group, "kind": key.kind, "namespace": key.namespace.as_deref().or(destination).unwrap_or_default(), "name": key.name})
    });
    Ok(selected.collect())
}

/// Writes an operation where none is, and takes the state of the last one away, as Argo CD does (`util/argo/argo.go`, `SetAppOperation`): what is there
/// afterwards is this operation's.
pub(crate) async fn ask(
    remote: &Remote,
    place: &Place,
    application: &Value,
    operation: Value,
) -> Result<()> {
    if at(application, "/operation").is_some_and(Value::is_object) {
        bail!(
            "application {place}: another operation is already in progress; wait for it, or end it with `tidegate app terminate-op {place}`"
        );
    }
    let patch = json!({
        "metadata": {"resourceVersion": text(application, "/metadata/resourceVersion")},
        "operation": operation,
        "status": {"operationState": null},
    });
    remote.patch(&place.namespace, &place.name, &patch).await?;
    Ok(())
}

async fn finish(remote: &Remote, place: &Place, args: &SyncArgs) -> Result<bool> {
    let wish = Wish {
        no_operation: true,
        ..Wish::default()
    };
    if !wait(remote, place, &wish, deadline(args.timeout), args.timeout).await? {
        return Ok(false);
    }
    let application = remote.get(&place.namespace, &place.name).await?;
    crate::print(&args.output.drawn(&application, |application| {
        format!(
            "{}\n{}\n{}",
            status::summary(application),
            status::operation(application),
            status::resource_table(application)
        )
    })?)?;
    match verdict(&application, !args.operation.is_of_some()) {
        None => Ok(true),
        Some(problem) => {
            crate::print_error(&format!("application {place}: {problem}"))?;
            Ok(false)
        }
    }
}

/// Why a sync that ended is not what was asked for.
pub(crate) fn verdict(application: &Value, is_whole: bool) -> Option<String> {
    let of = |pointer: &str| text(application, pointer).unwrap_or_default();
    let phase = of("/status/operationState/phase");
    if phase != "Succeeded" {
        return Some(format!(
            "operation has completed with phase: {phase}: {}",
            of("/status/operationState/message")
        ));
    }
    let dry_run = at(application, "/status/operationState/operation/sync/dryRun");
    if !is_whole
        || dry_run.and_then(Value::as_bool) == Some(true)
        || of("/status/sync/status") == "Synced"
    {
        return None;
    }
    let results = at(application, "/status/operationState/syncResult/resources");
    let count = results
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|result| text(result, "/status") == Some("PruneSkipped"))
        .count();
    (count > 0)
        .then(|| format!("{count} resources require pruning; sync with --prune to delete them"))
}

/// `.operation` for these flags (argo-cd `server/application/application.go`, `Sync`).
fn operation(args: &OperationArgs, application: &Value, user: &str) -> Result<Value> {
    let view = Application(application);
    if at(application, "/metadata/deletionTimestamp").is_some() {
        bail!("the application is being deleted");
    }
    let sources = view.sources();
    if view.is_automated() && !args.dry_run {
        let targets = sources
            .iter()
            .map(|(_, source)| source.get("targetRevision").and_then(Value::as_str));
        let asked = args.revision.iter().chain(&args.revisions);
        for (asked, target) in asked.zip(targets) {
            let target = target.filter(|target| !target.is_empty()).unwrap_or("HEAD");
            if asked != target {
                bail!(
                    "cannot sync to {asked}: auto-sync currently set to {target}, and would undo it"
                );
            }
        }
    }
    if !args.revisions.is_empty() && args.revisions.len() != sources.len() {
        bail!(
            "the application has {} sources: give --revisions as many times",
            sources.len()
        );
    }
    let mut sync = Map::new();
    if let Some(revision) = &args.revision {
        sync.insert("revision".to_owned(), json!(revision));
    }
    if !args.revisions.is_empty() {
        sync.insert("revisions".to_owned(), json!(args.revisions));
    }
    for (field, is_on) in [("prune", args.prune), ("dryRun", args.dry_run)] {
        if is_on {
            sync.insert(field.to_owned(), json!(true));
        }
    }
    let strategy = match args.strategy {
        Some(Strategy::Apply) => "apply",
        Some(Strategy::Hook) | None => "hook",
    };
    sync.insert(
        "syncStrategy".to_owned(),
        json!({strategy: {"force": args.force}}),
    );
    let options = options(args, view);
    if !options.is_empty() {
        sync.insert("syncOptions".to_owned(), json!(options));
    }
    if !args.resource.is_empty() {
        sync.insert(
            "resources".to_owned(),
            selected(&args.resource, application)?,
        );
    }
    let mut operation = Map::from_iter([
        ("initiatedBy".to_owned(), json!({"username": user})),
        ("sync".to_owned(), Value::Object(sync)),
    ]);
    let mut info = Vec::new();
    for pair in &args.info {
        let (name, value) = pair
            .split_once('=')
            .with_context(|| format!("--info {pair}: write KEY=VALUE"))?;
        info.push(json!({"name": name, "value": value}));
    }
    if !info.is_empty() {
        operation.insert("info".to_owned(), json!(info));
    }
    let retry = match args.retry_limit {
        Some(limit) => Some(json!({
            "limit": limit,
            "refresh": args.retry_refresh,
            "backoff": {
                "duration": args.retry_backoff_duration,
                "maxDuration": args.retry_backoff_max_duration,
                "factor": args.retry_backoff_factor,
            },
        })),
        None => at(application, "/spec/syncPolicy/retry")
            .filter(|retry| retry.is_object())
            .cloned(),
    };
    operation.extend(retry.map(|retry| ("retry".to_owned(), retry)));
    Ok(Value::Object(operation))
}

/// The Application's own sync options, and those of the flags.
fn options(args: &OperationArgs, view: Application<'_>) -> Vec<String> {
    let flags = [
        (args.replace, "Replace=true"),
        (args.server_side, "ServerSideApply=true"),
        (args.apply_out_of_sync_only, "ApplyOutOfSyncOnly=true"),
    ];
    let flags = flags
        .iter()
        .filter(|(is_on, _)| *is_on)
        .map(|(_, word)| *word);
    let given = args.sync_option.iter().map(String::as_str);
    let mut options: Vec<String> = Vec::new();
    for option in view.sync_options().chain(flags).chain(given) {
        if !options.iter().any(|known| known == option) {
            options.push(option.to_owned());
        }
    }
    options
}

/// The resources that `--resource` means, of those that the status knows.
fn selected(written: &[String], application: &Value) -> Result<Value> {
    let mut selectors = Vec::new();
    for text in written {
        let selector = Selector::parse(text).with_context(|| {
            format!("--resource {text}: not of the form [!]GROUP:KIND:[NAMESPACE/]NAME")
        })?;
        selectors.push(selector);
    }
    let resources = at(application, "/status/resources").and_then(Value::as_array);
    let mut found = Vec::new();
    for resource in resources.into_iter().flatten() {
        let of = |field: &str| {
            let value = resource.get(field).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let key = ObjectKey {
            group: of("group"),
            kind: of("kind"),
            namespace: Some(of("namespace")).filter(|namespace| !namespace.is_empty()),
            name: of("name"),
        };
        if selects(&selectors, &key) {
            found.push(json!({"group": key.group, "kind": key.kind, "namespace": of("namespace"), "name": key.name}));
        }
    }
    if found.is_empty() {
        bail!(
            "--resource {}: no resource of the application is meant by it",
            written.join(" ")
        );
    }
    Ok(Value::Array(found))
}

/// Who asked for it, for people: nothing is decided by it.
pub(crate) fn user() -> String {
    std::env::var("USER")
        .ok()
        .filter(|user| !user.is_empty())
        .unwrap_or_else(|| "tidegate".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::status::tests::synced;

    #[track_caller]
    fn check(change: impl FnOnce(&mut OperationArgs, &mut Value), expected: &Result<Value, &str>) {
        let mut args = OperationArgs {
            retry_backoff_duration: "5s".to_owned(),
            retry_backoff_max_duration: "3m0s".to_owned(),
            retry_backoff_factor: 2,
            ..OperationArgs::default()
        };
        let mut application = synced();
        change(&mut args, &mut application);
        let operation = operation(&args, &application, "ann").map_err(|error| error.to_string());
        assert_eq!(
            operation.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|error| *error)
        );
    }

    #[test]
    fn flags_become_an_operation() {
        check(
            |_, _| {},
            &Ok(
                json!({"initiatedBy": {"username": "ann"}, "sync": {"syncStrategy": {"hook": {"force": false}}}}),
            ),
        );
        check(
            |args, application| {
                args.prune = true;
                args.force = true;
                args.server_side = true;
                args.strategy = Some(Strategy::Apply);
                args.revision = Some("main".to_owned());
                args.info = vec!["why=a=b".to_owned()];
                application["spec"]["syncPolicy"]["syncOptions"] = json!(["CreateNamespace=true"]);
                application["spec"]["syncPolicy"]["retry"] = json!({"limit": 2});
            },
            &Ok(json!({
                "initiatedBy": {"username": "ann"}, "info": [{"name": "why", "value": "a=b"}], "retry": {"limit": 2},
                "sync": {"revision": "main", "prune": true, "syncStrategy": {"apply": {"force": true}}, "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"]},
            })),
        );
        check(
            |args, _| {
                args.resource = vec!["*:*:*".to_owned(), "!apps:Deployment:*".to_owned()];
                args.retry_limit = Some(3);
            },
            &Ok(json!({
                "initiatedBy": {"username": "ann"},
                "retry": {"limit": 3, "refresh": false, "backoff": {"duration": "5s", "maxDuration": "3m0s", "factor": 2}},
                "sync": {"syncStrategy": {"hook": {"force": false}}, "resources": [{"group": "", "kind": "ConfigMap", "namespace": "shop", "name": "settings"}]},
            })),
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        check(
            |args, _| args.revision = Some("other".to_owned()),
            &Err("cannot sync to other: auto-sync currently set to main, and would undo it"),
        );
        check(
            |args, _| args.resource = vec!["Deployment".to_owned()],
            &Err("--resource Deployment: not of the form [!]GROUP:KIND:[NAMESPACE/]NAME"),
        );
        check(
            |args, _| args.resource = vec![":Pod:x".to_owned()],
            &Err("--resource :Pod:x: no resource of the application is meant by it"),
        );
        check(
            |_, application| {
                application["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            },
            &Err("the application is being deleted"),
        );
        check(
            |args, _| args.info = vec!["why".to_owned()],
            &Err("--info why: write KEY=VALUE"),
        );
    }

    #[test]
    fn a_sync_that_left_something_is_no_success() {
        let mut application = synced();
        assert_eq!(verdict(&application, true), None);
        application["status"]["sync"]["status"] = json!("OutOfSync");
        // What was pruned may not be gone yet.
        application["status"]["operationState"]["syncResult"]["resources"] =
            json!([{"kind": "ConfigMap", "name": "b", "status": "Pruned"}]);
        assert_eq!(verdict(&application, true), None);
        application["status"]["operationState"]["syncResult"]["resources"] =
            json!([{"kind": "ConfigMap", "name": "a", "status": "PruneSkipped"}]);
        assert_eq!(
            verdict(&application, true).as_deref(),
            Some("1 resources require pruning; sync with --prune to delete them")
        );
        assert_eq!(verdict(&application, false), None);
        application["status"]["operationState"]["phase"] = json!("Failed");
        application["status"]["operationState"]["message"] = json!("no");
        assert_eq!(
            verdict(&application, false).as_deref(),
            Some("operation has completed with phase: Failed: no")
        );
    }
}
