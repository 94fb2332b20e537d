//! The contract of `policies/wit` as Rust types, generated. Nobody outside this crate sees them; `translate` turns them into the words of the
//! admission room.
//!
//! Borrowing: what goes into the guest is lowered straight from the review's text, so that a 1 MB object is not copied on the host once a policy.
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::pedantic,
    clippy::use_self,
    clippy::or_fun_call,
    reason = "generated code"
)]

wasmtime::component::bindgen!({
    path: "../../policies/wit",
    world: "policy",
    ownership: Borrowing { duplicate_if_necessary: true },
    exports: { default: async },
});
