//! Where rules put what they find.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policy_sdk::prelude::{Finding, Rule, Severity};
use tidegate_sqlplan::Position;

use crate::settings::{Profile, Settings};
use crate::waiver::{self, Waiver, sha256};

/// The findings of one rule in one text that are told; a denial that is ten pages long is not read.
const PER_RULE: usize = 20;

/// Pointer, rule, place and, where there is no place, words.
type Seen = (String, &'static str, Option<(u32, u32)>, String);

/// Findings, with the rule and the text that the next one is about.
#[derive(Debug)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    profile: Profile,
    honour_nolint: bool,
    /// The exceptions of the object, those that were used, and what an exception would be for: the text now judged, and the statement.
    waivers: Vec<Waiver>,
    used: BTreeSet<String>,
    document: String,
    statement: String,
    /// The operator lets somebody make exceptions.
    may_be_waived: bool,
    /// The classes and rules that a comment asks silence for, of all findings when it names none; only where the operator obeys it.
    silenced: Option<String>,
    /// The next finding is about a table on which no lock is felt.
    small: bool,
    rule: Option<&'static Rule>,
    pointer: String,
    told: BTreeMap<(&'static str, u8), usize>,
    /// What was put already: the readings of several dialects agree on most.
    seen: BTreeSet<Seen>,
}

impl Findings {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            profile: settings.profile,
            honour_nolint: settings.honour_nolint,
            may_be_waived: !settings.waivers.by.is_empty(),
            waivers: Vec::new(),
            used: BTreeSet::new(),
            document: String::new(),
            statement: String::new(),
            silenced: None,
            small: false,
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

    /// The exceptions of the object that is judged from here on.
    pub(crate) fn waive(&mut self, waivers: Vec<Waiver>) {
        self.waivers = waivers;
    }

    /// From here on findings are about this text as a whole.
    pub(crate) fn in_document(&mut self, text: &str) {
        self.statement.clear();
        self.silenced = None;
        self.document.clear();
        if self.needs_texts() {
            text.clone_into(&mut self.document);
        }
    }

    /// From here on findings are about this statement, for which a comment may ask silence.
    pub(crate) fn in_statement(&mut self, sql: &str, silenced: Option<String>) {
        self.silenced = silenced.filter(|_| self.honour_nolint);
        self.statement.clear();
        if self.needs_texts() {
            sql.clone_into(&mut self.statement);
        }
    }

    fn needs_texts(&self) -> bool {
        self.may_be_waived || !self.waivers.is_empty()
    }

    /// From here on findings are about no statement in particular.
    pub(crate) fn in_no_statement(&mut self) {
        self.silenced = None;
        self.statement.clear();
    }

    /// The next finding is about a lock on a table; where nobody feels it, it is a warning.
    pub(crate) fn felt(&mut self, is_felt: bool) -> &mut Self {
        self.small = !is_felt;
        self
    }

    /// The exceptions that were used, for the audit log.
    pub(crate) fn used(&self) -> String {
        let used: Vec<&str> = self.used.iter().map(String::as_str).collect();
        used.join("; ")
    }

    /// The severity by the operator's settings, and what is said about it.
    fn settle(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        message: &str,
    ) -> (Severity, String) {
        let small = std::mem::take(&mut self.small);
        let waiver = if self.waivers.is_empty() {
            None
        } else {
            // No exception is for nothing.
            let texts = [&self.statement, &self.document].into_iter();
            let hashes: Vec<String> = texts
                .filter(|text| !text.is_empty())
                .map(|text| sha256(text))
                .collect();
            let covers = |waiver: &&Waiver| waiver.covers(rule.id, message, &hashes);
            self.waivers.iter().find(covers)
        };
        if let Some(waiver) = waiver {
            let said = format!(" (waived until {}: {})", waiver.until, waiver.reason);
            self.used.insert(waiver.for_audit());
            return (Severity::Info, said);
        }
        let silenced = self
            .silenced
            .as_deref()
            .is_some_and(|words| waiver::is_silenced(rule.id, words));
        if silenced {
            self.used.insert(format!("{} by a comment", rule.id));
            return (Severity::Info, " (a comment asks for silence)".to_owned());
        }
        let severity = match (self.profile, severity) {
            (_, Severity::Error) if small => Severity::Warning,
            (Profile::Strict, Severity::Warning) => Severity::Error,
            (Profile::Advisory, Severity::Error) if !waiver::hides(rule.id) => Severity::Warning,
            (_, severity) => severity,
        };
        (severity, String::new())
    }

    /// A finding of the rule's severity.
    #[inline(never)]
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
        let (severity, settled) = self.settle(rule, severity, &message);
        let message = message + &settled;
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
        // By severity: many warnings must not hide an error.
        let told = self.told.entry((rule.id, rank(severity))).or_insert(0);
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
            .suggest(self.with_hash(severity, suggestion));
        finding = match place {
            Some((line, column)) => finding.position(line, column),
            None => finding,
        };
        self.list.push(finding);
    }

    /// What to write instead, and what somebody who may make an exception needs for one.
    fn with_hash(&self, severity: Severity, suggestion: &str) -> String {
        let text = if self.statement.is_empty() {
            &self.document
        } else {
            &self.statement
        };
        if self.may_be_waived && severity == Severity::Error && !text.is_empty() {
            let hash = sha256(text);
            format!("{suggestion}; for an exception, the sha256 is {hash}")
        } else {
            suggestion.to_owned()
        }
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
        let mut ordered = Vec::with_capacity(self.list.len());
        for wanted in 0..=rank(Severity::Info) {
            let of_rank = |finding: &mut Finding| rank(finding.severity) == wanted;
            ordered.extend(self.list.extract_if(.., of_rank));
        }
        ordered
    }
}

fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Info => 2,
    }
}
