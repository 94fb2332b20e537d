//! Measures and torments the optimised server, over TLS on loopback, as an API server would call it, and the reconciler.
//!
//! `bench` prints figures beside their targets, and each beside a bare server of the same run: a machine has good and bad hours, a ratio
//! of one run has not. `bench-schemas` and `bench-applications` do so for what the reconciler brings about, on a control plane ([`plane`]), databases and a
//! Git repository ([`repository`]) of their own. `soak` throws bad input at a server and asserts its answers, never its times. All start what they
//! measure ([`server`]), ask it over kept connections ([`client`]), and stop it.
//!
//! This is not a general load generator: a wrong answer ends a trial, so that figures are of reviews that were answered rightly, or there are none.
#![expect(
    clippy::print_stdout,
    reason = "tables are the output of these programs"
)]

pub mod bad;
pub mod client;
pub mod hostile;
pub mod plane;
pub mod policies;
pub mod repository;
pub mod review;
pub mod server;
pub mod table;
pub mod tables;
pub mod trial;
