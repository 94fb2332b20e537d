#![allow(
    clippy::needless_pass_by_value,
    reason = "a table reads better without ampersands"
)]

use tidegate_model::words::HOOK;

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

fn application(operation: Value, state: Value) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "argocd", "annotations": {DELETION_APPROVED: "1970-01-01T00:20:00Z"}},
        "spec": {"source": {"repoURL": "r", "path": "p", "targetRevision": "main"}, "syncPolicy": {"syncOptions": ["PruneLast=true"]}},
        "operation": operation,
        "status": {"operationState": state},
    })
}

#[test]
fn what_is_under_way_goes_before_what_is_asked_for() {
    let asked = json!({"sync": {"revision": "asked"}});
    let under_way = json!({"operation": {"sync": {"revision": "begun"}}, "phase": "Running", "startedAt": "1970-01-01T00:00:07Z"});
    let over = json!({"operation": {"sync": {"revision": "before"}}, "phase": "Succeeded"});
    let check = |operation: &Value, state: &Value, expected: Option<(&str, i64)>| {
        let running = Running::of(&application(operation.clone(), state.clone()), now());
        let shown = running.as_ref().map(|running| {
            let revision = text(&running.request, "/sync/revision").unwrap_or_default();
            (revision, running.started_at.as_second())
        });
        assert_eq!(shown, expected);
    };
    check(&Value::Null, &Value::Null, None);
    check(&Value::Null, &over, None);
    check(&asked, &Value::Null, Some(("asked", 1_000)));
    check(&asked, &over, Some(("asked", 1_000)));
    check(&asked, &under_way, Some(("begun", 7)));
    check(&Value::Null, &under_way, Some(("begun", 7)));
}

#[test]
fn an_operation_survives_its_status() {
    let mut running = Running::new(
        json!({"sync": {"prune": true}, "retry": {"limit": 3}}),
        now(),
    );
    running.revisions = vec!["abc".to_owned()];
    running.retries = 2;
    running.failed_at = Some(now());
    running.state.message = "waiting".to_owned();
    running.progress.results = vec![TaskResult {
        key: ObjectKey {
            group: "batch".to_owned(),
            kind: "Job".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "before".to_owned(),
        },
        version: "v1".to_owned(),
        status: Some(ResultCode::Synced),
        message: "job.batch/before created".to_owned(),
        hook_type: Some(Phase::PreSync),
        hook_phase: Some(OperationPhase::Running),
        sync_phase: Phase::PreSync,
        images: vec!["example/job".to_owned()],
    }];
    let state = running.to_state(&application(Value::Null, Value::Null));
    let read = Running::of(
        &application(Value::Null, state.clone()),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(read, Some(running), "{state:#}");
}

#[test]
fn a_hook_that_was_made_and_not_written_down_is_adopted() {
    let hook = |name: &str, owner: &str, of: String, kind: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "shop",
            "annotations": {HOOK: kind, HOOK_OF: of, "argocd.argoproj.io/tracking-id": format!("{owner}:batch/Job:shop/{name}")}}})
    };
    let application = |last: u32| json!({"status": {"history": [{"id": last}]}});
    let mut running = Running::new(json!({"sync": {}}), now());
    running.revisions = vec!["abc".to_owned()];
    let mark = running.mark(&application(3));
    let of = |phase| hook_of(&mark, phase);
    // A sync that ended in the second in which this one began, and the try before this one.
    let before = hook_of(&running.mark(&application(2)), Phase::PreSync);
    running.retries = 1;
    let tried_again = running.mark(&application(3));
    running.retries = 0;
    let live = [
        hook("ours", "web", of(Phase::PreSync), "PreSync"),
        hook("both", "web", of(Phase::PostSync), "PreSync,PostSync"),
        hook("before", "web", before, "PreSync"),
        hook(
            "again",
            "web",
            hook_of(&tried_again, Phase::PreSync),
            "PreSync",
        ),
        hook("others", "other", of(Phase::PreSync), "PreSync"),
        hook("none", "web", of(Phase::PreSync), "Skip"),
    ];
    for _ in 0..2 {
        running.adopt_hooks(&live, &Tracking::by_annotation("web"), &application(3));
    }
    let names: Vec<_> = running
        .progress
        .results
        .iter()
        .map(|result| (result.key.name.as_str(), result.sync_phase))
        .collect();
    assert_eq!(names, [("ours", Phase::PreSync), ("both", Phase::PostSync)]);
}

#[test]
fn what_is_rendered_is_what_it_names_and_pinned_once_it_has_begun() {
    let check = |request: Value, pinned: &[&str], revision: &str, path: &str, of_spec: bool| {
        let mut running = Running::new(request, now());
        running.revisions = pinned.iter().map(ToString::to_string).collect();
        let sources = running.sources(&application(Value::Null, Value::Null));
        let shown: Vec<_> = sources
            .iter()
            .map(|source| {
                (
                    source.revision.as_str(),
                    text(&source.source, "/path").unwrap_or_default(),
                )
            })
            .collect();
        assert_eq!(
            (shown, running.is_of_spec()),
            (vec![(revision, path)], of_spec)
        );
    };
    check(json!({"sync": {}}), &[], "main", "p", true);
    check(
        json!({"sync": {"revision": ""}}),
        &["abc"],
        "abc",
        "p",
        true,
    );
    check(json!({"sync": {"revision": "v1"}}), &[], "v1", "p", false);
    check(
        json!({"sync": {"revision": "v1"}}),
        &["abc"],
        "abc",
        "p",
        false,
    );
    check(
        json!({"initiatedBy": {"automated": true}, "sync": {"revision": "abc"}}),
        &[],
        "abc",
        "p",
        true,
    );
    check(
        json!({"sync": {"source": {"repoURL": "r", "path": "old", "targetRevision": "v0"}}}),
        &[],
        "v0",
        "old",
        false,
    );
}

#[test]
fn the_planner_is_told_what_was_asked_for() {
    let planned = |request: Value| {
        Running::new(request, now()).planned(&application(Value::Null, Value::Null))
    };
    let plain = planned(json!({"sync": {}}));
    assert!(plain.options.has("PruneLast=true") && !plain.prune && !plain.skip_hooks);
    assert!(plain.prune_confirmed, "agreed to after it began");
    let full = planned(json!({"sync": {
        "prune": true, "dryRun": true, "syncOptions": ["Replace=true"], "syncStrategy": {"apply": {"force": true}},
        "resources": [{"group": "apps", "kind": "Deployment", "name": "web"}],
    }}));
    assert!(full.prune && full.dry_run && full.force && full.skip_hooks);
    assert!(full.options.has("Replace=true") && !full.options.has("PruneLast=true"));
    assert_eq!(
        full.selected,
        [Selector {
            group: "apps".into(),
            kind: "Deployment".into(),
            name: "web".into(),
            ..Selector::default()
        }]
    );
}

#[test]
fn a_sync_of_its_own_is_written_as_argo_cd_writes_it() {
    let application = application(Value::Null, Value::Null);
    let selected = [Selector {
        kind: "ConfigMap".into(),
        name: "a".into(),
        namespace: "shop".into(),
        ..Selector::default()
    }];
    assert_eq!(
        automated(&application, &["abc".to_owned()], true, &[], 0),
        json!({"initiatedBy": {"automated": true}, "retry": {"limit": 5},
            "sync": {"revision": "abc", "prune": true, "syncOptions": ["PruneLast=true"]}})
    );
    assert_eq!(
        automated(&application, &["abc".to_owned()], false, &selected, 2).get("sync"),
        Some(
            &json!({"revision": "abc", "syncOptions": ["PruneLast=true"], "autoHealAttemptsCount": 2,
            "resources": [{"kind": "ConfigMap", "name": "a", "namespace": "shop"}]})
        )
    );
}
