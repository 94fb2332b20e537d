//! The server as its callers see it: the router without a socket, and the whole of it over real TLS on loopback.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see in a crate of tests"
)]

mod connections;
mod drain;
mod operation;
mod protocol;
mod push;
mod support;
mod tls;
