//! What people write into sync options, hooks, projects and operations, against a real API server.

use anyhow::Result;
use serde_json::{Value, json};

use crate::common::Place;
use crate::place::config_map;

fn message(status: &Value) -> &str {
    status
        .pointer("/operationState/message")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn job(name: &str, metadata: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{{name}, annotations: {{{metadata}}}}}\nspec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: example/job}}]}}}}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_made_with_its_labels_and_a_definition_before_what_it_defines() -> Result<()>
{
    let place = Place::new("creates")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit(
        "web/definition.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.org}\nspec:\n  group: example.org\n  scope: Namespaced\n  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}\n  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]\n",
    )?;
    place.commit(
        "web/thing.yaml",
        "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: one}\nsize: 3\n",
    )?;
    let mut application = place.application("web");
    application["spec"]["destination"]["namespace"] = json!("made-by-a-sync");
    application["spec"]["syncPolicy"]["syncOptions"] = json!(["CreateNamespace=true"]);
    application["spec"]["syncPolicy"]["managedNamespaceMetadata"] =
        json!({"labels": {"team": "shop"}});
    place.apply(&application)?;
    place.wait_well("web")?;
    let namespace = place.get("namespace/made-by-a-sync")?;
    assert_eq!(
        namespace.pointer("/metadata/labels/team"),
        Some(&json!("shop"))
    );
    place.kubectl(&[
        "-n",
        "made-by-a-sync",
        "get",
        "thing.example.org/one",
        "configmap/a",
    ])?;
    // What is said of the namespace later holds too, and what others wrote stays.
    place.kubectl(&["label", "namespace/made-by-a-sync", "theirs=1"])?;
    place.patch(
        "applications.argoproj.io/web",
        &json!({"spec": {"syncPolicy": {"managedNamespaceMetadata": {"labels": {"team": null, "tier": "1"}}}}}),
    )?;
    let sync = json!({"operation": {"sync": {"syncOptions": ["CreateNamespace=true"]}}});
    place.patch("applications.argoproj.io/web", &sync)?;
    place.wait("namespace/made-by-a-sync", ".metadata.labels.tier", "1")?;
    place.wait_well("web")?;
    let namespace = place.get("namespace/made-by-a-sync")?;
    assert_eq!(namespace.pointer("/metadata/labels/team"), None);
    assert_eq!(
        namespace.pointer("/metadata/labels/theirs"),
        Some(&json!("1"))
    );
    let status = place.status("web")?;
    assert_eq!(
        status.pointer("/operationState/syncResult/resources/0/message"),
        Some(&json!("namespace/made-by-a-sync serverside-applied"))
    );
    let definition = place.get("customresourcedefinition/things.example.org")?;
    assert_eq!(
        definition.pointer("/metadata/annotations/argocd.argoproj.io~1tracking-id"),
        None
    );
    assert_eq!(
        status.pointer("/sync/status"),
        Some(&json!("Synced")),
        "{status:#}"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_project_does_not_permit_is_not_synced() -> Result<()> {
    let place = Place::new("project")?;
    let running = place.start().await?;
    place.apply(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "team", "namespace": "project"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "project"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]},
    }))?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit(
        "web/s.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n",
    )?;
    let mut application = place.application("web");
    application["spec"]["project"] = json!("team");
    place.apply(&application)?;
    place.wait_app("web", &[(".status.operationState.phase", "Failed")])?;
    assert_eq!(
        message(&place.status("web")?),
        "one or more synchronization tasks are not valid: resource :Secret is not permitted in project team"
    );
    assert!(!place.is_there("configmap/a")?);
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_may_be_of_some_objects_a_dry_run_or_ended_by_hand() -> Result<()> {
    let place = Place::new("operations")?;
    let running = place.start().await?;
    let mut application = place.application("web");
    application["spec"]["syncPolicy"] = json!({});
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/b.yaml", &config_map("b", 0, "1"))?;
    place.apply(&application)?;
    place.wait_app("web", &[(".status.sync.status", "OutOfSync")])?;
    let app = "applications.argoproj.io/web";

    place.patch(app, &json!({"operation": {"sync": {"dryRun": true}}}))?;
    place.wait_app("web", &[(".status.operationState.phase", "Succeeded")])?;
    assert!(!place.is_there("configmap/a")?);

    let one = json!([{"kind": "ConfigMap", "name": "b"}]);
    place.patch(
        app,
        &json!({"operation": {"sync": {"resources": one}}, "status": {"operationState": null}}),
    )?;
    place.wait_app("web", &[(".status.operationState.phase", "Succeeded")])?;
    assert!(place.is_there("configmap/b")? && !place.is_there("configmap/a")?);
    let status = place.status("web")?;
    assert!(
        status.get("history").is_none(),
        "a part is no deployment: {status:#}"
    );
    assert_eq!(status.pointer("/sync/status"), Some(&json!("OutOfSync")));

    place.commit(
        "web/c.yaml",
        &job("name: forever", "argocd.argoproj.io/hook: PreSync"),
    )?;
    place.patch(
        app,
        &json!({"operation": {"sync": {}}, "status": {"operationState": null}}),
    )?;
    place.wait_app(
        "web",
        &[(
            ".status.operationState.message",
            "waiting for completion of hook batch/Job/forever",
        )],
    )?;
    place.patch(
        app,
        &json!({"status": {"operationState": {"phase": "Terminating"}}}),
    )?;
    place.wait_app(
        "web",
        &[
            (".status.operationState.phase", "Failed"),
            (".status.operationState.message", "Operation terminated"),
        ],
    )?;
    place.wait_gone("job/forever")?;
    assert!(!place.is_there("configmap/a")?);
    assert!(place.get(app)?.get("operation").is_none());
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_fail_a_sync_clean_up_after_it_and_go_by_their_policies() -> Result<()> {
    let place = Place::new("hooks")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit(
        "web/check.yaml",
        &job("generateName: check-", "argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded"),
    )?;
    place.commit(
        "web/alarm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: alarm, annotations: {argocd.argoproj.io/hook: SyncFail}}\n",
    )?;
    place.apply(&place.application("web"))?;
    place.kubectl(&["wait", "--for=create", "--timeout=30s", "configmap/a"])?;
    let name = place.only_job()?;
    assert!(name.contains("-postsync-"), "{name}");
    place.finish_job(&name)?;
    place.wait_well("web")?;
    place.wait_gone(&format!("job/{name}"))?;
    assert!(!place.is_there("configmap/alarm")?);

    place.commit("web/a.yaml", &config_map("a", 0, "2"))?;
    place.refresh("web")?;
    place.wait("configmap/a", ".data.key", "2")?;
    let name = place.only_job()?;
    place.fail_job(&name)?;
    place.wait_app("web", &[(".status.operationState.phase", "Failed")])?;
    assert!(place.is_there("configmap/alarm")?, "SyncFail hooks run");
    assert!(
        place.is_there(&format!("job/{name}"))?,
        "its policy keeps a failed one"
    );
    let status = place.status("web")?;
    assert!(
        message(&status).starts_with("one or more synchronization tasks completed unsuccessfully"),
        "{status:#}"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_one_object_are_its_own() -> Result<()> {
    let place = Place::new("options")?;
    let running = place.start().await?;
    let kept = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, annotations: {argocd.argoproj.io/sync-options: Prune=false}}\n";
    let immutable = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: fixed, annotations: {{argocd.argoproj.io/sync-options: \"Force=true\"}}}}\nimmutable: true\ndata: {{key: \"{value}\"}}\n"
        )
    };
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    place.commit("web/kept.yaml", kept)?;
    // Never in sync: what the schema has no place for is never there.
    let loose = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: loose, annotations: {argocd.argoproj.io/sync-options: Validate=false}}\nwrong: 1\n";
    place.commit("other/loose.yaml", loose)?;
    place.apply(&place.application("other"))?;
    place.wait_app("other", &[(".status.operationState.phase", "Succeeded")])?;
    assert!(place.is_there("configmap/loose")?);
    place.commit("web/fixed.yaml", &immutable("1"))?;
    place.apply(&place.application("web"))?;
    place.wait_well("web")?;

    place.remove("web/kept.yaml")?;
    place.commit("web/fixed.yaml", &immutable("2"))?;
    place.refresh("web")?;
    // For a moment it is not there: the Application tells when all is done. (By its id: `kubectl wait` gives up on an index that is not there yet.)
    place.wait_app("web", &[(".status.history[?(@.id==1)].id", "1")])?;
    assert_eq!(
        place.get("configmap/fixed")?.pointer("/data/key"),
        Some(&json!("2"))
    );
    place.wait_app(
        "web",
        &[
            (".status.operationState.phase", "Succeeded"),
            (".status.sync.status", "OutOfSync"),
        ],
    )?;
    assert!(place.is_there("configmap/kept")?);
    let status = place.status("web")?;
    let results = status
        .pointer("/operationState/syncResult/resources")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let skipped = results
        .iter()
        .find(|result| result.get("name") == Some(&json!("kept")));
    assert_eq!(
        skipped.and_then(|result| result.get("message")),
        Some(&json!("ignored (no prune)")),
        "{status:#}"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_window_keeps_a_sync_back_unless_a_person_asks() -> Result<()> {
    let place = Place::new("windows")?;
    let running = place.start().await?;
    let mut project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "team", "namespace": "windows"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
    });
    place.apply(&project)?;
    let of_team = |name: &str| {
        let mut application = place.application(name);
        application["spec"]["project"] = json!("team");
        place.apply(&application)
    };
    place.commit("before/b.yaml", &config_map("b", 0, "1"))?;
    of_team("before")?;
    place.wait_well("before")?;

    // The project was read a moment ago, and is read again before anything begins.
    project["spec"]["syncWindows"] = json!([{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"], "manualSync": true}]);
    place.apply(&project)?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    of_team("web")?;
    place.wait_app("web", &[(".status.sync.status", "OutOfSync")])?;
    assert!(!place.is_there("configmap/a")?);
    let sync = json!({"operation": {"initiatedBy": {"username": "ada"}, "sync": {}}});
    place.patch("applications.argoproj.io/web", &sync)?;
    place.wait_well("web")?;
    running.stop().await?;

    let columns = "custom-columns=REASON:.reason,MESSAGE:.message";
    let events = place.kubectl(&["get", "events", "-o", columns])?;
    let events: Vec<String> = events
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for words in [
        "OperationStarted ada initiated sync to ",
        "OperationCompleted Sync operation to ",
        "ResourceUpdated Updated sync status: OutOfSync -> Synced",
    ] {
        let has = events.iter().any(|event| event.starts_with(words));
        assert!(has, "{words:?} in {events:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_an_object_to_another_application_is_told() -> Result<()> {
    let place = Place::new("two-owners")?;
    let running = place.start().await?;
    for name in ["one", "two"] {
        place.commit(&format!("{name}/a.yaml"), &config_map("a", 0, name))?;
        let mut application = place.application(name);
        application["spec"]["syncPolicy"] = json!({"automated": {}});
        place.apply(&application)?;
        place.wait_well(name)?;
    }
    let shared = (".status.conditions[0].type", "SharedResourceWarning");
    place.wait_app("one", &[shared, (".status.sync.status", "OutOfSync")])?;
    assert_eq!(
        place.status("one")?["conditions"][0]["message"],
        "ConfigMap/a is part of applications one and two"
    );
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_brought_is_shown_while_a_hook_runs() -> Result<()> {
    let place = Place::new("hook-runs")?;
    let running = place.start().await?;
    place.commit("web/a.yaml", &config_map("a", 0, "1"))?;
    let hook = "argocd.argoproj.io/hook: PostSync";
    place.commit("web/job.yaml", &job("name: check", hook))?;
    place.apply(&place.application("web"))?;
    place.only_job()?;
    place.wait_app(
        "web",
        &[
            (".status.sync.status", "Synced"),
            (".status.operationState.phase", "Running"),
        ],
    )?;
    place.finish_job("check")?;
    place.wait_well("web")?;
    running.stop().await
}
