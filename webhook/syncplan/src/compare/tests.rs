//! Sets of objects in short: `Kind namespace/name key=value...`, and what each of them is found to be.

use serde_json::json;

use super::*;

const HOOK: &str = "argocd.argoproj.io/hook";
const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";

/// `Kind.group namespace/name`, then annotations `key=value`, `label:key=value`, `owned`, or `data=value`.
fn object(short: &str) -> Value {
    let mut words = short.split_whitespace();
    let (kind, group) = words
        .next()
        .map(|kind| kind.split_once('.').unwrap_or((kind, "")))
        .unwrap();
    let place = words.next().unwrap();
    let version = if group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{group}/v1")
    };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {}});
    match place.split_once('/') {
        Some((namespace, name)) => {
            object["metadata"]["namespace"] = json!(namespace);
            object["metadata"]["name"] = json!(name);
        }
        None => object["metadata"]["name"] = json!(place),
    }
    for word in words {
        match word.split_once('=') {
            Some(("data", value)) => object["data"] = json!({"key": value}),
            Some(("hook", value)) => object["metadata"]["annotations"][HOOK] = json!(value),
            Some(("track", value)) => {
                object["metadata"]["annotations"][TRACKING_ID] = json!(value);
            }
            Some(("compare", value)) => {
                object["metadata"]["annotations"][COMPARE_OPTIONS] = json!(value);
            }
            Some(("label", value)) => {
                object["metadata"]["labels"]["app.kubernetes.io/instance"] = json!(value);
            }
            Some((key, value)) => object["metadata"]["annotations"][key] = json!(value),
            None => object["metadata"]["ownerReferences"] = json!([{"uid": "1"}]),
        }
    }
    object
}

/// Each pair as `Kind namespace/name Status [prune] [hook]`, then the whole.
#[track_caller]
fn check(
    tracking: Option<&Tracking>,
    targets: &[&str],
    live: &[&str],
    expected: &[&str],
    whole: SyncStatus,
) {
    let targets: Vec<Value> = targets.iter().map(|short| object(short)).collect();
    let live: Vec<Value> = live.iter().map(|short| object(short)).collect();
    let settings = Settings {
        namespace: Some("shop"),
        tracking,
        ..Settings::default()
    };
    let comparison = compare(&targets, &live, &settings);
    let shown: Vec<String> = comparison
        .pairs
        .iter()
        .map(|pair| {
            let status = pair
                .status
                .map_or_else(|| "-".to_owned(), |status| format!("{status:?}"));
            let prune = if pair.requires_pruning { " prune" } else { "" };
            let hook = if pair.hook { " hook" } else { "" };
            format!("{} {status}{prune}{hook}", pair.key)
        })
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(comparison.status, whole);
}

use SyncStatus::{OutOfSync, Synced};

#[test]
fn manifests_meet_their_live_objects() {
    let check = |targets: &[&str], live: &[&str], expected: &[&str], whole| {
        check(None, targets, live, expected, whole);
    };
    check(&[], &[], &[], Synced);
    check(
        &["ConfigMap a data=1"],
        &["ConfigMap shop/a data=1"],
        &["ConfigMap shop/a Synced"],
        Synced,
    );
    check(
        &["ConfigMap a data=1"],
        &["ConfigMap shop/a data=2"],
        &["ConfigMap shop/a OutOfSync"],
        OutOfSync,
    );
    check(
        &["ConfigMap a"],
        &[],
        &["ConfigMap shop/a OutOfSync"],
        OutOfSync,
    );
    check(
        &[],
        &["ConfigMap shop/a"],
        &["ConfigMap shop/a OutOfSync prune"],
        OutOfSync,
    );
    check(
        &["ConfigMap other/a"],
        &["ConfigMap shop/a"],
        &[
            "ConfigMap other/a OutOfSync",
            "ConfigMap shop/a OutOfSync prune",
        ],
        OutOfSync,
    );
    check(
        &["Namespace n"],
        &["Namespace n"],
        &["Namespace n Synced"],
        Synced,
    );
    check(
        &["ClusterRole.rbac.authorization.k8s.io r"],
        &["ClusterRole.rbac.authorization.k8s.io r"],
        &["ClusterRole r Synced"],
        Synced,
    );
    check(
        &["Thing.example.com t"],
        &["Thing.example.com t"],
        &["Thing t Synced"],
        Synced,
    );
    check(
        &["Deployment.apps a"],
        &["Deployment.extensions shop/a"],
        &[
            "Deployment shop/a OutOfSync",
            "Deployment shop/a OutOfSync prune",
        ],
        OutOfSync,
    );
    check(
        &["ConfigMap a data=1", "ConfigMap shop/a data=2"],
        &["ConfigMap shop/a data=2"],
        &["ConfigMap shop/a Synced"],
        Synced,
    );
    check(&[], &["ConfigMap shop/a owned"], &[], Synced);
    check(
        &["ConfigMap a"],
        &["ConfigMap shop/a owned"],
        &["ConfigMap shop/a Synced"],
        Synced,
    );
}

#[test]
fn hooks_and_what_is_skipped_have_no_status() {
    let check = |targets: &[&str], live: &[&str], expected: &[&str], whole| {
        check(None, targets, live, expected, whole);
    };
    check(&["Job.batch a hook=PreSync"], &[], &[], Synced);
    check(
        &["Job.batch a hook=PreSync"],
        &["Job.batch shop/a hook=PreSync"],
        &["Job shop/a - prune hook"],
        Synced,
    );
    check(
        &[],
        &["Job.batch shop/a hook=PostSync"],
        &["Job shop/a - prune hook"],
        Synced,
    );
    // It was a hook, and has a status like any resource now.
    check(
        &["Job.batch a"],
        &["Job.batch shop/a hook=PostSync"],
        &["Job shop/a Synced"],
        Synced,
    );
    check(&["Job.batch a helm.sh/hook=pre-install"], &[], &[], Synced);
    check(&["Job.batch a hook=PostDelete"], &[], &[], Synced);
    check(&["Job.batch a hook=PresSync"], &[], &[], Synced);
    check(
        &["ConfigMap a hook=Skip"],
        &[],
        &["ConfigMap shop/a -"],
        Synced,
    );
    check(
        &["ConfigMap a hook=Skip data=1"],
        &["ConfigMap shop/a data=2"],
        &["ConfigMap shop/a -"],
        Synced,
    );
}

#[test]
fn extraneous_objects_may_be_left_out_of_the_sum() {
    check(
        None,
        &[],
        &["ConfigMap shop/a compare=IgnoreExtraneous"],
        &["ConfigMap shop/a OutOfSync prune"],
        Synced,
    );
    check(
        None,
        &[],
        &["ConfigMap shop/a compare=ServerSideDiff=true,IgnoreExtraneous"],
        &["ConfigMap shop/a OutOfSync prune"],
        Synced,
    );
    check(
        None,
        &[],
        &[
            "ConfigMap shop/a compare=IgnoreExtraneous",
            "ConfigMap shop/b",
        ],
        &[
            "ConfigMap shop/a OutOfSync prune",
            "ConfigMap shop/b OutOfSync prune",
        ],
        OutOfSync,
    );
    check(
        None,
        &["ConfigMap a data=1"],
        &["ConfigMap shop/a data=2 compare=IgnoreExtraneous"],
        &["ConfigMap shop/a OutOfSync"],
        OutOfSync,
    );
}

#[test]
fn only_what_is_tracked_is_anyones() {
    let own = Tracking::by_annotation("web");
    let by_label = Tracking {
        method: crate::tracking::Method::Label,
        ..own.clone()
    };
    let check = |tracking: &Tracking, targets: &[&str], live: &[&str], expected: &[&str], whole| {
        check(Some(tracking), targets, live, expected, whole);
    };
    check(&own, &[], &["ConfigMap shop/a"], &[], Synced);
    check(
        &own,
        &[],
        &["ConfigMap shop/a track=web:/ConfigMap:shop/a"],
        &["ConfigMap shop/a OutOfSync prune"],
        OutOfSync,
    );
    check(
        &own,
        &[],
        &["ConfigMap shop/a track=api:/ConfigMap:shop/a"],
        &[],
        Synced,
    );
    // A copied mark: neither out of sync nor pruned.
    check(
        &own,
        &[],
        &["ConfigMap shop/b track=web:/ConfigMap:shop/a"],
        &["ConfigMap shop/b -"],
        Synced,
    );
    check(
        &own,
        &[],
        &["ConfigMap other/a track=web:/ConfigMap:shop/a"],
        &["ConfigMap other/a -"],
        Synced,
    );
    check(
        &own,
        &["ConfigMap a"],
        &["ConfigMap shop/a track=web:/ConfigMap:shop/a"],
        &["ConfigMap shop/a Synced"],
        Synced,
    );
    check(
        &own,
        &["ConfigMap a"],
        &["ConfigMap shop/a"],
        &["ConfigMap shop/a OutOfSync"],
        OutOfSync,
    );
    check(
        &own,
        &["ConfigMap a"],
        &["ConfigMap shop/a track=api:/ConfigMap:shop/a"],
        &["ConfigMap shop/a OutOfSync"],
        OutOfSync,
    );
    check(
        &own,
        &["CustomResourceDefinition.apiextensions.k8s.io c"],
        &["CustomResourceDefinition.apiextensions.k8s.io c"],
        &["CustomResourceDefinition c Synced"],
        Synced,
    );
    check(
        &own,
        &["ClusterRole.rbac.authorization.k8s.io system:r"],
        &[
            "ClusterRole.rbac.authorization.k8s.io system:r track=web:rbac.authorization.k8s.io/ClusterRole:shop/system:r",
        ],
        &["ClusterRole system:r Synced"],
        Synced,
    );
    check(
        &by_label,
        &[],
        &["ConfigMap shop/a label=web", "ConfigMap shop/b label=api"],
        &["ConfigMap shop/a OutOfSync prune"],
        OutOfSync,
    );
    check(
        &by_label,
        &["ConfigMap a"],
        &["ConfigMap shop/a label=web"],
        &["ConfigMap shop/a Synced"],
        Synced,
    );
    check(
        &by_label,
        &["ConfigMap a"],
        &["ConfigMap shop/a"],
        &["ConfigMap shop/a OutOfSync"],
        OutOfSync,
    );
}

#[test]
fn what_two_applications_want_is_named() {
    let targets = [object("ConfigMap a")];
    let live = [object("ConfigMap shop/a track=api:/ConfigMap:shop/a")];
    let own = Tracking::by_annotation("web");
    let settings = Settings {
        namespace: Some("shop"),
        tracking: Some(&own),
        ..Settings::default()
    };
    let comparison = compare(&targets, &live, &settings);
    assert_eq!(comparison.shared.len(), 1);
    assert_eq!(
        comparison.pairs[0].differences,
        ["/metadata/annotations/argocd.argoproj.io~1tracking-id"]
    );
}
