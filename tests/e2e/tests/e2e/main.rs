//! Tidegate against a real API server: what its users see, over kubectl.
//!
//! One binary, so that everything links once. Each test has a namespace of its own in one shared control plane, and webhook configurations that
//! only see that namespace.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this is a test; clippy's own exception knows only functions marked so"
)]

mod applications;
mod certificate;
mod chart;
mod folders;
mod gate;
mod reconcile;
mod rooms;
mod shutdown;
mod tidegate;
mod verdict;
