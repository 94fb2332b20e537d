//! Plans in short, and the laws of every plan.

use proptest::prelude::*;
use tidegate_model::hook::Phase;

use super::*;
use crate::operation::{Options, Selector};

/// `Kind.group name`, then `wave=`, `hook=`, `policy=`, `options=`, `data=`; a `/` in the name is a namespace.
pub(crate) fn object(short: &str) -> Value {
    let mut words = short.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
    let place = words.next().unwrap_or_default();
    let version = if group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{group}/v1")
    };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"annotations": {}}});
    let name = match place.split_once('/') {
        Some((namespace, name)) => {
            object["metadata"]["namespace"] = json!(namespace);
            name
        }
        None => place,
    };
    match name.strip_suffix('*') {
        Some(prefix) => object["metadata"]["generateName"] = json!(prefix),
        None => object["metadata"]["name"] = json!(name),
    }
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        let key = match key {
            "wave" => "argocd.argoproj.io/sync-wave",
            "hook" => "argocd.argoproj.io/hook",
            "policy" => "argocd.argoproj.io/hook-delete-policy",
            "options" => "argocd.argoproj.io/sync-options",
            "data" => {
                object["data"] = json!({"key": value});
                continue;
            }
            "crd" => {
                object["spec"] = json!({"group": "example.com", "names": {"kind": value}});
                continue;
            }
            "going" => {
                object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
                continue;
            }
            "finalizer" => {
                object["metadata"]["finalizers"] = json!([value]);
                continue;
            }
            key => key,
        };
        object["metadata"]["annotations"][key] = json!(value);
    }
    object
}

pub(crate) fn objects(shorts: &[&str]) -> Vec<Value> {
    shorts.iter().map(|short| object(short)).collect()
}

/// An operation from words: `prune`, `confirmed`, `force`, `apply`, `select=G:K:N`, `all`, or sync options.
pub(crate) fn operation(words: &str) -> Operation {
    let mut operation = Operation {
        revision: "0123456789abcdef".to_owned(),
        started_at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
        ..Operation::default()
    };
    let mut options = Vec::new();
    for word in words.split_whitespace() {
        match word {
            "prune" => operation.prune = true,
            "confirmed" => operation.prune_confirmed = true,
            "force" => operation.force = true,
            "apply" => operation.skip_hooks = true,
            "all" => operation.write_unchanged = true,
            "dry" => operation.dry_run = true,
            "started" => {}
            word => match word.strip_prefix("select=") {
                Some(selector) => operation.selected.push(Selector::parse(selector).unwrap()),
                None => options.push(word),
            },
        }
    }
    operation.options = Options::new(options);
    operation
}

fn settings() -> Settings<'static> {
    Settings {
        namespace: Some("shop"),
        ..Settings::default()
    }
}

/// Each step as `action phase/wave Kind name`, waits as `wait`.
#[track_caller]
fn check(words: &str, targets: &[&str], live: &[&str], expected: &[&str]) {
    let operation = operation(words);
    let settings = Settings {
        creates_namespace: operation.options.has("CreateNamespace=true"),
        ..settings()
    };
    let plan = plan(&objects(targets), &objects(live), &settings, &operation);
    let shown: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            let action = json!(step.action);
            let action = action.as_str().unwrap();
            if step.action == Action::Wait {
                return "wait".to_owned();
            }
            format!(
                "{action} {}/{} {} {}",
                step.phase.as_str(),
                step.wave,
                step.key.kind,
                step.key.name
            )
        })
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn phases_and_waves_follow_each_other() {
    check("", &[], &[], &[]);
    check("", &["ConfigMap a"], &[], &["create Sync/0 ConfigMap a"]);
    check("", &["ConfigMap a"], &["ConfigMap shop/a"], &[]);
    check(
        "all",
        &["ConfigMap a"],
        &["ConfigMap shop/a"],
        &["apply Sync/0 ConfigMap a"],
    );
    check(
        "",
        &["ConfigMap a data=1"],
        &["ConfigMap shop/a data=2"],
        &["apply Sync/0 ConfigMap a"],
    );
    check(
        "",
        &["Deployment.apps b", "ConfigMap c", "Secret d"],
        &[],
        &[
            "create Sync/0 Secret d",
            "create Sync/0 ConfigMap c",
            "create Sync/0 Deployment b",
        ],
    );
    check(
        "",
        &["ConfigMap b wave=1", "ConfigMap a wave=-1", "ConfigMap c"],
        &[],
        &[
            "create Sync/-1 ConfigMap a",
            "wait",
            "create Sync/0 ConfigMap c",
            "wait",
            "create Sync/1 ConfigMap b",
        ],
    );
    check(
        "",
        &[
            "Job.batch m hook=PreSync",
            "ConfigMap a",
            "Job.batch s hook=PostSync",
            "Job.batch f hook=SyncFail",
        ],
        &[],
        &[
            "create PreSync/0 Job m",
            "wait",
            "create Sync/0 ConfigMap a",
            "wait",
            "create PostSync/0 Job s",
            "wait",
        ],
    );
    check(
        "",
        &["Job.batch m hook=PreSync,PostSync", "ConfigMap a"],
        &[],
        &[
            "create PreSync/0 Job m",
            "wait",
            "create Sync/0 ConfigMap a",
            "wait",
            "delete PostSync/0 Job m",
            "wait",
            "create PostSync/0 Job m",
            "wait",
        ],
    );
    check(
        "",
        &[
            "ConfigMap a",
            "ConfigMap s hook=Skip",
            "ConfigMap u hook=PresSync",
        ],
        &[],
        &["create Sync/0 ConfigMap a"],
    );
    check(
        "",
        &["Job.batch m helm.sh/hook=pre-install", "ConfigMap a"],
        &[],
        &[
            "create PreSync/0 Job m",
            "wait",
            "create Sync/0 ConfigMap a",
        ],
    );
    check(
        "",
        &["Job.batch m helm.sh/hook=post-upgrade helm.sh/hook-weight=3"],
        &[],
        &["create PostSync/3 Job m", "wait"],
    );
    check(
        "",
        &[
            "Thing.example.com t",
            "CustomResourceDefinition.apiextensions.k8s.io c wave=2 crd=Thing",
        ],
        &[],
        &[
            "create Sync/0 CustomResourceDefinition c",
            "create Sync/0 Thing t",
        ],
    );
}

#[test]
fn what_is_in_sync_has_no_steps() {
    let set = [
        "ConfigMap shop/a wave=1",
        "ConfigMap shop/b wave=2",
        "ConfigMap shop/c",
    ];
    check("prune", &set, &set, &[]);
    check(
        "prune",
        &set,
        &set[..2],
        &["create Sync/0 ConfigMap c", "wait"],
    );
}

#[test]
fn what_is_in_sync_is_written_where_that_says_more() {
    let set = ["ConfigMap shop/a data=x"];
    check("Replace=true", &set, &set, &["replace Sync/0 ConfigMap a"]);
    let rules =
        json!({"spec": {"ignoreDifferences": [{"kind": "ConfigMap", "jsonPointers": ["/data"]}]}});
    let (rules, _) = crate::ignore::Rules::of(&rules);
    let settings = Settings {
        ignore: Some(&rules),
        ..settings()
    };
    let live = objects(&["ConfigMap shop/a data=of-another"]);
    let steps = |words: &str| {
        let plan = plan(&objects(&set), &live, &settings, &operation(words));
        assert_eq!(plan.sync, SyncStatus::Synced, "{words}");
        let actions = plan.steps.iter().map(|step| step.action);
        actions.collect::<Vec<_>>()
    };
    assert_eq!(steps(""), [Action::Apply]);
    assert_eq!(steps("RespectIgnoreDifferences=true"), []);
    assert_eq!(steps("ApplyOutOfSyncOnly=true"), []);
}

#[test]
fn a_secret_is_ignored_as_it_is_kept() {
    let secret = |data: &str, value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, data: {"k": value}});
    let rules =
        json!({"spec": {"ignoreDifferences": [{"kind": "Secret", "jsonPointers": ["/data"]}]}});
    let (rules, _) = crate::ignore::Rules::of(&rules);
    let settings = Settings {
        ignore: Some(&rules),
        ..settings()
    };
    let (targets, live) = ([secret("stringData", "a")], [secret("data", "b3RoZXI=")]);
    let comparison = crate::compare::compare(&targets, &live, &settings);
    assert_eq!(comparison.status, SyncStatus::Synced);
}

#[test]
fn hooks_go_when_their_policy_says() {
    let made = ["create PreSync/0 Job m", "wait"];
    check(
        "",
        &["Job.batch m hook=PreSync"],
        &["Job.batch shop/m hook=PreSync"],
        &[
            "delete PreSync/0 Job m",
            "wait",
            "create PreSync/0 Job m",
            "wait",
        ],
    );
    check(
        "",
        &["Job.batch m hook=PreSync policy=BeforeHookCreation"],
        &[],
        &made,
    );
    check(
        "",
        &["Job.batch m hook=PreSync policy=HookFailed"],
        &[],
        &made,
    );
    check(
        "",
        &["Job.batch m hook=PreSync policy=HookSucceeded"],
        &[],
        &["create PreSync/0 Job m", "wait", "delete PreSync/0 Job m"],
    );
    check(
        "",
        &["Job.batch m hook=PreSync helm.sh/hook-delete-policy=hook-succeeded"],
        &[],
        &["create PreSync/0 Job m", "wait", "delete PreSync/0 Job m"],
    );
    check(
        "",
        &[
            "Job.batch m hook=PreSync policy=HookSucceeded",
            "ConfigMap a",
        ],
        &[],
        &[
            "create PreSync/0 Job m",
            "wait",
            "create Sync/0 ConfigMap a",
            "delete PreSync/0 Job m",
        ],
    );
    check(
        "",
        &["Job.batch m hook=PreSync policy=HookSucceeded"],
        &["Job.batch shop/m hook=PreSync"],
        &["apply PreSync/0 Job m", "wait", "delete PreSync/0 Job m"],
    );
    check(
        "",
        &["Job.batch m-* hook=PreSync"],
        &[],
        &["create PreSync/0 Job m-0123456-presync-1700000000", "wait"],
    );
    check(
        "apply",
        &["Job.batch m hook=PreSync", "ConfigMap a"],
        &[],
        &["create Sync/0 ConfigMap a"],
    );
    check(
        "prune",
        &["ConfigMap a"],
        &["Job.batch shop/old hook=PreSync"],
        &["create Sync/0 ConfigMap a"],
    );
}

#[test]
fn deletions_come_backwards_and_only_when_allowed() {
    check(
        "prune",
        &[],
        &["ConfigMap shop/a"],
        &["prune Sync/0 ConfigMap a"],
    );
    check(
        "",
        &[],
        &["ConfigMap shop/a"],
        &["skipPrune Sync/0 ConfigMap a"],
    );
    check(
        "prune",
        &[],
        &["ConfigMap shop/a options=Prune=false"],
        &["skipPrune Sync/0 ConfigMap a"],
    );
    check(
        "prune Prune=false",
        &[],
        &["ConfigMap shop/a"],
        &["skipPrune Sync/0 ConfigMap a"],
    );
    check(
        "prune Prune=false",
        &[],
        &["ConfigMap shop/a options=Prune=true"],
        &["prune Sync/0 ConfigMap a"],
    );
    check(
        "prune",
        &[],
        &["ConfigMap shop/a options=Prune=confirm"],
        &[],
    );
    check(
        "prune confirmed",
        &[],
        &["ConfigMap shop/a options=Prune=confirm"],
        &["prune Sync/0 ConfigMap a"],
    );
    check(
        "prune",
        &[],
        &[
            "ConfigMap shop/a wave=1",
            "ConfigMap shop/b wave=2",
            "ConfigMap shop/c wave=3",
        ],
        &[
            "prune Sync/1 ConfigMap c",
            "wait",
            "prune Sync/2 ConfigMap b",
            "wait",
            "prune Sync/3 ConfigMap a",
        ],
    );
    check(
        "prune",
        &["ConfigMap n"],
        &["ConfigMap shop/a"],
        &["prune Sync/0 ConfigMap a", "create Sync/0 ConfigMap n"],
    );
    check(
        "prune PruneLast=true",
        &["ConfigMap n wave=4"],
        &["ConfigMap shop/a"],
        &[
            "create Sync/4 ConfigMap n",
            "wait",
            "prune Sync/5 ConfigMap a",
        ],
    );
    check(
        "prune",
        &["ConfigMap n"],
        &["ConfigMap shop/a options=PruneLast=true"],
        &[
            "create Sync/0 ConfigMap n",
            "wait",
            "prune Sync/1 ConfigMap a",
        ],
    );
}

#[test]
fn options_say_how_and_what() {
    check(
        "CreateNamespace=true",
        &["ConfigMap a"],
        &[],
        &[
            "create PreSync/0 Namespace shop",
            "create Sync/0 ConfigMap a",
        ],
    );
    check(
        "CreateNamespace=true",
        &["ConfigMap a"],
        &["Namespace shop"],
        &["create Sync/0 ConfigMap a"],
    );
    check(
        "CreateNamespace=true",
        &["ConfigMap a", "Namespace shop"],
        &[],
        &["create Sync/0 Namespace shop", "create Sync/0 ConfigMap a"],
    );
    check(
        "ApplyOutOfSyncOnly=true all",
        &["ConfigMap a", "ConfigMap b"],
        &["ConfigMap shop/a"],
        &["create Sync/0 ConfigMap b"],
    );
    check(
        "Replace=true",
        &["ConfigMap a data=1", "ConfigMap b"],
        &["ConfigMap shop/a data=2"],
        &["replace Sync/0 ConfigMap a", "create Sync/0 ConfigMap b"],
    );
    check(
        "",
        &["ConfigMap a data=1 options=Replace=true"],
        &["ConfigMap shop/a data=2"],
        &["replace Sync/0 ConfigMap a"],
    );
    check(
        "",
        &["ConfigMap a data=1"],
        &["ConfigMap shop/a data=2 options=Replace=true"],
        &["replace Sync/0 ConfigMap a"],
    );
    check(
        "Replace=true",
        &["Namespace n data=1"],
        &["Namespace n data=2"],
        &["update Sync/0 Namespace n"],
    );
    check(
        "select=:ConfigMap:b",
        &["ConfigMap a", "ConfigMap b", "Job.batch h hook=PreSync"],
        &[],
        &["create Sync/0 ConfigMap b"],
    );
    check(
        "select=*:*:shop/*",
        &["ConfigMap a", "ConfigMap other/b"],
        &[],
        &["create Sync/0 ConfigMap a"],
    );
    check(
        "select=!:ConfigMap:a",
        &["ConfigMap a", "ConfigMap b"],
        &[],
        &["create Sync/0 ConfigMap b"],
    );
    check("select=apps:*:*", &["ConfigMap a"], &[], &[]);
    check(
        "prune select=:ConfigMap:a",
        &[],
        &["ConfigMap shop/a", "ConfigMap shop/b"],
        &["prune Sync/0 ConfigMap a"],
    );
}

#[test]
fn steps_carry_how_they_are_done() {
    let plan = |words: &str, target: &str| {
        let targets = objects(&[target]);
        let plan = plan(&targets, &[], &settings(), &operation(words));
        serde_json::to_value(plan.steps.first().unwrap()).unwrap()
    };
    let plain = json!({"action": "create", "phase": "Sync", "wave": 0, "group": "", "kind": "ConfigMap", "namespace": "shop", "name": "a", "hook": false});
    for (words, target, key) in [
        ("", "ConfigMap a", None),
        ("force", "ConfigMap a", Some("force")),
        ("", "ConfigMap a options=Force=true", Some("force")),
        ("ServerSideApply=true", "ConfigMap a", Some("serverSide")),
        (
            "",
            "ConfigMap a options=ServerSideApply=true",
            Some("serverSide"),
        ),
        (
            "ServerSideApply=true",
            "ConfigMap a options=ServerSideApply=false",
            None,
        ),
        (
            "ServerSideApply=true",
            "ConfigMap a options=Replace=true",
            None,
        ),
        ("Validate=false", "ConfigMap a", Some("unvalidated")),
        (
            "",
            "ConfigMap a options=Validate=false",
            Some("unvalidated"),
        ),
    ] {
        let mut expected = plain.clone();
        if let Some(key) = key {
            expected[key] = json!(true);
        }
        assert_eq!(plan(words, target), expected, "{words} {target}");
    }
    for (words, expected) in [
        ("", "foreground"),
        ("PrunePropagationPolicy=background", "background"),
        ("PrunePropagationPolicy=orphan", "orphan"),
        ("PrunePropagationPolicy=Background", "foreground"),
    ] {
        let live = objects(&["ConfigMap shop/a"]);
        let plan = super::plan(
            &[],
            &live,
            &settings(),
            &operation(&format!("prune {words}")),
        );
        assert_eq!(json!(plan.steps[0].propagation), json!(expected));
    }
}

#[test]
fn the_plan_says_how_it_ends() {
    let end = |words: &str, targets: &[&str], live: &[&str]| {
        plan(
            &objects(targets),
            &objects(live),
            &settings(),
            &operation(words),
        )
        .operation
        .message
    };
    assert_eq!(
        end("", &["ConfigMap a"], &[]),
        "successfully synced (all tasks run)"
    );
    assert_eq!(end("", &[], &[]), "successfully synced (no more tasks)");
    assert_eq!(
        end("", &["Job.batch a hook=PreSync"], &[]),
        "successfully synced (no more tasks)"
    );
    assert_eq!(
        end("prune", &[], &["ConfigMap shop/a options=Prune=confirm"]),
        "waiting for pruning confirmation of /ConfigMap/a"
    );
    assert_eq!(
        end(
            "prune",
            &[],
            &[
                "ConfigMap shop/a options=Prune=confirm",
                "ConfigMap shop/b options=Prune=confirm"
            ]
        ),
        "waiting for pruning confirmation of /ConfigMap/a and 1 more resources"
    );
}

fn set() -> impl Strategy<Value = Vec<Value>> {
    let one = (
        prop_oneof![Just("ConfigMap"), Just("Secret"), Just("Deployment.apps"), Just("Job.batch"), Just("Namespace"), Just("Thing.example.com")],
        prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")],
        -2..3_i64,
        prop_oneof![4 => Just(""), 1 => Just("hook=PreSync"), 1 => Just("hook=PostSync policy=HookSucceeded"), 1 => Just("hook=SyncFail"), 1 => Just("options=PruneLast=true")],
        0..3,
    )
        .prop_map(|(kind, name, wave, more, data)| {
            let place = if kind == "Namespace" { name.to_owned() } else { format!("shop/{name}") };
            object(&format!("{kind} {place} wave={wave} data={data} {more}"))
        });
    prop::collection::vec(one, 0..10).prop_map(|objects| {
        let unique: BTreeMap<ObjectKey, Value> = objects
            .into_iter()
            .map(|object| (ObjectKey::of(&object), object))
            .collect();
        unique.into_values().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The same objects in another order are the same plan.
    #[test]
    fn the_order_of_the_input_does_not_matter(targets in set(), live in set(), seed in any::<u64>()) {
        let one = plan(&targets, &live, &settings(), &operation("prune"));
        let shuffle = |objects: &[Value]| {
            let mut objects = objects.to_vec();
            objects.sort_by_key(|object| (object.to_string().len() as u64).wrapping_mul(seed | 1));
            objects.reverse();
            objects
        };
        let other = plan(&shuffle(&targets), &shuffle(&live), &settings(), &operation("prune"));
        prop_assert_eq!(one.steps, other.steps);
        prop_assert_eq!(one.resources, other.resources);
    }

    /// After a plan nothing is left: all is in sync, and only hooks run again.
    #[test]
    fn a_plan_is_a_fixed_point(targets in set(), live in set()) {
        let first = plan(&targets, &live, &settings(), &operation("prune"));
        prop_assert_eq!(first.operation.phase, OperationPhase::Succeeded);
        let again = plan(&targets, &first.after, &settings(), &operation("prune"));
        prop_assert_eq!(again.sync, SyncStatus::Synced);
        prop_assert!(again.steps.iter().all(|step| step.hook || step.action == Action::Wait), "{:?}", again.steps);
    }

    /// Nothing is both deleted and applied, hooks aside.
    #[test]
    fn nothing_is_pruned_and_applied(targets in set(), live in set()) {
        let plan = plan(&targets, &live, &settings(), &operation("prune"));
        let of = |actions: &[Action]| -> BTreeSet<ObjectKey> {
            plan.steps.iter().filter(|step| actions.contains(&step.action)).map(|step| step.key.clone()).collect()
        };
        let pruned = of(&[Action::Prune]);
        let written = of(&[Action::Create, Action::Apply, Action::Replace, Action::Update]);
        prop_assert!(pruned.is_disjoint(&written));
    }

    /// Steps go forward, and between two waves there is a wait.
    #[test]
    fn waves_go_forward_with_a_wait_between(targets in set(), live in set()) {
        let plan = plan(&targets, &live, &settings(), &operation("prune"));
        let mut last: Option<(Phase, i64)> = None;
        let mut waited = true;
        for step in plan.steps.iter().filter(|step| !(step.action == Action::Delete)) {
            let place = (step.phase, step.wave);
            if step.action == Action::Wait {
                waited = true;
                continue;
            }
            if let Some(last) = last.filter(|last| *last != place) {
                prop_assert!(last < place, "{:?}", plan.steps);
                prop_assert!(waited, "{:?}", plan.steps);
            }
            last = Some(place);
            waited = false;
        }
    }
}
