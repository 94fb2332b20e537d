//! What a sync of an Application would do, decided without a cluster.
//!
//! Desired objects, live objects, an operation and what happened so far go in as plain data; the next steps, the state of the operation and its
//! exact message come out. `now` is an argument, health is a function that the caller brings, and nobody here applies anything: whoever
//! acts reports the outcomes, and asks again. So a sync that went wrong is a file that can be replayed.
//!
//! The rules are those of Argo CD 3.5 (`controller/state.go`, `gitops-engine/pkg/{diff,sync}`): what is tracked by whom, what counts as a
//! difference, which phase and wave a task has, what waits for whose health, when an operation ends and with which words. Where Tidegate
//! differs, the item says so; the two that matter are that unchanged objects are not written again (they still hold their wave back until they
//! are healthy), and that orders that Argo CD leaves open are total here.
//!
//! It is not a renderer, not a client and not a judge of health; `waves` orders, `health` judges, `reconcile` acts.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod advance;
pub mod automated;
pub mod compare;
pub mod differences;
mod fields;
pub mod health;
pub mod history;
pub mod ignore;
pub mod jq;
mod normalize;
pub mod operation;
pub mod plan;
mod quantity;
pub mod retry;
mod schema;
pub mod step;
pub mod task;
pub mod tracking;
