//! Where rules put what they find.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policy_sdk::prelude::{Finding, Rule, Severity};
use tidegate_sqlplan::Position;

/// The findings of one rule in one text that are told; a denial that is ten pages long is not read.
const PER_RULE: usize = 20;

/// Pointer, rule, place and, where there is no place, words.
type Seen = (String, &'static str, Option<(u32, u32)>, String);

/// Findings, with the rule and the text that the next one is about.
#[derive(Debug)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    rule: Option<&'static Rule>,
    pointer: String,
    told: BTreeMap<&'static str, usize>,
    /// What was put already: the readings of several dialects agree on most.
    seen: BTreeSet<Seen>,
}

impl Findings {
    pub(crate) fn new() -> Self {
        Self {
            list: Vec::new(),
            rule: None,
            pointer: String::new(),
            told: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    /// From here on findings are of this rule.
    pub(crate) fn of(&mut self, rule: &'static Rule) -> &mut Self {
        self.rule = Some(rule);
        self
    }

    /// From here on findings are about the text at this JSON pointer.
    pub(crate) fn about(&mut self, pointer: &str) {
        pointer.clone_into(&mut self.pointer);
        self.told.clear();
    }

    /// A finding of the rule's severity.
    pub(crate) fn push(
        &mut self,
        position: Option<Position>,
        message: impl Into<String>,
        suggestion: &str,
    ) {
        if let Some(rule) = self.rule {
            self.push_as(rule.severity, position, message, suggestion);
        }
    }

    /// A finding of another severity.
    pub(crate) fn push_as(
        &mut self,
        severity: Severity,
        position: Option<Position>,
        message: impl Into<String>,
        suggestion: &str,
    ) {
        let Some(rule) = self.rule else { return };
        let message = message.into();
        let place = position.map(|position| (position.line, position.column));
        // One dialect's words for the same statement may differ from another's; the same place is the same finding.
        let words = if place.is_some() {
            String::new()
        } else {
            message.clone()
        };
        if !self
            .seen
            .insert((self.pointer.clone(), rule.id, place, words))
            && place.is_some_and(|_| self.holds(rule, place, &message))
        {
            return;
        }
        let told = self.told.entry(rule.id).or_insert(0);
        *told += 1;
        if *told > PER_RULE {
            return;
        }
        let more = if *told == PER_RULE {
            "; more like it are not shown"
        } else {
            ""
        };
        let mut finding = Finding::new(rule, format!("{message}{more}"))
            .severity(severity)
            .at(self.pointer.clone())
            .suggest(suggestion);
        finding = match place {
            Some((line, column)) => finding.position(line, column),
            None => finding,
        };
        self.list.push(finding);
    }

    fn holds(&self, rule: &Rule, place: Option<(u32, u32)>, message: &str) -> bool {
        let same_place = |finding: &Finding| {
            finding
                .position
                .map(|position| (position.line, position.column))
                == place
        };
        self.list.iter().any(|finding| {
            finding.rule == rule.id
                && finding.path.as_deref() == Some(self.pointer.as_str())
                && same_place(finding)
                && finding.message.starts_with(message)
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// All, with the most severe first, else as they were found.
    pub(crate) fn into_list(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| match finding.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
        });
        self.list
    }
}
