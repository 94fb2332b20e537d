//! Where scripts come from, and which one is taken.

use super::{all, shown, yaml};
use crate::Customizations;

fn says(word: &str) -> String {
    format!("return {{status = 'Healthy', message = '{word}'}}")
}

type Data<'a> = &'a [(&'a str, &'a str)];

/// Keys of argocd-cm, and what a kind then says.
fn config_map(data: &[(&str, &str)]) -> Result<Customizations, String> {
    let data: serde_json::Map<_, _> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), serde_json::Value::from(*value)))
        .collect();
    let config_map = serde_json::json!({"kind": "ConfigMap", "data": data});
    Customizations::from_config_map(&config_map).map_err(|error| error.to_string())
}

fn asked(customizations: &Customizations, group: &str, kind: &str) -> String {
    let api_version = if group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{group}/v1")
    };
    shown(
        &yaml(&format!("{{apiVersion: {api_version}, kind: {kind}}}")),
        customizations,
    )
}

#[test]
fn config_maps() {
    let exact = says("exact");
    let map = "\"*.aws*\": {health.lua: \"return {status='Healthy', message='short'}\"}\n\
               \"*.aws.crossplane.io/*\": {health.lua: \"return {status='Healthy', message='long'}\"}\n\
               apps/Deployment: {health.lua: \"return {status='Healthy', message='map'}\", ignoreDifferences: 'x', actions: 'y'}\n\
               libs.io/Open: {health.lua: \"return {status='Healthy', message=string.upper('a')}\", health.lua.useOpenLibs: true}\n\
               empty.io/*: {health.lua: ''}\n";
    let cases: &[(Data<'_>, &str, &str, &str)] = &[
        (
            &[("resource.customizations.health.apps_Deployment", &exact)],
            "apps",
            "Deployment",
            "Healthy: exact",
        ),
        (
            &[(
                "resource.customizations.health.cert-manager.io_Certificate",
                &exact,
            )],
            "cert-manager.io",
            "Certificate",
            "Healthy: exact",
        ),
        (
            &[("resource.customizations.health.Pod", &exact)],
            "",
            "Pod",
            "Healthy: exact",
        ),
        (
            &[("resource.customizations.health.Pod", &exact)],
            "apps",
            "Pod",
            "-",
        ),
        (
            &[("resource.customizations.health.all", &exact)],
            "any.io",
            "Thing",
            "Healthy: exact",
        ),
        (
            &[("resource.customizations.health.all", &exact)],
            "",
            "ConfigMap",
            "-",
        ),
        (
            &[("resource.customizations.health.*_Thing", &exact)],
            "any.io",
            "Thing",
            "Healthy: exact",
        ),
        (
            &[("resource.customizations.health.any.io_*", &exact)],
            "any.io",
            "Thing",
            "Healthy: exact",
        ),
        (
            &[("resource.customizations", map)],
            "ec2.aws.crossplane.io",
            "Instance",
            "Healthy: long",
        ),
        (
            &[("resource.customizations", map)],
            "s3.aws.io",
            "Bucket",
            "Healthy: short",
        ),
        (
            &[("resource.customizations", map)],
            "apps",
            "Deployment",
            "Healthy: map",
        ),
        (
            &[
                ("resource.customizations", map),
                ("resource.customizations.health.apps_Deployment", &exact),
            ],
            "apps",
            "Deployment",
            "Healthy: exact",
        ),
        (
            &[("resource.customizations", map)],
            "libs.io",
            "Open",
            "Healthy: A",
        ),
        (
            &[("resource.customizations", map)],
            "empty.io",
            "Thing",
            "-",
        ),
        (
            &[("resource.customizations", "")],
            "apps",
            "ReplicaSet",
            "Healthy",
        ),
        (
            &[
                (
                    "resource.customizations.health.libs.io_X",
                    "return {status='Healthy', message=string.upper('b')}",
                ),
                ("resource.customizations.useOpenLibs.libs.io_X", "true"),
            ],
            "libs.io",
            "X",
            "Healthy: B",
        ),
        (
            &[
                (
                    "resource.customizations.health.libs.io_X",
                    "return {status='Healthy', message=string.upper('b')}",
                ),
                ("resource.customizations.useOpenLibs.libs.io_X", "false"),
            ],
            "libs.io",
            "X",
            "Unknown: <string>:1: attempt to index global 'string' (a nil value)",
        ),
        (
            &[(
                "resource.customizations.useOpenLibs.apps_ReplicaSet",
                "true",
            )],
            "apps",
            "ReplicaSet",
            "Healthy",
        ),
        (
            &[
                ("resource.customizations.actions.apps_Deployment", "x"),
                ("timeout.reconciliation", "5s"),
            ],
            "apps",
            "Deployment",
            "Healthy",
        ),
    ];
    all(cases.iter().map(|(data, group, kind, expected)| {
        let found =
            config_map(data).map_or_else(|error| error, |settings| asked(&settings, group, kind));
        (format!("{data:?}"), found, (*expected).to_owned())
    }));
}

#[test]
fn mistakes_in_config_maps() {
    let cases = [
        (
            "resource.customizations.helth.apps_Deployment",
            "x",
            "`resource.customizations.helth.apps_Deployment`: resource customization type helth not supported",
        ),
        (
            "resource.customizations.health.a_b_c",
            "x",
            "`resource.customizations.health.a_b_c`: the key ends in `<group>_<Kind>`",
        ),
        (
            "resource.customizations.health.",
            "x",
            "`resource.customizations.health.`: the key ends in",
        ),
        (
            "resource.customizations.useOpenLibs.Pod",
            "yes",
            "`resource.customizations.useOpenLibs.Pod`: the value is \"true\" or \"false\"",
        ),
        (
            "resource.customizations",
            "[1]",
            "`resource.customizations` cannot be read",
        ),
    ];
    for (key, value, expected) in cases {
        let error = config_map(&[(key, value)]).expect_err(key);
        assert!(error.starts_with(expected), "{error}");
    }
    let error = Customizations::from_config_map(&serde_json::json!({"kind": "Secret"}))
        .expect_err("no ConfigMap");
    assert_eq!(
        error.to_string(),
        "the customizations are a Secret, not a ConfigMap"
    );
}

#[test]
fn folders() {
    let mut folder = Customizations::default();
    for path in [
        "/apps/Deployment",
        "Pod",
        "_.crossplane.io/_",
        "a.io/_",
        "a.io/Exact",
        "./b.io/K_d",
    ] {
        folder.add_shipped(path, says(path));
    }
    let mut both =
        config_map(&[("resource.customizations.health.all", &says("settings"))]).expect("settings");
    assert_eq!(
        (
            folder.len(),
            both.len(),
            Customizations::default().is_empty()
        ),
        (6, 1, true)
    );
    let cases = [
        ("apps", "Deployment", "Healthy: /apps/Deployment"),
        ("", "Pod", "Healthy: Pod"),
        ("s3.crossplane.io", "Bucket", "Healthy: _.crossplane.io/_"),
        ("crossplane.io", "Bucket", "-"),
        ("a.io", "Other", "Healthy: a.io/_"),
        ("a.io", "Exact", "Healthy: a.io/Exact"),
        ("b.io", "Kind", "Healthy: ./b.io/K_d"),
        ("c.io", "Kind", "-"),
    ];
    all(cases.map(|(group, kind, expected)| {
        (
            format!("{group}/{kind}"),
            asked(&folder, group, kind),
            expected.to_owned(),
        )
    }));
    both.add(folder);
    assert_eq!(asked(&both, "apps", "Deployment"), "Healthy: settings");
    assert_eq!(asked(&both, "", "Pod"), "Healthy: Pod");
}

#[test]
fn only_scripts_that_know_of_deletion_are_asked_about_it() {
    let object = yaml(
        "{apiVersion: example.com/v1, kind: Widget, metadata: {deletionTimestamp: \"2026-01-01T00:00:00Z\", finalizers: [a/b, c/d]}}",
    );
    let waits = "if obj.metadata.deletionTimestamp ~= nil then\n  return {status='Progressing', message='waits for ' .. table.concat(obj.metadata.finalizers, ', ')}\nend\nreturn {status='Healthy'}";
    for (script, expected) in [
        ("return {status='Healthy'}", "Progressing: Pending deletion"),
        (waits, "Progressing: waits for a/b, c/d"),
    ] {
        let mut customizations = Customizations::default();
        customizations.add_shipped("example.com/Widget", script);
        assert_eq!(shown(&object, &customizations), expected);
    }
}
