//! What is decided, as tables: a snapshot in, the steps in words out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidegate_database::Counted;
use tidegate_model::ObjectKey;
use tidegate_schemaplan::{Catalog, Column, Engine, Loss, Schema, Table};
use tidegate_sqlplan::Dialect;

use super::*;
use crate::gate::GateFinding;
use crate::schema::Sides;

const ENGINE: Engine = Engine {
    dialect: Dialect::Sqlite,
    version: (3, 50),
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn pacing() -> Pacing {
    Pacing::default()
}

/// A database with these tables: `users(id, name)`. All columns are texts.
fn catalog(tables: &[&str]) -> Catalog {
    let mut schema = Schema::default();
    for text in tables {
        let (name, columns) = text.split_once('(').expect("name(columns)");
        let columns = columns.trim_end_matches(')').split(", ").map(|name| {
            let column = Column {
                data_type: "TEXT".to_owned(),
                nullable: true,
                ..Column::default()
            };
            (name.to_owned(), column)
        });
        let table = Table {
            columns: columns.collect(),
            create: Some(format!("CREATE TABLE {}", text.replace('(', " ("))),
            ..Table::default()
        };
        schema.tables.insert(name.to_owned(), table);
    }
    let mut catalog = Catalog::empty(ENGINE);
    catalog.schemas.insert(String::new(), schema);
    catalog
}

fn seen(present: &[&str], wanted: &[&str]) -> Seen {
    Seen {
        place: "here".to_owned(),
        engine: ENGINE,
        sides: Some(sides(present, wanted)),
    }
}

fn sides(present: &[&str], wanted: &[&str]) -> Sides {
    Sides {
        current: Arc::new(catalog(present)),
        fingerprint: None,
        desired: Arc::new(catalog(wanted)),
        losses: Vec::new(),
    }
}

/// What was seen of a snapshot's two sides.
fn compared(snapshot: &mut Snapshot) -> &mut Sides {
    let seen = snapshot.seen.as_mut().expect("it is seen");
    seen.sides.as_mut().expect("both sides")
}

/// An object at generation 2 that nobody has looked at yet.
fn fresh(wanted: &[&str], present: &[&str]) -> Snapshot {
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
        approved: None,
        drift: Drift::Repair,
        wish: Ok(Wish {
            hash: wanted.concat(),
            ..Wish::default()
        }),
        seen: Ok(seen(present, wanted)),
    }
}

/// The object after a successful apply of the users, which now wants something and finds something.
fn settled(wanted: &[&str], present: &[&str]) -> Snapshot {
    let before = fresh(&[USERS], &[USERS]);
    let mut snapshot = fresh(wanted, present);
    for step in decide(&before, at(100), &pacing()) {
        if let Step::WriteStatus(status) = step {
            snapshot.status = status;
        }
    }
    assert!(snapshot.status.is_ready());
    snapshot
}

fn wish(snapshot: &mut Snapshot) -> &mut Wish {
    snapshot.wish.as_mut().expect("there is one")
}

const USERS: &str = "users(id, name)";
const MORE: &str = "users(id, name, email)";
const LEGACY: &str = "legacy(a)";

/// A step in words. Waits are left out, they have their own tests.
fn word(step: &Step) -> String {
    match step {
        Step::WriteStatus(status) => {
            let conditions = status.conditions.iter();
            let conditions: Vec<_> = conditions
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
        Step::Judge {
            statements,
            is_approved: false,
            ..
        } => format!("judge {}", statements.len()),
        Step::Judge {
            statements,
            is_approved: true,
            ..
        } => format!("judge {} approved", statements.len()),
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
fn refuses(snapshot: &Snapshot, expected: &str, words: &[&str]) {
    let steps = decides(snapshot, &[expected, "requeue"]);
    for word in words {
        assert!(
            message(&steps).contains(word),
            "{word:?} in {:?}",
            message(&steps)
        );
    }
}

/// Not ready for a reason, for the first time.
fn not_ready(reason: &str) -> String {
    format!("status {reason} Ready=False Reconciling=False Stalled=True failed=1")
}

/// The condition about drift in the status that is written.
fn drifted(steps: &[Step]) -> (&str, &str, &str) {
    let mut statuses = steps.iter().rev().filter_map(|step| match step {
        Step::WriteStatus(status) => condition(&status.conditions, "Drifted"),
        _ => None,
    });
    let found = statuses.next().expect("it is written");
    (&found.status, &found.reason, &found.message)
}

const BEGINS: &str = "status Reconciling Ready=False Reconciling=True Stalled=False failed=0";
const BEGINS_AGAIN: &str =
    "status Reconciling Ready=False Reconciling=True Stalled=False Drifted=False failed=0";
const BEGINS_REPAIR: &str =
    "status Reconciling Ready=False Reconciling=True Stalled=False Drifted=True failed=0";
const READY: &str =
    "status Applied Ready=True Reconciling=False Stalled=False Drifted=False failed=0";

#[test]
fn what_is_missing_is_judged_and_then_added() {
    let steps = decides(&fresh(&[USERS], &[]), &[BEGINS, "judge 1", "apply 1"]);
    assert_eq!(
        message(&steps),
        "Reconciling",
        "the word that Argo CD's health script compares"
    );
    decides(
        &fresh(&[USERS, "posts(id)"], &[USERS]),
        &[BEGINS, "judge 1", "apply 1"],
    );
    let mut alone = settled(&[MORE], &[USERS]);
    wish(&mut alone).transaction = tidegate_database::TransactionMode::None;
    let steps = decides(&alone, &[BEGINS_AGAIN, "judge 1", "apply 1"]);
    let Some(Step::Apply {
        statements,
        transaction,
    }) = steps.last()
    else {
        panic!("{steps:?}")
    };
    assert_eq!(*transaction, tidegate_database::TransactionMode::None);
    let sql = statements.iter().map(|it| it.sql.to_lowercase());
    let sql: String = sql.collect();
    for word in ["alter table", "add column", "email"] {
        assert!(sql.contains(word), "{word:?} in {sql:?}");
    }
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    decides(&settled(&[USERS], &[USERS]), &["requeue"]);
    let mut other_spec = settled(&[USERS], &[USERS]);
    other_spec.generation = 3;
    let steps = decides(&other_spec, &[READY, "requeue"]);
    assert!(
        message(&steps).starts_with(
            "The schema has been applied successfully. Apply response: {\"Changes\":{}"
        )
    );
}

#[test]
fn the_first_run_never_loses_anything() {
    let mut snapshot = fresh(&[USERS], &[USERS, LEGACY]);
    let plan = plan(&sides(&[USERS, LEGACY], &[USERS]), &Wish::default()).expect("a plan");
    snapshot.approved = Some(plan.hash());
    wish(&mut snapshot).may_lose = true;
    refuses(
        &snapshot,
        &not_ready("FirstRunDestructive"),
        &[
            "destructive changes detected:\n- DROP TABLE",
            "legacy",
            "first run of a schema must not contain destructive changes. Nothing was changed.",
            "spec.exclude",
            &plan.hash(),
        ],
    );
    // Another database is another first run.
    let mut moved = settled(&[USERS], &[USERS, LEGACY]);
    moved.seen.as_mut().expect("it is seen").place = "there".to_owned();
    let steps = decide(&moved, at(200), &pacing());
    assert_eq!(ready_reason(&steps), "FirstRunDestructive");
    // Who wrote this status names no database: it is this one.
    moved.status.observed_hash = "written by the Atlas operator".to_owned();
    let steps = decide(&moved, at(200), &pacing());
    assert_eq!(ready_reason(&steps), "LintPolicyError");
}

fn ready_reason(steps: &[Step]) -> &str {
    match steps.first() {
        Some(Step::WriteStatus(status)) => {
            &condition(&status.conditions, "Ready")
                .expect("written")
                .reason
        }
        _ => panic!("{steps:?}"),
    }
}

#[test]
fn what_loses_data_runs_when_exactly_that_was_approved() {
    let mut snapshot = settled(&["users(id)"], &[USERS]);
    compared(&mut snapshot).losses = vec![Counted {
        loss: Loss {
            schema: String::new(),
            table: "users".into(),
            column: Some("name".into()),
        },
        rows: Some(7),
    }];
    let refused =
        "status LintPolicyError Ready=False Reconciling=False Stalled=True Drifted=False failed=1";
    let hash = plan(&sides(&[USERS], &["users(id)"]), &Wish::default()).expect("a plan");
    let hash = hash.hash();
    refuses(
        &snapshot,
        refused,
        &[
            "destructive changes detected:\n- ALTER TABLE",
            "what would be lost:\n- column users.name, which 7 rows have a value in",
            "Nothing was changed.",
            &format!("gate.tidegate.dev/approve: {hash}"),
        ],
    );
    let runs = [BEGINS_AGAIN, "judge 1 approved", "apply 1"];
    let first = |digits: usize| -> String { hash.chars().take(digits).collect() };
    for (approved, expected) in [
        (hash.as_str(), true),
        (&format!(" {}\n", hash.to_uppercase()), true),
        (&first(12), true),
        (&first(11), false),
        ("", false),
        ("yes", false),
        ("0000000000000000", false),
    ] {
        snapshot.approved = Some(approved.to_owned());
        if expected {
            decides(&snapshot, &runs);
        } else {
            refuses(&snapshot, refused, &["Another plan was approved."]);
        }
    }
    snapshot.approved = None;
    wish(&mut snapshot).may_lose = true;
    decides(&snapshot, &[BEGINS_AGAIN, "judge 1", "apply 1"]);
}

#[test]
fn a_plan_that_somebody_wants_to_review_waits_without_failing() {
    let mut snapshot = settled(&[MORE], &[USERS]);
    wish(&mut snapshot).review = Review::All;
    let waits =
        "status ApprovalPending Ready=False Reconciling=True Stalled=False Drifted=False failed=0";
    refuses(
        &snapshot,
        waits,
        &["Schema plan is waiting for approval:\n- ALTER TABLE"],
    );
    let hash = plan(&sides(&[USERS], &[MORE]), &Wish::default()).expect("a plan");
    snapshot.approved = Some(hash.hash());
    decides(&snapshot, &[BEGINS_AGAIN, "judge 1 approved", "apply 1"]);
}

#[test]
fn a_plan_that_the_policies_warn_about_waits_where_somebody_wants_to_see_it() {
    let mut snapshot = settled(&[MORE], &[USERS]);
    wish(&mut snapshot).review = Review::Warned;
    let steps = decides(&snapshot, &[BEGINS_AGAIN, "judge 1", "apply 1"]);
    assert!(
        matches!(steps[1], Step::Judge { warnings_wait, .. } if warnings_wait),
        "{steps:?}"
    );
    let warning = GateFinding {
        policy: "unsafe-sql".to_owned(),
        rule: "slow".to_owned(),
        message: "it takes long".to_owned(),
        change: Some(0),
        suggestion: None,
    };
    let outcome = Outcome::Warned {
        findings: vec![warning],
    };
    let steps = conclude(&snapshot, &outcome, at(300), &pacing());
    assert_eq!(
        steps.iter().map(word).collect::<Vec<_>>(),
        [
            "status ApprovalPending Ready=False Reconciling=True Stalled=False Drifted=False failed=0",
            "requeue"
        ]
    );
    let hash = plan(&sides(&[USERS], &[MORE]), &Wish::default()).expect("a plan");
    let said = message(&steps);
    for words in [
        "Schema plan is waiting for approval:\n- ALTER TABLE",
        "\nthe policies warn:\n- unsafe-sql/slow: it takes long\nNothing was changed.",
        hash.hash().as_str(),
    ] {
        assert!(said.contains(words), "{words:?} in {said}");
    }
}

#[test]
fn what_somebody_else_changed_is_repaired_or_only_reported() {
    // A column is gone that this very wish had brought about.
    let repaired = settled(&[USERS], &["users(id)"]);
    let steps = decides(&repaired, &[BEGINS_REPAIR, "judge 1", "apply 1"]);
    let (status, reason, words) = drifted(&steps);
    assert_eq!((status, reason), ("True", "DriftDetected"));
    assert!(
        words.contains("this would bring it back:\n- ALTER TABLE"),
        "{words}"
    );
    let outcome = Outcome::Applied {
        statements: vec!["ALTER TABLE ..".to_owned()],
        started: at(250),
        ended: at(251),
    };
    let steps = conclude(&repaired, &outcome, at(300), &pacing());
    assert_eq!(
        drifted(&steps),
        (
            "False",
            "Repaired",
            "somebody else had changed the database; repaired by:\n- ALTER TABLE .."
        )
    );

    // A table too many: dropping it would lose its rows.
    let extra = settled(&[USERS], &[USERS, LEGACY]);
    refuses(
        &extra,
        "status LintPolicyError Ready=False Reconciling=False Stalled=True Drifted=True failed=1",
        &["DROP TABLE", "approve"],
    );

    let mut reported = settled(&[USERS], &["users(id)"]);
    reported.drift = Drift::Report;
    let stays = READY.replace("Drifted=False", "Drifted=True");
    let steps = decides(&reported, &[&stays, "requeue"]);
    assert!(message(&steps).starts_with("The schema has been applied"));
    let Some(Step::WriteStatus(status)) = steps.into_iter().next() else {
        panic!("it is written")
    };
    assert_eq!(status.last_applied, 100, "nothing was applied");
    reported.status = status;
    decides(&reported, &["requeue"]);
    reported.seen = Ok(seen(&[USERS], &[USERS]));
    let steps = decides(&reported, &[READY, "requeue"]);
    assert_eq!(drifted(&steps), ("False", "InSync", ""));

    // Another wish is none of it.
    let mut other = settled(&[MORE], &[USERS]);
    other.drift = Drift::Report;
    decides(&other, &[BEGINS_AGAIN, "judge 1", "apply 1"]);
}

#[test]
fn what_is_not_managed_is_left_alone() {
    let mut snapshot = settled(&[USERS], &[USERS, LEGACY]);
    wish(&mut snapshot).settings.exclude = vec!["legacy".to_owned()];
    decides(&snapshot, &["requeue"]);
    wish(&mut snapshot).settings.exclude = Vec::new();
    wish(&mut snapshot).settings.skip.drop_table = true;
    decides(&snapshot, &["requeue"]);
}

#[test]
fn only_the_schemas_that_are_named_are_managed() {
    let with = |names: &[&str]| {
        let mut catalog = Catalog::empty(Engine {
            dialect: Dialect::Postgres,
            version: (15, 0),
        });
        for name in names {
            catalog
                .schemas
                .insert((*name).to_owned(), Schema::default());
        }
        catalog
    };
    let mut snapshot = settled(&[USERS], &[]);
    let sides = compared(&mut snapshot);
    sides.current = Arc::new(with(&["ours", "theirs"]));
    sides.desired = Arc::new(with(&["ours"]));
    let steps = decide(&snapshot, at(200), &pacing());
    assert!(message(&steps).contains("theirs"), "{steps:?}");
    wish(&mut snapshot).schemas = vec!["ours".to_owned()];
    decides(&snapshot, &["requeue"]);
}

#[test]
fn problems_become_conditions_with_the_operators_reasons() {
    for (reason, word) in [
        (Reason::ReadSchema, "ReadSchema"),
        (Reason::Login, "Login"),
        (Reason::SchemaInspect, "SchemaInspect"),
    ] {
        let mut snapshot = fresh(&[USERS], &[]);
        snapshot.seen = Err(Problem::new(reason, "the file is away"));
        refuses(&snapshot, &not_ready(word), &["the file is away"]);
    }
}

#[test]
fn failures_are_counted_and_waits_grow_without_a_storm_of_beginnings() {
    let mut snapshot = fresh(&[USERS], &[]);
    snapshot.seen = Err(Problem::new(Reason::Login, "away"));
    wish(&mut snapshot).backoff_limit = 4;
    let mut waits = Vec::new();
    for expected in 1..=5 {
        let steps = decide(&snapshot, at(200), &pacing());
        let [Step::WriteStatus(status), Step::Requeue(wait)] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        assert_eq!(status.failed, expected);
        waits.push(*wait);
        snapshot.status = status.clone();
    }
    assert!(waits.is_sorted(), "{waits:?}");
    let resync = pacing().resync(&snapshot.key);
    assert!(
        waits[3] <= Duration::from_secs(40) && waits[4] == resync,
        "the limit is 4: {waits:?}"
    );

    // It can be reached again: work goes on under the failure that is shown, until there is something better to show.
    snapshot.seen = Ok(seen(&[], &[USERS]));
    decides(&snapshot, &["judge 1", "apply 1"]);
    snapshot.seen = Ok(seen(&[USERS], &[USERS]));
    decides(&snapshot, &[READY, "requeue"]);

    // A new spec begins with a clean slate.
    snapshot.generation = 3;
    snapshot.seen = Err(Problem::new(Reason::Login, "away"));
    decides(&snapshot, &[&not_ready("Login"), "requeue"]);
}

#[test]
fn a_deleted_object_is_left_alone() {
    let mut snapshot = fresh(&[USERS], &[]);
    snapshot.deleting = true;
    assert_eq!(decides(&snapshot, &[]), []);
}

#[test]
fn the_end_decides_the_status() {
    let snapshot = settled(&[MORE], &[USERS]);
    let concludes = |outcome: Outcome| conclude(&snapshot, &outcome, at(300), &pacing());
    let shown = |steps: &[Step]| steps.iter().map(word).collect::<Vec<_>>();

    let applied = concludes(Outcome::Applied {
        statements: vec!["ALTER TABLE ..".to_owned()],
        started: at(250),
        ended: at(251),
    });
    assert_eq!(shown(&applied), [READY, "requeue"]);
    for word in ["ALTER TABLE ..", "\"Driver\":\"sqlite3\""] {
        assert!(message(&applied).contains(word), "{applied:?}");
    }
    assert_eq!(drifted(&applied), ("False", "InSync", ""));
    let Some(Step::WriteStatus(status)) = applied.first() else {
        panic!("{applied:?}")
    };
    assert_eq!(
        (status.observed_hash.as_str(), status.last_applied),
        ("users(id, name, email)@here", 300)
    );

    let refused = |reason: &str| {
        let status = format!(
            "status {reason} Ready=False Reconciling=False Stalled=True Drifted=False failed=1"
        );
        [status, "requeue".to_owned()]
    };
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
    assert_eq!(shown(&denied), refused("LintPolicyError"));
    let said = message(&denied);
    assert!(
        said.contains("- unsafe-sql/rule-0: no (write something else)\n"),
        "{said}"
    );
    assert!(
        said.contains("- and 10 more\n") && !said.contains("rule-20"),
        "{said}"
    );
    let (_, approve) = said
        .rsplit_once("annotate the object with gate.tidegate.dev/approve: ")
        .expect("what a person may do about it");
    assert_eq!(approve.len(), 64, "{said}");

    let failed = Problem::new(Reason::ApplyingSchema, "disk");
    assert_eq!(
        shown(&concludes(Outcome::Failed(failed))),
        refused("ApplyingSchema")
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
    let mut failing = fresh(&[USERS], &[]);
    failing.seen = Err(Problem::new(Reason::Login, "away"));
    let retry = wait(decide(&failing, at(200), &pacing()));
    let resync = wait(decide(&settled(&[USERS], &[USERS]), at(200), &pacing()));
    assert!(
        retry <= Duration::from_secs(5) && resync > Duration::from_mins(3),
        "{retry:?} {resync:?}"
    );
}

#[test]
fn a_status_is_written_in_the_definitions_own_spelling() {
    let status = settled(&[USERS], &[USERS]).status;
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
    let snapshot = settled(&[USERS], &[]);
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
