//! The rules of AdmissionReview v1 and of HTTP, without a socket.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tidegate_admission::{ByteSize, PolicyState, Selection, Stage};
use tidegate_server::{Gate, Readiness, RequestLimits, app};
use tower::ServiceExt as _;

use crate::support::{Obedient, gate, post, review};

pub(crate) struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
}

impl Answer {
    /// The `response` of an answer that the API server understands.
    #[track_caller]
    pub(crate) fn response(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        let review: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(review["kind"], "AdmissionReview");
        review["response"].clone()
    }
}

async fn ask(gate: &Gate<Obedient>, request: Request<Body>) -> Answer {
    let response = app(gate.clone()).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        text,
    }
}

pub(crate) async fn ask_path(
    gate: &Gate<Obedient>,
    path: &str,
    body: impl Into<bytes::Bytes>,
) -> Answer {
    ask(gate, post(path, body).map(Body::new)).await
}

async fn ask_order(path: &str, order: &str) -> Answer {
    ask_path(&gate(&Obedient::ready()), path, review(order).to_string()).await
}

#[tokio::test]
async fn what_policies_say_becomes_the_answer() {
    for (path, order, expected) in [
        (
            "/validate",
            "nothing",
            json!({"uid": "uid-nothing", "allowed": true}),
        ),
        (
            "/mutate",
            "nothing",
            json!({"uid": "uid-nothing", "allowed": true}),
        ),
        (
            "/validate",
            "patch",
            json!({"uid": "uid-patch", "allowed": true}),
        ),
        (
            "/validate",
            "warn",
            json!({
                "uid": "uid-warn", "allowed": true,
                "warnings": ["[first/rule] the object says so (/spec/do)"],
                "auditAnnotations": {"findings": "first/rule=warn"},
            }),
        ),
        (
            "/validate",
            "deny",
            json!({
                "uid": "uid-deny", "allowed": false,
                "status": {
                    "code": 403, "reason": "Forbidden",
                    "message": "[first/rule] the object says so (/spec/do)",
                    "details": {"causes": [{"reason": "first/rule", "message": "the object says so", "field": "/spec/do"}]},
                },
                "auditAnnotations": {"findings": "first/rule=deny"},
            }),
        ),
    ] {
        assert_eq!(
            ask_order(path, order).await.response(),
            expected,
            "{path} {order}"
        );
    }
}

#[tokio::test]
async fn a_mutation_is_a_base64_json_patch() {
    let response = ask_order("/mutate", "patch").await.response();
    assert_eq!(
        (&response["allowed"], &response["patchType"]),
        (&json!(true), &json!("JSONPatch"))
    );
    let patch = base64::prelude::BASE64_STANDARD
        .decode(response["patch"].as_str().unwrap())
        .unwrap();
    let patch: Value = serde_json::from_slice(&patch).unwrap();
    assert_eq!(
        patch,
        json!([{"op": "add", "path": "/spec/patched", "value": true}])
    );
}

/// An object may make a policy trap, hang or hit a bug of ours; it may never turn its review into a failed call.
#[tokio::test(start_paused = true)]
async fn what_an_object_causes_is_a_denial() {
    for (order, expected) in [
        (
            "trap",
            "could not judge this object and its failurePolicy is deny: the policy crashed",
        ),
        (
            "hang",
            "the policies did not answer in the time that the API server waits",
        ),
        ("panic", "internal error; the log of tidegate has it under "),
    ] {
        let response = ask_order("/validate?timeout=1s", order).await.response();
        assert_eq!(
            (&response["uid"], &response["allowed"]),
            (&json!(format!("uid-{order}")), &json!(false))
        );
        let message = response["status"]["message"].as_str().unwrap();
        assert!(
            message.contains(expected),
            "{message} should contain {expected}"
        );
        assert_eq!(response["status"]["code"], 422);
    }
}

#[tokio::test]
async fn not_now_is_a_503_that_the_api_server_repeats() {
    let policies = Obedient::ready();
    let no_policies = Gate::new(RequestLimits::default(), Readiness::default());
    let no_requests = Gate::new(
        RequestLimits {
            requests: 0,
            ..RequestLimits::default()
        },
        Readiness::default(),
    );
    let no_room = Gate::new(
        RequestLimits {
            bodies: ByteSize(10),
            ..RequestLimits::default()
        },
        Readiness::default(),
    );
    no_requests.serve_policies(Arc::clone(&policies));
    no_room.serve_policies(Arc::clone(&policies));
    for (gate, order, reason) in [
        (&no_policies, "nothing", "not loaded yet"),
        (&no_requests, "nothing", "too many requests"),
        (&no_room, "nothing", "too many bytes"),
        (&gate(&policies), "overload", "waiting for a policy"),
    ] {
        let answer = ask_path(gate, "/validate", review(order).to_string()).await;
        assert_eq!(answer.status, 503, "{reason}");
        assert_eq!(answer.headers["retry-after"], "1");
        assert!(
            answer.text.contains(reason),
            "{} should contain {reason}",
            answer.text
        );
    }
    // A policy whose failures are allowed holds nobody up.
    assert_eq!(
        ask_order("/validate", "overload-allowed").await.response()["allowed"],
        true
    );
}

#[tokio::test]
async fn what_no_api_server_sends_is_told_what_is_wrong() {
    let gate = gate(&Obedient::ready());
    let good = review("nothing").to_string();
    let request = |method: &str, path: &str, content_type: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
    };
    let json = "application/json";
    for (request, status, text) in [
        (
            request("GET", "/validate", json).body(Body::empty()),
            405,
            "",
        ),
        (request("PUT", "/mutate", json).body(Body::empty()), 405, ""),
        (request("POST", "/livez", json).body(Body::empty()), 405, ""),
        (
            request("POST", "/validate/", json).body(Body::empty()),
            404,
            "unknown path",
        ),
        (
            request("POST", "/validate/nobody", json).body(good.clone().into()),
            404,
            "no policy of this name",
        ),
        (
            request("POST", "/validate", "text/plain").body(good.clone().into()),
            415,
            "application/json",
        ),
        (
            request("POST", "/validate", json)
                .header("content-encoding", "gzip")
                .body(good.clone().into()),
            415,
            "Content-Encoding",
        ),
        (
            request("POST", "/validate", json).body(Body::empty()),
            400,
            "not an AdmissionReview: EOF",
        ),
        (
            request("POST", "/validate", json).body("{}".into()),
            400,
            "expected admission.k8s.io/v1 AdmissionReview",
        ),
        (
            request("POST", "/validate", json).body("nonsense".into()),
            400,
            "not an AdmissionReview",
        ),
        (
            request("POST", "/validate", json).body("\u{0}".into()),
            400,
            "not an AdmissionReview",
        ),
        (
            request("POST", "/validate", json).body((good.clone() + "{}").into()),
            200,
            "trailing characters",
        ),
        (
            request("POST", "/validate", json)
                .body(good.replace("k8s.io/v1\"", "k8s.io/v1beta1\"").into()),
            400,
            "got admission.k8s.io/v1beta1",
        ),
    ] {
        let answer = ask(&gate, request.unwrap()).await;
        assert_eq!(answer.status, status, "{text}: {}", answer.text);
        assert!(
            answer.text.contains(text),
            "{} should contain {text}",
            answer.text
        );
    }
    let with_charset =
        request("POST", "/validate", "Application/JSON; charset=utf-8").body(good.into());
    assert_eq!(
        ask(&gate, with_charset.unwrap()).await.response()["allowed"],
        true
    );
}

/// With a uid there is an answer that binds, however broken the rest is.
#[tokio::test]
async fn a_broken_review_with_a_uid_is_denied() {
    let whole = review("nothing");
    let without = |field: &str| {
        let mut review = whole.clone();
        review["request"].as_object_mut().unwrap().remove(field);
        review.to_string().into_bytes()
    };
    let mut update = whole.clone();
    update["request"]["operation"] = json!("UPDATE");
    let mut delete = whole.clone();
    delete["request"]["operation"] = json!("DELETE");
    let mut unknown = whole.clone();
    unknown["request"]["operation"] = json!("PATCH");
    let text = whole.to_string();
    let start = format!(
        r#"{{"request":{{"uid":"uid-nothing","x":"{}"#,
        "a".repeat(100)
    );
    for (body, expected) in [
        (without("object"), "CREATE without object"),
        (update.to_string().into_bytes(), "UPDATE without oldObject"),
        (delete.to_string().into_bytes(), "DELETE without oldObject"),
        (unknown.to_string().into_bytes(), "unknown variant `PATCH`"),
        (
            [text.replace("shop", "\u{1}").as_bytes(), b"\xff"].concat(),
            "control character",
        ),
        (start.into_bytes(), "EOF"),
    ] {
        let answer = ask_path(&gate(&Obedient::ready()), "/validate", body).await;
        let response = answer.response();
        assert_eq!(
            (&response["uid"], &response["allowed"]),
            (&json!("uid-nothing"), &json!(false)),
            "{expected}"
        );
        let message = response["status"]["message"].as_str().unwrap();
        assert!(
            message.contains(expected),
            "{message} should contain {expected}"
        );
    }
}

#[tokio::test]
async fn sizes_up_to_the_limit_are_judged_and_above_it_denied() {
    let policies = Obedient::ready();
    let gate = gate(&policies);
    let sized = |bytes: usize| {
        let mut review = review("nothing");
        review["request"]["object"]["spec"]["sql"] = json!("x".repeat(bytes));
        // As the API server orders it, so that the uid stands before the object.
        format!(
            r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"uid-nothing",{}"#,
            review["request"]
                .to_string()
                .strip_prefix('{')
                .unwrap()
                .replace(r#""uid":"uid-nothing","#, "")
                .replace(r#","uid":"uid-nothing""#, "")
                + "}"
        )
    };
    assert_eq!(
        ask_path(&gate, "/validate", sized(3 << 20))
            .await
            .response()["allowed"],
        true
    );
    assert_eq!(policies.calls().len(), 1);

    let response = ask_path(&gate, "/validate", sized(9 << 20))
        .await
        .response();
    assert_eq!(
        (&response["uid"], &response["allowed"]),
        (&json!("uid-nothing"), &json!(false))
    );
    assert_eq!(
        response["status"],
        json!({
            "code": 413, "reason": "RequestEntityTooLarge",
            "message": "the review is larger than 8 MiB; the object cannot be judged",
        })
    );
    let anonymous = ask_path(&gate, "/validate", "x".repeat(9 << 20)).await;
    assert_eq!(
        (
            anonymous.status.as_u16(),
            anonymous.text.contains("larger than 8 MiB")
        ),
        (413, true)
    );
    assert_eq!(policies.calls().len(), 1);
}

#[tokio::test]
async fn a_deep_object_is_judged() {
    let mut body = review("deep").to_string();
    body = body.replace(
        r#""deep""#,
        &format!("{}1{}", r#"{"a":"#.repeat(9_000), "}".repeat(9_000)),
    );
    assert_eq!(
        ask_path(&gate(&Obedient::ready()), "/validate", body)
            .await
            .response()["allowed"],
        true
    );
}

#[tokio::test]
async fn policies_are_asked_as_the_path_and_the_query_say() {
    let policies = Obedient::new(&[
        ("first", PolicyState::Ready),
        ("second", PolicyState::Ready),
    ]);
    let gate = gate(&policies);
    for (path, stage, selection, least, most) in [
        (
            "/validate?timeout=10s",
            Stage::Validate,
            Selection::Matching,
            8_000,
            9_000,
        ),
        (
            "/validate?timeout=1s",
            Stage::Validate,
            Selection::Matching,
            700,
            800,
        ),
        (
            "/mutate?timeout=30s",
            Stage::Mutate,
            Selection::Matching,
            26_000,
            27_000,
        ),
        (
            "/validate/second",
            Stage::Validate,
            Selection::Named("second".into()),
            8_000,
            9_000,
        ),
        (
            "/mutate/first?timeout=5s",
            Stage::Mutate,
            Selection::Named("first".into()),
            4_000,
            4_500,
        ),
    ] {
        ask_path(&gate, path, review("nothing").to_string())
            .await
            .response();
        let call = policies.calls().pop().unwrap();
        assert_eq!((call.stage, call.selection), (stage, selection), "{path}");
        let budget = call.budget.as_millis();
        assert!((least..=most).contains(&budget), "{path}: {budget} ms");
    }
}

/// Argo CD writes the status of an Application as an update of the whole object, and removing a finalizer must never be refused.
#[tokio::test]
async fn what_policies_do_not_judge_passes_without_asking_them() {
    let policies = Obedient::ready();
    let gate = gate(&policies);
    let old = json!({"metadata": {"name": "shop", "finalizers": ["a"]}, "spec": {"do": "deny"}, "status": {}});
    let mut status = old.clone();
    status["status"] = json!({"health": "Healthy"});
    let mut going = old.clone();
    going["metadata"]["deletionTimestamp"] = json!("2026-11-21T00:00:00Z");
    let mut finalized = going.clone();
    finalized["metadata"]["finalizers"] = json!([]);
    let mut changed = old.clone();
    changed["spec"]["more"] = json!(1);
    for (old, new, allowed, calls) in [
        (&old, &status, true, 0),
        (&going, &finalized, true, 0),
        (&old, &changed, false, 1),
    ] {
        let mut review = review("update");
        review["request"]["operation"] = json!("UPDATE");
        review["request"]["object"] = new.clone();
        review["request"]["oldObject"] = old.clone();
        let response = ask_path(&gate, "/validate", review.to_string())
            .await
            .response();
        assert_eq!(response["allowed"], allowed, "{new}");
        assert_eq!(policies.calls().len(), calls, "{new}");
    }
}

#[tokio::test]
async fn deletes_connects_subresources_and_dry_runs_are_reviews_like_others() {
    let policies = Obedient::ready();
    let gate = gate(&policies);
    for change in [
        json!({"operation": "DELETE", "object": null, "oldObject": {"metadata": {"name": "shop"}}, "name": ""}),
        json!({"operation": "CONNECT", "subResource": "exec"}),
        json!({"subResource": "status"}),
        json!({"dryRun": true}),
        json!({"name": "", "namespace": ""}),
    ] {
        let mut review = review("nothing");
        review["request"]
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        assert_eq!(
            ask_path(&gate, "/validate", review.to_string())
                .await
                .response()["allowed"],
            true,
            "{change}"
        );
    }
    let calls = policies.calls();
    assert_eq!(calls.len(), 5);
    assert_eq!(calls[0].review.name, "shop");
    assert!(calls[3].review.dry_run);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_cut_off() {
    let never = Body::from_stream(futures::stream::pending::<
        Result<bytes::Bytes, std::io::Error>,
    >());
    let request = Request::post("/validate?timeout=3s").body(never).unwrap();
    let begun = tokio::time::Instant::now();
    let answer = ask(&gate(&Obedient::ready()), request).await;
    assert_eq!(
        (answer.status.as_u16(), begun.elapsed()),
        (408, Duration::from_secs(3))
    );
}
