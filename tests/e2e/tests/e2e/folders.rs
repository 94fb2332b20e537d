//! `tidegate check` of folders: what only a folder as a whole shows, with the components that ship.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::tidegate::{POLICIES, components, program};

/// Runs `check` in a folder; rules with their actions, each with the file that it is about.
fn found(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let policies = folder.join("policies.yaml");
    let components = components().unwrap().display().to_string();
    fs::write(&policies, POLICIES.replace("FOLDER", &components)).unwrap();
    let output = Command::new(program().unwrap())
        .args(["check", "-o", "json", "--dialect", "sqlite", "--policies"])
        .arg(&policies)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let results = report["results"].as_array().unwrap();
    let lines = results.iter().flat_map(|result| {
        let findings = result["findings"].as_array().unwrap().iter();
        findings.map(|finding| {
            format!(
                "{} {} {}",
                result["source"].as_str().unwrap(),
                finding["rule"].as_str().unwrap(),
                finding["action"].as_str().unwrap()
            )
        })
    });
    lines.collect()
}

fn seal(folder: &Path, name: &str) {
    let status = Command::new(program().unwrap())
        .args(["migrate", "hash", "--dir", name])
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_folder_is_judged_as_a_whole() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    for folder in ["old", "new"] {
        fs::create_dir(place.join(folder)).unwrap();
        fs::write(
            place.join(folder).join("1_a.sql"),
            "CREATE TABLE a (a int);\n",
        )
        .unwrap();
        fs::write(
            place.join(folder).join("3_b.sql"),
            "CREATE TABLE b (a int);\n",
        )
        .unwrap();
        seal(place, folder);
    }
    assert_eq!(found(place, &["new"]), [""; 0]);
    assert_eq!(found(place, &["new", "--old", "old"]), [""; 0]);
    fs::write(place.join("new/1_a.sql"), "CREATE TABLE a (a bigint);\n").unwrap();
    assert_eq!(
        found(place, &["new"]),
        ["new/atlas.sum:1 migration-folder deny"]
    );
    fs::write(place.join("new/2_c.sql"), "CREATE TABLE c (a int);\n").unwrap();
    seal(place, "new");
    let mut rewritten = found(place, &["new", "--old", "old"]);
    rewritten.sort();
    assert_eq!(
        rewritten,
        [
            "new/1_a.sql:1 migration-history warn",
            "new/2_c.sql:1 migration-history deny"
        ]
    );
    fs::write(place.join("new/3_d.sql"), "CREATE TABLE d (a int);\n").unwrap();
    seal(place, "new");
    assert_eq!(
        found(place, &["new"]),
        ["new/atlas.sum:1 migration-folder deny"]
    );
    fs::remove_file(place.join("new/atlas.sum")).unwrap();
    let unsealed = found(place, &["new", "--old", "old"]);
    assert!(
        unsealed.contains(&"new/atlas.sum:1 migration-folder deny".to_owned()),
        "{unsealed:?}"
    );
}

/// What is pending is judged before it runs, by the same policies: a file that drops a table leaves the database as it was.
#[test]
fn migrations_are_judged_before_they_run() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let components = components().unwrap().display().to_string();
    fs::write(
        place.join("policies.yaml"),
        POLICIES.replace("FOLDER", &components),
    )
    .unwrap();
    let folder = place.join("migrations");
    fs::create_dir(&folder).unwrap();
    let apply = || {
        let output = Command::new(program().unwrap())
            .args(["migrate", "apply", "-o", "json"])
            .args([
                "-u",
                "sqlite://x.db",
                "--dir",
                "migrations",
                "--policies",
                "policies.yaml",
            ])
            .current_dir(place)
            .output()
            .unwrap();
        let run: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), run)
    };
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).unwrap();
        seal(place, "migrations");
    };

    write("1_a.sql", "CREATE TABLE a (a int);\n");
    let (code, run) = apply();
    assert_eq!(
        (code, run["applied"][0]["file"].as_str()),
        (Some(0), Some("1_a.sql"))
    );
    // The first file is done and is not judged again; of the two that are pending, none runs.
    write("2_b.sql", "CREATE TABLE b (a int);\n");
    write("3_c.sql", "-- c\nDROP TABLE a;\n");
    let (code, run) = apply();
    assert_eq!(code, Some(1), "{run}");
    let finding = &run["findings"][0];
    assert_eq!(
        (&finding["file"], &finding["rule"], &finding["line"]),
        (&"3_c.sql".into(), &"drop-table".into(), &2.into()),
        "{run}"
    );
    assert_eq!(
        run["error"],
        "the policies deny what is pending; nothing was run"
    );
    write("3_c.sql", "CREATE TABLE c (a int);\n");
    let (code, run) = apply();
    assert_eq!(
        (code, run["applied"].as_array().unwrap().len()),
        (Some(0), 2),
        "{run}"
    );
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: url, annotations: {argocd.argoproj.io/sync-wave: \"1\"}}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web, envFrom: [{secretRef: {name: url}}]}]}\n";

/// What a folder had before somebody changed something else in it only warns.
#[test]
fn an_old_hazard_of_a_folder_does_not_bind() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let write = |folder: &str, name: &str, text: &str| {
        fs::create_dir_all(place.join(folder)).unwrap();
        fs::write(place.join(folder).join(name), text).unwrap();
    };
    for folder in ["old", "new"] {
        write(folder, "secret.yaml", SECRET);
        write(folder, "pod.yaml", POD);
    }
    write("new", "more.yaml", &SECRET.replace("url", "more"));
    let late = "reference-in-later-wave";
    assert_eq!(
        found(place, &["new"]),
        [format!("new/secret.yaml:1 {late} deny")]
    );
    assert_eq!(
        found(place, &["new", "--old", "old"]),
        [format!("new/secret.yaml:1 {late} warn")]
    );
    write("new", "pod.yaml", &POD.replace("name: url", "name: more"));
    assert_eq!(
        found(place, &["new", "--old", "old"]),
        [format!("new/more.yaml:1 {late} deny")]
    );
}

/// An app of apps leads from one repository to the next, and in a circle only once.
#[test]
fn applications_are_followed_into_their_repositories() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let application = |name: &str, repository: &str, path: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\nspec:\n  project: shop\n  \
             source: {{repoURL: \"https://git.example.com/{repository}.git\", path: {path}, targetRevision: v1.0.0}}\n  \
             destination: {{server: \"https://kubernetes.default.svc\", namespace: shop}}\n"
        )
    };
    for (file, text) in [
        ("here/root.yaml", application("root", "apps", "apps")),
        ("apps/apps/shop.yaml", application("shop", "shop", "deploy")),
        ("apps/apps/again.yaml", application("root", "apps", "apps")),
        ("apps/apps/away.yaml", application("away", "away", "deploy")),
        ("shop/deploy/secret.yaml", SECRET.to_owned()),
        ("shop/deploy/pod.yaml", POD.to_owned()),
    ] {
        fs::create_dir_all(place.join(file).parent().unwrap()).unwrap();
        fs::write(place.join(file), text).unwrap();
    }
    assert_eq!(found(place, &["here"]), [""; 0]);
    let followed = found(
        place,
        &[
            "here",
            "--repo-override",
            "https://git.example.com/apps=apps",
            "--repo-override",
            "https://git.example.com/shop=shop",
        ],
    );
    assert_eq!(
        followed,
        ["Application argocd/shop (rendered):3 reference-in-later-wave deny"]
    );
}

/// What the gate adds to an Application from Git is no difference to whoever compares it with Git.
#[test]
fn what_the_gate_adds_is_no_drift() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let components = components().unwrap().display().to_string();
    let settings =
        "{createNamespace: true, serverSideApply: true, addFinalizer: true, defaultRetry: true}";
    let policy = format!(
        "{{name: wave-order, file: {components}/wave-order.wasm, mutate: true, limits: {{cpu: 5s, time: 20s}}, settings: {settings}}}"
    );
    fs::write(place.join("policies.yaml"), format!("policies: [{policy}]")).unwrap();
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd", "annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/shop"}},
        "spec": {
            "project": "shop", "source": {"repoURL": "https://git.example.com/shop.git", "path": "deploy", "targetRevision": "v1.0.0"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": true}},
        },
    });
    let run = |arguments: &[&str]| -> Value {
        let output = Command::new(program().unwrap())
            .args(arguments)
            .current_dir(place)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    };
    fs::write(place.join("git.json"), object.to_string()).unwrap();
    let report = run(&[
        "check",
        "-o",
        "json",
        "--policies",
        "policies.yaml",
        "git.json",
    ]);
    let patch = report["results"][0]["patch"].as_array().unwrap();
    assert_eq!(patch.len(), 3, "{patch:?}");
    for operation in patch {
        let (parent, field) = operation["path"]
            .as_str()
            .unwrap()
            .rsplit_once('/')
            .unwrap();
        object.pointer_mut(parent).unwrap()[field] = operation["value"].clone();
    }
    fs::write(place.join("live.json"), object.to_string()).unwrap();
    let plan = run(&[
        "app",
        "plan",
        "--target",
        "git.json",
        "--live",
        "live.json",
        "-o",
        "json",
    ]);
    assert_eq!(plan["sync"], "Synced", "{plan:#}");
}
