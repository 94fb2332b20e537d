//! What happens to an admission review between its JSON and its answer, as pure functions over plain data.
//!
//! A body becomes a [`Review`]; something that implements [`Evaluate`] asks the policies and gives an [`Evaluated`] for each; [`decide`] turns
//! those, with the operator's [`Enforcement`], into a [`Decision`]; and [`answer`] writes it as the API server wants it. The command line walks
//! the same path, so that a verdict in CI is the verdict at admission.
//!
//! This room does no I/O, keeps no state and knows no clock. It does not know wasmtime, HTTP or Kubernetes' client.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod answer;
mod decide;
mod enforcement;
mod evaluate;
mod fields;
mod patch;
mod policies_file;
mod redact;
mod review;
mod units;
mod verdict;

pub use answer::{answer, failure};
pub use decide::{Decision, JudgedFinding, StatusReason, decide};
pub use enforcement::{Action, Enforcement, FailurePolicy, Mode, Scope};
/// A day, in UTC wherever it is used here.
pub use jiff::civil::Date;

pub use evaluate::{
    Call, Evaluate, Evaluated, PolicyState, PolicyStatus, Selection, Stage, Timing,
};
pub use patch::{PatchError, apply_checked};
pub use policies_file::{Limits, PoliciesFile, PolicyEntry, PolicySource, parse_policies_file};
pub use redact::Redactor;
pub use review::{
    GroupVersionKind, GroupVersionResource, Operation, Review, ReviewError, UserInfo, parse_review,
};
pub use units::{ByteSize, parse_duration};
pub use verdict::{
    AuditAnnotation, Finding, MatchRule, PolicyFailure, PolicyInfo, Position, RuleInfo, Severity,
    Verdict,
};
