//! A policy as a plain function of a native program: the same code that the component runs, without the sandbox.
//!
//! For tests, and for benches that ask what the sandbox costs. Never for requests: a policy that loops or overflows the stack
//! takes the program with it.

pub use crate::bindings::tidegate::policy::types as wit;
pub use crate::guest::{check_settings, describe, review};

/// The JSON Schema of a policy's settings as their type says it, for the test of a policy that keeps it in a file
/// ([`Policy::settings_schema`](crate::Policy::settings_schema)).
pub fn settings_schema<P: crate::Policy>() -> String {
    crate::settings::schema::<P::Settings>()
}
