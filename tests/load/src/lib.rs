//! Measures and torments the optimised server, over TLS on loopback, as an API server would call it.
//!
//! Two programs. `bench` prints figures beside their targets, and each beside a bare server of the same run: a machine has good and bad hours, a ratio
//! of one run has not. `soak` throws bad input at a server and asserts its answers, never its times. Both start what they measure
//! ([`server`]), ask it over kept connections ([`client`]), and stop it.
//!
//! This is not a general load generator: a wrong answer ends a trial, so that figures are of reviews that were answered rightly, or there are none.
#![expect(
    clippy::print_stdout,
    reason = "tables are the output of both programs"
)]

pub mod bad;
pub mod client;
pub mod hostile;
pub mod policies;
pub mod review;
pub mod server;
pub mod table;
pub mod trial;
