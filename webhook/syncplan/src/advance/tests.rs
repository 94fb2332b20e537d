//! One turn, told as a situation: what is desired, what is there and how it is, what happened so far; then the state, its words, and the steps.

use proptest::prelude::*;
use serde_json::json;
use tidegate_model::GroupKind;

use super::*;
use crate::compare::{Settings, compare};
use crate::plan::tests::{objects, operation};

/// What happened so far, in short: `Kind name phase status operationPhase`, `-` for none.
fn result(short: &str, message: &str) -> TaskResult {
    let words: Vec<&str> = short.split_whitespace().collect();
    let (kind, group) = words[0].split_once('.').unwrap_or((words[0], ""));
    let sync_phase = match words[2] {
        "PreSync" => Phase::PreSync,
        "PostSync" => Phase::PostSync,
        "SyncFail" => Phase::SyncFail,
        _ => Phase::Sync,
    };
    TaskResult {
        key: ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: (kind != "Namespace").then(|| "shop".to_owned()),
            name: words[1].to_owned(),
        },
        version: "v1".to_owned(),
        status: match words[3] {
            "Synced" => Some(ResultCode::Synced),
            "SyncFailed" => Some(ResultCode::SyncFailed),
            "Pruned" => Some(ResultCode::Pruned),
            _ => None,
        },
        message: message.to_owned(),
        hook_type: None,
        hook_phase: match words[4] {
            "Running" => Some(OperationPhase::Running),
            "Succeeded" => Some(OperationPhase::Succeeded),
            "Failed" => Some(OperationPhase::Failed),
            "Error" => Some(OperationPhase::Error),
            _ => None,
        },
        sync_phase,
        images: Vec::new(),
    }
}

/// A situation.
#[derive(Default)]
struct Case<'c> {
    words: &'c str,
    targets: &'c [&'c str],
    live: &'c [&'c str],
    so_far: &'c [&'c str],
    /// Names with their health; all others are healthy.
    health: &'c [(&'c str, HealthStatus, &'c str)],
    unknown: &'c [(&'c str, &'c str)],
    refused: &'c [(&'c str, &'c str)],
    /// The outcome of each step that goes wrong, by name.
    wrong: &'c [(&'c str, &'c str)],
}

impl Case<'_> {
    /// The turn, and the same one settled.
    fn turns(&self, terminate: bool) -> (Turn, Option<Turn>) {
        let (targets, live) = (objects(self.targets), objects(self.live));
        let operation = operation(self.words);
        let settings = Settings {
            namespace: Some("shop"),
            creates_namespace: operation.options.has("CreateNamespace=true"),
            ..Settings::default()
        };
        let comparison = compare(&targets, &live, &settings);
        let unknown_kinds = self
            .unknown
            .iter()
            .map(|(group, kind)| GroupKind {
                group: (*group).to_owned(),
                kind: (*kind).to_owned(),
            })
            .collect();
        let sources = Sources {
            targets: &targets,
            live: &live,
            comparison: &comparison,
            namespace: Some("shop"),
            unknown_kinds: &unknown_kinds,
            prune_waves: &[],
        };
        let refused = comparison
            .pairs
            .iter()
            .filter_map(|pair| {
                let (_, why) = self
                    .refused
                    .iter()
                    .find(|(name, _)| *name == pair.key.name)?;
                Some((pair.key.clone(), (*why).to_owned()))
            })
            .collect();
        let sync = Sync::new(&sources, &operation, &refused);
        let progress = Progress {
            results: self
                .so_far
                .iter()
                .map(|short| {
                    let (short, message) = short.split_once(": ").unwrap_or((short, ""));
                    result(short, message)
                })
                .collect(),
            dry_run_passed: !self.so_far.is_empty() || self.words.contains("started"),
            prune_waves: Vec::new(),
        };
        let judge = |object: &Value| {
            let name = object["metadata"]["name"].as_str().unwrap();
            if object["kind"] == "Secret" {
                return None;
            }
            let known = self.health.iter().find(|(known, ..)| *known == name);
            Some(known.map_or_else(
                || Health::new(HealthStatus::Healthy, ""),
                |(_, status, message)| Health::new(*status, *message),
            ))
        };
        if terminate {
            return (sync.terminate(&progress, &judge), None);
        }
        let turn = sync.advance(&progress, &judge);
        if turn.steps.is_empty() || turn.is_over() {
            return (turn, None);
        }
        let outcomes: Vec<Outcome> = turn
            .steps
            .iter()
            .map(|step| {
                let wrong = self.wrong.iter().find(|(name, _)| *name == step.key.name);
                wrong.map_or_else(|| Ok("done".to_owned()), |(_, why)| Err((*why).to_owned()))
            })
            .collect();
        let settled = sync.settle(turn.clone(), &outcomes);
        (turn, Some(settled))
    }

    /// The state when the turn is settled, its words, and the steps of the turn and after it.
    #[track_caller]
    fn check(&self, phase: OperationPhase, message: &str, steps: &[&str]) {
        let (turn, settled) = self.turns(false);
        let mut shown = show(&turn);
        shown.extend(settled.iter().flat_map(show));
        let state = settled.map_or(turn.state, |settled| settled.state);
        assert_eq!((state.phase, state.message.as_str()), (phase, message));
        assert_eq!(shown, steps);
    }
}

fn show(turn: &Turn) -> Vec<String> {
    turn.steps
        .iter()
        .map(|step| format!("{} {}", json!(step.action).as_str().unwrap(), step.key.name))
        .collect()
}

use HealthStatus::{Degraded, Progressing, Suspended, Unknown};
use OperationPhase::{Error, Failed, Running, Succeeded};

const TASKS_RUN: &str = "successfully synced (all tasks run)";
const NO_MORE: &str = "successfully synced (no more tasks)";

#[test]
fn everything_is_tried_before_anything_is_done() {
    let case = Case {
        targets: &["ConfigMap a", "ConfigMap b wave=1"],
        ..Case::default()
    };
    case.check(
        Running,
        "one or more tasks are running",
        &["dryRun a", "dryRun b"],
    );
    let case = Case {
        wrong: &[("b", "b is wrong")],
        ..case
    };
    case.check(
        Failed,
        "one or more objects failed to apply (dry run)",
        &["dryRun a", "dryRun b"],
    );
    let case = Case {
        words: "CreateNamespace=true",
        targets: &["ConfigMap a"],
        ..Case::default()
    };
    case.check(Running, "one or more tasks are running", &["create shop"]);
    let case = Case {
        wrong: &[("shop", "forbidden")],
        ..case
    };
    case.check(
        Failed,
        "the namespace failed to apply, reason: forbidden",
        &["create shop"],
    );
    let case = Case {
        targets: &[
            "Thing.example.com t",
            "CustomResourceDefinition.apiextensions.k8s.io c crd=Thing",
        ],
        unknown: &[("example.com", "Thing")],
        ..Case::default()
    };
    case.check(Running, "one or more tasks are running", &["dryRun c"]);
    let case = Case {
        words: "SkipDryRunOnMissingResource=true",
        targets: &["Thing.example.com t", "ConfigMap a"],
        ..case
    };
    case.check(Running, "one or more tasks are running", &["dryRun a"]);
    let case = Case {
        words: "",
        targets: &[
            "Thing.example.com t options=SkipDryRunOnMissingResource=true",
            "ConfigMap a",
        ],
        ..case
    };
    case.check(Running, "one or more tasks are running", &["dryRun a"]);
    let case = Case {
        words: "ApplyOutOfSyncOnly=true",
        targets: &["ConfigMap a", "ConfigMap b"],
        live: &["ConfigMap shop/a"],
        ..Case::default()
    };
    case.check(Running, "one or more tasks are running", &["dryRun b"]);
    // Without validation means the trial, too.
    let case = Case {
        words: "",
        targets: &["ConfigMap a options=Validate=false", "ConfigMap b"],
        live: &[],
        ..case
    };
    let steps = case.turns(false).0.steps;
    let unvalidated: Vec<bool> = steps.iter().map(|step| step.unvalidated).collect();
    assert_eq!(unvalidated, [true, false]);
}

#[test]
fn what_cannot_be_done_at_all_ends_it() {
    let case = Case {
        targets: &["Thing.example.com t", "ConfigMap a"],
        unknown: &[("example.com", "Thing")],
        ..Case::default()
    };
    case.check(
        Failed,
        "one or more synchronization tasks are not valid: Thing.example.com \"\" not found",
        &[],
    );
    let (turn, _) = case.turns(false);
    assert_eq!(
        turn.progress.results[0].message,
        "The Kubernetes API could not find example.com/Thing for requested resource shop/t. Make sure the \"Thing\" CRD is installed on the destination cluster."
    );
    let why = "resource :ConfigMap is not permitted in project web";
    let case = Case {
        unknown: &[],
        refused: &[("a", why)],
        ..case
    };
    case.check(
        Failed,
        &format!("one or more synchronization tasks are not valid: {why}"),
        &[],
    );
}

#[test]
fn one_wave_without_hooks_ends_when_applied() {
    let case = Case {
        words: "started",
        targets: &["ConfigMap a", "Deployment.apps b"],
        health: &[("b", Progressing, "")],
        ..Case::default()
    };
    case.check(Succeeded, TASKS_RUN, &["create a", "create b"]);
    let case = Case {
        live: &["ConfigMap shop/a"],
        ..case
    };
    case.check(Succeeded, TASKS_RUN, &["keep a", "create b"]);
    let case = Case {
        words: "started all",
        ..case
    };
    case.check(Succeeded, TASKS_RUN, &["apply a", "create b"]);
    let case = Case {
        words: "started ApplyOutOfSyncOnly=true",
        targets: &["ConfigMap a"],
        ..case
    };
    case.check(Succeeded, NO_MORE, &[]);
    let case = Case {
        words: "started",
        targets: &["ConfigMap a", "ConfigMap b"],
        live: &[],
        wrong: &[("a", "no"), ("b", "never")],
        ..Case::default()
    };
    case.check(
        Failed,
        "one or more objects failed to apply, reason: never,no",
        &["create a", "create b"],
    );
    let case = Case {
        wrong: &[("a", "same"), ("b", "same")],
        ..case
    };
    case.check(
        Failed,
        "one or more objects failed to apply, reason: same",
        &["create a", "create b"],
    );
    let case = Case {
        words: "started dry",
        wrong: &[],
        ..case
    };
    case.check(Succeeded, TASKS_RUN, &["create a", "create b"]);
    Case::default().check(Running, "one or more tasks are running", &[]);
    Case {
        words: "started",
        ..Case::default()
    }
    .check(Succeeded, NO_MORE, &[]);
}

#[test]
fn a_wave_waits_for_the_one_before() {
    let waves = &["Deployment.apps a", "ConfigMap c", "ConfigMap b wave=1"][..];
    let case = Case {
        words: "started",
        targets: waves,
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for healthy state of /ConfigMap/c and 1 more resources",
        &["create c", "create a"],
    );
    let so_far = &[
        "Deployment.apps a Sync Synced Running",
        "ConfigMap c Sync Synced Running",
    ][..];
    let case = Case {
        so_far,
        live: &["Deployment.apps shop/a", "ConfigMap shop/c"],
        ..case
    };
    case.check(Succeeded, TASKS_RUN, &["create b"]);
    let case = Case {
        health: &[("a", Progressing, "on its way")],
        ..case
    };
    case.check(
        Running,
        "waiting for healthy state of apps/Deployment/a",
        &[],
    );
    let case = Case {
        health: &[("a", Suspended, "")],
        ..case
    };
    case.check(
        Running,
        "waiting for healthy state of apps/Deployment/a",
        &[],
    );
    let case = Case {
        health: &[("a", Unknown, "")],
        ..case
    };
    case.check(
        Running,
        "waiting for healthy state of apps/Deployment/a",
        &[],
    );
    let case = Case {
        health: &[("a", Degraded, "it crashed")],
        ..case
    };
    case.check(
        Failed,
        "one or more synchronization tasks completed unsuccessfully",
        &[],
    );
    // Gone while it was waited for.
    let case = Case {
        live: &["ConfigMap shop/c"],
        health: &[],
        ..case
    };
    case.check(
        Running,
        "waiting for healthy state of apps/Deployment/a",
        &[],
    );
    let (turn, _) = case.turns(false);
    let lost = &turn.progress.results[0];
    assert_eq!(
        (lost.status, lost.hook_phase),
        (Some(ResultCode::SyncFailed), Some(Error))
    );
    assert_eq!(
        lost.message,
        "Resource apps/Deployment/a is missing, it might have been deleted"
    );
    let so_far = &[
        "Deployment.apps a Sync SyncFailed Error: gone",
        "ConfigMap c Sync Synced Succeeded",
    ][..];
    let case = Case { so_far, ..case };
    case.check(
        Failed,
        "one or more synchronization tasks completed unsuccessfully, reason: gone",
        &[],
    );
    // A failure to apply in one wave, and the next is never begun.
    let case = Case {
        words: "started",
        targets: waves,
        wrong: &[("a", "no")],
        ..Case::default()
    };
    case.check(
        Failed,
        "one or more objects failed to apply, reason: no",
        &["create c", "create a"],
    );
    // Unchanged objects hold their wave back all the same.
    let case = Case {
        words: "started",
        targets: waves,
        live: &["Deployment.apps shop/a", "ConfigMap shop/c"],
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for healthy state of /ConfigMap/c and 1 more resources",
        &["keep c", "keep a"],
    );
    // What has no health is well.
    let case = Case {
        words: "started",
        targets: &["Secret s", "ConfigMap b wave=1"],
        live: &["Secret shop/s"],
        so_far: &["Secret s Sync Synced Running"],
        ..Case::default()
    };
    case.check(Succeeded, TASKS_RUN, &["create b"]);
}

#[test]
fn hooks_are_waited_for_by_their_result() {
    let hooks = &["Job.batch m hook=PreSync", "ConfigMap a"][..];
    let case = Case {
        words: "started",
        targets: hooks,
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for completion of hook batch/Job/m",
        &["create m"],
    );
    let so_far = &["Job.batch m PreSync Synced Running"][..];
    let live = &["Job.batch shop/m hook=PreSync finalizer=argocd.argoproj.io/hook-finalizer"][..];
    let case = Case {
        so_far,
        live,
        health: &[("m", Progressing, "")],
        ..case
    };
    case.check(Running, "waiting for completion of hook batch/Job/m", &[]);
    let case = Case {
        health: &[("m", Suspended, "")],
        ..case
    };
    case.check(Running, "waiting for completion of hook batch/Job/m", &[]);
    let case = Case {
        health: &[],
        ..case
    };
    case.check(Succeeded, TASKS_RUN, &["release m", "create a"]);
    let case = Case {
        health: &[("m", Degraded, "Job has reached the specified backoff limit")],
        ..case
    };
    case.check(
        Failed,
        "one or more synchronization tasks completed unsuccessfully",
        &["release m"],
    );
    let case = Case {
        health: &[("m", Unknown, "")],
        ..case
    };
    case.check(
        Failed,
        "one or more synchronization tasks completed unsuccessfully",
        &["release m"],
    );
    let case = Case {
        live: &[],
        health: &[],
        ..case
    };
    case.check(Running, "waiting for completion of hook batch/Job/m", &[]);
    let (turn, _) = case.turns(false);
    assert_eq!(
        turn.progress.results[0].message,
        "Resource batch/Job/m is missing, it might have been deleted"
    );
    // Two hooks of one wave; and a hook beside a resource, which is then waited for too.
    let case = Case {
        words: "started",
        targets: &["Job.batch m hook=Sync", "Job.batch n hook=Sync"],
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for completion of hook batch/Job/m and 1 more hooks",
        &["create m", "create n"],
    );
    let case = Case {
        targets: &["Job.batch m hook=Sync", "ConfigMap a"],
        ..case
    };
    case.check(
        Running,
        "waiting for completion of hook batch/Job/m and 1 more resources",
        &["create a", "create m"],
    );
    let case = Case {
        words: "started",
        targets: &["Secret s hook=PreSync"],
        live: &["Secret shop/s hook=PreSync"],
        so_far: &["Secret s PreSync Synced Running"],
        ..Case::default()
    };
    case.check(Succeeded, NO_MORE, &[]);
    assert_eq!(case.turns(false).0.progress.results[0].message, "s created");
}

#[test]
fn old_hooks_go_first() {
    let targets = &["Job.batch m hook=PreSync"][..];
    let case = Case {
        words: "started",
        targets,
        live: &["Job.batch shop/m hook=PreSync"],
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for deletion of hook batch/Job/m",
        &["delete m"],
    );
    let case = Case {
        live: &[
            "Job.batch shop/m hook=PreSync going=1 finalizer=argocd.argoproj.io/hook-finalizer",
        ],
        ..case
    };
    case.check(
        Running,
        "waiting for deletion of hook batch/Job/m",
        &["release m"],
    );
    let case = Case {
        live: &["Job.batch shop/m hook=PreSync finalizer=argocd.argoproj.io/hook-finalizer"],
        ..case
    };
    case.check(
        Running,
        "waiting for deletion of hook batch/Job/m",
        &["release m", "delete m"],
    );
    let case = Case {
        targets: &["Job.batch m hook=PreSync policy=HookSucceeded"],
        live: &["Job.batch shop/m hook=PreSync"],
        ..case
    };
    case.check(
        Running,
        "waiting for completion of hook batch/Job/m",
        &["apply m"],
    );
}

#[test]
fn policies_delete_by_the_end_of_the_whole() {
    let live = &["Job.batch shop/m hook=PreSync", "ConfigMap shop/a"][..];
    let done = &[
        "Job.batch m PreSync Synced Succeeded",
        "ConfigMap a Sync Synced Succeeded",
    ][..];
    let failed = &[
        "Job.batch m PreSync Synced Succeeded",
        "ConfigMap a Sync SyncFailed Failed: no",
    ][..];
    for (policy, at_success, at_failure) in [
        ("HookSucceeded", &["delete m"][..], &[][..]),
        ("HookFailed", &[], &["delete m"]),
        ("BeforeHookCreation", &[], &[]),
        ("HookSucceeded,HookFailed", &["delete m"], &["delete m"]),
    ] {
        let hook = format!("Job.batch m hook=PreSync policy={policy}");
        let targets = &[hook.as_str(), "ConfigMap a"][..];
        let case = Case {
            words: "started",
            targets,
            live,
            so_far: done,
            ..Case::default()
        };
        case.check(Succeeded, NO_MORE, at_success);
        let case = Case {
            so_far: failed,
            ..case
        };
        case.check(
            Failed,
            "one or more synchronization tasks completed unsuccessfully, reason: no",
            at_failure,
        );
    }
}

#[test]
fn a_failure_runs_its_hooks_before_it_ends() {
    let targets = &["ConfigMap a", "Job.batch f hook=SyncFail"][..];
    let case = Case {
        words: "started",
        targets,
        wrong: &[("a", "no")],
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for completion of hook batch/Job/f",
        &["create a", "create f"],
    );
    // All went well: it never runs.
    let case = Case { wrong: &[], ..case };
    case.check(Succeeded, TASKS_RUN, &["create a"]);
    let so_far = &[
        "ConfigMap a Sync SyncFailed Failed: no",
        "Job.batch f SyncFail Synced Running",
    ][..];
    let case = Case {
        so_far,
        live: &["Job.batch shop/f hook=SyncFail"],
        health: &[("f", Progressing, "")],
        ..case
    };
    case.check(Running, "waiting for completion of hook batch/Job/f", &[]);
    let case = Case {
        health: &[],
        ..case
    };
    case.check(
        Failed,
        "one or more synchronization tasks completed unsuccessfully, reason: no",
        &[],
    );
    let so_far = &[
        "ConfigMap a Sync SyncFailed Failed: no",
        "Job.batch f SyncFail SyncFailed Failed: nor this",
    ][..];
    let case = Case { so_far, ..case };
    case.check(Failed, "one or more synchronization tasks completed unsuccessfully, reason: no\none or more SyncFail hooks failed, reason: nor this", &[]);
    // After a hook of the first phase, too.
    let case = Case {
        targets: &[
            "Job.batch m hook=PreSync",
            "ConfigMap a",
            "Job.batch f hook=SyncFail",
        ],
        live: &["Job.batch shop/m hook=PreSync"],
        so_far: &["Job.batch m PreSync Synced Running"],
        health: &[("m", Degraded, "")],
        ..case
    };
    case.check(
        Running,
        "waiting for completion of hook batch/Job/f",
        &["create f"],
    );
    // A hook of the failed wave still runs: it is waited for.
    let case = Case {
        words: "started",
        targets: &["ConfigMap a", "Job.batch h hook=Sync"],
        wrong: &[("a", "no")],
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for completion of hook batch/Job/h",
        &["create a", "create h"],
    );
}

#[test]
fn deletions_are_waited_for_and_may_be_refused() {
    let case = Case {
        words: "started prune",
        live: &["ConfigMap shop/a"],
        ..Case::default()
    };
    case.check(Succeeded, TASKS_RUN, &["prune a"]);
    let case = Case {
        wrong: &[("a", "forbidden")],
        ..case
    };
    case.check(
        Failed,
        "one or more objects failed to apply, reason: forbidden",
        &["prune a"],
    );
    let case = Case {
        wrong: &[],
        live: &["ConfigMap shop/a going=1"],
        so_far: &["ConfigMap a Sync Pruned Succeeded"],
        ..case
    };
    case.check(Running, "waiting for deletion of /ConfigMap/a", &[]);
    let case = Case {
        words: "started prune",
        live: &["ConfigMap shop/a options=Prune=confirm"],
        ..Case::default()
    };
    case.check(
        Running,
        "waiting for pruning confirmation of /ConfigMap/a",
        &[],
    );
    let case = Case {
        words: "started",
        ..case
    };
    case.check(Succeeded, TASKS_RUN, &["skipPrune a"]);
    let (_, settled) = case.turns(false);
    let result = settled.unwrap().progress.results[0].clone();
    assert_eq!(
        (result.status, result.message.as_str()),
        (Some(ResultCode::PruneSkipped), "ignored (requires pruning)")
    );
    for (live, expected) in [
        ("ConfigMap shop/a options=Prune=false", "ignored (no prune)"),
        ("ConfigMap shop/a", "pruned"),
    ] {
        let live = &[live][..];
        let (_, settled) = Case {
            words: "started prune",
            live,
            ..Case::default()
        }
        .turns(false);
        assert_eq!(settled.unwrap().progress.results[0].message, expected);
    }
}

#[test]
fn a_terminated_sync_takes_its_hooks_along() {
    let check = |case: &Case, steps: &[&str], phase: OperationPhase, message: &str| {
        let (turn, _) = case.turns(true);
        assert_eq!(
            (turn.state.phase, turn.state.message.as_str()),
            (Failed, "Operation terminated")
        );
        assert_eq!(show(&turn), steps);
        let result = turn.progress.results.first().unwrap();
        assert_eq!(
            (result.hook_phase, result.message.as_str()),
            (Some(phase), message)
        );
    };
    let so_far = &["Job.batch m PreSync Synced Running"][..];
    let case = Case {
        targets: &["Job.batch m hook=PreSync"],
        live: &["Job.batch shop/m hook=PreSync finalizer=argocd.argoproj.io/hook-finalizer"],
        so_far,
        health: &[("m", Progressing, "")],
        ..Case::default()
    };
    check(&case, &["release m", "delete m"], Failed, "Terminated");
    let case = Case {
        health: &[("m", HealthStatus::Healthy, "done")],
        ..case
    };
    check(&case, &["release m"], Succeeded, "done");
    let case = Case {
        targets: &["Job.batch m hook=PreSync policy=HookFailed"],
        ..case
    };
    check(&case, &["release m", "delete m"], Succeeded, "done");
    let case = Case { live: &[], ..case };
    check(&case, &[], Succeeded, "Terminated");
}

#[test]
fn results_keep_their_words_and_places() {
    let case = Case {
        words: "started",
        targets: &["Deployment.apps a", "Job.batch h hook=Sync"],
        ..Case::default()
    };
    let (_, settled) = case.turns(false);
    let results = serde_json::to_value(&settled.unwrap().progress.results).unwrap();
    assert_eq!(
        results,
        json!([
            {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "a", "version": "v1", "status": "Synced", "message": "done", "hookType": null, "hookPhase": "Running", "syncPhase": "Sync"},
            {"group": "batch", "kind": "Job", "namespace": "shop", "name": "h", "version": "v1", "status": "Synced", "message": "done", "hookType": "Sync", "hookPhase": "Running", "syncPhase": "Sync"},
        ])
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing of a wave is written while anything of the one before is not healthy, and then nothing of the one after.
    #[test]
    fn a_wave_never_starts_before_the_previous_is_healthy(
        waves in prop::collection::vec((0..3_i64, 0..4_usize), 1..8),
    ) {
        let states = [HealthStatus::Healthy, Progressing, Suspended, Degraded];
        let first = waves.iter().map(|(wave, _)| *wave).min().unwrap();
        let names: Vec<String> = (0..waves.len()).map(|n| format!("d{n}")).collect();
        let target = |n: usize, wave: i64, place: &str| format!("Deployment.apps {place}{} wave={wave}", names[n]);
        let all: Vec<String> = waves.iter().enumerate().map(|(n, (wave, _))| target(n, *wave, "")).collect();
        let begun = || waves.iter().enumerate().filter(|(_, (wave, _))| *wave == first);
        let live: Vec<String> = begun().map(|(n, (wave, _))| target(n, *wave, "shop/")).collect();
        let so_far: Vec<String> = begun().map(|(n, _)| format!("Deployment.apps {} Sync Synced Running", names[n])).collect();
        let health: Vec<(&str, HealthStatus, &str)> = begun().map(|(n, (_, state))| (names[n].as_str(), states[*state], "")).collect();
        let case = Case {
            words: "started",
            targets: &all.iter().map(String::as_str).collect::<Vec<_>>(),
            live: &live.iter().map(String::as_str).collect::<Vec<_>>(),
            so_far: &so_far.iter().map(String::as_str).collect::<Vec<_>>(),
            health: &health,
            ..Case::default()
        };
        let (turn, _) = case.turns(false);
        let next = waves.iter().map(|(wave, _)| *wave).filter(|wave| *wave > first).min();
        let all_healthy = begun().all(|(_, (_, state))| *state == 0);
        if all_healthy || next.is_none() {
            prop_assert!(turn.steps.iter().all(|step| Some(step.wave) == next));
            prop_assert_eq!(turn.steps.is_empty(), next.is_none());
        } else {
            prop_assert!(turn.steps.is_empty(), "{:?}", turn.steps);
        }
    }
}
