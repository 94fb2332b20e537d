//! The TLS server: admission endpoints, health, metrics, certificates.
//!
//! A request's way: TLS accept ([`Server`]) -> limits -> AdmissionReview -> [`Evaluate`](tidegate_admission::Evaluate) (whoever implements it) ->
//! [`decide`](tidegate_admission::decide) -> answer, metric, decision record. This room decides nothing about objects: it keeps the promises of the
//! protocol. The one that shapes it most: **what an object causes is HTTP 200 with `allowed: false`; only "not now" is 503 with `Retry-After`**,
//! which the API server retries. Anything else would let `failurePolicy: Ignore` turn a crash, that an attacker can choose, into a pass.
//!
//! It is not the place where policies run, and it does not know which there are: a [`Gate`] holds whatever gives verdicts and swaps it while
//! requests are under way.
//!
//! | path | answer |
//! |---|---|
//! | `POST /validate`, `/mutate` | AdmissionReview v1, by all policies that match |
//! | `POST /validate/{policy}`, `/mutate/{policy}` | by one policy |
//! | `POST /api/webhook` | what whoever takes pushes of Git servers says, where somebody does |
//! | `GET /livez` | 200 while the process can answer |
//! | `GET /readyz` | 200 when policies are ready, with one line for each |
//! | `GET /metrics` | `OpenMetrics` text |

mod admit;
mod body;
mod connection;
mod crowd;
mod gate;
mod health;
mod labels;
mod metrics;
mod port;
mod push;
mod record;
mod routes;
mod server;
mod settings;
mod tls;

pub use bytes::Bytes;
pub use gate::Gate;
pub use http::StatusCode;
pub use metrics::registry;
pub use push::{Pushes, push_app};
pub use routes::{app, health_app};
pub use server::{Server, ServerError};
pub use settings::{
    CertificateSource, ConnectionLimits, Drain, Readiness, RequestLimits, Settings,
};
pub use tls::{Authority, AuthorityError, Certificate, CertificateError, FollowError};
