//! What comes out of a review.

use std::sync::Arc;
use std::time::Duration;

use tidegate_admission::{
    Call, Date, Enforcement, Evaluate as _, Mode, Operation, PolicyFailure, Review, Selection,
    Severity, Stage,
};
use tidegate_host::{Change, PlanRequest, PolicySpec};

use crate::guest::{self, Guest};
use crate::support::{Bench, ask, call, names, review, states};

#[tokio::test]
async fn a_finding_comes_through() {
    let bench = Bench::new();
    let set = bench.load(&Guest::reviewing(guest::ONE_FINDING)).await;
    assert_eq!(states(&set), ["ready"]);
    let verdict = ask(&set).await.unwrap();
    let [finding] = verdict.findings.as_slice() else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (finding.rule.as_str(), finding.message.as_str()),
        ("a-rule", "this is bad!")
    );
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(
        ask(&bench.load(&Guest::default()).await)
            .await
            .map(|v| v.findings.len()),
        Ok(0)
    );
}

#[tokio::test]
async fn nothing_is_remembered() {
    let set = Bench::new().load(&Guest::reviewing(guest::REMEMBER)).await;
    for _ in 0..20 {
        let verdict: Result<_, PolicyFailure> = ask(&set).await;
        assert_eq!(verdict.map(|verdict| verdict.findings.len()), Ok(0));
    }
}

const ADD: &str = r#"[{"op":"add","path":"/spec/added","value":1}]"#;

fn mutating(patch: &'static str) -> Guest {
    Guest {
        mutates: true,
        patch,
        ..Guest::reviewing(guest::PATCH)
    }
}

fn may_mutate(spec: PolicySpec, mode: Mode) -> PolicySpec {
    PolicySpec {
        enforcement: Arc::new(Enforcement {
            mutate: true,
            mode,
            ..Enforcement::default()
        }),
        ..spec
    }
}

/// The second patch removes what the first adds: it applies only to the object as the first left it.
#[tokio::test]
async fn each_mutation_sees_the_one_before() {
    let bench = Bench::new();
    let first = bench.spec("first", &mutating(ADD));
    let second = may_mutate(
        bench.spec(
            "second",
            &mutating(r#"[{"op":"remove","path":"/spec/added"}]"#),
        ),
        Mode::Enforce,
    );
    let bystander = may_mutate(
        bench.spec("bystander", &Guest::reviewing(guest::ONE_FINDING)),
        Mode::Enforce,
    );
    let not_used = bench.spec("not-used", &mutating(ADD));
    for (mode, second_applies) in [(Mode::Enforce, true), (Mode::Monitor, false)] {
        let specs = vec![
            may_mutate(first.clone(), mode),
            bystander.clone(),
            second.clone(),
            not_used.clone(),
        ];
        let set = bench.host.load(specs, None).await;
        let evaluated = set.evaluate(call(Stage::Mutate, review())).await;
        assert_eq!(names(&evaluated), ["first", "second"]);
        assert_eq!(evaluated[0].outcome.as_ref().unwrap().patch.0.len(), 1);
        assert_eq!(
            evaluated[1].outcome.is_ok(),
            second_applies,
            "{mode:?}: {evaluated:?}"
        );
    }
}

#[tokio::test]
async fn who_is_asked() {
    let bench = Bench::new();
    let exempt = Enforcement {
        exempt_namespaces: ["kube-system".to_owned()].into(),
        ..Enforcement::default()
    };
    let specs = vec![
        bench.spec("one", &Guest::default()),
        PolicySpec {
            enforcement: Arc::new(exempt),
            ..bench.spec("two", &Guest::default())
        },
    ];
    let set = bench.host.load(specs, None).await;
    let asked = async |change: &dyn Fn(&mut Call)| {
        let mut question = call(Stage::Validate, review());
        change(&mut question);
        names(&set.evaluate(question).await)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let with = |change: fn(&mut Review)| {
        move |question: &mut Call| change(Arc::make_mut(&mut question.review))
    };
    assert_eq!(asked(&|_| {}).await, ["one", "two"]);
    assert_eq!(
        asked(&|question| question.selection = Selection::Named("two".into())).await,
        ["two"]
    );
    assert!(
        asked(&|question| question.selection = Selection::Named("three".into()))
            .await
            .is_empty()
    );
    assert_eq!(
        asked(&with(|review| review.namespace = Some("kube-system".into()))).await,
        ["one"]
    );
    assert_eq!(
        asked(&with(|review| review.namespace = None)).await,
        ["one", "two"]
    );
    assert!(
        asked(&with(|review| review.kind.kind = "Application".into()))
            .await
            .is_empty()
    );
    assert!(
        asked(&with(|review| review.operation = Operation::Connect))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_plan_is_judged() {
    let bench = Bench::new();
    let specs = vec![
        bench.spec("finds", &Guest::reviewing(guest::ONE_FINDING)),
        // A plan is the second case of the request's variant: this one finds nothing unless it is asked about a plan.
        bench.spec("plans", &Guest::reviewing(&format!("(if (i32.eqz (i32.load8_u (local.get 0))) (then (return (i32.const 3072)))) {}", guest::ONE_FINDING))),
        bench.spec("patches", &Guest { mutates: true, review: format!("(if (i32.eqz (i32.load8_u (local.get 0))) (then (return (i32.const 3072)))) {}", guest::PATCH), ..Guest::default() }),
    ];
    let set = bench.host.load(specs, None).await;
    assert_eq!(states(&set), ["ready", "ready", "ready"]);
    let plan = PlanRequest {
        kind: review().kind,
        namespace: None,
        subject: "{}".into(),
        changes: vec![
            Change::Apply("{}".into()),
            Change::Delete("{}".into()),
            Change::Statement("drop table t".into()),
        ],
        dialect: Some("sqlite".into()),
        budget: Duration::from_secs(10),
        day: Date::constant(2026, 6, 1),
    };
    let evaluated = set.judge_plan(plan).await;
    let findings: Vec<_> = evaluated
        .iter()
        .map(|one| one.outcome.as_ref().map(|verdict| verdict.findings.len()))
        .collect();
    let no_object = PolicyFailure::Answer("a patch, but there is no object to change".into());
    assert_eq!(findings, [Ok(1), Ok(1), Err(&no_object)]);
}
