//! Charts and kustomizations, rendered by the tools themselves.

use serde_json::{Value, json};
use tidegate_model::SourceType;
use tidegate_render::Cluster;

use crate::support::{Kit, Repository, names, object, request, source};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";
const TEMPLATE: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
data:
  values: {{ omit .Values "global" | toJson | quote }}
  kube: {{ .Capabilities.KubeVersion.Version }}
  has: {{ .Capabilities.APIVersions.Has "example.com/v1/Thing" | quote }}
"#;
const HOOK: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\n";
const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n";

fn chart() -> Repository {
    Repository::new(&[
        ("charts/web/Chart.yaml", CHART),
        ("charts/web/values.yaml", "from: chart\nkept: chart\n"),
        ("charts/web/prod.yaml", "from: prod\n"),
        ("charts/web/file,name.txt", "text of a file"),
        ("charts/web/templates/map.yaml", TEMPLATE),
        ("charts/web/templates/test.yaml", HOOK),
        ("charts/web/crds/thing.yaml", CRD),
        ("envs/eu.yaml", "from: eu\n"),
        ("envs/us.yaml", "from: us\n"),
    ])
}

fn values(object: &Value) -> Value {
    serde_json::from_str(object["data"]["values"].as_str().unwrap()).unwrap()
}

#[test]
fn values_win_in_argo_cds_order() {
    let kit = Kit::new();
    let chart = chart();
    for (helm, expected) in [
        (json!(null), json!({"from": "chart", "kept": "chart"})),
        (
            json!({"valueFiles": ["prod.yaml"]}),
            json!({"from": "prod", "kept": "chart"}),
        ),
        (
            json!({"valueFiles": ["prod.yaml", "/envs/eu.yaml"]}),
            json!({"from": "eu", "kept": "chart"}),
        ),
        (
            json!({"valueFiles": ["../../envs/*.yaml"]}),
            json!({"from": "us", "kept": "chart"}),
        ),
        (
            json!({"valueFiles": ["/envs/us.yaml", "/envs/*.yaml"]}),
            json!({"from": "eu", "kept": "chart"}),
        ),
        (
            json!({"valueFiles": ["gone.yaml", "prod.yaml"], "ignoreMissingValueFiles": true}),
            json!({"from": "prod", "kept": "chart"}),
        ),
        (
            json!({"valueFiles": ["prod.yaml"], "values": "from: text\n"}),
            json!({"from": "text", "kept": "chart"}),
        ),
        (
            json!({"values": "from: text\n", "valuesObject": {"from": "object", "kept": null}}),
            json!({"from": "object"}),
        ),
        (
            json!({"values": "from: text\n", "parameters": [{"name": "from", "value": "a,$ARGOCD_APP_NAME"}, {"name": "n", "value": "1"}, {"name": "s", "value": "1", "forceString": true}]}),
            json!({"from": "a,web", "kept": "chart", "n": 1, "s": "1"}),
        ),
        (
            json!({"fileParameters": [{"name": "from", "path": "file,name.txt"}]}),
            json!({"from": "text of a file", "kept": "chart"}),
        ),
    ] {
        let mut source = source(&chart, "charts/web");
        source["helm"] = helm.clone();
        let rendered = kit.source(source).unwrap();
        assert_eq!(rendered.source_types, [SourceType::Helm]);
        let map = rendered
            .manifests
            .iter()
            .find(|object| object["kind"] == "ConfigMap")
            .unwrap();
        assert_eq!(values(map), expected, "{helm}");
    }
}

#[test]
fn releases_are_named_and_told_about_the_cluster() {
    let kit = Kit::new();
    let chart = chart();
    let mut plain = request(&[source(&chart, "charts/web")]);
    plain.cluster = Cluster {
        kube_version: "v1.31.2".to_owned(),
        api_versions: vec!["example.com/v1/Thing".to_owned()],
    };
    let rendered = kit.render(&plain).unwrap();
    assert_eq!(
        names(&rendered),
        [
            "CustomResourceDefinition/things.example.com",
            "ConfigMap/web",
            "Pod/test"
        ]
    );
    let map = &rendered.manifests[1];
    assert_eq!(map["metadata"]["namespace"], "shop");
    assert_eq!(
        (&map["data"]["kube"], &map["data"]["has"]),
        (&json!("v1.31.2"), &json!("true"))
    );

    // The same commit for another cluster is another result.
    plain.cluster.kube_version = "v1.30.0".to_owned();
    assert_eq!(
        kit.render(&plain).unwrap().manifests[1]["data"]["kube"],
        "v1.30.0"
    );

    let mut named = source(&chart, "charts/web");
    named["helm"] = json!({"releaseName": "other", "namespace": "else", "skipCrds": true, "skipTests": true, "kubeVersion": "1.29.0", "apiVersions": []});
    let rendered = kit.source(named).unwrap();
    assert_eq!(names(&rendered), ["ConfigMap/other"]);
    assert_eq!(rendered.manifests[0]["metadata"]["namespace"], "else");
    assert_eq!(rendered.manifests[0]["data"]["kube"], "v1.29.0");
}

#[test]
fn failures_are_told_in_helms_words() {
    let kit = Kit::new();
    let chart = Repository::new(&[
        ("web/Chart.yaml", CHART),
        ("web/templates/map.yaml", "{{ fail \"set image.tag\" }}\n"),
        ("words/Chart.yaml", &CHART.replace("web", "words")),
        ("words/templates/map.yaml", "just: words\n"),
    ]);
    let error = kit.source(source(&chart, "web")).unwrap_err();
    assert!(
        error.starts_with("web: helm failed: ") && error.contains("set image.tag"),
        "{error}"
    );
    let error = kit.source(source(&chart, "words")).unwrap_err();
    assert_eq!(
        error,
        "what helm made of words/templates/map.yaml, line 1: the object has no kind"
    );
    let mut missing = source(&chart, "web");
    missing["helm"] = json!({"valueFiles": ["gone.yaml"]});
    assert_eq!(
        kit.source(missing).unwrap_err(),
        "gone.yaml: no such file or directory; correct the path, or set helm.ignoreMissingValueFiles"
    );
}

#[test]
fn dependencies_in_the_repository_are_built_and_leave_no_trace() {
    let kit = Kit::new();
    let parent = "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [{name: web, version: 1.2.3, repository: \"file://../web\"}]\n";
    let chart = chart();
    chart.commit(&[("charts/parent/Chart.yaml", parent)]);
    for _ in 0..2 {
        let mut parent = source(&chart, "charts/parent");
        parent["helm"] = json!({"skipCrds": true, "skipTests": true});
        let rendered = kit.source(parent).unwrap();
        assert_eq!(names(&rendered), ["ConfigMap/web"]);
    }
    let outside = parent.replace("../web", "../../../../etc");
    chart.commit(&[("charts/parent/Chart.yaml", &outside)]);
    let error = kit.source(source(&chart, "charts/parent")).unwrap_err();
    assert_eq!(
        error,
        "../../../../etc: the path resolved to outside repository root"
    );
}

#[test]
fn kustomizations_are_changed_as_the_application_says() {
    let kit = Kit::new();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: nginx:1.0}]}\n";
    let repository = Repository::new(&[
        ("base/kustomization.yaml", "resources: [deployment.yaml]\n"),
        ("base/deployment.yaml", deployment),
        (
            "prod/kustomization.yml",
            "namePrefix: old-\nresources: [../base]\n",
        ),
        ("broken/kustomization.yaml", "resources: [gone.yaml]\n"),
    ]);
    let rendered = kit.source(source(&repository, "prod")).unwrap();
    assert_eq!(names(&rendered), ["Deployment/old-web"]);
    assert_eq!(rendered.source_types, [SourceType::Kustomize]);

    let mut changed = source(&repository, "prod");
    changed["kustomize"] = json!({
        "namePrefix": "new-", "nameSuffix": "-eu", "namespace": "shop", "images": ["nginx=mirror:5000/nginx:2.0"],
        "replicas": [{"name": "web", "count": 3}], "commonLabels": {"app.name": "$ARGOCD_APP_NAME"}, "commonAnnotations": {"by": "tide"},
        "patches": [{"target": {"kind": "Deployment"}, "patch": "[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": true}]"}],
    });
    let rendered = kit.source(changed).unwrap();
    let made = &rendered.manifests[0];
    assert_eq!(made["metadata"]["name"], "new-web-eu");
    assert_eq!(made["metadata"]["namespace"], "shop");
    assert_eq!(made["metadata"]["labels"]["app.name"], "web");
    assert_eq!(made["metadata"]["annotations"]["by"], "tide");
    assert_eq!(made["spec"]["replicas"], 3);
    assert_eq!(made["spec"]["paused"], true);
    assert_eq!(
        made["spec"]["template"]["spec"]["containers"][0]["image"],
        "mirror:5000/nginx:2.0"
    );
    assert_eq!(
        names(&kit.source(source(&repository, "prod")).unwrap()),
        ["Deployment/old-web"],
        "nobody else sees it"
    );

    let error = kit.source(source(&repository, "broken")).unwrap_err();
    assert_eq!(
        error,
        "broken/kustomization.yaml: resources names `gone.yaml`, which is not in the repository; nothing is fetched from elsewhere: copy it into the repository"
    );
}

#[test]
fn parameters_beside_the_manifests_are_laid_over_the_source() {
    let kit = Kit::new();
    let repository = Repository::new(&[
        ("app/a.yaml", &object("a")),
        ("app/sub/b.yaml", &object("b")),
        (
            "app/.argocd-source.yaml",
            "directory: {recurse: true}\npath: elsewhere\n",
        ),
    ]);
    assert_eq!(
        names(&kit.source(source(&repository, "app")).unwrap()),
        ["ConfigMap/a", "ConfigMap/b"]
    );
    repository.commit(&[(
        "app/.argocd-source-web.yaml",
        "directory: {exclude: a.yaml}\n",
    )]);
    assert_eq!(
        names(&kit.source(source(&repository, "app")).unwrap()),
        ["ConfigMap/b"]
    );
}
