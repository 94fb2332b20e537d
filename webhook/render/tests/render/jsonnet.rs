//! Jsonnet in plain folders, by the real jsonnet.

use serde_json::json;

use crate::support::{Kit, Repository, names, object, source};

const MAIN: &str = r#"
local names = import "names.libsonnet";
local library = import "library.libsonnet";
function(greeting="none", count=1) [
  {apiVersion: "v1", kind: "ConfigMap", metadata: {name: name},
   data: {env: std.extVar("env"), sum: std.toString(std.extVar("sum")), greeting: greeting, count: std.toString(count), from: library.from}}
  for name in names
]
"#;

#[test]
fn variables_arguments_and_libraries_are_given() {
    let repository = Repository::new(&[
        ("app/main.jsonnet", MAIN),
        ("app/names.libsonnet", "['a', 'b']"),
        ("app/plain.yaml", &object("plain")),
        ("first/library.libsonnet", "{from: 'first'}"),
        ("last/library.libsonnet", "{from: 'last'}"),
    ]);
    let mut source = source(&repository, "app");
    source["directory"] = json!({"jsonnet": {
        "extVars": [{"name": "env", "value": "$ARGOCD_APP_NAME"}, {"name": "sum", "value": "1 + 1", "code": true}],
        "tlas": [{"name": "greeting", "value": "1 + 1"}, {"name": "count", "value": "1 + 2", "code": true}],
        "libs": ["first", "/last"],
    }});
    let rendered = Kit::new().source(source).unwrap();
    assert_eq!(
        names(&rendered),
        ["ConfigMap/a", "ConfigMap/b", "ConfigMap/plain"]
    );
    assert_eq!(
        rendered.manifests[0]["data"],
        json!({"env": "web", "sum": "2", "greeting": "1 + 1", "count": "3", "from": "last"})
    );
}

#[test]
fn what_is_wrong_is_said_in_jsonnets_words() {
    let repository = Repository::new(&[
        ("broken/a.jsonnet", "{a: }"),
        ("text/a.jsonnet", "'a'"),
        ("forever/a.jsonnet", "local f(x) = f(x) tailstrict; f(1)"),
    ]);
    let kit = Kit::limited(tidegate_render::Limits {
        render_time: std::time::Duration::from_secs(2),
        ..Default::default()
    });
    let error = kit.source(source(&repository, "broken")).unwrap_err();
    assert!(
        error.starts_with("broken/a.jsonnet: jsonnet failed: broken/a.jsonnet:1:5"),
        "{error}"
    );
    let error = kit.source(source(&repository, "text")).unwrap_err();
    assert_eq!(error, "text/a.jsonnet: this is no object of Kubernetes");
    let error = kit.source(source(&repository, "forever")).unwrap_err();
    // By its time or by its memory, whichever comes first; Go's runtime has several words for the latter.
    let of_memory = error.starts_with("forever/a.jsonnet: jsonnet failed: ")
        && (error.contains("out of memory") || error.contains("cannot allocate memory"));
    assert!(
        of_memory || error.starts_with("forever/a.jsonnet: jsonnet was stopped after 2s"),
        "{error}"
    );
}

#[test]
fn no_import_leads_out_of_the_repository() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&secret, "hunter2").unwrap();
    let outside = secret.path().display().to_string();
    let far = format!("{}{}", "../".repeat(20), outside.trim_start_matches('/'));
    let repository = Repository::new(&[
        (
            "absolute/a.jsonnet",
            &format!("{{a: importstr '{outside}'}}"),
        ),
        ("relative/a.jsonnet", &format!("{{a: importstr '{far}'}}")),
        ("deep/a.jsonnet", "import 'b.txt'"),
        ("deep/b.txt", &format!("{{a: importstr /**/ '{far}'}}")),
        ("library/a.jsonnet", "{}"),
    ]);
    let kit = Kit::new();
    for (path, expected) in [
        (
            "absolute",
            format!("absolute/a.jsonnet: the import `{outside}` leads out of the repository"),
        ),
        (
            "relative",
            format!("{far}: the path resolved to outside repository root"),
        ),
        (
            "deep",
            format!("{far}: the path resolved to outside repository root"),
        ),
    ] {
        assert_eq!(kit.source(source(&repository, path)).unwrap_err(), expected);
    }
    let mut source = source(&repository, "library");
    source["directory"] = json!({"jsonnet": {"libs": ["../.."]}});
    assert_eq!(
        kit.source(source).unwrap_err(),
        "../..: the path resolved to outside repository root"
    );
}
