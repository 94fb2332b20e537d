//! What an operator sees of the router: readiness, metrics, policies that come and go, bugs.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tidegate_admission::PolicyState;
use tidegate_server::{Gate, Readiness, RequestLimits, app, health_app};
use tower::ServiceExt as _;

use crate::protocol::ask_path;
use crate::support::{Obedient, gate, post, review};

fn failed() -> PolicyState {
    PolicyState::Failed("it is no component".into())
}

#[tokio::test]
async fn readiness_is_what_the_operator_asks_of_the_policies() {
    let good = || Obedient::new(&[("first", PolicyState::Ready), ("unused", PolicyState::Off)]);
    let broken = || Obedient::new(&[("first", PolicyState::Ready), ("second", failed())]);
    for (readiness, after_broken, after_good, after_broken_again) in [
        (Readiness::EveryPolicy, 503, 200, 503),
        (Readiness::EveryPolicyOnce, 503, 200, 200),
        (Readiness::SetLoaded, 200, 200, 200),
    ] {
        let gate = Gate::new(RequestLimits::default(), readiness);
        assert_eq!(
            get(&gate, "/readyz").await.0,
            503,
            "{readiness:?} before any set"
        );
        for (set, expected) in [
            (broken(), after_broken),
            (good(), after_good),
            (broken(), after_broken_again),
        ] {
            gate.serve_policies(set);
            assert_eq!(get(&gate, "/readyz").await.0, expected, "{readiness:?}");
            assert_eq!(get(&gate, "/livez").await.0, 200);
        }
    }
    let (_, text) = get(&gate(&broken()), "/readyz").await;
    assert_eq!(
        text,
        "[+] first ready\n[-] second failed: it is no component\nnot ready\n"
    );
}

/// A broken policy is reported, and the others judge.
#[tokio::test]
async fn reviews_are_answered_while_not_ready() {
    let gate = gate(&Obedient::new(&[
        ("first", PolicyState::Ready),
        ("second", failed()),
    ]));
    assert_eq!(
        ask_path(&gate, "/validate", review("nothing").to_string())
            .await
            .response()["allowed"],
        true
    );
}

#[tokio::test]
async fn policies_are_swapped_between_two_reviews() {
    let (one, other) = (Obedient::ready(), Obedient::ready());
    let gate = gate(&one);
    ask_path(&gate, "/validate", review("nothing").to_string())
        .await
        .response();
    gate.serve_policies(Arc::clone(&other));
    ask_path(&gate, "/validate", review("nothing").to_string())
        .await
        .response();
    assert_eq!((one.calls().len(), other.calls().len()), (1, 1));
}

async fn get(gate: &Gate<Obedient>, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = health_app(gate.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        String::from_utf8(
            response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .to_vec(),
        )
        .unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn everything_is_counted_under_a_bounded_set_of_names() {
    let gate = gate(&Obedient::new(&[
        ("first", PolicyState::Ready),
        ("second", failed()),
    ]));
    for order in ["nothing", "deny", "trap", "overload", "panic"] {
        ask_path(&gate, "/validate", review(order).to_string()).await;
    }
    ask_path(&gate, "/mutate", review("patch").to_string()).await;
    ask_path(
        &gate,
        "/validate",
        review("nothing")
            .to_string()
            .replace("AtlasSchema", "Invented"),
    )
    .await;
    ask_path(&gate, "/validate", "nonsense").await;
    let (_, text) = get(&gate, "/metrics").await;
    let request = |kind: &str, outcome: &str| {
        let operation = if kind == "unknown" {
            "unknown"
        } else {
            "CREATE"
        };
        format!(
            r#"tidegate_admission_requests_total{{stage="validate",kind="{kind}",operation="{operation}",outcome="{outcome}",dry_run="false"}} 1"#
        )
    };
    for line in [
        request("AtlasSchema", "allowed"),
        request("AtlasSchema", "unavailable"),
        request("other", "allowed"),
        request("unknown", "unreadable"),
        request("AtlasSchema", "denied").replace("} 1", "} 3"),
        r#"stage="mutate",kind="AtlasSchema",operation="CREATE",outcome="patched",dry_run="false"} 1"#.into(),
        r#"tidegate_admission_duration_seconds_count{stage="validate"} 7"#.into(),
        r#"tidegate_policy_decisions_total{policy="first",action="deny"} 2"#.into(),
        r#"tidegate_policy_decisions_total{policy="first",action="allow"} 3"#.into(),
        r#"tidegate_policy_failures_total{policy="first",reason="trap"} 1"#.into(),
        r#"tidegate_policy_failures_total{policy="first",reason="overloaded"} 1"#.into(),
        r#"tidegate_policy_duration_seconds_bucket{le="0.00005",policy="first",part="guest"} 6"#.into(),
        r#"tidegate_policy_memory_peak_bytes{policy="first"} 65536"#.into(),
        r#"tidegate_policy_state{policy="second",state="failed"} 1"#.into(),
        r#"tidegate_admission_rejected_overload_total{reason="policies"} 1"#.into(),
        "tidegate_admission_inflight 0".into(),
        "tidegate_admission_body_held_bytes 0".into(),
        format!(r#"tidegate_build_info{{version="{}"}} 1"#, env!("CARGO_PKG_VERSION")),
    ] {
        assert!(text.contains(&line), "no {line} in\n{text}");
    }
    assert!(
        !text.contains("shop") && !text.contains("Invented") && !text.contains("grace"),
        "{text}"
    );
}

#[tokio::test]
async fn a_panic_elsewhere_is_a_500_with_a_number() {
    /// Panics the second time that its policies are looked at.
    #[derive(Debug, Default)]
    struct Broken(std::sync::atomic::AtomicBool);
    impl tidegate_admission::Evaluate for Broken {
        async fn evaluate(
            &self,
            _: tidegate_admission::Call,
        ) -> Vec<tidegate_admission::Evaluated> {
            vec![]
        }
        fn policies(&self) -> Vec<tidegate_admission::PolicyStatus> {
            assert!(
                !self.0.swap(true, std::sync::atomic::Ordering::SeqCst),
                "a bug"
            );
            vec![]
        }
    }
    let gate = Gate::new(RequestLimits::default(), Readiness::default());
    gate.serve_policies(Arc::new(Broken::default()));
    let request = post("/validate/first", review("nothing").to_string()).map(Body::new);
    let response = app(gate).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(
        text.starts_with(b"internal error; the server's log has it under "),
        "{text:?}"
    );
}

/// A writer that keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_review_has_one_record_without_its_object() {
    let kept = Kept::default();
    let writer = kept.clone();
    // For the whole program: a subscriber of one thread misses events that another thread's test met first. The namespace tells ours.
    tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .init();
    let gate = gate(&Obedient::ready());
    for order in ["deny", "trap", "overload", "nothing"] {
        let body = review(order)
            .to_string()
            .replace(r#""spec":{"#, r#""spec":{"password":"hunter22","#)
            .replace(r#""namespace":"shop""#, r#""namespace":"recorded""#);
        ask_path(&gate, "/validate", body).await;
    }
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|record: &Value| {
            record["target"] == "decision" && record["fields"]["namespace"] == "recorded"
        })
        .collect();
    let seen: Vec<_> = records
        .iter()
        .map(|record| {
            let field = |name: &str| {
                record["fields"][name]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            (
                field("uid"),
                record["fields"]["allowed"].clone(),
                field("outcome"),
                field("rules"),
                field("policies"),
            )
        })
        .collect();
    let expected = [
        ("uid-deny", false, "denied", "first/rule=deny", "first"),
        ("uid-trap", false, "denied", "", "first!trap"),
        ("uid-overload", false, "unavailable", "", "first!overloaded"),
        ("uid-nothing", true, "allowed", "", "first"),
    ];
    let expected = expected.map(|(uid, allowed, outcome, rules, policies)| {
        (
            uid.to_owned(),
            Value::from(allowed),
            outcome.to_owned(),
            rules.to_owned(),
            policies.to_owned(),
        )
    });
    assert_eq!(seen, expected);
    let first = &records[0]["fields"];
    assert_eq!(
        (&first["user"], &first["kind"], &first["name"]),
        (&"grace".into(), &"AtlasSchema".into(), &"shop".into())
    );
    let said = format!("{records:?}");
    assert!(!said.contains("the object says so"), "{said}");
    assert!(!text.contains("hunter22"), "{text}");
}
