//! An Application's status as Argo CD's command line shows it (`cmd/argocd/commands/app.go`): people's scripts cut these columns. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::application::Application;
use tidegate_model::object::{at, text};

use super::cluster::Place;
use super::table::table;

/// The columns of a resource.
pub(crate) const RESOURCE_COLUMNS: [&str; 8] = [
    "GROUP",
    "KIND",
    "NAMESPACE",
    "NAME",
    "STATUS",
    "HEALTH",
    "HOOK",
    "MESSAGE",
];

/// Group, kind, namespace, name, and the kind of hook.
pub(crate) type RowKey = [String; 5];

/// The resources and hooks of an Application: what identifies each, and its columns. What the last operation did comes first, in its order.
pub(crate) fn resources(application: &Value) -> Vec<(RowKey, Vec<String>)> {
    let of = |resource: &Value, field: &str| {
        let value = resource.get(field).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let key = |resource: &Value, hook: &str| -> RowKey {
        [
            of(resource, "group"),
            of(resource, "kind"),
            of(resource, "namespace"),
            of(resource, "name"),
            hook.to_owned(),
        ]
    };
    let list = |pointer: &str| {
        let list = at(application, pointer).and_then(Value::as_array);
        list.into_iter().flatten()
    };
    let known: BTreeMap<RowKey, &Value> = list("/status/resources")
        .map(|resource| (key(resource, ""), resource))
        .collect();
    let mut rows = Vec::new();
    let mut seen = Vec::new();
    for result in list("/status/operationState/syncResult/resources") {
        let hook = of(result, "hookType");
        let key = key(result, &hook);
        let resource = known.get(&key).copied();
        let status = if hook.is_empty() {
            resource.map_or_else(|| of(result, "status"), |resource| of(resource, "status"))
        } else {
            of(result, "hookPhase")
        };
        let health = resource.and_then(|resource| text(resource, "/health/status"));
        rows.push((
            key.clone(),
            row(&key, status, health, of(result, "message")),
        ));
        seen.push(key);
    }
    for (key, resource) in known {
        let is_hook = resource.get("hook").and_then(Value::as_bool) == Some(true);
        if is_hook || seen.contains(&key) {
            continue;
        }
        let health = text(resource, "/health/status");
        let message = text(resource, "/health/message").unwrap_or_default();
        let columns = row(&key, of(resource, "status"), health, message.to_owned());
        rows.push((key, columns));
    }
    rows
}

fn row(key: &RowKey, status: String, health: Option<&str>, message: String) -> Vec<String> {
    let [group, kind, namespace, name, hook] = key.clone();
    let health = health.unwrap_or_default().to_owned();
    vec![group, kind, namespace, name, status, health, hook, message]
}

/// `app resources`: Argo CD's columns, then what is known of each.
pub(crate) fn resource_list(own: &[Value], orphans: &[ObjectKey]) -> String {
    const COLUMNS: [&str; 7] = [
        "GROUP",
        "KIND",
        "NAMESPACE",
        "NAME",
        "ORPHANED",
        "STATUS",
        "HEALTH",
    ];
    let mut rows = Vec::new();
    for resource in own {
        let of = |pointer: &str| text(resource, pointer).unwrap_or_default().to_owned();
        let mut row = ["/group", "/kind", "/namespace", "/name"].map(of).to_vec();
        row.extend(["No".to_owned(), of("/status"), of("/health/status")]);
        rows.push(row);
    }
    for orphan in orphans {
        let namespace = orphan.namespace.clone().unwrap_or_default();
        let (group, kind, name) = (&orphan.group, &orphan.kind, &orphan.name);
        rows.push(vec![
            group.clone(),
            kind.clone(),
            namespace,
            name.clone(),
            "Yes".to_owned(),
        ]);
    }
    table(&COLUMNS, &rows)
}

/// The end of `app get`.
pub(crate) fn resource_table(application: &Value) -> String {
    let rows: Vec<Vec<String>> = resources(application)
        .into_iter()
        .map(|(_, row)| row)
        .collect();
    table(&RESOURCE_COLUMNS, &rows)
}

/// `-o tree`: each resource below its Application. What the resources own in turn is not in the status.
pub(crate) fn tree(application: &Value) -> String {
    let mut text = format!("Application/{}\n", Place::of(application).name);
    let rows = resources(application);
    for (index, ([_, kind, _, name, _], row)) in rows.iter().enumerate() {
        let branch = if index + 1 == rows.len() {
            "└─"
        } else {
            "├─"
        };
        let column = |at: usize| row.get(at).map(String::as_str).unwrap_or_default();
        let line = format!("{branch}{kind}/{name}  {}  {}", column(4), column(5));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// `app list`.
pub(crate) fn list(applications: &[Value], wide: bool) -> String {
    let mut head = vec![
        "NAME",
        "CLUSTER",
        "NAMESPACE",
        "PROJECT",
        "STATUS",
        "HEALTH",
        "SYNCPOLICY",
        "CONDITIONS",
    ];
    if wide {
        head.extend(["REPO", "PATH", "TARGET"]);
    }
    let rows: Vec<Vec<String>> = applications
        .iter()
        .map(|application| {
            let view = Application(application);
            let of = |pointer: &str| text(application, pointer).unwrap_or_default().to_owned();
            let or = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let mut row = vec![
                Place::of(application).to_string(),
                or(view.server().or_else(|| view.cluster_name())),
                or(view.namespace()),
                project(application),
                of("/status/sync/status"),
                of("/status/health/status"),
                policy(view, ["Auto-Prune", "Auto", "Manual"]).to_owned(),
                conditions(application),
            ];
            if wide {
                let sources = view.sources();
                let source = sources.first().map(|(_, source)| *source);
                let field = |field: &str| {
                    let value = source.and_then(|source| source.get(field)?.as_str());
                    value.unwrap_or_default().to_owned()
                };
                row.extend([
                    address(&field("repoURL")),
                    field("path"),
                    field("targetRevision"),
                ]);
            }
            row
        })
        .collect();
    table(&head, &rows)
}

/// The head of `app get`.
pub(crate) fn summary(application: &Value) -> String {
    let view = Application(application);
    let of = |pointer: &str| text(application, pointer).unwrap_or_default();
    let mut drawn = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(drawn, "{}", format!("{name:<20}{value}").trim_end());
    };
    line("Name:", &Place::of(application).to_string());
    line("Project:", &project(application));
    line(
        "Server:",
        view.server()
            .or_else(|| view.cluster_name())
            .unwrap_or_default(),
    );
    line("Namespace:", view.namespace().unwrap_or_default());
    let sources = view.sources();
    line(
        if sources.len() > 1 {
            "Sources:"
        } else {
            "Source:"
        },
        "",
    );
    for (_, source) in &sources {
        let field = |field: &str| {
            source
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        line("- Repo:", &address(field("repoURL")));
        line("  Target:", field("targetRevision"));
        for (name, key) in [
            ("  Path:", "path"),
            ("  Chart:", "chart"),
            ("  Ref:", "ref"),
        ] {
            if !field(key).is_empty() {
                line(name, field(key));
            }
        }
    }
    line(
        "Sync Policy:",
        policy(view, ["Automated (Prune)", "Automated", "Manual"]),
    );
    line("Sync Status:", &sync_status(application));
    let message = of("/status/health/message");
    let health = match message {
        "" => of("/status/health/status").to_owned(),
        message => format!("{} ({message})", of("/status/health/status")),
    };
    line("Health Status:", &health);
    let conditions = at(application, "/status/conditions").and_then(Value::as_array);
    let rows: Vec<Vec<String>> = conditions
        .into_iter()
        .flatten()
        .map(|condition| {
            ["type", "message", "lastTransitionTime"]
                .map(|field| {
                    let value = condition.get(field).and_then(Value::as_str);
                    value.unwrap_or_default().to_owned()
                })
                .to_vec()
        })
        .collect();
    if !rows.is_empty() {
        drawn.push('\n');
        drawn.push_str(&table(&["CONDITION", "MESSAGE", "LAST TRANSITION"], &rows));
    }
    drawn
}

/// What the last operation did, as it is shown after a sync.
pub(crate) fn operation(application: &Value) -> String {
    let Some(state) = at(application, "/status/operationState").filter(|state| state.is_object())
    else {
        return String::new();
    };
    let of = |pointer: &str| text(state, pointer).unwrap_or_default();
    let mut drawn = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(drawn, "{name:<20}{value}");
        }
    };
    line("Operation:", "Sync");
    let revisions = at(state, "/syncResult/revisions").and_then(Value::as_array);
    let several: Vec<&str> = revisions
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match several.as_slice() {
        [] => line("Sync Revision:", of("/syncResult/revision")),
        several => line("Sync Revision:", &several.join(", ")),
    }
    line("Phase:", of("/phase"));
    line("Start:", of("/startedAt"));
    line("Finished:", of("/finishedAt"));
    line("Message:", of("/message"));
    drawn
}

/// `Synced to main (1234567)`.
fn sync_status(application: &Value) -> String {
    let of = |pointer: &str| text(application, pointer).unwrap_or_default();
    let status = of("/status/sync/status");
    let view = Application(application);
    let sources = view.sources();
    let target = match sources.as_slice() {
        [(_, source)] => source
            .get("targetRevision")
            .and_then(Value::as_str)
            .unwrap_or_default(),
        _ => return status.to_owned(),
    };
    let mut shown = match status {
        "Synced" => format!("Synced to {target}"),
        "OutOfSync" => format!("OutOfSync from {target}"),
        other => other.to_owned(),
    };
    let revision = of("/status/sync/revision");
    let is_digits =
        |text: &str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_digits(target) && revision.len() > 7 {
        let short = revision.get(..7).unwrap_or(revision);
        let _ = write!(shown, " ({short})");
    }
    shown
}

fn policy<'w>(view: Application<'_>, words: [&'w str; 3]) -> &'w str {
    let [prunes, automated, manual] = words;
    match (view.is_automated(), view.prunes()) {
        (true, true) => prunes,
        (true, false) => automated,
        (false, _) => manual,
    }
}

fn project(application: &Value) -> String {
    let project = text(application, "/spec/project").filter(|project| !project.is_empty());
    project.unwrap_or("default").to_owned()
}

fn conditions(application: &Value) -> String {
    let list = at(application, "/status/conditions").and_then(Value::as_array);
    let mut types: Vec<&str> = list
        .into_iter()
        .flatten()
        .filter_map(|condition| condition.get("type")?.as_str())
        .collect();
    types.sort_unstable();
    types.dedup();
    if types.is_empty() {
        return "<none>".to_owned();
    }
    types.join(",")
}

/// An address may have a password in it.
fn address(text: &str) -> String {
    if text.contains("://") {
        tidegate_model::url::RedactedUrl(text).to_string()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// An Application that was synced, with a hook.
    pub(crate) fn synced() -> Value {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd", "resourceVersion": "7"},
            "spec": {
                "source": {"repoURL": "https://u:hunter2@host/repo", "path": "apps/web", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
                "syncPolicy": {"automated": {"prune": true}},
            },
            "status": {
                "sync": {"status": "Synced", "revision": "0123456789012345678901234567890123456789"},
                "health": {"status": "Progressing"},
                "reconciledAt": "2026-01-01T00:00:09Z",
                "resources": [
                    {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web", "status": "Synced", "health": {"status": "Progressing", "message": "0 of 1"}},
                    {"kind": "ConfigMap", "namespace": "shop", "name": "settings", "status": "OutOfSync", "requiresPruning": true},
                ],
                "operationState": {
                    "phase": "Succeeded", "message": "successfully synced (all tasks run)", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z",
                    "operation": {"sync": {}},
                    "syncResult": {"revision": "0123456789012345678901234567890123456789", "resources": [
                        {"group": "batch", "kind": "Job", "namespace": "shop", "name": "migrate", "hookType": "PreSync", "hookPhase": "Succeeded", "message": "done"},
                        {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web", "status": "Synced", "message": "deployment.apps/web configured"},
                    ]},
                },
            },
        })
    }

    #[test]
    fn a_list_has_argo_cds_columns() {
        assert_eq!(
            list(&[synced()], true),
            "NAME        CLUSTER                         NAMESPACE  PROJECT  STATUS  HEALTH       SYNCPOLICY  CONDITIONS  REPO                     PATH      TARGET\n\
             argocd/web  https://kubernetes.default.svc  shop       default  Synced  Progressing  Auto-Prune  <none>      https://***@host/repo  apps/web  main\n"
                .replace("REPO                     PATH", "REPO                   PATH")
        );
    }

    #[test]
    fn a_summary_says_what_is_where() {
        let shown = summary(&synced());
        for line in [
            "Name:               argocd/web",
            "- Repo:             https://***@host/repo",
            "  Path:             apps/web",
            "Sync Policy:        Automated (Prune)",
            "Sync Status:        Synced to main (0123456)",
            "Health Status:      Progressing",
        ] {
            assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
        }
    }

    #[test]
    fn resources_come_with_hooks_and_messages() {
        assert_eq!(
            resource_table(&synced()),
            "GROUP  KIND        NAMESPACE  NAME      STATUS     HEALTH       HOOK     MESSAGE\n\
             batch  Job         shop       migrate   Succeeded               PreSync  done\n\
             apps   Deployment  shop       web       Synced     Progressing           deployment.apps/web configured\n\
             \u{20}      ConfigMap   shop       settings  OutOfSync\n"
        );
        assert_eq!(
            tree(&synced()),
            "Application/web\n├─Job/migrate  Succeeded\n├─Deployment/web  Synced  Progressing\n└─ConfigMap/settings  OutOfSync\n"
        );
    }

    #[test]
    fn an_operation_is_told_as_after_a_sync() {
        assert_eq!(
            operation(&synced()),
            "Operation:          Sync\nSync Revision:      0123456789012345678901234567890123456789\nPhase:              Succeeded\n\
             Start:              2026-01-01T00:00:00Z\nFinished:           2026-01-01T00:00:05Z\nMessage:            successfully synced (all tasks run)\n"
        );
        assert_eq!(operation(&json!({})), "");
    }
}
