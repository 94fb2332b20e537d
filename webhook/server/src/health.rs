//! `/livez`, `/readyz`, `/metrics`: for kubelets, load balancers and Prometheus. Nothing here says anything about objects or users.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use tidegate_admission::{Evaluate, PolicyState, PolicyStatus};

use crate::Gate;
use crate::gate::NotReady;

/// The process answers. Nothing else is asked: restarting a container mends no policy.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// One line for each policy, as Kubernetes' own components write theirs.
pub(crate) async fn readyz<E: Evaluate>(State(gate): State<Gate<E>>) -> Response {
    match gate.readiness() {
        Ok(policies) => (StatusCode::OK, format!("{}ready\n", lines(&policies))),
        Err(NotReady::Draining) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the server is shutting down\n".into(),
        ),
        Err(NotReady::NoPolicies) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the policies are not loaded yet\n".into(),
        ),
        Err(NotReady::Policies(policies)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}not ready\n", lines(&policies)),
        ),
    }
    .into_response()
}

/// All counters as `OpenMetrics` text.
pub(crate) async fn metrics<E: Evaluate>(State(gate): State<Gate<E>>) -> Response {
    let policies = gate
        .policies()
        .map(|policies| policies.policies())
        .unwrap_or_default();
    match gate.metrics().text(&policies) {
        Ok(text) => (
            [(
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to write the metrics: {error}\n"),
        )
            .into_response(),
    }
}

fn lines(policies: &[PolicyStatus]) -> String {
    let mut lines = String::new();
    for policy in policies {
        let name = &policy.name;
        // Writing to a String cannot fail.
        let _ = match &policy.state {
            PolicyState::Ready => writeln!(lines, "[+] {name} ready"),
            PolicyState::Off => writeln!(lines, "[ ] {name} off"),
            PolicyState::Failed(reason) => writeln!(
                lines,
                "[-] {name} failed: {}",
                reason.replace(char::is_control, " ")
            ),
        };
    }
    lines
}
