//! What is decided, as tables: a snapshot in, the steps in words out.

use serde_json::json;
use tidegate_model::ObjectKey;
use tidegate_sqlplan::Dialect;

use super::*;
use crate::migration::{DriftCheck, PendingFile, Wish};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// A database with versions up to `last`, and files that are pending.
fn seen(last: &str, pending: &[&str]) -> Seen {
    Seen {
        hash: format!("{last}+{}", pending.len()),
        dialect: Dialect::Postgres,
        last: last.to_owned(),
        beyond: None,
        down: None,
        baseline: None,
        settles: false,
        drifted: Vec::new(),
        pending: pending
            .iter()
            .map(|name| PendingFile {
                name: (*name).to_owned(),
                text: format!("-- {name}"),
                statements: Vec::new(),
            })
            .collect(),
    }
}

/// An object at generation 2 that nobody has looked at yet.
fn fresh(seen: Seen) -> Snapshot {
    Snapshot {
        key: ObjectKey {
            group: "db.atlasgo.io".into(),
            kind: "AtlasMigration".into(),
            namespace: Some("shop".into()),
            name: "app".into(),
        },
        generation: 2,
        deleting: false,
        approved: None,
        status: Status::default(),
        wish: Ok(Wish {
            backoff_limit: 3,
            may_go_down: false,
            follows: false,
            drift: None,
        }),
        seen: Ok(seen),
    }
}

/// The same object after version 1 was applied.
fn settled(seen_now: Seen) -> Snapshot {
    let before = fresh(seen("1", &[]));
    let mut snapshot = fresh(seen_now);
    for step in decide(&before, at(100), &Pacing::default()) {
        if let Step::WriteStatus(status) = step {
            snapshot.status = status;
        }
    }
    assert!(snapshot.status.is_ready());
    snapshot
}

/// A step in words.
fn word(step: &Step) -> String {
    match step {
        Step::WriteStatus(status) => {
            let ready = status.conditions.first().expect("Ready");
            format!(
                "{}/{} at {:?} failed={}",
                ready.status, ready.reason, status.last_applied_version, status.failed
            )
        }
        Step::Judge { texts, is_approved } => {
            let approved = if *is_approved { " approved" } else { "" };
            format!("judge {texts:?}{approved}")
        }
        Step::GoDown => "go down".to_owned(),
        Step::Migrate => "migrate".to_owned(),
        Step::Requeue(_) => "requeue".to_owned(),
    }
}

fn message(steps: &[Step]) -> &str {
    match steps.first() {
        Some(Step::WriteStatus(status)) => &status.conditions.first().expect("Ready").message,
        _ => panic!("{steps:?}"),
    }
}

#[track_caller]
fn check(steps: &[Step], expected: &[&str]) {
    let shown: Vec<String> = steps.iter().map(word).collect();
    assert_eq!(shown, expected, "{steps:#?}");
}

#[track_caller]
fn decides(snapshot: &Snapshot, expected: &[&str]) -> Vec<Step> {
    let steps = decide(snapshot, at(200), &Pacing::default());
    check(&steps, expected);
    steps
}

#[test]
fn what_is_pending_is_judged_whole_and_then_run() {
    let steps = decides(
        &fresh(seen("", &["1.sql", "2.sql"])),
        &[
            "False/Reconciling at \"\" failed=0",
            "judge [\"-- 1.sql\", \"-- 2.sql\"]",
            "migrate",
        ],
    );
    assert_eq!(message(&steps), "Reconciling");
    let steps = decides(
        &settled(seen("1", &["2.sql"])),
        &[
            "False/Reconciling at \"1\" failed=0",
            "judge [\"-- 2.sql\"]",
            "migrate",
        ],
    );
    assert_eq!(message(&steps), "Current migration data has changed");
    let mut baseline = fresh(seen("", &[]));
    baseline.seen.as_mut().expect("it is seen").baseline = Some("1.sql".to_owned());
    decides(
        &baseline,
        &["False/Reconciling at \"\" failed=0", "migrate"],
    );
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    decides(&settled(seen("1", &[])), &["requeue"]);
    // Somebody else ran the next one.
    decides(
        &settled(seen("2", &[])),
        &["True/Applied at \"2\" failed=0", "requeue"],
    );
}

#[test]
fn a_folder_that_ends_early_is_not_gone_back_to() {
    let mut snapshot = settled(seen("2", &[]));
    snapshot.seen.as_mut().expect("it is seen").beyond = Some("2".to_owned());
    let refused = ["False/ProtectedFlowError at \"2\" failed=1", "requeue"];
    let steps = decides(&snapshot, &refused);
    assert!(
        message(&steps).starts_with(
            "migrate down is not allowed, set `migrateDown.allow` to true to allow downgrade"
        ),
        "{}",
        message(&steps)
    );
}

#[test]
fn a_way_back_that_may_be_gone_is_judged_and_answered_by_its_hash() {
    let mut snapshot = settled(seen("2", &[]));
    let now = snapshot.seen.as_mut().expect("it is seen");
    now.beyond = Some("2".to_owned());
    now.down = Some(WayBack {
        back: tidegate_migrations::Back::To("1".to_owned()),
        undone: vec!["2".to_owned()],
        statements: vec!["DROP TABLE b".to_owned()],
        hash: "0123456789abcdef".to_owned(),
    });
    let begins = "False/Reconciling at \"2\" failed=0";
    decides(&snapshot, &[begins, "judge [\"DROP TABLE b\"]", "go down"]);
    let denied = Outcome::Denied {
        findings: Vec::new(),
    };
    let steps = conclude(&snapshot, &denied, at(200), &Pacing::default());
    assert!(
        message(&steps).ends_with(
            "the way back behind 2. When exactly this is meant, annotate the object with gate.tidegate.dev/approve: 0123456789abcdef"
        ),
        "{}",
        message(&steps)
    );
    for (approved, expected) in [
        ("0123456789AB", "judge [\"DROP TABLE b\"] approved"),
        ("0123456789a", "judge [\"DROP TABLE b\"]"),
        ("fedcba9876543210", "judge [\"DROP TABLE b\"]"),
    ] {
        snapshot.approved = Some(approved.to_owned());
        decides(&snapshot, &[begins, expected, "go down"]);
    }
}

#[test]
fn failures_are_counted_and_retried_more_rarely_beyond_the_limit() {
    let mut snapshot = settled(seen("1", &["2.sql"]));
    snapshot.seen = Err(Problem::new(Reason::Login, "away"));
    let mut waits = Vec::new();
    for failed in 1..=4 {
        let expected = format!("False/Login at \"1\" failed={failed}");
        let steps = decides(&snapshot, &[&expected, "requeue"]);
        for step in steps {
            match step {
                Step::WriteStatus(status) => snapshot.status = status,
                Step::Requeue(wait) => waits.push(wait),
                _ => {}
            }
        }
    }
    assert!(waits.is_sorted(), "{waits:?}");
    let resync = Pacing::default().resync(&snapshot.key);
    assert!(
        waits[2] <= Duration::from_secs(20) && waits[3] == resync,
        "{waits:?}"
    );
    snapshot.deleting = true;
    decides(&snapshot, &[]);
}

#[test]
fn the_end_decides_the_status() {
    let snapshot = settled(seen("1", &["2.sql", "3.sql"]));
    let concludes = |outcome: Outcome| conclude(&snapshot, &outcome, at(300), &Pacing::default());
    let migrated = concludes(Outcome::Migrated { last: "3".into() });
    check(&migrated, &["True/Applied at \"3\" failed=0", "requeue"]);
    let Some(Step::WriteStatus(status)) = migrated.first() else {
        panic!("{migrated:?}")
    };
    assert_eq!(message(&migrated), "", "as the operator writes it");
    assert_eq!(
        (status.observed_hash.as_str(), status.last_applied),
        ("1+2", 300)
    );

    let failed = concludes(Outcome::Failed {
        problem: Problem::new(Reason::Migrating, "syntax"),
        last: Some("2".into()),
    });
    check(&failed, &["False/Migrating at \"2\" failed=1", "requeue"]);

    let denied = concludes(Outcome::Denied {
        findings: vec![GateFinding {
            policy: "unsafe-sql".into(),
            rule: "drop-table".into(),
            message: "no".into(),
            change: Some(1),
            suggestion: None,
        }],
    });
    check(
        &denied,
        &["False/PlanRejected at \"1\" failed=1", "requeue"],
    );
    assert_eq!(
        message(&denied),
        "the policies deny what is pending; nothing was run:\n- 3.sql: unsafe-sql/drop-table: no"
    );
    check(&concludes(Outcome::Overtaken), &["requeue"]);
    check(&concludes(Outcome::Done), &[]);
}

#[test]
fn a_status_is_written_in_the_definitions_own_spelling() {
    let written = json!(settled(seen("1", &[])).status);
    let fields = written.as_object().map(|fields| fields.keys().collect());
    let mut fields: Vec<_> = fields.unwrap_or_default();
    fields.sort();
    assert_eq!(
        fields,
        [
            "conditions",
            "failed",
            "lastApplied",
            "lastAppliedVersion",
            "observedGeneration",
            "observed_hash"
        ]
    );
}

#[test]
fn a_snapshot_and_its_steps_are_files() {
    let snapshot = settled(seen("1", &["2.sql"]));
    let text = serde_json::to_string(&snapshot).expect("plain data");
    assert_eq!(
        serde_json::from_str::<Snapshot>(&text).expect("its own text"),
        snapshot
    );
    let steps = decide(&snapshot, at(200), &Pacing::default());
    let text = serde_json::to_string(&steps).expect("plain data");
    assert_eq!(
        serde_json::from_str::<Vec<Step>>(&text).expect("its own text"),
        steps
    );
}

#[test]
fn a_database_that_somebody_changed_is_left_alone_where_that_is_looked_for() {
    let changed = Seen {
        drifted: vec!["drop column users.hotfix".to_owned()],
        ..seen("1", &["2.sql"])
    };
    let with = |goes_on: bool| {
        let mut snapshot = settled(changed.clone());
        let check = DriftCheck {
            goes_on,
            exclude: Vec::new(),
        };
        snapshot.wish = snapshot.wish.map(|wish| Wish {
            drift: Some(check),
            ..wish
        });
        snapshot
    };
    let steps = decides(
        &with(false),
        &["False/DriftDetected at \"1\" failed=1", "requeue"],
    );
    for words in [
        "database state does not match expected state at version 1",
        "drop column users.hotfix",
        "spec.policy.drift.exclude",
    ] {
        assert!(message(&steps).contains(words), "{}", message(&steps));
    }
    decides(
        &with(true),
        &[
            "False/Reconciling at \"1\" failed=0",
            "judge [\"-- 2.sql\"]",
            "migrate",
        ],
    );
}

#[test]
fn files_that_may_be_edited_are_remembered_though_nothing_is_pending() {
    let settles = Seen {
        settles: true,
        ..seen("1", &[])
    };
    decides(
        &fresh(settles),
        &["False/Reconciling at \"1\" failed=0", "migrate"],
    );
}
