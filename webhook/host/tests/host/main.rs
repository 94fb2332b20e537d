//! The host against guests that behave, and against guests that do all they can not to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod guest;
mod support;

mod isolation;
mod loading;
mod policies;
mod reviews;
