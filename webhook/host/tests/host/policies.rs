//! Policies as people write them: compiled by the SDK. Needs `make policies`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate_admission::{
    ByteSize, Enforcement, Evaluate as _, Limits, PolicyFailure, Stage, Verdict,
};
use tidegate_host::PolicySpec;

use crate::support::{Bench, ask, call, patient, review, states};

fn component(path: &str) -> PathBuf {
    let folder = std::env::var("TIDEGATE_POLICIES").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies"),
        PathBuf::from,
    );
    let path = folder.join(path);
    assert!(
        path.exists(),
        "{} is missing: run `make policies`",
        path.display()
    );
    path
}

#[tokio::test]
async fn the_example_answers() {
    let bench = Bench::new();
    let set = bench
        .host
        .load(
            vec![PolicySpec::new(
                "require-owner",
                component("require-owner.wasm"),
            )],
            None,
        )
        .await;
    assert_eq!(states(&set), ["ready"]);
    let mut about = review();
    about.kind.group = "argoproj.io".into();
    about.kind.kind = "Application".into();
    let mut rules = async |object: &str| {
        about.object = Some(object.into());
        let evaluated = set
            .evaluate(call(Stage::Validate, about.clone()))
            .await
            .remove(0);
        assert!(evaluated.memory_bytes > 0 && evaluated.timing.guest > Duration::ZERO);
        let verdict: Verdict = evaluated.outcome.unwrap();
        verdict
            .findings
            .into_iter()
            .map(|finding| finding.rule)
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(r#"{"metadata":{}}"#).await, ["no-owner"]);
    assert!(
        rules(r#"{"metadata":{"annotations":{"owner":"ada"}}}"#)
            .await
            .is_empty()
    );
}

fn misbehaving(settings: &str, limits: Limits) -> (Bench, PolicySpec) {
    let bench = Bench::new();
    let enforcement = Arc::new(Enforcement {
        mutate: true,
        ..Enforcement::default()
    });
    let spec = PolicySpec {
        settings: settings.into(),
        limits,
        enforcement,
        ..PolicySpec::new("misbehaving", component("guests/misbehaving.wasm"))
    };
    (bench, patient(spec))
}

/// What a compiled guest does when it is asked to, and what becomes of it. Its settings are harmless; the object asks.
#[tokio::test]
async fn a_compiled_guest_is_held_to_its_limits() {
    let (short, long) = (Duration::from_millis(100), Duration::from_secs(30));
    for (cpu, behaviour, expected) in [
        (short, "spin", PolicyFailure::Cpu(short)),
        (short, "log", PolicyFailure::Cpu(short)),
        (long, "recurse", PolicyFailure::Stack),
        // Touching 64 MiB for the first time can cost more than 100 ms on a busy machine.
        (long, "allocate", PolicyFailure::Memory(ByteSize(64 << 20))),
        (
            long,
            "trap",
            PolicyFailure::Trap("it panicked or aborted".into()),
        ),
        (long, "big-output", PolicyFailure::Output(ByteSize(1 << 20))),
    ] {
        let (bench, spec) = misbehaving(
            "{}",
            Limits {
                cpu,
                ..Limits::default()
            },
        );
        let set = bench.host.load(vec![spec], None).await;
        assert_eq!(states(&set), ["ready"]);
        let mut about = review();
        about.object = Some(
            format!(r#"{{"metadata":{{"annotations":{{"misbehave":"{behaviour}"}}}}}}"#).into(),
        );
        let outcome = set
            .evaluate(call(Stage::Validate, about))
            .await
            .remove(0)
            .outcome;
        assert_eq!(outcome, Err(expected), "{behaviour}");
        assert_eq!(ask(&set).await.map(|verdict| verdict.findings.len()), Ok(0));
    }
}

#[tokio::test]
async fn settings_are_judged_by_the_policy() {
    for (settings, expected) in [
        (r#"{"review":"jump"}"#, "its settings are not good: "),
        (r#"{"unknown":1}"#, "unknown"),
        (
            r#"{"check":"trap"}"#,
            "in `check-settings`: the policy crashed",
        ),
        (r#"{"review":"trap"}"#, "in `review`: the policy crashed"),
        ("{}", "ready"),
    ] {
        let (bench, spec) = misbehaving(settings, Limits::default());
        let [state] = states(&bench.host.load(vec![spec], None).await)
            .try_into()
            .unwrap();
        assert!(
            state.contains(expected),
            "`{state}` should contain `{expected}`"
        );
    }
}

#[tokio::test]
async fn compiled_guests_that_must_not_load() {
    let bench = Bench::new();
    for (guest, expected) in [
        (
            "guests/trap-describe.wasm",
            "in `describe`: the policy crashed",
        ),
        (
            "guests/undeclared-cluster.wasm",
            "imports tidegate:policy/cluster@0.1.0, which is not granted",
        ),
    ] {
        let [state] = states(
            &bench
                .host
                .load(vec![PolicySpec::new("guest", component(guest))], None)
                .await,
        )
        .try_into()
        .unwrap();
        assert!(
            state.contains(expected),
            "`{state}` should contain `{expected}`"
        );
    }
}
