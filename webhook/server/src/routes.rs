//! Which path leads where, without a socket: [`app`] can be asked in a test as it is.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use tidegate_admission::{Evaluate, Selection, Stage};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error;

use crate::admit::admit;
use crate::{Gate, health};

/// Everything that the webhook's port answers.
pub fn app<E: Evaluate>(gate: Gate<E>) -> Router {
    Router::new()
        .route("/validate", post(validate))
        .route("/validate/{policy}", post(validate_by))
        .route("/mutate", post(mutate))
        .route("/mutate/{policy}", post(mutate_by))
        .merge(probes())
        .fallback(unknown_path)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(gate)
}

/// What the plain port for kubelet and Prometheus answers.
pub fn health_app<E: Evaluate>(gate: Gate<E>) -> Router {
    probes()
        .fallback(unknown_path)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(gate)
}

fn probes<E: Evaluate>() -> Router<Gate<E>> {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
}

async fn validate<E: Evaluate>(State(gate): State<Gate<E>>, request: Request) -> Response {
    admit(&gate, Stage::Validate, Selection::Matching, request).await
}

async fn validate_by<E: Evaluate>(
    State(gate): State<Gate<E>>,
    Path(policy): Path<String>,
    request: Request,
) -> Response {
    admit(&gate, Stage::Validate, Selection::Named(policy), request).await
}

async fn mutate<E: Evaluate>(State(gate): State<Gate<E>>, request: Request) -> Response {
    admit(&gate, Stage::Mutate, Selection::Matching, request).await
}

async fn mutate_by<E: Evaluate>(
    State(gate): State<Gate<E>>,
    Path(policy): Path<String>,
    request: Request,
) -> Response {
    admit(&gate, Stage::Mutate, Selection::Named(policy), request).await
}

/// Never a redirect: the API server would follow it as a GET.
async fn unknown_path() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "unknown path; this server answers /validate, /mutate, /validate/{policy}, /mutate/{policy}, /livez, /readyz and /metrics\n",
    )
}

/// A bug of ours outside the part that knows the review's uid. The caller learns a number, the log what happened.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that CatchPanicLayer asks for"
)]
fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let correlation = report_panic(panic.as_ref());
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("internal error; the server's log has it under {correlation}\n"),
    )
        .into_response()
}

/// Logs a panic and gives the id under which it stands in the log.
pub(crate) fn report_panic(panic: &(dyn Any + Send)) -> String {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let correlation = format!("{seconds:x}-{:x}", PANICS.fetch_add(1, Ordering::Relaxed));
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    error!(
        correlation,
        panic = text.unwrap_or("not a text"),
        "a request panicked"
    );
    correlation
}
