//! The answer.

use crate::bindings::tidegate::policy::types as wit;
use crate::{Finding, Patch, Position, Rule, Severity};

/// The answer: findings, a patch, and facts for the audit log. Empty, it says that all is well.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    findings: Vec<Finding>,
    patch: Patch,
    audit: Vec<wit::Annotation>,
}

impl Verdict {
    /// Adds a finding.
    pub fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The patch, for adding operations. The policy's [`Info`](crate::Info) must say that it mutates.
    pub fn patch(&mut self) -> &mut Patch {
        &mut self.patch
    }

    /// Adds a fact for the API server's audit log. A key is at most 63 letters, digits, `-`, `_`, `.`.
    pub fn audit(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.audit.push(wit::Annotation {
            key: key.into(),
            value: value.into(),
        });
    }

    /// What was reported so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(crate) fn into_wit(self) -> wit::Verdict {
        wit::Verdict {
            findings: self.findings,
            patch: self.patch.into_json(),
            audit_annotations: self.audit,
        }
    }
}

impl Finding {
    /// A finding of a rule, of the rule's severity. The message says what is wrong, naming the thing, to a developer who has
    /// never heard of this policy. Never a credential.
    #[must_use]
    pub fn new(rule: &Rule, message: impl Into<String>) -> Self {
        Self {
            rule: rule.id.to_owned(),
            severity: rule.severity,
            message: message.into(),
            path: None,
            position: None,
            suggestion: None,
            mended: false,
        }
    }

    /// Another severity than the rule's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Where: a JSON pointer into the object, or `/changes/N` of a plan.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.path = Some(pointer.into());
        self
    }

    /// Where in the text at the pointer; both counted from 1, a column in Unicode scalar values.
    #[must_use]
    pub fn position(mut self, line: u32, column: u32) -> Self {
        self.position = Some(Position { line, column });
        self
    }

    /// What to write instead.
    #[must_use]
    pub fn suggest(mut self, text: impl Into<String>) -> Self {
        self.suggestion = Some(text.into());
        self
    }

    /// The verdict's patch removes the cause: the finding only tells the person what was changed for them.
    #[must_use]
    pub fn mended(mut self) -> Self {
        self.mended = true;
        self
    }
}
