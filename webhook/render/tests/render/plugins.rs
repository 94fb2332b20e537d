//! Config management plugins: an operator's commands, run on repositories.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_model::SourceType;
use tidegate_render::{Limits, Plugin};

use crate::support::{Kit, Repository, names, object, source};

fn plugin(name: &str, spec: &Value) -> Plugin {
    Plugin::parse(&json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ConfigManagementPlugin",
        "metadata": {"name": name},
        "spec": spec,
    }))
    .unwrap()
}

fn shell(script: &str) -> Value {
    json!({"command": ["sh", "-c"], "args": [script]})
}

fn kit(plugins: Vec<Plugin>) -> Kit {
    Kit::with(|settings| {
        settings.plugins = plugins;
        settings.limits = Limits {
            render_time: Duration::from_secs(5),
            ..Limits::default()
        };
    })
}

#[test]
fn a_named_plugin_makes_manifests_with_what_the_source_gives_it() {
    let print = r#"
        printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n' "$(cat made)"
        printf 'data:\n  env: "%s"\n  text: "%s"\n  item: "%s"\n  key: "%s"\n' "$ARGOCD_ENV_TIER" "$PARAM_GREETING_TEXT" "$PARAM_LIST_1" "$PARAM_MAP_A_B"
        printf '  all: |-\n    %s\n' "$ARGOCD_APP_PARAMETERS"
        printf '  cluster: "%s %s"\n' "$KUBE_VERSION" "$HOME_OF_OURS"
    "#;
    let spec = json!({"version": "v1", "init": shell("printf %s \"$ARGOCD_APP_NAME\" >made"), "generate": shell(print)});
    let kit = kit(vec![plugin("maker", &spec)]);
    let repository = Repository::new(&[("app/Chart.yaml", "name: not helm's\n")]);
    for name in ["maker", "maker-v1"] {
        let mut source = source(&repository, "app");
        source["plugin"] = json!({"name": name, "env": [{"name": "TIER", "value": "of-$ARGOCD_APP_NAME"}], "parameters": [
            {"name": "greeting-text", "string": "hello"}, {"name": "list", "array": ["a", "b"]}, {"name": "map", "map": {"a.b": "c"}},
        ]});
        let rendered = kit.source(source).unwrap();
        assert_eq!(rendered.source_types, [SourceType::Plugin]);
        assert_eq!(names(&rendered), ["ConfigMap/web"]);
        let data = &rendered.manifests[0]["data"];
        assert_eq!(
            [
                &data["env"],
                &data["text"],
                &data["item"],
                &data["key"],
                &data["cluster"]
            ],
            ["of-web", "hello", "b", "c", " "]
        );
        let all: Value = serde_json::from_str(data["all"].as_str().unwrap()).unwrap();
        assert_eq!(all[2], json!({"name": "map", "map": {"a.b": "c"}}));
    }
    // What a plugin writes is in a check-out of its own.
    let mut source = source(&repository, "app");
    source["directory"] = json!({"include": "made"});
    assert_eq!(names(&kit.source(source).unwrap()), [""; 0]);
}

#[test]
fn a_plugin_finds_its_folders_before_the_other_tools() {
    let made = shell(
        "echo '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"made\"}}'",
    );
    let by_file = json!({"generate": made, "discover": {"fileName": "./plug*.toml"}});
    let by_glob = json!({"generate": made, "discover": {"find": {"glob": "**/deep.toml"}}});
    let by_program = json!({"generate": made, "discover": {"find": {"command": ["sh", "-c", "ls program.toml"]}}});
    let repository = Repository::new(&[
        ("file/plugin.toml", ""),
        ("file/a.yaml", &object("plain")),
        ("glob/a/b/deep.toml", ""),
        ("program/program.toml", ""),
        ("none/a.yaml", &object("plain")),
    ]);
    let kit = kit(vec![
        plugin("file", &by_file),
        plugin("glob", &by_glob),
        plugin("program", &by_program),
    ]);
    for (path, expected) in [
        ("file", "ConfigMap/made"),
        ("glob", "ConfigMap/made"),
        ("program", "ConfigMap/made"),
        ("none", "ConfigMap/plain"),
    ] {
        assert_eq!(
            names(&kit.source(source(&repository, path)).unwrap()),
            [expected],
            "{path}"
        );
    }
    let mut declared = source(&repository, "file");
    declared["directory"] = json!({});
    assert_eq!(names(&kit.source(declared).unwrap()), ["ConfigMap/plain"]);
    for (choice, message) in [
        (
            json!({}),
            "spec.source: could not find plugin supporting the given repository: none of those that the operator declares with --plugins discovers it",
        ),
        (
            json!({"name": "file"}),
            "spec.source: couldn't find cmp-server plugin with name \"file\" supporting the given repository: its own `discover` does not know this folder",
        ),
        (
            json!({"name": "other"}),
            "spec.source: there is no config management plugin `other`; the operator declares plugins with --plugins",
        ),
    ] {
        let mut source = source(&repository, "none");
        source["plugin"] = choice;
        assert_eq!(kit.source(source).unwrap_err(), message);
    }
}

#[test]
fn a_plugin_that_fails_or_hangs_is_told() {
    let kit = kit(vec![
        plugin(
            "fails",
            &json!({"generate": shell("echo no values >&2; exit 3")}),
        ),
        plugin("hangs", &json!({"generate": shell("sleep 600")})),
        plugin("talks", &json!({"generate": shell("echo hello")})),
        plugin(
            "missing",
            &json!({"generate": {"command": ["no-such-program"]}}),
        ),
    ]);
    let repository = Repository::new(&[("app/a", "")]);
    for (name, message) in [
        ("fails", "app: plugin fails: sh failed: no values"),
        ("hangs", "app: plugin hangs: sh was stopped after 5s"),
        (
            "talks",
            "what plugin talks made of app, line 1: this is no object of Kubernetes",
        ),
        (
            "missing",
            "app: plugin missing: no-such-program is needed and is not on the PATH; install it",
        ),
    ] {
        let mut source = source(&repository, "app");
        source["plugin"] = json!({"name": name});
        assert_eq!(kit.source(source).unwrap_err(), message);
    }
}
