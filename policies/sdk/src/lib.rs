//! Write a Tidegate policy in Rust: one trait, one macro.
//!
//! ```
//! use tidegate_policy_sdk::prelude::*;
//!
//! const NO_OWNER: Rule = Rule::error("no-owner", "The object names no owner", "# no-owner\n...");
//!
//! struct RequireOwner;
//!
//! impl Policy for RequireOwner {
//!     type Settings = NoSettings;
//!     const INFO: Info = Info::new("require-owner", "0.1.0", "Every Application names its owner.")
//!         .matches(&[Match::kinds("argoproj.io", &["Application"])])
//!         .rules(&[&NO_OWNER]);
//!
//!     fn review(request: &Request, _: &NoSettings, verdict: &mut Verdict) {
//!         if request.object().annotation("owner").is_none() {
//!             verdict.report(Finding::new(&NO_OWNER, "no owner").at("/metadata/annotations"));
//!         }
//!     }
//! }
//!
//! export_policy!(RequireOwner);
//! ```
//!
//! A policy is a pure function of a [`Request`] and its settings to a [`Verdict`]. It reports; the operator decides what a
//! finding does. The contract is `policies/wit/policy.wit`; this crate is that contract in Rust, with three promises:
//!
//! - **Nothing is lost.** An [`Object`] is the JSON that came in. Typed views of it are for reading; changes are the
//!   operations of a [`Patch`]. A field that nobody here knows survives.
//! - **It stays small.** No macro crate, no regular expressions, no Kubernetes types: a useful policy is 15 lines, under
//!   100 kB and 20 crates, and the build fails when the example grows past that.
//! - **It runs anywhere.** [`export_policy!`] does nothing on a native target, so the same crate is a plain library for
//!   `cargo test`, benches ([`native`]) and Markdown cases (`testing`, behind the feature of that name).
//!
//! What it is not: a client. There is no clock, no network and no file in a policy, and this crate adds none.

#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::use_self,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    reason = "generated from policy.wit; the canonical ABI is raw memory, so the generated glue is unsafe"
)]
#[doc(hidden)]
#[rustfmt::skip]
pub mod bindings;

#[doc(hidden)]
pub mod guest;

pub mod cluster;
#[allow(
    unsafe_code,
    reason = "a heap is made of raw memory; the rest of this crate has none of it"
)]
#[cfg(any(test, target_arch = "wasm32"))]
mod heap;
mod info;
mod json;
pub mod log;
pub mod native;
mod object;
mod patch;
pub mod pointer;
mod request;
mod settings;
#[cfg(feature = "testing")]
pub mod testing;
mod verdict;

pub use schemars;
pub use serde;
pub use serde_json;

pub use bindings::tidegate::policy::types::{
    Finding, ObjectKey, Operation, Position, Severity, UserInfo,
};
pub use info::{Info, Match, Rule};
pub use object::Object;
pub use patch::Patch;
pub use request::{Admission, Change, Plan, Request};
pub use settings::NoSettings;
pub use verdict::Verdict;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Everything that a policy needs: `use tidegate_policy_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Admission, Change, Finding, Info, Match, NoSettings, Object, ObjectKey, Operation, Patch,
        Plan, Policy, Position, Request, Rule, Severity, UserInfo, Verdict, export_policy,
    };
    pub use schemars::{self, JsonSchema};
    pub use serde::{self, Deserialize, Serialize};
    pub use serde_json::{self, Value, json};
}

/// A policy: what it is, and how it judges.
pub trait Policy {
    /// What the operator may set, or [`NoSettings`]. Its JSON Schema becomes the policy's. Unknown keys are refused only if
    /// the type says `#[serde(deny_unknown_fields)]`; a setting is required unless the type says `#[serde(default)]`.
    type Settings: DeserializeOwned + JsonSchema + Default;

    /// What the policy is: the file's own metadata.
    const INFO: Info;

    /// The JSON Schema of the settings, as JSON text. Only a policy that has to be small says it itself, as a file that a test holds fresh
    /// ([`native::settings_schema`]): the component then carries nothing that makes schemas.
    fn settings_schema() -> Cow<'static, str> {
        settings::schema::<Self::Settings>().into()
    }

    /// Problems of the settings beyond their types, one a line, each with the JSON pointer of the field. Called when the
    /// settings are loaded.
    fn check_settings(settings: &Self::Settings) -> Vec<String> {
        let _ = settings;
        Vec::new()
    }

    /// Judges one request: reports findings, and may patch.
    fn review(request: &Request, settings: &Self::Settings, verdict: &mut Verdict);
}
