//! What a policy says about itself, as constants.
//!
//! Everything is `'static` and every builder `const`, so that a policy's metadata is one constant that cannot depend on a
//! request.

use crate::bindings::tidegate::policy::types as wit;
use crate::{Operation, Severity};

/// What the policy is. The host derives webhook rules, documentation and settings checks from it.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    name: &'static str,
    version: &'static str,
    summary: &'static str,
    matches: &'static [Match],
    rules: &'static [&'static Rule],
    mutates: bool,
    capabilities: &'static [&'static str],
}

/// Objects that the policy wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Match {
    group: &'static str,
    kinds: &'static [&'static str],
    operations: &'static [Operation],
}

/// One kind of problem that the policy looks for. A `const`, not a `static`: [`Info`] is a constant and may not point at statics.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Lower-case words joined by `-`, unique within the policy. Stable: operators name it in their settings.
    pub id: &'static str,
    /// One line, for lists.
    pub title: &'static str,
    /// What a finding of this rule is unless the operator says otherwise.
    pub severity: Severity,
    /// The rule's page in Markdown, usually `include_str!("the-rule.md")`.
    pub documentation: &'static str,
}

impl Info {
    /// A policy that matches nothing yet. The version is a semantic version, the summary one sentence.
    #[must_use]
    pub const fn new(name: &'static str, version: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            version,
            summary,
            matches: &[],
            rules: &[],
            mutates: false,
            capabilities: &[],
        }
    }

    /// The objects that the policy wants to see: any of these matching is a match.
    #[must_use]
    pub const fn matches(mut self, matches: &'static [Match]) -> Self {
        self.matches = matches;
        self
    }

    /// Every rule that a finding may name.
    #[must_use]
    pub const fn rules(mut self, rules: &'static [&'static Rule]) -> Self {
        self.rules = rules;
        self
    }

    /// Says that the policy's verdicts may carry a patch. Without this, a patch is a failure of the policy.
    #[must_use]
    pub const fn mutates(mut self) -> Self {
        self.mutates = true;
        self
    }

    /// The interfaces that the policy needs beside the log, for example `cluster`.
    #[must_use]
    pub const fn capabilities(mut self, capabilities: &'static [&'static str]) -> Self {
        self.capabilities = capabilities;
        self
    }

    pub(crate) fn into_wit(self, settings_schema: String) -> wit::PolicyInfo {
        wit::PolicyInfo {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            summary: self.summary.to_owned(),
            matches: self.matches.iter().map(|one| one.into_wit()).collect(),
            mutates: self.mutates,
            rules: self.rules.iter().map(|rule| rule.into_wit()).collect(),
            settings_schema,
            capabilities: owned(self.capabilities),
        }
    }
}

impl Match {
    /// Create and update of these kinds of an API group; the empty string is the core group, `*` is any.
    #[must_use]
    pub const fn kinds(group: &'static str, kinds: &'static [&'static str]) -> Self {
        Self {
            group,
            kinds,
            operations: &[],
        }
    }

    /// Only these operations, instead of create and update.
    #[must_use]
    pub const fn operations(mut self, operations: &'static [Operation]) -> Self {
        self.operations = operations;
        self
    }

    fn into_wit(self) -> wit::MatchRule {
        wit::MatchRule {
            groups: owned(&[self.group]),
            kinds: owned(self.kinds),
            operations: self.operations.to_vec(),
        }
    }
}

impl Rule {
    /// A rule whose findings deny unless the operator says otherwise.
    #[must_use]
    pub const fn error(id: &'static str, title: &'static str, documentation: &'static str) -> Self {
        Self {
            id,
            title,
            severity: Severity::Error,
            documentation,
        }
    }

    /// A rule whose findings warn the person who applies.
    #[must_use]
    pub const fn warning(
        id: &'static str,
        title: &'static str,
        documentation: &'static str,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(id, title, documentation)
        }
    }

    /// A rule whose findings are only recorded.
    #[must_use]
    pub const fn info(id: &'static str, title: &'static str, documentation: &'static str) -> Self {
        Self {
            severity: Severity::Info,
            ..Self::error(id, title, documentation)
        }
    }

    fn into_wit(self) -> wit::Rule {
        wit::Rule {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            severity: self.severity,
            documentation: self.documentation.to_owned(),
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
