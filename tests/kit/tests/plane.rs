//! The kit and the chart's CRDs against the real API server.

#![allow(
    clippy::unwrap_used,
    reason = "clippy's exception for tests does not reach their helper functions"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tidegate_kit::{ControlPlane, Options};

/// One control plane for all tests here, with the CRDs. Each test uses names of its own.
fn plane() -> &'static ControlPlane {
    static CRDS: OnceLock<()> = OnceLock::new();
    let plane = ControlPlane::shared().unwrap();
    CRDS.get_or_init(|| plane.install_crds().unwrap());
    plane
}

fn get_json(args: &[&str]) -> Value {
    let output = plane()
        .kubectl(&[&["get", "-o", "json"], args].concat(), "")
        .unwrap();
    serde_json::from_str(&output.ok().unwrap()).unwrap()
}

/// `control-plane --dir` in a process of its own, with the address of its API server.
fn program(folder: &tempfile::TempDir) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .arg("--dir")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first_line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first_line)
        .unwrap();
    let kubeconfig = std::fs::read_to_string(first_line.trim_end()).unwrap();
    let server = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("server: https://"))
        .unwrap();
    (child, server.to_owned())
}

const APPLICATION: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: misplaced}
spec:
  project: payments
  destination: {name: in-cluster, namespace: shop}
  source: {repoURL: https://git.example/shop.git, path: deploy}
  syncOptions: [CreateNamespace=true]
  syncPolicy: {automated: {selfheal: true}}
status:
  sync: {status: OutOfSync, revision: 53e28ff}
  health: {status: Degraded}
";

#[test]
fn misplaced_fields_of_an_application_reach_the_store_and_so_the_webhook() {
    plane().apply(APPLICATION).unwrap();
    let application = get_json(&["application", "misplaced"]);
    assert_eq!(
        application.pointer("/spec/syncOptions"),
        Some(&serde_json::json!(["CreateNamespace=true"]))
    );
    assert_eq!(
        application.pointer("/spec/syncPolicy/automated/selfheal"),
        Some(&Value::Bool(true))
    );
    // No status subresource: the same write set it.
    assert_eq!(
        application.pointer("/status/health/status"),
        Some(&Value::from("Degraded"))
    );

    let table = plane()
        .kubectl(&["get", "app", "misplaced", "-o", "wide"], "")
        .unwrap()
        .ok()
        .unwrap();
    let cells = |line: &str| {
        line.split("   ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(String::from)
            .collect()
    };
    let rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    assert_eq!(
        rows,
        [
            [
                "NAME",
                "SYNC STATUS",
                "HEALTH STATUS",
                "REVISION",
                "PROJECT"
            ],
            ["misplaced", "OutOfSync", "Degraded", "53e28ff", "payments"],
        ]
    );
}

#[test]
fn atlas_kinds_have_a_status_subresource_and_its_columns() {
    for (kind, spec) in [
        (
            "AtlasSchema",
            "{url: 'sqlite://shop.db', schema: {sql: 'create table t (id int)'}, polciy: {}}",
        ),
        (
            "AtlasMigration",
            "{dir: {local: {1.sql: 'create table t (id int)'}}, polciy: {}}",
        ),
    ] {
        let name = kind.to_lowercase();
        let object = format!(
            "{{apiVersion: db.atlasgo.io/v1alpha1, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}, status: {{failed: 7}}}}"
        );
        plane().apply(&object).unwrap();
        let stored = get_json(&[&name, &name]);
        assert_eq!(
            stored.pointer("/spec/polciy"),
            Some(&serde_json::json!({})),
            "{kind} keeps what is misspelled"
        );
        assert_eq!(
            stored.pointer("/spec/backoffLimit"),
            Some(&Value::from(20)),
            "{kind} has upstream's defaults"
        );
        assert_eq!(
            stored.pointer("/status/failed"),
            Some(&Value::from(0)),
            "{kind}'s status is not set by the object"
        );

        let status = r#"{"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Migrating",
            "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}"#;
        let patch = [
            "patch",
            &name,
            &name,
            "--subresource=status",
            "--type=merge",
            "-p",
            status,
        ];
        plane().kubectl(&patch, "").unwrap().ok().unwrap();
        let table = plane()
            .kubectl(&["get", &name, &name], "")
            .unwrap()
            .ok()
            .unwrap();
        let words: Vec<&str> = table.split_whitespace().collect();
        assert_eq!(
            words,
            ["NAME", "READY", "REASON", &name, "False", "Migrating"]
        );
    }
}

#[test]
fn what_upstream_refuses_is_refused() {
    #[track_caller]
    fn check(api_version: &str, kind: &str, spec: &str, words: &str) {
        let object = format!(
            "{{apiVersion: {api_version}/v1alpha1, kind: {kind}, metadata: {{name: refused}}, spec: {spec}}}"
        );
        let output = plane()
            .kubectl(&["apply", "--dry-run=server", "-f", "-"], &object)
            .unwrap();
        assert!(!output.success(), "{object} was accepted");
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
    check(
        "argoproj.io",
        "Application",
        "{project: p}",
        "spec.destination: Required value",
    );
    check(
        "argoproj.io",
        "Application",
        "{destination: {}}",
        "spec.project: Required value",
    );
    let source = "{project: p, destination: {}, source: {path: p}}";
    check(
        "argoproj.io",
        "Application",
        source,
        "spec.source.repoURL: Required value",
    );
    let policy = "{project: p, destination: {}, syncPolicy: {syncOptions: CreateNamespace=true}}";
    check(
        "argoproj.io",
        "Application",
        policy,
        "spec.syncPolicy.syncOptions",
    );
    let whitelist = "{clusterResourceWhitelist: [{kind: Namespace}]}";
    check(
        "argoproj.io",
        "AppProject",
        whitelist,
        "spec.clusterResourceWhitelist[0].group: Required value",
    );
    check(
        "db.atlasgo.io",
        "AtlasSchema",
        "{txMode: some}",
        "spec.txMode: Unsupported value",
    );
    check(
        "db.atlasgo.io",
        "AtlasSchema",
        "{urlFrom: {secretKeyRef: {name: n}}}",
        "spec.urlFrom.secretKeyRef.key",
    );
    check(
        "db.atlasgo.io",
        "AtlasMigration",
        "{policy: {drift: {onError: SOMETIMES}}}",
        "spec.policy.drift.onError: Unsupported value",
    );
    for (spec, expected) in [
        (
            "{targetRef: {name: shop}, interval: 59s}",
            "spec.interval: Invalid value: \"59s\": interval must be at least 1m",
        ),
        ("{targetRef: {name: ''}}", "spec.targetRef.name"),
        ("{interval: 5m}", "spec.targetRef: Required value"),
        (
            "{targetRef: {name: shop}, onDrift: FAIL}",
            "spec.onDrift: Unsupported value",
        ),
    ] {
        check("db.atlasgo.io", "AtlasDriftCheck", spec, expected);
    }
}

#[test]
fn a_source_has_the_same_fields_alone_and_among_several() {
    let crd = get_json(&["crd", "applications.argoproj.io"]);
    let spec = crd
        .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties")
        .unwrap();
    let several = spec.pointer("/sources/items").unwrap();
    let mut alone = spec["source"].clone();
    alone.as_object_mut().unwrap().remove("description");
    assert_eq!(&alone, several);
    assert!(
        several
            .pointer("/properties/helm/properties/valuesObject")
            .is_some()
    );
}

#[test]
fn controllers_clean_up_and_helm_is_there() {
    plane()
        .kubectl(&["create", "namespace", "passing"], "")
        .unwrap()
        .ok()
        .unwrap();
    plane()
        .kubectl(&["delete", "namespace", "passing", "--timeout=60s"], "")
        .unwrap()
        .ok()
        .unwrap();
    let gone = plane()
        .kubectl(&["get", "namespace", "passing"], "")
        .unwrap();
    assert!(gone.stderr.contains("NotFound"), "{}", gone.stderr);
    assert_eq!(plane().helm(&["list", "-q"]).unwrap().ok().unwrap(), "");
}

#[test]
fn a_start_that_takes_too_long_shows_the_logs() {
    let options = Options {
        start_timeout: Duration::ZERO,
        ..Options::default()
    };
    let error = ControlPlane::start_with(&options).unwrap_err().to_string();
    assert!(
        error.starts_with("waiting until kube-apiserver is ready: time is up"),
        "{error}"
    );
    assert!(error.contains("--- the last lines of etcd.log"), "{error}");
}

#[test]
fn the_program_ends_with_its_input_and_keeps_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, server) = program(&folder);
    TcpStream::connect(&server).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    TcpStream::connect(&server).unwrap_err();
    assert!(folder.path().join("kube-apiserver.log").is_file());
}

#[test]
fn a_killed_program_takes_its_servers_along() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, server) = program(&folder);
    let mut connection = TcpStream::connect(&server).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // Nobody tells us when the guard is done; the kernel closes our connection when the API server is gone. An idle
    // connection lives longer than the time-out, so its end is no other's doing.
    match connection.read(&mut [0]) {
        Ok(read) => assert_eq!(read, 0),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}
