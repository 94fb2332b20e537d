//! Allowed, denied, warned, mutated: what `kubectl apply` says with the gate in front.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tidegate_kit::ControlPlane;

use crate::tidegate::{Gated, Start, Tidegate, atlas_schema, eventually};

/// The control plane with our CRDs, for all tests here.
pub(crate) fn plane() -> &'static ControlPlane {
    static READY: OnceLock<()> = OnceLock::new();
    let plane = ControlPlane::shared().unwrap();
    READY.get_or_init(|| plane.install_crds().unwrap());
    plane
}

fn gated(tidegate: &Tidegate, namespace: &str) -> Gated<'static> {
    Gated::new(
        plane(),
        namespace,
        &tidegate.webhook,
        &tidegate.ca_bundle().unwrap(),
        "Fail",
    )
    .unwrap()
}

const USERS: &str = "CREATE TABLE users (\n  id integer PRIMARY KEY,\n  email text\n);\n";

/// The guide's folder and its Application pass as they are.
#[test]
fn the_guide_is_accepted() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "guide");
    for file in [
        "guide/database.yaml",
        "guide/schema.yaml",
        "guide/app.yaml",
        "application/shop.yaml",
    ] {
        let text =
            std::fs::read_to_string(format!("{}/../cases/{file}", env!("CARGO_MANIFEST_DIR")))
                .unwrap();
        let here = text
            .replace("namespace: shop\n", "namespace: guide\n")
            .replace("namespace: argocd", "namespace: guide");
        let output = gate.accepts(&here);
        // The API server itself has something to say about the finalizer's name, which is Argo CD's.
        assert!(
            !output.stderr.contains("Warning: ["),
            "{file}: {}",
            output.stderr
        );
    }
}

#[test]
fn a_dropped_column_is_refused_with_its_place_and_what_to_do() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "drop-column");
    gate.accepts(&atlas_schema("shop", "sqlite://shop.db", USERS));
    let narrower = "CREATE TABLE users (\n  id integer PRIMARY KEY\n);\n";
    let output = gate.rejects(
        &atlas_schema("shop", "sqlite://shop.db", narrower),
        "unsafe-sql/drop-column",
        "email",
    );
    for part in ["Forbidden", "/spec/schema/sql", "Instead:"] {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }
    // What is stored is what it was, and a change that loses nothing goes through.
    assert_eq!(
        gate.get("atlasschema", "shop").unwrap()["spec"]["schema"]["sql"],
        USERS
    );
    gate.accepts(&atlas_schema(
        "shop",
        "sqlite://shop.db",
        &USERS.replace("email text", "email text,\n  name text"),
    ));
}

#[test]
fn bad_sql_never_passes() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "bad-sql");
    for (sql, rule, message) in [
        ("DROP TABLE users;", "unsafe-sql/drop-table", "users"),
        (
            "CREATE TABEL users (id integer);",
            "unsafe-sql/unparsed",
            "line 1",
        ),
        ("SELECT 1 END; DROP TABLE users;", "unsafe-sql/", "users"),
    ] {
        let output = gate
            .apply(&atlas_schema("bad", "mysql://db/shop", sql))
            .unwrap();
        assert!(
            !output.success() && output.stderr.contains(rule) && output.stderr.contains(message),
            "{sql}: {}",
            output.stderr
        );
    }
    let nested = format!("SELECT {}1{};", "(".repeat(10_000), ")".repeat(10_000));
    let output = gate
        .apply(&atlas_schema("bad", "mysql://db/shop", &nested))
        .unwrap();
    assert!(
        !output.success() && output.stderr.contains("[unsafe-sql/"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_plain_password_is_warned_about_and_never_repeated() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "password");
    let output = gate.accepts(&atlas_schema(
        "shop",
        "mysql://root:hunter22@db/shop",
        "CREATE TABLE t (id int PRIMARY KEY);",
    ));
    assert!(
        output
            .stderr
            .contains("Warning: [unsafe-sql/plaintext-password]"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("hunter22"), "{}", output.stderr);
}

fn application(sync_wave: &str, spec: &Value) -> String {
    let mut application = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "annotations": {"argocd.argoproj.io/sync-wave": sync_wave}},
        "spec": {
            "project": "shop",
            "source": {"repoURL": "https://git.example.com/shop.git", "path": "deploy", "targetRevision": "v1"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        },
    });
    json_patch_merge(&mut application["spec"], spec);
    application.to_string()
}

fn json_patch_merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
}

#[test]
fn a_wave_that_is_no_integer_is_refused() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "wave");
    gate.accepts(&application("-1", &json!({})));
    gate.rejects(
        &application("first", &json!({})),
        "wave-order/wave-not-integer",
        "first",
    );
    // Argo CD would take it for 0 without a word.
    assert_eq!(
        gate.get("application", "shop").unwrap()["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"],
        "-1"
    );
}

/// The API server keeps unknown fields of `spec` under our CRD, so the gate sees the misplaced list.
#[test]
fn misplaced_sync_options_are_seen_and_mended_where_that_is_switched_on() {
    let misplaced = application("0", &json!({"syncOptions": ["CreateNamespace=true"]}));
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "misplaced");
    let output = gate.apply(&misplaced).unwrap();
    assert!(
        output.stderr.contains("wave-order/field-misplaced")
            && output.stderr.contains("syncPolicy"),
        "{}",
        output.stderr
    );

    let mending = Start {
        policies: "policies: [{name: wave-order, file: FOLDER/wave-order.wasm, mutate: true, settings: {moveSyncOptions: true}, limits: {cpu: 5s, time: 20s}},
          {name: unsafe-sql, file: FOLDER/unsafe-sql.wasm, limits: {memory: 256MiB, cpu: 5s, time: 20s}}]",
        ..Start::default()
    };
    let tidegate = Tidegate::start(&mending).unwrap();
    let gate = gated(&tidegate, "mended");
    let output = gate.accepts(&misplaced);
    assert!(
        output
            .stderr
            .contains("Warning: [wave-order/field-misplaced]"),
        "{}",
        output.stderr
    );
    let spec = gate.get("application", "shop").unwrap()["spec"].clone();
    assert_eq!(
        (&spec["syncPolicy"]["syncOptions"], &spec["syncOptions"]),
        (&json!(["CreateNamespace=true"]), &Value::Null)
    );
}

#[test]
fn a_dry_run_gets_the_same_answer_and_stores_nothing() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "dry-run");
    let dry = |manifest: &str| {
        plane()
            .kubectl(
                &["apply", "-n", "dry-run", "--dry-run=server", "-f", "-"],
                manifest,
            )
            .unwrap()
    };
    assert!(dry(&atlas_schema("shop", "sqlite://shop.db", USERS)).success());
    assert!(gate.get("atlasschema", "shop").is_err());
    let refused = dry(&atlas_schema(
        "shop",
        "sqlite://shop.db",
        "DROP TABLE users;",
    ));
    assert!(
        refused.stderr.contains("[unsafe-sql/drop-table]"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_delete_passes_and_takes_its_finalizers_along() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "delete");
    gate.accepts(&atlas_schema("shop", "sqlite://shop.db", USERS));
    let delete = plane()
        .kubectl(
            &[
                "delete",
                "-n",
                "delete",
                "atlasschema",
                "shop",
                "--timeout=30s",
            ],
            "",
        )
        .unwrap();
    assert!(delete.success(), "{}", delete.stderr);
}

#[test]
fn with_the_gate_down_the_failure_policy_decides() {
    let manifest = atlas_schema("shop", "sqlite://shop.db", "DROP TABLE users;");
    for (failure_policy, accepted) in [("Fail", false), ("Ignore", true)] {
        let mut tidegate = Tidegate::start(&Start::default()).unwrap();
        let namespace = format!("down-{}", failure_policy.to_lowercase());
        let gate = Gated::new(
            plane(),
            &namespace,
            &tidegate.webhook,
            &tidegate.ca_bundle().unwrap(),
            failure_policy,
        )
        .unwrap();
        gate.rejects(&manifest, "unsafe-sql/drop-table", "users");
        tidegate.terminate().unwrap();
        assert!(tidegate.wait_exit().unwrap().success());
        let output = gate.apply(&manifest).unwrap();
        assert_eq!(
            output.success(),
            accepted,
            "{failure_policy}: {}",
            output.stderr
        );
        assert!(
            accepted || output.stderr.contains("failed calling webhook"),
            "{}",
            output.stderr
        );
    }
}

/// A policies file that does not read changes nothing and says so; a good one binds without a restart.
#[test]
fn the_policies_file_is_followed() {
    let tidegate = Tidegate::start(&Start::default()).unwrap();
    let gate = gated(&tidegate, "followed");
    let drop = atlas_schema(
        "shop",
        "sqlite://shop.db",
        &format!("{USERS}DROP TABLE guests;"),
    );
    let file = tidegate.policies_file();
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "policies: [{name: unsafe-sql}]").unwrap();
    gate.rejects(&drop, "unsafe-sql/drop-table", "guests");
    std::fs::write(
        &file,
        good.replace(
            "name: unsafe-sql,",
            "name: unsafe-sql, rules: {drop-table: warn},",
        ),
    )
    .unwrap();
    let output = eventually("the new policies file", || {
        Ok(Some(gate.apply(&drop)?).filter(tidegate_kit::Output::success))
    })
    .unwrap();
    assert!(
        output.stderr.contains("Warning: [unsafe-sql/drop-table]"),
        "{}",
        output.stderr
    );
}

/// What an object makes a policy do is a denial, never a failed call; the others answer.
#[test]
fn a_policy_that_spins_is_stopped_and_the_others_answer() {
    let start = Start {
        policies: "policies:\n- {name: unsafe-sql, file: FOLDER/unsafe-sql.wasm, limits: {memory: 256MiB, cpu: 5s, time: 20s}}\n- {name: odd, file: FOLDER/guests/misbehaving.wasm, limits: {time: 20s}}\n",
        ..Start::default()
    };
    let tidegate = Tidegate::start(&start).unwrap();
    let gate = gated(&tidegate, "spin");
    let sql = atlas_schema("shop", "sqlite://shop.db", "DROP TABLE users;");
    for (behaviour, said) in [
        ("spin", "100ms of CPU time"),
        ("allocate", "64 MiB of memory"),
        ("recurse", "call stack"),
        ("trap", "crashed"),
    ] {
        let odd = sql.replace(
            r#""metadata":{"#,
            &format!(r#""metadata":{{"annotations":{{"misbehave":"{behaviour}"}},"#),
        );
        let output = gate.apply(&odd).unwrap();
        for part in [
            "[unsafe-sql/drop-table]",
            "policy odd could not judge this object",
            said,
        ] {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
    }
    let output = gate.apply(&sql).unwrap();
    assert!(
        output.stderr.contains("[unsafe-sql/drop-table]") && !output.stderr.contains("policy odd"),
        "{}",
        output.stderr
    );
}
