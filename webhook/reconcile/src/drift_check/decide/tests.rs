use tidegate_model::ObjectKey;
use tidegate_model::words::{ATLAS_DRIFT_CHECK, ATLAS_GROUP};
use tidegate_schemaplan::Difference;

use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";

fn wish() -> Wish {
    Wish {
        target: "app".to_owned(),
        interval: Duration::from_mins(10),
        timeout: Duration::from_mins(5),
        is_suspended: false,
        fails: false,
        exclude: Vec::new(),
    }
}

fn snapshot(status: AtlasDriftCheckStatus, seen: Option<Seen>) -> Snapshot {
    Snapshot {
        key: ObjectKey {
            group: ATLAS_GROUP.to_owned(),
            kind: ATLAS_DRIFT_CHECK.to_owned(),
            namespace: Some("n".to_owned()),
            name: "check".to_owned(),
        },
        generation: 1,
        deleting: false,
        status,
        wish: Ok(wish()),
        seen,
    }
}

/// A check that found these objects.
fn drift(objects: &[(&'static str, &str, How)], fingerprint: &str) -> Drift {
    let objects = objects.iter();
    Drift {
        version: "7".to_owned(),
        words: objects
            .clone()
            .map(|(_, name, _)| format!("drop {name}"))
            .collect(),
        objects: objects
            .map(|(kind, name, how)| Difference {
                kind,
                name: (*name).to_owned(),
                how: *how,
                parts: Vec::new(),
            })
            .collect(),
        fingerprint: fingerprint.to_owned(),
    }
}

fn one_table(fingerprint: &str) -> Drift {
    drift(&[("table", "users", How::Modified)], fingerprint)
}

/// The status that is written, the event, and the wait before the jitter is taken off.
#[derive(Debug)]
struct Done {
    status: AtlasDriftCheckStatus,
    is_written: bool,
    told: Option<Told>,
    wait: Option<Duration>,
}

fn done(snapshot: &Snapshot) -> Done {
    let mut done = Done {
        status: snapshot.status.clone(),
        is_written: false,
        told: None,
        wait: None,
    };
    for step in decide(snapshot, NOW.parse().expect("a time")) {
        match step {
            Step::WriteStatus(status) => {
                done.status = *status;
                done.is_written = true;
            }
            Step::Tell(told) => done.told = Some(told),
            Step::Requeue(wait) => done.wait = Some(wait),
        }
    }
    done
}

/// What a status becomes by what is seen.
fn after(status: &AtlasDriftCheckStatus, seen: Seen) -> Done {
    done(&snapshot(status.clone(), Some(seen)))
}

/// `Ready=True Checked: message`, one a condition.
fn shown(status: &AtlasDriftCheckStatus) -> Vec<String> {
    let conditions = status.conditions.iter();
    conditions
        .map(|it| format!("{}={} {}: {}", it.kind, it.status, it.reason, it.message))
        .collect()
}

/// The conditions that all say this message.
fn saying(message: &str, conditions: [&str; 4]) -> [String; 4] {
    conditions.map(|it| format!("{it}: {message}"))
}

fn failure(is_permanent: bool) -> Seen {
    Seen::Failed(Failure {
        word: Word::CheckFailed,
        message: "no".to_owned(),
        is_permanent,
    })
}

#[track_caller]
fn waits(done: &Done, most: Duration) {
    let wait = done.wait.expect("it is looked at again");
    assert!(wait <= most && wait > most * 7 / 10, "{wait:?} of {most:?}");
}

#[test]
fn a_database_as_its_files_made_it_is_said_as_the_operator_says_it() {
    let done = after(
        &AtlasDriftCheckStatus::default(),
        Seen::Checked(drift(&[], "f")),
    );
    let message = "no drift detected at version 7";
    assert_eq!(
        shown(&done.status),
        saying(
            message,
            [
                "Ready=True Checked",
                "Reconciling=False Checked",
                "Stalled=False Checked",
                "Drifted=False NoDrift"
            ]
        )
    );
    let status = &done.status;
    assert_eq!(
        (
            status.version.as_deref(),
            status.mode.as_deref(),
            status.last_check_time.as_deref()
        ),
        (Some("7"), Some("local"), Some(NOW))
    );
    assert_eq!(
        (&status.fingerprint, &status.summary, &status.differences),
        (&None, &None, &None)
    );
    assert_eq!(done.told, None);
    waits(&done, wish().interval);
}

#[test]
fn drift_is_counted_named_and_told_once() {
    let clean = after(
        &AtlasDriftCheckStatus::default(),
        Seen::Checked(drift(&[], "f")),
    )
    .status;
    let done = after(&clean, Seen::Checked(one_table("f")));
    let message = "1 drifted object (modified 1) at version 7: table 1";
    assert_eq!(
        shown(&done.status),
        saying(
            message,
            [
                "Ready=True Checked",
                "Reconciling=False Checked",
                "Stalled=False Checked",
                "Drifted=True DriftDetected"
            ]
        )
    );
    let (status, told) = (done.status, done.told);
    assert_eq!(status.fingerprint.as_deref(), Some("f"));
    assert_eq!(status.differences, Some(vec!["drop users".to_owned()]));
    let note = format!("{message}\n- drop users");
    assert_eq!(told, Some(Told::warning("DriftDetected", note.as_str())));

    assert_eq!(after(&status, Seen::Checked(one_table("f"))).told, None);
    assert_eq!(
        after(&status, Seen::Checked(one_table("g"))).told,
        Some(Told::warning("DriftChanged", note))
    );
    let gone = after(&status, Seen::Checked(drift(&[], "f")));
    assert_eq!(
        gone.told,
        Some(Told::normal(
            "DriftResolved",
            "no drift detected at version 7"
        ))
    );
    assert_eq!((gone.status.summary, gone.status.differences), (None, None));
}

#[test]
fn counts_are_by_way_and_by_kind_and_what_is_no_longer_counted_is_taken_out() {
    let many = drift(
        &[
            ("index", "i", How::Missing),
            ("table", "a", How::Extra),
            ("table", "b", How::Modified),
        ],
        "f",
    );
    let first = after(&AtlasDriftCheckStatus::default(), Seen::Checked(many)).status;
    let ready = first.conditions.first().map(|it| it.message.as_str());
    let message =
        "3 drifted objects (extra 1, missing 1, modified 1) at version 7: index 1, table 2";
    assert_eq!(ready, Some(message));
    let second = after(&first, Seen::Checked(one_table("g"))).status;
    let written = serde_json::to_value(&second.summary).expect("plain data");
    assert_eq!(
        written,
        serde_json::json!({"total": 1, "extra": null, "missing": null, "modified": 1, "types": {"index": null, "table": 1}})
    );
    let ready = second.conditions.first().map(|it| it.message.as_str());
    assert_eq!(
        ready,
        Some("1 drifted object (modified 1) at version 7: table 1")
    );
}

#[test]
fn where_drift_is_a_failure_the_object_is_not_ready() {
    let mut snapshot = snapshot(
        AtlasDriftCheckStatus::default(),
        Some(Seen::Checked(one_table("f"))),
    );
    snapshot.wish = Ok(Wish {
        fails: true,
        ..wish()
    });
    let done = done(&snapshot);
    let message = "1 drifted object (modified 1) at version 7: table 1";
    assert_eq!(
        shown(&done.status),
        saying(
            message,
            [
                "Ready=False DriftDetected",
                "Reconciling=False DriftDetected",
                "Stalled=True DriftDetected",
                "Drifted=True DriftDetected"
            ]
        )
    );
    let told = Told::warning("DriftDetected", format!("{message}\n- drop users"));
    assert_eq!(done.told, Some(told));
    waits(&done, wish().interval);
}

#[test]
fn a_check_that_could_not_be_made_keeps_what_the_last_one_found() {
    let drifted = after(
        &AtlasDriftCheckStatus::default(),
        Seen::Checked(one_table("f")),
    )
    .status;
    for (is_permanent, reconciling, stalled) in [(true, "False", "True"), (false, "True", "False")]
    {
        let done = after(&drifted, failure(is_permanent));
        assert_eq!(
            shown(&done.status),
            [
                "Ready=False CheckFailed: no".to_owned(),
                format!("Reconciling={reconciling} CheckFailed: no"),
                format!("Stalled={stalled} CheckFailed: no"),
                "Drifted=Unknown CheckFailed: no".to_owned(),
            ]
        );
        assert_eq!(
            (&done.status.summary, &done.status.last_check_time),
            (&drifted.summary, &drifted.last_check_time)
        );
        assert_eq!(done.told, Some(Told::warning("CheckFailed", "no")));
        waits(&done, AFTER_FAILURE);
        let again = after(&done.status, failure(is_permanent));
        assert_eq!((again.told, again.is_written), (None, false));
    }
}

#[test]
fn nothing_is_forgotten_while_somebody_else_is_at_work() {
    let drifted = after(
        &AtlasDriftCheckStatus::default(),
        Seen::Checked(one_table("f")),
    )
    .status;
    let locked = after(&drifted, Seen::Locked);
    assert_eq!((locked.is_written, locked.told.is_none()), (false, true));
    waits(&locked, WHILE_BUSY);

    let migrating = after(&drifted, Seen::Migrating);
    let (mut was, mut is) = (shown(&drifted), shown(&migrating.status));
    assert_eq!(
        (was.remove(1), is.remove(1)),
        (
            "Reconciling=False Checked: 1 drifted object (modified 1) at version 7: table 1"
                .to_owned(),
            "Reconciling=True TargetNotReady: migration apply in progress".to_owned(),
        )
    );
    assert_eq!(was, is);
    assert!(migrating.told.is_none());
    waits(&migrating, WHILE_BUSY);
}

#[test]
fn a_suspended_one_says_so_and_rests() {
    let done = done(&snapshot(AtlasDriftCheckStatus::default(), None));
    let expected = ["Reconciling=False Suspended: checks are suspended"];
    assert_eq!(shown(&done.status), expected);
    assert_eq!((done.told, done.wait), (None, None));
}

#[test]
fn a_wish_that_cannot_be_followed_is_said_and_one_that_goes_is_left_alone() {
    let mut snapshot = snapshot(AtlasDriftCheckStatus::default(), None);
    snapshot.wish = Err(Failure::permanent(
        Word::CheckFailed,
        "spec.interval is short",
    ));
    let done = done(&snapshot);
    let ready = shown(&done.status).into_iter().next();
    let expected = "Ready=False CheckFailed: spec.interval is short";
    assert_eq!(ready.as_deref(), Some(expected));
    snapshot.deleting = true;
    let steps = decide(&snapshot, NOW.parse().expect("a time"));
    assert_eq!(steps, []);
}
