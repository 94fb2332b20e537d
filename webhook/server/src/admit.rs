//! One admission request, from its header to its answer.
//!
//! Answers to what an object causes are HTTP 200 with `allowed: false`; "not now" is 503 with `Retry-After: 1`, after which the API server tries again
//! within its time-out; requests that no API server sends get the HTTP status that says what is wrong with them, in a sentence.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tidegate_admission::{
    Call, Decision, Evaluate, Evaluated, FailurePolicy, PolicyFailure, Review, ReviewError,
    Selection, Stage, StatusReason, answer, decide, failure, parse_duration, parse_review,
};
use tokio::time::{Instant, timeout_at};

use crate::body::{self, Held, Unread};
use crate::metrics::Outcome;
use crate::record::record;
use crate::routes::report_panic;
use crate::{Gate, RequestLimits};

/// What is left of the caller's time for writing and carrying the answer: a tenth, and at least this.
const LEAST_MARGIN: Duration = Duration::from_millis(200);

/// The API server never waits longer (`timeoutSeconds` is 1 to 30).
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers one POST.
pub(crate) async fn admit<E: Evaluate>(
    gate: &Gate<E>,
    stage: Stage,
    selection: Selection,
    request: Request,
) -> Response {
    let begun = Instant::now();
    let _under_way = gate.metrics().request_begins();
    let answered = match begin(gate, &selection, request, begun).await {
        Ok(asked) => judge(stage, selection, asked).await,
        Err(refusal) => Answered::unread(refusal),
    };
    let took = begun.elapsed();
    if let Answer::Unavailable(reason) = &answered.answer {
        gate.metrics().rejected(reason.label());
    }
    gate.metrics()
        .review_answered(stage, answered.review.as_deref(), answered.outcome, took);
    gate.metrics()
        .policies_answered(&answered.evaluated, answered.outcome, &answered.decision);
    if let Some(review) = &answered.review {
        record(
            stage,
            review,
            answered.outcome,
            &answered.evaluated,
            &answered.decision,
            took,
        );
    }
    answered.answer.into_response()
}

/// A review that is ready to be judged.
struct Asked<'a, E> {
    policies: Arc<E>,
    review: Arc<Review>,
    /// When the answer must be there.
    deadline: Instant,
    /// Kept until the answer: what the review takes of the limits.
    _held: Held<'a>,
    _permit: tokio::sync::SemaphorePermit<'a>,
}

/// What became of a request.
struct Answered {
    review: Option<Arc<Review>>,
    evaluated: Vec<Evaluated>,
    decision: Decision,
    outcome: Outcome,
    answer: Answer,
}

impl Answered {
    fn unread(answer: Answer) -> Self {
        let outcome = if matches!(answer, Answer::Unavailable(_)) {
            Outcome::Unavailable
        } else {
            Outcome::Unreadable
        };
        Self {
            review: None,
            evaluated: Vec::new(),
            decision: Decision::default(),
            outcome,
            answer,
        }
    }
}

/// The four ways to answer.
enum Answer {
    /// An AdmissionReview.
    Review(Vec<u8>),
    /// Try again.
    Unavailable(Unavailable),
    /// Not a request of an API server.
    Refused(StatusCode, String),
}

/// Why not now.
#[derive(Clone, Copy)]
enum Unavailable {
    Starting,
    Requests,
    Bodies,
    Policies,
}

impl Unavailable {
    fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Requests => "requests",
            Self::Bodies => "bodies",
            Self::Policies => "policies",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Starting => "the policies are not loaded yet; try again\n",
            Self::Requests => "too many requests at a time; try again\n",
            Self::Bodies => "too many bytes of requests at a time; try again\n",
            Self::Policies => "too many calls are waiting for a policy; try again\n",
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Review(json) => (
                [(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                )],
                json,
            )
                .into_response(),
            Self::Unavailable(why) => (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::RETRY_AFTER, HeaderValue::from_static("1"))],
                why.text(),
            )
                .into_response(),
            Self::Refused(status, text) => (status, text).into_response(),
        }
    }
}

/// Takes a request's place among the others and reads it.
async fn begin<'a, E: Evaluate>(
    gate: &'a Gate<E>,
    selection: &Selection,
    request: Request,
    begun: Instant,
) -> Result<Asked<'a, E>, Answer> {
    let limits = gate.limits();
    let permit = gate
        .requests()
        .try_acquire()
        .map_err(|_| Answer::Unavailable(Unavailable::Requests))?;
    let policies = gate
        .policies()
        .ok_or(Answer::Unavailable(Unavailable::Starting))?;
    if let Selection::Named(name) = selection
        && !policies
            .policies()
            .iter()
            .any(|policy| *policy.name == **name)
    {
        return Err(Answer::Refused(
            StatusCode::NOT_FOUND,
            "there is no policy of this name\n".into(),
        ));
    }
    let (head, body) = request.into_parts();
    expect_json(&head.headers)?;
    let timeout = timeout(head.uri.query(), limits);
    let body_deadline = begun + timeout.min(limits.body_time);
    let held = body::read(
        body,
        limits.body,
        gate.bodies(),
        gate.metrics().body_held(),
        body_deadline,
    )
    .await
    .map_err(|unread| unread_answer(unread, limits))?;
    let review = parse_review(&held.bytes).map_err(|error| unjudgeable(&error, &held.bytes))?;
    Ok(Asked {
        policies,
        review: Arc::new(review),
        deadline: begun + timeout.saturating_sub(LEAST_MARGIN.max(timeout / 10)),
        _held: held,
        _permit: permit,
    })
}

/// Asks the policies and weighs what they say.
async fn judge<E: Evaluate>(stage: Stage, selection: Selection, asked: Asked<'_, E>) -> Answered {
    let review = Arc::clone(&asked.review);
    let mut answered = Answered {
        review: Some(Arc::clone(&review)),
        evaluated: Vec::new(),
        decision: Decision::default(),
        outcome: Outcome::Passed,
        answer: Answer::Review(Vec::new()),
    };
    if review.is_finalizing() || review.changes_nothing_judged() {
        answered.answer = Answer::Review(answer(&review.uid, &answered.decision));
        return answered;
    }
    let call = Call {
        stage,
        selection,
        review: Arc::clone(&review),
        budget: asked.deadline.saturating_duration_since(Instant::now()),
        day: jiff::Timestamp::now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date(),
    };
    let asking = async {
        let evaluated = asked.policies.evaluate(call).await;
        let decision = decide(&review, stage, &evaluated);
        (evaluated, decision)
    };
    match timeout_at(asked.deadline, AssertUnwindSafe(asking).catch_unwind()).await {
        Ok(Ok((evaluated, decision))) => {
            answered.evaluated = evaluated;
            answered.decision = decision;
        }
        // The policies keep their own deadlines; this one is for an evaluator that does not. Which object makes it so slow is up to whoever wrote
        // the object, so it is a denial.
        Err(_) => {
            return answered
                .not_judged("the policies did not answer in the time that the API server waits");
        }
        Ok(Err(panic)) => {
            let correlation = report_panic(panic.as_ref());
            return answered.not_judged(&format!(
                "internal error; the log of tidegate has it under {correlation}"
            ));
        }
    }
    if answered.decision.denied != Some(StatusReason::Forbidden)
        && answered.evaluated.iter().any(is_overloaded)
    {
        answered.outcome = Outcome::Unavailable;
        answered.answer = Answer::Unavailable(Unavailable::Policies);
        return answered;
    }
    answered.outcome = match (
        answered.decision.allowed(),
        answered.decision.patch.0.is_empty(),
    ) {
        (false, _) => Outcome::Denied,
        (true, true) => Outcome::Allowed,
        (true, false) => Outcome::Patched,
    };
    answered.answer = Answer::Review(answer(&review.uid, &answered.decision));
    answered
}

impl Answered {
    /// A denial of a review that was read and could not be judged.
    fn not_judged(mut self, why: &str) -> Self {
        let uid = self
            .review
            .as_ref()
            .map_or("", |review| review.uid.as_str());
        self.answer = Answer::Review(failure(uid, StatusReason::Invalid, why));
        self.decision.denied = Some(StatusReason::Invalid);
        self.outcome = Outcome::Denied;
        self
    }
}

/// Whether a policy that must judge had no place: nothing to do with the object, so the API server may try again. A policy whose failures are allowed
/// does not hold up a request.
fn is_overloaded(one: &Evaluated) -> bool {
    matches!(one.outcome, Err(PolicyFailure::Overloaded))
        && one.enforcement.failure_policy == FailurePolicy::Deny
}

/// The API server sends `application/json` and never compresses. A missing type passes: the body will show what it is.
fn expect_json(headers: &HeaderMap) -> Result<(), Answer> {
    let refused = |text: &str| {
        Err(Answer::Refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            text.to_owned(),
        ))
    };
    if let Some(content_type) = headers.get(header::CONTENT_TYPE) {
        let essence = content_type
            .to_str()
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return refused("expected Content-Type: application/json\n");
        }
    }
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return refused("expected a body without Content-Encoding\n");
    }
    Ok(())
}

/// `?timeout=10s`: how long the caller waits. What cannot be read counts as not said.
fn timeout(query: Option<&str>, limits: &RequestLimits) -> Duration {
    query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("timeout="))
        .and_then(|text| parse_duration(text).ok())
        .filter(|timeout| !timeout.is_zero())
        .unwrap_or(limits.timeout)
        .min(LONGEST_TIMEOUT)
}

fn unread_answer(unread: Unread, limits: &RequestLimits) -> Answer {
    match unread {
        Unread::TooLarge(start) => {
            let text = format!(
                "the review is larger than {}; the object cannot be judged",
                limits.body
            );
            match body::uid_near_start(&start) {
                Some(uid) => Answer::Review(failure(&uid, StatusReason::TooLarge, &text)),
                None => Answer::Refused(StatusCode::PAYLOAD_TOO_LARGE, text + "\n"),
            }
        }
        Unread::Slow => Answer::Refused(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time\n".into(),
        ),
        Unread::NoRoom => Answer::Unavailable(Unavailable::Bodies),
        Unread::Broken(error) => Answer::Refused(
            StatusCode::BAD_REQUEST,
            format!("failed to read the body: {error}\n"),
        ),
    }
}

/// A body that is no review to judge. With a uid it is a denial, which binds whatever the webhook's failurePolicy; without, all that is left is HTTP.
fn unjudgeable(error: &ReviewError, body: &[u8]) -> Answer {
    match error {
        ReviewError::Incomplete { uid, .. } => {
            Answer::Review(failure(uid, StatusReason::Invalid, &error.to_string()))
        }
        ReviewError::Malformed(_) => match body::uid_near_start(body) {
            Some(uid) => Answer::Review(failure(&uid, StatusReason::Invalid, &error.to_string())),
            None => Answer::Refused(StatusCode::BAD_REQUEST, format!("{error}\n")),
        },
        ReviewError::Version { .. } => {
            Answer::Refused(StatusCode::BAD_REQUEST, format!("{error}\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_time_is_read_from_the_query() {
        for (query, seconds) in [
            (None, 10),
            (Some("timeout=5s"), 5),
            (Some("a=b&timeout=1s"), 1),
            (Some("timeout=1m"), 30),
            (Some("timeout=0s"), 10),
            (Some("timeout=soon"), 10),
            (Some("timeout="), 10),
        ] {
            assert_eq!(
                timeout(query, &RequestLimits::default()),
                Duration::from_secs(seconds),
                "{query:?}"
            );
        }
    }
}
