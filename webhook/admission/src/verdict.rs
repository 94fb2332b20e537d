//! What a policy says: about itself ([`PolicyInfo`]) and about a request ([`Verdict`]).
//!
//! The same words as in the WIT contract (`policies/wit`), as plain data that every room may know. The host translates; nobody else sees the
//! generated bindings.

use serde::{Deserialize, Serialize};

use crate::Operation;

/// How bad a finding is, in the policy author's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Denies unless the operator says otherwise.
    Error,
    /// Warns the person who applies.
    Warning,
    /// For the audit log only.
    Info,
}

impl Severity {
    /// The word used in output and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A place inside a text that a field holds; both count from 1, columns in Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// One problem found by a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of one of the policy's rules, without the policy's name.
    pub rule: String,
    /// The policy's opinion.
    pub severity: Severity,
    /// What is wrong, naming the thing.
    pub message: String,
    /// JSON pointer into the object, or `/changes/N` of a plan.
    pub path: Option<String>,
    /// Where in the text at `path`.
    pub position: Option<Position>,
    /// What to write instead.
    pub suggestion: Option<String>,
    /// The verdict's patch removes the cause.
    pub mended: bool,
}

/// A fact for the API server's audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditAnnotation {
    /// A qualified name's last part; `decide` drops what the API server would drop.
    pub key: String,
    /// Free text.
    pub value: String,
}

/// What a policy answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// In the order in which they were reported.
    pub findings: Vec<Finding>,
    /// An RFC 6902 patch of the object; empty when nothing is to change.
    pub patch: json_patch::Patch,
    /// For the audit log.
    pub audit_annotations: Vec<AuditAnnotation>,
}

/// Why a policy has no verdict. None of them is anybody's fault but the policy's or the object's: the policy's `failurePolicy` decides, and other
/// policies are not concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFailure {
    /// The policy was never ready: it could not be loaded. The text says why.
    #[error("the policy is not loaded: {0}")]
    NotLoaded(String),
    /// The guest trapped (panicked, divided by zero, ran into `unreachable`).
    #[error("the policy crashed: {0}")]
    Trap(String),
    /// More CPU time than its limit.
    #[error("the policy used more than its {0:?} of CPU time")]
    Cpu(std::time::Duration),
    /// More wall time than its limit or than the API server waits.
    #[error("the policy took longer than {} ms", (.0.as_micros() + 500) / 1000)]
    Time(std::time::Duration),
    /// More memory than its limit.
    #[error("the policy asked for more than its {0} of memory")]
    Memory(crate::ByteSize),
    /// The call stack ran out, as deeply nested input makes it do.
    #[error("the policy ran out of call stack; is the object nested very deeply?")]
    Stack,
    /// An answer larger than its limit.
    #[error("the policy's answer was larger than {0}")]
    Output(crate::ByteSize),
    /// An answer that breaks the contract: unknown rule, patch from a policy that does not mutate, patch that is no JSON or does not apply.
    #[error("the policy's answer is not valid: {0}")]
    Answer(String),
    /// Too many calls are waiting.
    #[error("too many calls to this policy are waiting")]
    Overloaded,
}

impl PolicyFailure {
    /// The metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotLoaded(_) => "not-loaded",
            Self::Trap(_) => "trap",
            Self::Cpu(_) => "cpu",
            Self::Time(_) => "time",
            Self::Memory(_) => "memory",
            Self::Stack => "stack",
            Self::Output(_) => "output",
            Self::Answer(_) => "answer",
            Self::Overloaded => "overloaded",
        }
    }
}

/// One rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// For example `drop-column`.
    pub id: String,
    /// One line.
    pub title: String,
    /// Unless the operator says otherwise.
    pub severity: Severity,
    /// Markdown.
    pub documentation: String,
}

/// Objects that a policy wants to see; `*` stands for any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRule {
    /// API groups; the empty string is the core group.
    pub groups: Vec<String>,
    /// Kinds.
    pub kinds: Vec<String>,
    /// Empty: create and update.
    pub operations: Vec<Operation>,
}

/// What a policy's file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyInfo {
    /// For example `unsafe-sql`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Any of these matching is a match.
    pub matches: Vec<MatchRule>,
    /// Whether it ever gives a patch.
    pub mutates: bool,
    /// Every rule that a finding may name.
    pub rules: Vec<RuleInfo>,
    /// JSON Schema as JSON text.
    pub settings_schema: String,
    /// Interfaces it needs beside `log`.
    pub capabilities: Vec<String>,
}

impl PolicyInfo {
    /// Whether the policy wants to see such an object. The kind asked for is the one that the rule of the webhook configuration matched
    /// (`kind`, not `requestKind`), because the object comes converted to it.
    pub fn matches(&self, group: &str, kind: &str, operation: Operation) -> bool {
        self.matches
            .iter()
            .any(|rule| rule.matches(group, kind, operation))
    }
}

impl MatchRule {
    /// Whether all three lists hold the value or `*`.
    pub fn matches(&self, group: &str, kind: &str, operation: Operation) -> bool {
        let holds =
            |list: &[String], value: &str| list.iter().any(|item| item == "*" || item == value);
        let operation_matches = if self.operations.is_empty() {
            matches!(operation, Operation::Create | Operation::Update)
        } else {
            self.operations.contains(&operation)
        };
        operation_matches && holds(&self.groups, group) && holds(&self.kinds, kind)
    }
}
