//! The words of Argo CD, Atlas and Kubernetes that more than one room needs, as plain data.
//!
//! Objects stay what they were: JSON. This crate never owns the truth of an object, it *reads* it. A view such as
//! [`atlas::AtlasSchema`] names the fields that Tidegate uses and ignores the rest; whoever changes an object changes the JSON, so
//! that fields nobody here knows survive. Words that Argo CD compares as exact strings (hooks, delete policies, sync options) are
//! tables here, because policies need to say "unknown word, did you mean ..." while the engine needs to do what Argo CD does with
//! them, and both must read the same table.
//!
//! It is not a client and not a validator: no I/O, no clock (times are arguments), no judgement. Judging is the policies' work.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod application;
pub mod atlas;
pub mod duration;
pub mod glob;
pub mod health;
pub mod hook;
pub mod object;
pub mod project;
mod source_type;
pub mod sync_option;
pub mod url;
pub mod wave;
pub mod words;

pub use object::{GroupKind, ObjectKey};
pub use source_type::SourceType;
