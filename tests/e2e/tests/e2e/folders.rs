//! `tidegate check` of a folder of migrations: what only the folder as a whole shows, with the components that ship.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

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
