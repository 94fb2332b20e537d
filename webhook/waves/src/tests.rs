//! Tables of small sets with the order Argo CD gives them, and the laws of any order.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A manifest in short: `Kind namespace/name wave hook`, with `-` for none, and `Kind.group` for a group.
fn manifest(short: &str) -> Value {
    let mut words = short.split_whitespace();
    let mut word = || words.next().filter(|word| *word != "-");
    let kind = word().unwrap_or_default();
    let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
    let place = word().unwrap_or_default();
    let (namespace, name) = place
        .split_once('/')
        .map_or((None, place), |(namespace, name)| (Some(namespace), name));
    let mut annotations = serde_json::Map::new();
    if let Some(wave) = word() {
        annotations.insert("argocd.argoproj.io/sync-wave".to_owned(), json!(wave));
    }
    if let Some(hook) = word() {
        let key = if hook.contains('-') {
            "helm.sh/hook"
        } else {
            "argocd.argoproj.io/hook"
        };
        annotations.insert(key.to_owned(), json!(hook));
    }
    let version = if group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{group}/v1")
    };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "annotations": annotations}});
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

/// A definition of a kind, named `<kind>`.
fn definition(group: &str, kind: &str, scope: &str, wave: &str) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": kind, "annotations": {"argocd.argoproj.io/sync-wave": wave}},
        "spec": {"group": group, "names": {"kind": kind}, "scope": scope}})
}

fn manifests(objects: &[Value]) -> Vec<Manifest<'_>> {
    objects
        .iter()
        .map(|object| Manifest {
            object,
            origin: "test",
        })
        .collect()
}

fn shown(order: &[OrderedResource]) -> Vec<String> {
    order
        .iter()
        .map(|task| {
            format!(
                "{} {} {} {}",
                task.phase.as_str(),
                task.wave,
                task.kind,
                task.name
            )
        })
        .collect()
}

#[track_caller]
fn check(objects: &[Value], destination: Option<&str>, expected: &[&str]) {
    assert_eq!(
        shown(&arrange(&manifests(objects), destination).order),
        expected
    );
}

#[test]
fn the_guides_three_waves() {
    check(
        &[
            manifest("Deployment.apps shop/web 2"),
            manifest("AtlasSchema.db.atlasgo.io shop/schema 1"),
            manifest("Service shop/web 2"),
            manifest("Deployment.apps shop/mysql 0"),
            manifest("Secret shop/db"),
        ],
        None,
        &[
            "Sync 0 Secret db",
            "Sync 0 Deployment mysql",
            "Sync 1 AtlasSchema schema",
            "Sync 2 Service web",
            "Sync 2 Deployment web",
        ],
    );
}

#[test]
fn phases_come_before_waves_and_waves_before_kinds() {
    check(
        &[
            manifest("Job.batch a/notify -10 PostSync"),
            manifest("Job.batch a/alarm - SyncFail"),
            manifest("Job.batch a/check 5 PreSync"),
            manifest("ConfigMap a/late 1"),
            manifest("Ingress.networking.k8s.io a/web -1"),
            manifest("Secret a/key one"),
            manifest("Job.batch a/twice - PreSync,PostSync"),
            manifest("Job.batch a/chart - pre-install,pre-upgrade"),
        ],
        None,
        &[
            "PreSync 0 Job chart",
            "PreSync 0 Job twice",
            "PreSync 5 Job check",
            "Sync -1 Ingress web",
            "Sync 0 Secret key",
            "Sync 1 ConfigMap late",
            "PostSync -10 Job notify",
            "PostSync 0 Job twice",
            "SyncFail 0 Job alarm",
        ],
    );
}

#[test]
fn within_a_wave_the_kind_decides_then_the_name() {
    check(
        &[
            manifest("Zebra.example.com a/a"),
            manifest("Antelope.example.com a/b"),
            manifest("Deployment.apps a/b"),
            manifest("Deployment.apps a/a"),
            manifest("Service a/z"),
            manifest("Service.serving.knative.dev a/y"),
            manifest("APIService.apiregistration.k8s.io v1"),
        ],
        None,
        &[
            "Sync 0 Service y",
            "Sync 0 Service z",
            "Sync 0 Deployment a",
            "Sync 0 Deployment b",
            "Sync 0 APIService v1",
            "Sync 0 Zebra a",
            "Sync 0 Antelope b",
        ],
    );
}

#[test]
fn a_namespace_bubbles_up_to_the_first_resource_in_it() {
    check(
        &[
            manifest("Namespace shop 5"),
            manifest("Namespace other 5"),
            manifest("Job.batch shop/prepare -2 PreSync"),
            manifest("ConfigMap shop/c -1"),
        ],
        None,
        &[
            "PreSync -2 Namespace shop",
            "PreSync -2 Job prepare",
            "Sync -1 ConfigMap c",
            "Sync 5 Namespace other",
        ],
    );
    // A manifest without a namespace lives in the destination's.
    check(
        &[
            manifest("Namespace shop 5"),
            manifest("ConfigMap c 1"),
            manifest("ClusterRole.rbac.authorization.k8s.io r 0"),
        ],
        Some("shop"),
        &[
            "Sync 0 ClusterRole r",
            "Sync 1 Namespace shop",
            "Sync 1 ConfigMap c",
        ],
    );
}

#[test]
fn a_definition_bubbles_up_to_the_first_object_of_its_kind() {
    check(
        &[
            definition("db.atlasgo.io", "AtlasSchema", "Namespaced", "3"),
            definition("example.com", "Late", "Namespaced", "3"),
            manifest("AtlasSchema.db.atlasgo.io a/s 1"),
            manifest("AtlasSchema.db.atlasgo.io a/t 2"),
            manifest("ConfigMap a/c 1"),
        ],
        None,
        &[
            "Sync 1 ConfigMap c",
            "Sync 1 CustomResourceDefinition AtlasSchema",
            "Sync 1 AtlasSchema s",
            "Sync 2 AtlasSchema t",
            "Sync 3 CustomResourceDefinition Late",
        ],
    );
}

#[test]
fn moving_one_up_keeps_the_places_of_the_others_right() {
    check(
        &[
            manifest("Namespace a 9"),
            manifest("Namespace b 9"),
            manifest("ConfigMap a/x 1"),
            manifest("ConfigMap b/y 2"),
            manifest("ConfigMap a/z 3"),
        ],
        None,
        &[
            "Sync 1 Namespace a",
            "Sync 1 ConfigMap x",
            "Sync 2 Namespace b",
            "Sync 2 ConfigMap y",
            "Sync 3 ConfigMap z",
        ],
    );
}

#[test]
fn what_takes_no_part_is_told_with_its_reason() {
    let objects = [
        manifest("Job.batch a/skip - Skip"),
        manifest("Job.batch a/typo - PresSync"),
        manifest("Job.batch a/test - test"),
        manifest("Job.batch a/clean - PostDelete"),
        manifest("ConfigMap a/c 1"),
        manifest("ConfigMap a/c 2"),
        json!({"metadata": {}}),
    ];
    // "test" is Helm's word although it has no dash.
    let mut objects = objects;
    objects[2]["metadata"]["annotations"] = json!({"helm.sh/hook": "test"});
    let arrangement = arrange(&manifests(&objects), None);
    assert_eq!(shown(&arrangement.order), ["Sync 2 ConfigMap c"]);
    let reasons: Vec<_> = arrangement
        .absent
        .into_iter()
        .map(|absent| (absent.index, absent.why))
        .collect();
    assert_eq!(
        reasons,
        [
            (0, Absence::Skipped),
            (1, Absence::Ignored),
            (2, Absence::Ignored),
            (3, Absence::AtDeletion(vec![Hook::PostDelete])),
            (4, Absence::Repeated { by: 5 }),
            (6, Absence::NotAnObject),
        ]
    );
}

#[test]
fn hooks_that_get_their_names_later_do_not_replace_each_other() {
    let hook = |wave: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "migrate-", "namespace": "a",
            "annotations": {"argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/sync-wave": wave}}})
    };
    check(
        &[hook("1"), hook("0")],
        None,
        &["PreSync 0 Job migrate-", "PreSync 1 Job migrate-"],
    );
}

#[test]
fn the_order_serializes_to_the_command_lines_contract() {
    let objects = [
        manifest("Namespace shop 1"),
        manifest("AtlasSchema.db.atlasgo.io shop/s 2"),
    ];
    assert_eq!(
        serde_json::to_value(order(&manifests(&objects))).expect("plain data"),
        json!([
            {"phase": "Sync", "wave": 1, "group": "", "kind": "Namespace", "namespace": null, "name": "shop"},
            {"phase": "Sync", "wave": 2, "group": "db.atlasgo.io", "kind": "AtlasSchema", "namespace": "shop", "name": "s"},
        ])
    );
}

/// Sets in which names repeat across kinds, namespaces and waves, but no object is there twice.
fn any_set() -> impl Strategy<Value = Vec<Value>> {
    let kind = prop::sample::select(vec![
        "Namespace",
        "ConfigMap",
        "Deployment.apps",
        "AtlasSchema.db.atlasgo.io",
        "Zebra.example.com",
    ]);
    let hook = prop::sample::select(vec![
        "-",
        "-",
        "-",
        "PreSync",
        "PreSync,PostSync",
        "Skip",
        "nonsense",
        "pre-install",
    ]);
    let one = (
        kind,
        prop::sample::select(vec!["a", "b", "c"]),
        prop::sample::select(vec!["a", "b", "x"]),
        -2..3_i32,
        hook,
    )
        .prop_map(|(kind, namespace, name, wave, hook)| {
            if kind == "Namespace" {
                manifest(&format!("Namespace {name} {wave} {hook}"))
            } else {
                manifest(&format!("{kind} {namespace}/{name} {wave} {hook}"))
            }
        });
    let definitions = prop::sample::subsequence(
        vec![
            definition("db.atlasgo.io", "AtlasSchema", "Namespaced", "2"),
            definition("example.com", "Zebra", "Cluster", "-1"),
        ],
        0..=2,
    );
    (prop::collection::vec(one, 0..14), definitions).prop_map(|(mut objects, definitions)| {
        objects.extend(definitions);
        // Zebras may be cluster-scoped by definition, so their namespace does not tell two of them apart.
        let mut seen = std::collections::BTreeSet::new();
        objects.retain(|object| {
            let key = ObjectKey::of(object);
            let namespace = if key.kind == "Zebra" {
                None
            } else {
                key.namespace
            };
            seen.insert((key.group, key.kind, namespace, key.name))
        });
        objects
    })
}

proptest! {
    /// The order belongs to the set, not to the order in which files were read.
    #[test]
    fn permutations_give_the_same_order((set, shuffled) in any_set().prop_flat_map(|set| (Just(set.clone()), Just(set).prop_shuffle()))) {
        prop_assert_eq!(shown(&order(&manifests(&set))), shown(&order(&manifests(&shuffled))));
    }

    /// Nothing is lost, nothing is doubled: each manifest is in the order once a phase, or absent.
    #[test]
    fn every_manifest_has_its_place(set in any_set()) {
        let arrangement = arrange(&manifests(&set), None);
        for (index, object) in set.iter().enumerate() {
            let expected = match role(object) {
                Role::Resource => 1,
                Role::Hook(phases) => phases.len(),
                _ => 0,
            };
            prop_assert_eq!(arrangement.order.iter().filter(|task| task.index == index).count(), expected);
            prop_assert_eq!(arrangement.absent.iter().any(|absent| absent.index == index), expected == 0);
        }
    }

    /// Phase and wave never go back, and nothing comes before its namespace or its definition in the same set.
    #[test]
    fn the_order_can_work(set in any_set()) {
        let order = order(&manifests(&set));
        for (earlier, later) in order.iter().zip(order.iter().skip(1)) {
            prop_assert!((earlier.phase, earlier.wave) <= (later.phase, later.wave), "{:?}", shown(&order));
        }
        for (index, task) in order.iter().enumerate() {
            let rest = order.get(index + 1..).unwrap_or_default();
            let provided_before = |is_provider: &dyn Fn(&OrderedResource) -> bool| {
                order.iter().take(index).any(is_provider) || !rest.iter().any(is_provider)
            };
            // A definition is bubbled up after namespaces were, so it is the one whose promise always holds.
            let definition = |other: &OrderedResource| other.kind == "CustomResourceDefinition" && other.name == task.kind;
            prop_assert!(provided_before(&definition), "{:?}", shown(&order));
            let namespace = |other: &OrderedResource| other.kind == "Namespace" && task.namespace.as_ref() == Some(&other.name);
            prop_assert!(provided_before(&namespace), "{:?}", shown(&order));
        }
    }
}
