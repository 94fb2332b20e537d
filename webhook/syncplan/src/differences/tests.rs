//! Pairs of objects in short, and the places that must differ. `last` is what was applied last.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a table reads better without ampersands"
)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn object(kind: &str, fields: &Value) -> Value {
    let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
    let version = if group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{group}/v1")
    };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}});
    for (key, value) in fields.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

/// Two-way: what others added to live is theirs.
#[track_caller]
fn check(kind: &str, target: Value, live: Value, expected: &[&str]) {
    let (target, live) = (object(kind, &target), object(kind, &live));
    let comparing = Comparing::default();
    assert_eq!(
        differences(&target, &live, comparing),
        expected,
        "{target} {live}"
    );
    let after = applied(&target, &live, comparing);
    assert_eq!(
        differences(&target, &after, comparing),
        [""; 0],
        "applied: {after}"
    );
}

/// Three-way, by the annotation of `kubectl apply` and by the fields of a server-side apply.
#[track_caller]
fn check_last(kind: &str, last: Value, target: Value, live: Value, expected: &[&str]) {
    let (last, target) = (object(kind, &last), object(kind, &target));
    let mut live = object(kind, &live);
    live["metadata"]["annotations"] = json!({LAST_APPLIED: last.to_string()});
    let comparing = Comparing::default();
    assert_eq!(
        differences(&target, &live, comparing),
        expected,
        "{target} {live}"
    );
    let after = applied(&target, &live, comparing);
    assert_eq!(
        differences(&target, &after, comparing),
        [""; 0],
        "applied: {after}"
    );
}

#[test]
fn scalars_and_maps() {
    const APP: &str = "apps/Deployment";
    const CUSTOM: &str = "example.com/Thing";
    for kind in [APP, CUSTOM, "ConfigMap"] {
        check(
            kind,
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1}}),
            &[],
        );
        check(
            kind,
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 2}}),
            &["/spec/a"],
        );
        check(
            kind,
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1.0}}),
            &[],
        );
        check(
            kind,
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": "1"}}),
            &["/spec/a"],
        );
        check(
            kind,
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1, "b": 2}}),
            &[],
        );
        check(
            kind,
            json!({"spec": {"a": 1}}),
            json!({"spec": {}}),
            &["/spec/a"],
        );
        check(
            kind,
            json!({"spec": {"a": {"b/c": 1, "d~e": 2}}}),
            json!({"spec": {"a": {"b/c": 2, "d~e": 3}}}),
            &["/spec/a/b~1c", "/spec/a/d~0e"],
        );
        check(
            kind,
            json!({"spec": {"a": null}}),
            json!({"spec": {"a": 1}}),
            &[],
        );
        check(
            kind,
            json!({"spec": {"a": null}}),
            json!({}),
            if kind == CUSTOM { &["/spec"] } else { &[] },
        );
        check(
            kind,
            json!({"spec": {"a": true}}),
            json!({"spec": {"a": "true"}}),
            &["/spec/a"],
        );
        check(
            kind,
            json!({"spec": {"a": {"b": 1}}}),
            json!({"spec": {"a": [1]}}),
            &["/spec/a"],
        );
        check(
            kind,
            json!({"status": {"a": 1}}),
            json!({"status": {"a": 2}}),
            &[],
        );
    }
    check(
        CUSTOM,
        json!({"spec": {"a": {}}}),
        json!({"spec": {}}),
        &["/spec/a"],
    );
    check(APP, json!({"spec": {"a": {}}}), json!({"spec": {}}), &[]);
    check(APP, json!({"spec": {"a": []}}), json!({"spec": {}}), &[]);
    check(
        APP,
        json!({"spec": {"paused": false, "minReadySeconds": 0}}),
        json!({"spec": {}}),
        &[],
    );
    check(
        APP,
        json!({"spec": {"paused": true}}),
        json!({"spec": {}}),
        &["/spec/paused"],
    );
    check(
        CUSTOM,
        json!({"spec": {"paused": false}}),
        json!({"spec": {}}),
        &["/spec/paused"],
    );
    check(
        APP,
        json!({"spec": {"replicas": 0}}),
        json!({"spec": {}}),
        &["/spec/replicas"],
    );
    check(
        "Pod",
        json!({"spec": {"automountServiceAccountToken": false}}),
        json!({"spec": {}}),
        &["/spec/automountServiceAccountToken"],
    );
    check(
        "Pod",
        json!({"spec": {"hostNetwork": false, "securityContext": {}}}),
        json!({"spec": {}}),
        &[],
    );
}

#[test]
fn an_empty_text_leaves_a_field_to_its_default() {
    let container =
        |policy: &str| json!({"spec": {"containers": [{"name": "a", "imagePullPolicy": policy}]}});
    check("Pod", container(""), container("Always"), &[]);
    check(
        "Pod",
        container("Never"),
        container("Always"),
        &["/spec/containers/0/imagePullPolicy"],
    );
    check(
        "Service",
        json!({"spec": {"type": ""}}),
        json!({"spec": {"type": "ClusterIP"}}),
        &[],
    );
    check(
        "Service",
        json!({"spec": {"type": ""}}),
        json!({"spec": {"type": "NodePort"}}),
        &["/spec/type"],
    );
    check(
        "example.com/Thing",
        json!({"spec": {"type": ""}}),
        json!({"spec": {"type": "ClusterIP"}}),
        &["/spec/type"],
    );
    check(
        "apiextensions.k8s.io/CustomResourceDefinition",
        json!({"spec": {"preserveUnknownFields": false}}),
        json!({"spec": {}}),
        &[],
    );
}

#[test]
fn metadata() {
    let meta = |fields: Value| {
        let mut metadata = json!({"name": "x"});
        for (key, value) in fields.as_object().unwrap() {
            metadata[key] = value.clone();
        }
        json!({"metadata": metadata})
    };
    let kind = "example.com/Thing";
    for (target, live, expected) in [
        (
            json!({"labels": {"a": "1"}}),
            json!({"labels": {"a": "1", "b": "2"}}),
            vec![],
        ),
        (
            json!({"labels": {"a": "1"}}),
            json!({"labels": {"a": "2"}}),
            vec!["/metadata/labels/a"],
        ),
        (
            json!({"labels": {"a": "1"}}),
            json!({}),
            vec!["/metadata/labels"],
        ),
        (json!({"labels": {}}), json!({}), vec![]),
        (
            json!({"labels": null}),
            json!({"labels": {"a": "1"}}),
            vec![],
        ),
        (json!({"annotations": {}}), json!({}), vec![]),
        (
            json!({"annotations": {"a/b": "1"}}),
            json!({"annotations": {"a/b": "2"}}),
            vec!["/metadata/annotations/a~1b"],
        ),
        (
            json!({"creationTimestamp": null}),
            json!({"creationTimestamp": "2026-01-01T00:00:00Z"}),
            vec![],
        ),
        (
            json!({}),
            json!({"uid": "u", "resourceVersion": "7", "generation": 3, "managedFields": []}),
            vec![],
        ),
        (json!({"generation": 1}), json!({"generation": 3}), vec![]),
        (json!({}), json!({"namespace": "shop"}), vec![]),
        (
            json!({"finalizers": ["a"]}),
            json!({"finalizers": ["b", "a"]}),
            vec![],
        ),
        (
            json!({"finalizers": ["a"]}),
            json!({"finalizers": ["b"]}),
            vec!["/metadata/finalizers"],
        ),
        (json!({"finalizers": []}), json!({}), vec![]),
    ] {
        check(kind, meta(target), meta(live), &expected);
    }
    // The version is a way of asking for the same object.
    let mut live = object("apps/Deployment", &json!({"spec": {"a": 1}}));
    let target = live.clone();
    live["apiVersion"] = json!("apps/v1beta1");
    assert!(differences(&target, &live, Comparing::default()).is_empty());
}

#[test]
fn lists() {
    let pod = |containers: Value| json!({"spec": {"containers": containers}});
    let a = json!({"name": "a", "image": "1"});
    let b = json!({"name": "b", "image": "1"});
    for (target, live, expected) in [
        (json!([a]), json!([a]), vec![]),
        (json!([a]), json!([a, b]), vec![]),
        (json!([a, b]), json!([a]), vec!["/spec/containers/1"]),
        (json!([a, b]), json!([b, a]), vec!["/spec/containers"]),
        (json!([a]), json!([b, a]), vec![]),
        (
            json!([a]),
            json!([{"name": "a", "image": "2"}]),
            vec!["/spec/containers/0/image"],
        ),
        (
            json!([a]),
            json!([{"name": "a", "image": "1", "imagePullPolicy": "Always"}]),
            vec![],
        ),
        (json!([a, a]), json!([a, a]), vec![]),
    ] {
        check("Pod", pod(target), pod(live), &expected);
    }
    // Custom kinds: a list is one thing, but fields that defaulting added to its elements are not counted.
    for (target, live, expected) in [
        (json!([1, 2]), json!([1, 2]), vec![]),
        (
            json!([1, 2]),
            json!([2, 1]),
            vec!["/spec/containers/0", "/spec/containers/1"],
        ),
        (json!([1]), json!([1, 2]), vec!["/spec/containers"]),
        (
            json!([a]),
            json!([{"name": "a", "image": "1", "more": 1}]),
            vec![],
        ),
        (json!([a]), json!([a, b]), vec!["/spec/containers"]),
        (json!([]), json!([a]), vec!["/spec/containers"]),
        (json!([]), json!([]), vec![]),
    ] {
        check("example.com/Thing", pod(target), pod(live), &expected);
    }
    let ports = |ports: Value| json!({"spec": {"ports": ports}});
    check(
        "Service",
        ports(json!([{"port": 80}])),
        ports(json!([{"port": 80, "protocol": "TCP", "targetPort": 80}])),
        &[],
    );
    check(
        "Service",
        ports(json!([{"port": 80}])),
        ports(json!([{"port": 81}])),
        &["/spec/ports/0"],
    );
    check(
        "networking.k8s.io/NetworkPolicy",
        ports(json!([{"port": 80}])),
        ports(json!([{"port": 80}, {"port": 81}])),
        &["/spec/ports"],
    );
    check(
        "Service",
        ports(json!([{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}])),
        ports(json!([{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}])),
        &[],
    );
    let env = |value: Value| pod(json!([{"name": "a", "env": value}]));
    check(
        "Pod",
        env(json!([{"name": "E", "value": ""}])),
        env(json!([{"name": "E"}])),
        &[],
    );
    check(
        "Pod",
        env(json!([{"name": "E", "value": "1"}])),
        env(json!([{"name": "E", "value": "2"}])),
        &["/spec/containers/0/env/0/value"],
    );
    let volume = |volume: Value| json!({"spec": {"volumes": [volume]}});
    check(
        "Pod",
        volume(json!({"name": "v", "emptyDir": {}})),
        volume(json!({"name": "v", "hostPath": {"path": "/x"}})),
        &["/spec/volumes/0/emptyDir"],
    );
    check(
        "Pod",
        volume(json!({"name": "v", "emptyDir": {}})),
        volume(json!({"name": "v", "emptyDir": {}})),
        &[],
    );
}

#[test]
fn quantities_secrets_and_roles() {
    let limits = |limits: Value| json!({"spec": {"containers": [{"name": "a", "resources": {"limits": limits}}]}});
    for (target, live, same) in [
        (json!({"cpu": "1000m"}), json!({"cpu": "1"}), true),
        (json!({"cpu": 1}), json!({"cpu": "1"}), true),
        (json!({"cpu": 0.5}), json!({"cpu": "500m"}), true),
        (json!({"memory": "1Gi"}), json!({"memory": "1024Mi"}), true),
        (json!({"memory": "1Gi"}), json!({"memory": "1G"}), false),
    ] {
        let key = target.as_object().unwrap().keys().next().unwrap().clone();
        let place = format!("/spec/containers/0/resources/limits/{key}");
        let expected: &[&str] = if same { &[] } else { &[&place] };
        check("Pod", limits(target), limits(live), expected);
    }
    check(
        "ConfigMap",
        json!({"data": {"a": "1000m"}}),
        json!({"data": {"a": "1"}}),
        &["/data/a"],
    );
    check(
        "PersistentVolumeClaim",
        json!({"spec": {"resources": {"requests": {"storage": "1024Mi"}}}}),
        json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}}),
        &[],
    );
    check(
        "ResourceQuota",
        json!({"spec": {"hard": {"cpu": "2000m"}}}),
        json!({"spec": {"hard": {"cpu": 2}}}),
        &[],
    );

    check(
        "Secret",
        json!({"stringData": {"a": "x"}}),
        json!({"data": {"a": "eA=="}}),
        &[],
    );
    check(
        "Secret",
        json!({"stringData": {"a": "x"}}),
        json!({"data": {"a": "eQ=="}}),
        &["/data/a"],
    );
    check(
        "Secret",
        json!({"stringData": {"a": "x"}, "data": {"a": "eQ=="}}),
        json!({"data": {"a": "eA=="}}),
        &[],
    );
    check(
        "Secret",
        json!({"data": {"a": null}}),
        json!({"data": {"a": ""}}),
        &[],
    );
    check("Secret", json!({"data": null}), json!({}), &[]);
    check("Secret", json!({}), json!({"type": "Opaque"}), &[]);

    check(
        "rbac.authorization.k8s.io/Role",
        json!({"rules": []}),
        json!({"rules": null}),
        &[],
    );
    check(
        "rbac.authorization.k8s.io/Role",
        json!({"rules": []}),
        json!({}),
        &[],
    );
    check(
        "rbac.authorization.k8s.io/Role",
        json!({"rules": [{"verbs": ["get"]}]}),
        json!({"rules": [{"verbs": ["list"]}]}),
        &["/rules/0/verbs/0"],
    );
    let subset = |addresses: &[&str], ports: &[i64]| {
        let addresses: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
        let ports: Vec<Value> = ports.iter().map(|port| json!({"port": port})).collect();
        json!({"addresses": addresses, "ports": ports})
    };
    check(
        "Endpoints",
        json!({"subsets": [subset(&["10.0.0.2", "10.0.0.1"], &[2, 1]), subset(&["10.0.0.3"], &[7])]}),
        json!({"subsets": [subset(&["10.0.0.3"], &[7]), subset(&["10.0.0.1", "10.0.0.2"], &[1, 2])]}),
        &[],
    );
    let aggregated = json!({"aggregationRule": {"x": 1}, "rules": []});
    check(
        "rbac.authorization.k8s.io/ClusterRole",
        aggregated,
        json!({"aggregationRule": {"x": 1}, "rules": [{"verbs": ["get"]}]}),
        &[],
    );
    check(
        "rbac.authorization.k8s.io/ClusterRole",
        json!({"rules": []}),
        json!({"rules": [{"verbs": ["get"]}]}),
        &["/rules"],
    );
}

#[test]
fn what_was_applied_before_and_is_gone_differs() {
    const APP: &str = "apps/Deployment";
    const CUSTOM: &str = "example.com/Thing";
    for kind in [APP, CUSTOM] {
        check_last(
            kind,
            json!({"spec": {"a": 1, "b": 2}}),
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1, "b": 2}}),
            &["/spec/b"],
        );
        check_last(
            kind,
            json!({"spec": {"a": 1, "b": 2}}),
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1}}),
            &[],
        );
        check_last(
            kind,
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1}}),
            json!({"spec": {"a": 1, "b": 2}}),
            &[],
        );
        check_last(
            kind,
            json!({"spec": {"m": {"a": 1}}}),
            json!({"spec": {}}),
            json!({"spec": {"m": {"a": 1, "b": 2}}}),
            &["/spec/m"],
        );
        check_last(
            kind,
            json!({"spec": {"m": {"a": 1}}}),
            json!({"spec": {}}),
            json!({"spec": {"m": {"b": 2}}}),
            &[],
        );
        check_last(
            kind,
            json!({"spec": {"l": [{"a": 1, "b": 2}]}}),
            json!({"spec": {"l": [{"a": 1}]}}),
            json!({"spec": {"l": [{"a": 1, "b": 2}]}}),
            &["/spec/l/0/b"],
        );
        check_last(
            kind,
            json!({"spec": {"l": [1]}}),
            json!({}),
            json!({"spec": {"l": [1]}}),
            &["/spec"],
        );
    }
    check_last(
        APP,
        json!({"spec": {"replicas": 1}}),
        json!({"spec": {}}),
        json!({"spec": {"replicas": 1}}),
        &[],
    );
    check_last(
        APP,
        json!({"spec": {"replicas": 3}}),
        json!({"spec": {}}),
        json!({"spec": {"replicas": 3}}),
        &["/spec/replicas"],
    );
    check_last(
        CUSTOM,
        json!({"spec": {"replicas": 1}}),
        json!({"spec": {}}),
        json!({"spec": {"replicas": 1}}),
        &["/spec/replicas"],
    );
    let containers = |names: &[&str]| {
        let list: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"spec": {"containers": list}})
    };
    check_last(
        "Pod",
        containers(&["a", "b"]),
        containers(&["a"]),
        containers(&["a", "b"]),
        &["/spec/containers"],
    );
    check_last(
        "Pod",
        containers(&["a"]),
        containers(&["a"]),
        containers(&["a", "injected"]),
        &[],
    );
    check_last(
        "Secret",
        json!({"stringData": {"a": "x", "b": "y"}}),
        json!({"stringData": {"a": "x"}}),
        json!({"data": {"a": "eA==", "b": "eQ=="}}),
        &["/data/b"],
    );
}

#[test]
fn the_fields_of_a_server_side_apply_are_what_was_applied() {
    let managed = |operation: &str, fields: Value| {
        json!({"metadata": {"name": "x", "managedFields": [
            {"manager": "argocd-controller", "operation": operation, "fieldsV1": fields}]},
            "spec": {"a": 1, "b": 2, "list": [{"name": "p", "v": 1}, {"name": "q", "v": 1}], "words": ["u", "w"]}})
    };
    let both = json!({"f:spec": {"f:a": {}, "f:b": {}}});
    let target = json!({"spec": {"a": 1}});
    check(
        "example.com/Thing",
        target.clone(),
        managed("Apply", both.clone()),
        &["/spec/b"],
    );
    check(
        "example.com/Thing",
        target.clone(),
        managed("Update", both),
        &[],
    );
    check(
        "example.com/Thing",
        target.clone(),
        managed("Apply", json!({"f:spec": {".": {}, "f:a": {}}})),
        &[],
    );
    check(
        "example.com/Thing",
        target.clone(),
        managed(
            "Apply",
            json!({"f:spec": {"f:a": {}, "f:words": {"v:\"u\"": {}}}}),
        ),
        &["/spec/words"],
    );
    check(
        "example.com/Thing",
        target,
        managed(
            "Apply",
            json!({"f:spec": {"f:a": {}, "f:list": {"k:{\"name\":\"p\"}": {".": {}, "f:v": {}}}}}),
        ),
        &["/spec/list"],
    );
}

#[test]
fn status_counts_where_it_is_asked_for() {
    let (target, live) = (
        object("example.com/Thing", &json!({"status": {"a": 1}})),
        object("example.com/Thing", &json!({"status": {"a": 2}})),
    );
    let comparing = Comparing {
        ignores_status: false,
        ..Comparing::default()
    };
    assert_eq!(differences(&target, &live, comparing), ["/status/a"]);
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        (0..3_i64).prop_map(|n| json!(n)),
        "[ab]{0,2}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map(
                prop_oneof![
                    Just("a"),
                    Just("b"),
                    Just("name"),
                    Just("env"),
                    Just("replicas"),
                    Just("value")
                ],
                inner,
                0..4
            )
            .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    /// An object applied is an object as desired, whatever was there and whatever was applied before.
    #[test]
    fn applying_leaves_nothing(
        target in json(), live in json(), last in prop::option::of(json()),
        kind in prop_oneof![Just("Pod"), Just("example.com/Thing")],
    ) {
        let target = object(kind, &json!({"spec": target}));
        let mut live = object(kind, &json!({"spec": live}));
        if let Some(last) = last {
            let last = object(kind, &json!({"spec": last}));
            live["metadata"]["annotations"] = json!({LAST_APPLIED: last.to_string()});
        }
        let after = applied(&target, &live, Comparing::default());
        prop_assert_eq!(differences(&target, &after, Comparing::default()), Vec::<String>::new(), "{} -> {}", target, after);
    }

    /// An object is as desired by itself.
    #[test]
    fn nothing_differs_from_itself(spec in json()) {
        let object = object("Pod", &json!({"spec": spec}));
        prop_assert!(differences(&object, &object, Comparing::default()).is_empty());
    }
}
