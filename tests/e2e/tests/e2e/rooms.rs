//! The arrows between the rooms, as ARCHITECTURE.md draws them.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Each room of ours, and what it may depend on: other rooms.
const ARROWS: &[(&str, &[&str])] = &[
    ("tidegate-model", &[]),
    ("tidegate-admission", &[]),
    ("tidegate-waves", &["tidegate-model"]),
    ("tidegate-sqlplan", &[]),
    ("tidegate-schemaplan", &["tidegate-sqlplan"]),
    ("tidegate-migrations", &["tidegate-sqlplan"]),
    ("tidegate-health", &["tidegate-model"]),
    ("tidegate-syncplan", &["tidegate-model", "tidegate-waves"]),
    ("tidegate-push", &["tidegate-model"]),
    ("tidegate-host", &["tidegate-admission"]),
    ("tidegate-server", &["tidegate-admission", "tidegate-model"]),
    (
        "tidegate-database",
        &[
            "tidegate-migrations",
            "tidegate-schemaplan",
            "tidegate-sqlplan",
        ],
    ),
    (
        "tidegate-reconcile",
        &[
            "tidegate-database",
            "tidegate-health",
            "tidegate-migrations",
            "tidegate-model",
            "tidegate-schemaplan",
            "tidegate-sqlplan",
            "tidegate-syncplan",
        ],
    ),
    ("tidegate-render", &["tidegate-model"]),
    ("tidegate-cases", &[]),
    ("tidegate-componentize", &[]),
    ("tidegate-policy-sdk", &["tidegate-cases"]),
    (
        "unsafe-sql",
        &[
            "tidegate-migrations",
            "tidegate-policy-sdk",
            "tidegate-sqlplan",
        ],
    ),
    (
        "wave-order",
        &["tidegate-policy-sdk", "tidegate-waves", "tidegate-model"],
    ),
];

/// What only one room may name; the programs that call the server from outside ([`OUTSIDE`]) aside.
const SOLE: &[(&str, &str)] = &[
    ("wasmtime", "tidegate-host"),
    ("axum", "tidegate-server"),
    ("hyper", "tidegate-server"),
    ("kube", "tidegate-reconcile"),
    ("rusqlite", "tidegate-database"),
    ("sqlx", "tidegate-database"),
    ("mlua", "tidegate-health"),
];

/// Callers of the built program, which is all they know of it.
const OUTSIDE: &[&str] = &["tidegate-load", "tidegate-e2e", "tidegate-kit"];

/// What no pure room may name.
const PURE: &[&str] = &[
    "tidegate-model",
    "tidegate-admission",
    "tidegate-waves",
    "tidegate-sqlplan",
    "tidegate-schemaplan",
    "tidegate-migrations",
    "tidegate-health",
    "tidegate-syncplan",
    "tidegate-push",
    "tidegate-cases",
];
const IMPURE: &[&str] = &[
    "tokio", "kube", "wasmtime", "axum", "hyper", "reqwest", "rusqlite", "rustix", "sqlx",
    "tracing",
];

#[test]
fn arrows_point_down_only() {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let mut wrong = Vec::new();
    for package in packages {
        let room = name(package);
        let needs: Vec<String> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(name)
            .collect();
        if let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == room) {
            wrong.extend(
                needs
                    .iter()
                    .filter(|need| ours.contains(*need) && !allowed.contains(&need.as_str()))
                    .map(|need| format!("{room} -> {need}")),
            );
        }
        for (library, only) in SOLE {
            if needs.iter().any(|need| need == library)
                && room != *only
                && room.starts_with("tidegate-")
                && !OUTSIDE.contains(&room.as_str())
            {
                wrong.push(format!("{room} -> {library}, which is {only}'s"));
            }
        }
        if PURE.contains(&room.as_str()) {
            wrong.extend(
                needs
                    .iter()
                    .filter(|need| IMPURE.contains(&need.as_str()))
                    .map(|need| format!("{room} -> {need}, but it is pure")),
            );
        }
    }
    let missing: Vec<_> = ARROWS
        .iter()
        .filter(|(room, _)| !ours.contains(*room))
        .collect();
    assert!(
        wrong.is_empty() && missing.is_empty(),
        "{wrong:#?} {missing:?}"
    );
}
