//! Guests that do all they can to hurt: each gets its own failure, and nobody else notices.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_admission::{ByteSize, Evaluate as _, Limits, PolicyFailure, Stage};
use tidegate_host::{HostSettings, PolicySet, PolicySpec};

use crate::guest::{self, Guest};
use crate::support::{Bench, ask, call, names, on_update, review, states};

async fn failure_of(bench: &Bench, guest: Guest) -> PolicyFailure {
    let set = bench.load(&guest).await;
    assert_eq!(states(&set), ["ready"]);
    ask(&set).await.unwrap_err()
}

#[tokio::test]
async fn each_misdeed_has_its_own_failure() {
    let bench = Bench::new();
    let recursive = Guest {
        functions: guest::RECURSE_FUNCTION.into(),
        ..on_update(guest::RECURSE)
    };
    let answer = |text: &str| PolicyFailure::Answer(text.into());
    for (what, guest, expected) in [
        (
            "spin",
            on_update(guest::SPIN),
            PolicyFailure::Cpu(Duration::from_millis(100)),
        ),
        (
            "trap",
            on_update(guest::TRAP),
            PolicyFailure::Trap("it panicked or aborted".into()),
        ),
        ("recurse", recursive, PolicyFailure::Stack),
        (
            "hog",
            on_update(guest::HOG),
            PolicyFailure::Memory(ByteSize(64 << 20)),
        ),
        (
            "a huge list",
            on_update(guest::HUGE_LIST),
            PolicyFailure::Output(ByteSize(1 << 20)),
        ),
        (
            "overlapping strings",
            on_update(guest::OVERLAPPING),
            PolicyFailure::Output(ByteSize(1 << 20)),
        ),
        (
            "another's rule",
            Guest {
                finding_rule: "other-rule",
                ..on_update(guest::ONE_FINDING)
            },
            answer("a finding of the rule `other-rule`, which the policy does not have"),
        ),
        (
            "a patch",
            on_update(guest::PATCH),
            answer("a patch, but the policy says that it does not mutate"),
        ),
    ] {
        assert_eq!(failure_of(&bench, guest).await, expected, "{what}");
    }
}

#[tokio::test]
async fn garbage_is_an_invalid_answer() {
    let bench = Bench::new();
    let mutating = |patch| Guest {
        mutates: true,
        patch,
        ..on_update(guest::PATCH)
    };
    for (guest, expected) in [
        (on_update(guest::NOT_UTF8), "utf-8"),
        (on_update(guest::BAD_ENUM), "discriminant"),
        (on_update(guest::OUT_OF_BOUNDS), "out of bounds"),
        (mutating("{"), "no JSON patch"),
        (mutating(r#"[{"op":"jump"}]"#), "no JSON patch"),
        (mutating(r#"{"spec":{}}"#), "no JSON patch"),
    ] {
        let failure = failure_of(&bench, guest).await;
        assert!(
            matches!(&failure, PolicyFailure::Answer(text) if text.contains(expected)),
            "{failure:?} should say {expected}"
        );
    }
}

#[tokio::test]
async fn wall_time_is_the_smaller_of_limit_and_budget() {
    let bench = Bench::new();
    let limits = Limits {
        cpu: Duration::from_mins(1),
        time: Duration::from_millis(50),
        ..Limits::default()
    };
    let set = bench
        .host
        .load(
            vec![PolicySpec {
                limits,
                ..bench.spec("guest", &on_update(guest::SPIN))
            }],
            None,
        )
        .await;
    let failure = ask(&set).await.unwrap_err();
    assert!(
        matches!(failure, PolicyFailure::Time(limit) if limit <= Duration::from_millis(50)),
        "{failure:?}"
    );
    let mut short = call(Stage::Validate, review());
    short.budget = Duration::from_millis(20);
    let outcome = set.evaluate(short).await.remove(0).outcome;
    assert!(
        matches!(outcome, Err(PolicyFailure::Time(limit)) if limit <= Duration::from_millis(20)),
        "{outcome:?}"
    );
}

/// Host memory is what a guest could still attack: neither its own 1 GiB nor what it makes the host copy may arrive there.
#[tokio::test]
async fn memory_stays_within_the_cap() {
    let bench = Bench::new();
    let sets = [
        bench.load(&on_update(guest::HOG)).await,
        bench.load(&on_update(guest::HUGE_LIST)).await,
        bench.load(&on_update(guest::OVERLAPPING)).await,
    ];
    let before = peak_resident();
    for set in &sets {
        let evaluated = set
            .evaluate(call(Stage::Validate, review()))
            .await
            .remove(0);
        assert!(evaluated.outcome.is_err());
        assert!(evaluated.memory_bytes <= 64 << 20, "{evaluated:?}");
    }
    // Tests run beside each other in this process, so that this is no exact measure; 1 GiB would show. The kernel adds
    // up per-CPU counts without locking them (proc_pid_status(5): "inaccurate"), so a peak can even be read lower later.
    let grown = peak_resident().saturating_sub(before);
    assert!(grown < 512 << 20, "{grown} bytes more");
}

/// Bytes, the most this process ever had.
fn peak_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

#[tokio::test]
async fn a_flood_of_log_lines_is_no_failure() {
    let set = Bench::new().load(&on_update(guest::CHATTER)).await;
    let evaluated = set
        .evaluate(call(Stage::Validate, review()))
        .await
        .remove(0);
    assert_eq!(
        evaluated.outcome.map(|verdict| verdict.findings.len()),
        Ok(0)
    );
    assert!(
        evaluated.timing.host > Duration::ZERO && evaluated.timing.host <= evaluated.timing.guest
    );
}

#[tokio::test]
async fn a_bad_policy_does_not_spoil_the_answer_of_a_good_one() {
    let bench = Bench::new();
    let specs = [
        ("spin", on_update(guest::SPIN)),
        ("good", Guest::reviewing(guest::ONE_FINDING)),
        ("hog", on_update(guest::HOG)),
        ("trap", on_update(guest::TRAP)),
    ];
    let specs = specs
        .iter()
        .map(|(name, guest)| bench.spec(name, guest))
        .collect();
    let set = bench.host.load(specs, None).await;
    let evaluated = set.evaluate(call(Stage::Validate, review())).await;
    assert_eq!(names(&evaluated), ["spin", "good", "hog", "trap"]);
    let reasons: Vec<_> = evaluated
        .iter()
        .map(|one| {
            one.outcome
                .as_ref()
                .map_or_else(PolicyFailure::reason, |_| "answered")
        })
        .collect();
    assert_eq!(reasons, ["cpu", "answered", "memory", "trap"]);
}

fn spinning(bench: &Bench, limits: Limits) -> PolicySpec {
    PolicySpec {
        limits,
        ..bench.spec("spin", &on_update(guest::SPIN))
    }
}

async fn reasons(set: &Arc<PolicySet>, calls: usize) -> Vec<&'static str> {
    let tasks: Vec<_> = (0..calls)
        .map(|_| {
            let set = Arc::clone(set);
            tokio::spawn(async move {
                set.evaluate(call(Stage::Validate, review()))
                    .await
                    .remove(0)
                    .outcome
                    .map_or_else(|failure| failure.reason(), |_| "answered")
            })
        })
        .collect();
    let mut reasons = Vec::new();
    for task in tasks {
        reasons.push(task.await.unwrap());
    }
    reasons
}

#[tokio::test]
async fn more_calls_than_may_wait_are_refused_at_once() {
    let bench = Bench::with(HostSettings {
        queue: 2,
        ..HostSettings::default()
    });
    let limits = Limits {
        concurrency: 1,
        time: Duration::from_mins(1),
        ..Limits::default()
    };
    let set = Arc::new(bench.host.load(vec![spinning(&bench, limits)], None).await);
    let mut reasons = reasons(&set, 8).await;
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "cpu",
            "cpu",
            "cpu",
            "overloaded",
            "overloaded",
            "overloaded",
            "overloaded",
            "overloaded"
        ]
    );
}

/// Ten times more spinning calls than the host has places, and a good policy is still answered: places on the caller's threads are left soon, and a
/// full lane takes nobody in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spinning_calls_cannot_hold_every_place() {
    let bench = Bench::with(HostSettings {
        concurrency: 2,
        slow_concurrency: 2,
        ..HostSettings::default()
    });
    let limits = Limits {
        concurrency: 100,
        time: Duration::from_mins(1),
        ..Limits::default()
    };
    // On a machine with other work an answer may take long; that it comes is what counts.
    let patient = PolicySpec {
        limits: limits.clone(),
        ..bench.spec("good", &Guest::reviewing(guest::ONE_FINDING))
    };
    let good = bench.host.load(vec![patient], None).await;
    let set = Arc::new(bench.host.load(vec![spinning(&bench, limits)], None).await);
    let spinning = tokio::spawn(async move { reasons(&set, 40).await });
    let start = Instant::now();
    let mut answered = 0;
    while !spinning.is_finished() {
        assert_eq!(
            ask(&good).await.map(|verdict| verdict.findings.len()),
            Ok(1),
            "after {:?}",
            start.elapsed()
        );
        answered += 1;
    }
    let reasons = spinning.await.unwrap();
    assert!(
        reasons
            .iter()
            .all(|reason| ["cpu", "overloaded"].contains(reason)),
        "{reasons:?}"
    );
    assert!(
        reasons.contains(&"cpu") && reasons.contains(&"overloaded") && answered > 0,
        "{reasons:?}, {answered} answers"
    );
}

/// Who stops waiting ends the call: its place is free again for the next.
#[tokio::test]
async fn a_call_that_nobody_waits_for_ends() {
    let bench = Bench::with(HostSettings {
        slow_concurrency: 1,
        ..HostSettings::default()
    });
    let limits = Limits {
        cpu: Duration::from_mins(10),
        time: Duration::from_mins(10),
        ..Limits::default()
    };
    let set = bench.host.load(vec![spinning(&bench, limits)], None).await;
    for _ in 0..3 {
        let mut forever = call(Stage::Validate, review());
        forever.budget = Duration::from_mins(10);
        // Until the lane has seen that the call before is not wanted any more, there is no place.
        loop {
            match tokio::time::timeout(Duration::from_millis(50), set.evaluate(forever.clone()))
                .await
            {
                Err(_nobody_waits_any_more) => break,
                Ok(evaluated) => {
                    assert_eq!(
                        evaluated.first().map(|one| &one.outcome),
                        Some(&Err(PolicyFailure::Overloaded))
                    );
                }
            }
        }
    }
}
