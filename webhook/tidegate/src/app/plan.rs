//! `tidegate app plan`: desired and live objects from files, the steps of the sync that would make one the other. No cluster.
//!
//! The plan is `syncplan`'s; this file reads and draws. The same planner drives the reconciler.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use tidegate_model::application::Application;
use tidegate_model::object::name;
use tidegate_syncplan::compare::{Settings, SyncStatus};
use tidegate_syncplan::ignore::Rules;
use tidegate_syncplan::operation::{Operation, Options, Selector};
use tidegate_syncplan::plan::{Plan, plan};
use tidegate_syncplan::step::Action;
use tidegate_syncplan::tracking::{Method, Tracking};

use super::{application, objects};
use crate::HumanOrJson;

/// Desired, live, and how to compare and sync them.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// What is desired: manifests, files or folders, rendered.
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    target: Vec<PathBuf>,
    /// What is there: as `kubectl get -o yaml` prints it. Nothing is there without it.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    live: Vec<PathBuf>,
    /// The Application: its destination's namespace, sync options, ignored differences and name are used.
    #[arg(long, value_name = "FILE")]
    app: Option<PathBuf>,
    /// The Application's name. With one, only live objects that carry its mark are its own; without, all are.
    #[arg(long)]
    name: Option<String>,
    /// The namespace of manifests that name none.
    #[arg(short, long)]
    namespace: Option<String>,
    /// How objects are marked: annotation, label or annotation+label.
    #[arg(long, default_value = "annotation", value_parser = ["annotation", "label", "annotation+label"])]
    tracking: String,
    /// Leave superfluous objects alone. Otherwise they are deleted, unless the Application syncs on its own and does not prune.
    #[arg(long)]
    no_prune: bool,
    /// Only these: `[!]GROUP:KIND:[NAMESPACE/]NAME`, globs. Runs no hooks.
    #[arg(long, value_name = "G:K:N")]
    resource: Vec<String>,
    /// A sync option, such as `PruneLast=true`; may be repeated.
    #[arg(long, value_name = "OPTION")]
    sync_option: Vec<String>,
    /// The commit; hooks that leave their name open are called after it.
    #[arg(long, default_value = "0000000")]
    revision: String,
    /// Run no hooks.
    #[arg(long)]
    no_hooks: bool,
    /// Write unchanged objects as well, as Argo CD does.
    #[arg(long)]
    all: bool,
    /// `json` for programs.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

pub(crate) fn run(args: &PlanArgs) -> Result<()> {
    let plan = planned(args)?;
    let text = match args.output {
        HumanOrJson::Json => serde_json::to_string_pretty(&plan)? + "\n",
        HumanOrJson::Human => draw(&plan),
    };
    crate::print(&text)
}

fn planned(args: &PlanArgs) -> Result<Plan> {
    let targets = objects(&args.target)?;
    let live = objects(&args.live)?;
    let application = args.app.as_deref().map(application).transpose()?;
    let view = application.as_ref().map(Application);
    let (rules, unread) = application.as_ref().map(Rules::of).unwrap_or_default();
    for unread in unread {
        eprint(&format!(
            "warning: {} ignores nothing: {}\n",
            unread.pointer, unread.why
        ));
    }

    let tracked = args
        .name
        .clone()
        .or_else(|| application.as_ref().map(|app| name(app).to_owned()));
    let tracking = tracked.map(|application| Tracking {
        method: Method::parse(&args.tracking),
        ..Tracking::by_annotation(application)
    });
    let options = Options::new(
        view.iter()
            .flat_map(|view| view.sync_options())
            .chain(args.sync_option.iter().map(String::as_str)),
    );
    let mut selected = Vec::new();
    for text in &args.resource {
        let selector = Selector::parse(text).with_context(|| {
            format!("--resource {text}: not of the form [!]GROUP:KIND:[NAMESPACE/]NAME")
        })?;
        selected.push(selector);
    }
    let keeps = view.is_some_and(|view| view.is_automated() && !view.prunes());
    let settings = Settings {
        namespace: args
            .namespace
            .as_deref()
            .or_else(|| view.and_then(Application::namespace)),
        tracking: tracking.as_ref(),
        ignore: Some(&rules),
        creates_namespace: options.has("CreateNamespace=true"),
        ..Settings::default()
    };
    let operation = Operation {
        revision: args.revision.clone(),
        prune: !args.no_prune && !keeps,
        skip_hooks: args.no_hooks,
        selected,
        options,
        write_unchanged: args.all,
        ..Operation::default()
    };
    Ok(plan(&targets, &live, &settings, &operation))
}

/// The plan for a person: each wave with what happens in it, then what is not as it should be and stays so.
fn draw(plan: &Plan) -> String {
    let mut text = String::new();
    let mut last = None;
    for step in &plan.steps {
        let wave = (step.phase, step.wave);
        if last != Some(wave) {
            let _ = writeln!(text, "{} wave {}", step.phase.as_str(), step.wave);
            last = Some(wave);
        }
        let verb = match step.action {
            Action::Create => "create",
            Action::Apply => "apply",
            Action::Replace => "replace",
            Action::Update => "update",
            Action::Prune => "prune",
            Action::SkipPrune => "keep",
            Action::Delete => "delete",
            Action::Wait => {
                let _ = writeln!(text, "  {}", step.message);
                continue;
            }
            Action::DryRun | Action::Keep | Action::Release => continue,
        };
        let hook = if step.hook { " (hook)" } else { "" };
        let why = if step.message.is_empty() {
            String::new()
        } else {
            format!(": {}", step.message)
        };
        let _ = writeln!(text, "  {verb:8}{}{hook}{why}", step.key);
        let resource = plan.resources.iter();
        let differences = resource
            .filter(|resource| step.action == Action::Apply && resource.key == step.key)
            .flat_map(|resource| &resource.differences);
        for pointer in differences {
            let _ = writeln!(text, "          at {pointer}");
        }
    }
    let status = match plan.sync {
        SyncStatus::Synced => "Synced",
        SyncStatus::OutOfSync => "OutOfSync",
    };
    let _ = writeln!(text, "{status}; the sync ends: {}", plan.operation.message);
    text
}

fn eprint(text: &str) {
    use std::io::Write as _;
    let _ = anstream::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        plan: PlanArgs,
    }

    const TARGET: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {argocd.argoproj.io/sync-wave: "1"}}
spec: {replicas: 2}
"#;
    const LIVE: &str = r#"
apiVersion: v1
kind: List
items:
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, annotations: {argocd.argoproj.io/sync-wave: "1"}}, spec: {replicas: 1}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: shop}}
"#;
    const APP: &str = r"
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  destination: {namespace: shop}
  syncPolicy: {automated: {}, syncOptions: [CreateNamespace=true]}
  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]
";

    #[track_caller]
    fn check(arguments: &[&str], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("target.yaml", TARGET),
            ("live.yaml", LIVE),
            ("app.yaml", APP),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let arguments = arguments.iter().map(|argument| {
            if argument.contains(".yaml") {
                folder.path().join(argument).display().to_string()
            } else {
                (*argument).to_owned()
            }
        });
        let command = Command::try_parse_from(["plan".to_owned()].into_iter().chain(arguments));
        assert_eq!(draw(&planned(&command.unwrap().plan).unwrap()), expected);
    }

    #[test]
    fn a_plan_reads_like_a_list_of_waves() {
        check(
            &[
                "--target",
                "target.yaml",
                "--live",
                "live.yaml",
                "-n",
                "shop",
            ],
            "Sync wave 0
  prune   ConfigMap shop/old
  create  ConfigMap shop/settings
  waiting for healthy state of /ConfigMap/old and 1 more resources
Sync wave 1
  apply   Deployment shop/web
          at /spec/replicas
OutOfSync; the sync ends: successfully synced (all tasks run)
",
        );
        check(
            &[
                "--target",
                "target.yaml",
                "-n",
                "shop",
                "--resource",
                ":ConfigMap:*",
            ],
            "Sync wave 0
  create  ConfigMap shop/settings
OutOfSync; the sync ends: successfully synced (all tasks run)
",
        );
    }

    #[test]
    fn the_application_says_where_and_how() {
        // Not marked as its own, the superfluous object is nobody's business; the Deployment only lacks the mark.
        check(
            &[
                "--target",
                "target.yaml",
                "--live",
                "live.yaml",
                "--app",
                "app.yaml",
            ],
            "PreSync wave 0
  create  Namespace shop
Sync wave 0
  create  ConfigMap shop/settings
  waiting for healthy state of /ConfigMap/settings
Sync wave 1
  apply   Deployment shop/web
          at /metadata/annotations/argocd.argoproj.io~1tracking-id
OutOfSync; the sync ends: successfully synced (all tasks run)
",
        );
    }
}
