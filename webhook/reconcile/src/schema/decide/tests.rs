//! What is decided, as tables: a snapshot in, the steps in words out.

use std::time::Duration;

use serde_json::json;
use tidegate_database::{Inspection, SchemaText};
use tidegate_model::ObjectKey;

use super::*;
use crate::gate::GateFinding;

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn pacing() -> Pacing {
    Pacing::default()
}

fn inspection(texts: &[&str]) -> Inspection {
    let text = |sql: &&str| SchemaText {
        name: sql.split_whitespace().nth(2).unwrap_or_default().to_owned(),
        sql: (*sql).to_owned(),
    };
    Inspection {
        texts: texts.iter().map(text).collect(),
        unmanaged: Vec::new(),
    }
}

/// An object at generation 2 that nobody has looked at yet.
fn fresh(wanted: &str, present: &[&str]) -> Snapshot {
    Snapshot {
        key: ObjectKey {
            group: "db.atlasgo.io".into(),
            kind: "AtlasSchema".into(),
            namespace: Some("shop".into()),
            name: "app".into(),
        },
        generation: 2,
        deleting: false,
        status: Status::default(),
        wanted: Ok(wanted.to_owned()),
        present: Ok(inspection(present)),
    }
}

/// The same object after a successful apply of `wanted`.
fn settled(wanted: &str, present: &[&str]) -> Snapshot {
    let mut snapshot = fresh(wanted, &[]);
    snapshot.present = Ok(inspection(&[USERS]));
    snapshot.wanted = Ok(USERS.to_owned());
    for step in decide(&snapshot, at(100), &pacing()) {
        if let Step::WriteStatus(status) = step {
            snapshot.status = status;
        }
    }
    assert!(snapshot.status.is_ready());
    snapshot.wanted = Ok(wanted.to_owned());
    snapshot.present = Ok(inspection(present));
    snapshot
}

/// A step in words. Waits are left out, they have their own tests.
fn word(step: &Step) -> String {
    match step {
        Step::WriteStatus(status) => {
            let conditions: Vec<_> = status
                .conditions
                .iter()
                .map(|condition| format!("{}={}", condition.kind, condition.status))
                .collect();
            let reason = status
                .conditions
                .first()
                .map(|ready| ready.reason.as_str())
                .unwrap_or_default();
            format!(
                "status {reason} {} failed={}",
                conditions.join(" "),
                status.failed
            )
        }
        Step::Judge { statements } => format!("judge {}", statements.len()),
        Step::Apply { statements, .. } => format!("apply {}", statements.len()),
        Step::Requeue(_) => "requeue".to_owned(),
    }
}

#[track_caller]
fn decides(snapshot: &Snapshot, expected: &[&str]) -> Vec<Step> {
    let steps = decide(snapshot, at(200), &pacing());
    assert_eq!(
        steps.iter().map(word).collect::<Vec<_>>(),
        expected,
        "{steps:#?}"
    );
    steps
}

/// The message of Ready in the status that is written.
fn message(steps: &[Step]) -> &str {
    let status = steps.iter().rev().find_map(|step| match step {
        Step::WriteStatus(status) => Some(status),
        _ => None,
    });
    status
        .and_then(|status| status.conditions.first())
        .map(|ready| ready.message.as_str())
        .unwrap_or_default()
}

#[track_caller]
fn refuses(snapshot: &Snapshot, reason: &str, words: &[&str]) {
    let expected = format!("status {reason} Ready=False Reconciling=False Stalled=True failed=1");
    let steps = decides(snapshot, &[&expected, "requeue"]);
    for word in words {
        assert!(
            message(&steps).contains(word),
            "{word:?} in {:?}",
            message(&steps)
        );
    }
}

const BEGINS: &str = "status Reconciling Ready=False Reconciling=True Stalled=False failed=0";
const READY: &str = "status Applied Ready=True Reconciling=False Stalled=False failed=0";

#[test]
fn what_is_missing_is_judged_and_then_added() {
    let steps = decides(&fresh(USERS, &[]), &[BEGINS, "judge 1", "apply 1"]);
    assert_eq!(
        message(&steps),
        "Reconciling",
        "the word that Argo CD's health script compares"
    );

    let more = format!(
        "{USERS}; CREATE TABLE posts (id INTEGER PRIMARY KEY); CREATE INDEX by_name ON users (name);"
    );
    decides(&fresh(&more, &[USERS]), &[BEGINS, "judge 2", "apply 2"]);

    let column = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT)";
    let steps = decides(&settled(column, &[USERS]), &[BEGINS, "judge 1", "apply 1"]);
    let Some(Step::Apply { statements, .. }) = steps.last() else {
        panic!("{steps:?}")
    };
    let sql = statements.concat().to_lowercase();
    assert!(
        sql.contains("alter table") && sql.contains("add column") && sql.contains("email"),
        "{sql}"
    );
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    decides(&settled(USERS, &[USERS]), &["requeue"]);
    let mut other_spec = settled(USERS, &[USERS]);
    other_spec.generation = 3;
    let steps = decides(&other_spec, &[READY, "requeue"]);
    assert!(
        message(&steps).starts_with(
            "The schema has been applied successfully. Apply response: {\"Changes\":{}"
        )
    );
}

#[test]
fn a_table_that_somebody_dropped_comes_back() {
    decides(&settled(USERS, &[]), &[BEGINS, "judge 1", "apply 1"]);
}

#[test]
fn what_would_destroy_or_rewrite_is_refused_with_a_reason() {
    let legacy = "CREATE TABLE legacy (a INTEGER)";
    refuses(
        &settled(USERS, &[USERS, legacy]),
        "LintPolicyError",
        &["legacy", "nothing was changed"],
    );
    refuses(
        &fresh(USERS, &[USERS, legacy]),
        "FirstRunDestructive",
        &["legacy", "nothing was changed"],
    );
    let column = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT)";
    refuses(
        &settled(USERS, &[column]),
        "LintPolicyError",
        &["users", "email"],
    );
    let narrow = "CREATE TABLE users (id INTEGER PRIMARY KEY, name INTEGER NOT NULL)";
    let steps = decide(&settled(narrow, &[USERS]), at(200), &pacing());
    assert!(
        steps
            .iter()
            .all(|step| matches!(step, Step::WriteStatus(_) | Step::Requeue(_))),
        "{steps:?}"
    );
    assert!(message(&steps).contains("name"), "{}", message(&steps));
}

#[test]
fn a_plan_with_one_refused_change_runs_none_of_it() {
    let wanted = "CREATE TABLE posts (id INTEGER PRIMARY KEY)";
    refuses(&settled(wanted, &[USERS]), "LintPolicyError", &["users"]);
}

#[test]
fn text_that_is_not_a_schema_is_refused() {
    for wanted in [
        "CREATE TABEL users (id INTEGER)",
        "DROP TABLE users",
        "CREATE TABLE t (a INTEGER",
        "ATTACH 'x' AS y",
    ] {
        let steps = decide(&settled(wanted, &[USERS]), at(200), &pacing());
        assert!(
            steps
                .iter()
                .all(|step| matches!(step, Step::WriteStatus(_) | Step::Requeue(_))),
            "{wanted}: {steps:?}"
        );
        assert!(!message(&steps).is_empty(), "{wanted}");
    }
}

#[test]
fn problems_become_conditions_with_the_operators_reasons() {
    for (cause, reason) in [
        (Cause::ReadSchema, "ReadSchema"),
        (Cause::Login, "Login"),
        (Cause::SchemaInspect, "SchemaInspect"),
    ] {
        let mut snapshot = fresh(USERS, &[]);
        snapshot.present = Err(Problem::new(cause, "the file is away"));
        refuses(&snapshot, reason, &["the file is away"]);
    }
}

#[test]
fn failures_are_counted_and_waits_grow_without_a_storm_of_beginnings() {
    let mut snapshot = fresh(USERS, &[]);
    snapshot.present = Err(Problem::new(Cause::Login, "away"));
    let mut waits = Vec::new();
    for expected in 1..=4 {
        let steps = decide(&snapshot, at(200), &pacing());
        let [Step::WriteStatus(status), Step::Requeue(wait)] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        assert_eq!(status.failed, expected);
        waits.push(*wait);
        snapshot.status = status.clone();
    }
    assert!(
        waits.is_sorted() && waits.last() > waits.first(),
        "{waits:?}"
    );

    // It can be reached again: work goes on under the failure that is shown, until there is something better to show.
    snapshot.present = Ok(inspection(&[]));
    decides(&snapshot, &["judge 1", "apply 1"]);
    snapshot.present = Ok(inspection(&[USERS]));
    decides(&snapshot, &[READY, "requeue"]);

    // A new spec begins with a clean slate.
    snapshot.generation = 3;
    snapshot.present = Err(Problem::new(Cause::Login, "away"));
    decides(
        &snapshot,
        &[
            "status Login Ready=False Reconciling=False Stalled=True failed=1",
            "requeue",
        ],
    );
}

#[test]
fn a_deleted_object_is_left_alone() {
    let mut snapshot = fresh(USERS, &[]);
    snapshot.deleting = true;
    assert_eq!(decides(&snapshot, &[]), []);
}

#[test]
fn the_end_decides_the_status() {
    let snapshot = settled(USERS, &[]);
    let concludes = |outcome: Outcome| conclude(&snapshot, &outcome, at(300), &pacing());
    let shown = |steps: &[Step]| steps.iter().map(word).collect::<Vec<_>>();

    let applied = concludes(Outcome::Applied {
        statements: vec![USERS.to_owned()],
        hash: "new".to_owned(),
        started: at(250),
        ended: at(251),
    });
    assert_eq!(shown(&applied), [READY, "requeue"]);
    assert!(
        message(&applied).contains(USERS) && message(&applied).contains("\"Driver\":\"sqlite3\"")
    );
    let Some(Step::WriteStatus(status)) = applied.first() else {
        panic!("{applied:?}")
    };
    assert_eq!(
        (status.observed_hash.as_str(), status.last_applied),
        ("new", 300)
    );

    let finding = |number: usize| GateFinding {
        policy: "unsafe-sql".to_owned(),
        rule: format!("rule-{number}"),
        message: "no".to_owned(),
        change: Some(0),
        suggestion: Some("write something else".to_owned()),
    };
    let denied = concludes(Outcome::Denied {
        findings: (0..30).map(finding).collect(),
    });
    assert_eq!(
        shown(&denied),
        [
            "status LintPolicyError Ready=False Reconciling=False Stalled=True failed=1",
            "requeue"
        ]
    );
    assert!(
        message(&denied).contains("- unsafe-sql/rule-0: no (write something else)\n"),
        "{}",
        message(&denied)
    );
    assert!(message(&denied).ends_with("- and more") && !message(&denied).contains("rule-20"));

    let failed = concludes(Outcome::Failed(Problem::new(Cause::ApplyingSchema, "disk")));
    assert_eq!(
        shown(&failed),
        [
            "status ApplyingSchema Ready=False Reconciling=False Stalled=True failed=1",
            "requeue"
        ]
    );

    assert_eq!(
        shown(&concludes(Outcome::Overtaken)),
        ["requeue"],
        "being overtaken is no failure"
    );
    assert_eq!(concludes(Outcome::Done), []);
}

#[test]
fn a_success_is_looked_at_again_and_a_failure_sooner() {
    let wait = |steps: Vec<Step>| match steps.last() {
        Some(Step::Requeue(wait)) => *wait,
        _ => panic!("{steps:?}"),
    };
    let mut failing = fresh(USERS, &[]);
    failing.present = Err(Problem::new(Cause::Login, "away"));
    let retry = wait(decide(&failing, at(200), &pacing()));
    let resync = wait(decide(&settled(USERS, &[USERS]), at(200), &pacing()));
    assert!(
        retry <= Duration::from_secs(1) && resync > Duration::from_mins(3),
        "{retry:?} {resync:?}"
    );
}

#[test]
fn a_status_is_written_in_the_definitions_own_spelling() {
    let status = settled(USERS, &[USERS]).status;
    let written = json!(status);
    let mut fields: Vec<_> = written
        .as_object()
        .map(|fields| fields.keys().collect())
        .unwrap_or_default();
    fields.sort();
    assert_eq!(
        fields,
        [
            "conditions",
            "failed",
            "last_applied",
            "observedGeneration",
            "observed_hash"
        ]
    );
    assert_eq!(
        written["conditions"][0]["lastTransitionTime"],
        "1970-01-01T00:01:40Z"
    );
}

#[test]
fn a_snapshot_and_its_steps_are_files() {
    let snapshot = settled(USERS, &[]);
    let text = serde_json::to_string(&snapshot).expect("plain data");
    assert_eq!(
        serde_json::from_str::<Snapshot>(&text).expect("its own text"),
        snapshot
    );
    let steps = decide(&snapshot, at(200), &pacing());
    let text = serde_json::to_string(&steps).expect("plain data");
    assert_eq!(
        serde_json::from_str::<Vec<Step>>(&text).expect("its own text"),
        steps
    );
}
