//! Policies in sandboxes: load, compile, cache, limit, call.
//!
//! A [`Host`] loads [`PolicySpec`]s into a [`PolicySet`], which answers reviews and plans. Only this crate names wasmtime, and nothing of wasmtime
//! leaves it: what comes out are the words of the admission room.
//!
//! The way of a call: [`PolicySet`] chooses the policies that match (`set`), each waits for a place and runs under two clocks (`call`, `meter`), in a
//! fresh instance (`sandbox`) whose memory comes from a pool (`engine`) and whose growth is limited (`state`). A call that is not done after two
//! milliseconds leaves the server's threads for the slow lane (`lane`). Whatever goes wrong in it is one policy's failure (`failure`), never the
//! process's and never another policy's.
//!
//! The way of a file: read and checked against its digest (`source`), taken from the cache of compiled code or compiled (`cache`, `trust`, `compile`),
//! linked to what it is granted, and asked to describe itself, to check its settings and to judge a harmless object (`load`). What fails on
//! that way becomes the policy's state, with a reason that its author can act on.

mod bindings;
mod cache;
mod call;
mod compile;
mod engine;
mod failure;
mod host;
mod lane;
mod load;
mod log;
mod meter;
mod plan;
mod sandbox;
mod set;
mod source;
mod state;
mod ticker;
mod translate;
mod trust;

pub use engine::Allocation;
pub use host::{Host, HostError, HostSettings};
pub use plan::{Change, PlanRequest};
pub use set::PolicySet;
pub use source::{PolicySpec, Source};
