//! Justified exceptions: the annotation `gate.tidegate.dev/waive`.
//!
//! It holds a JSON list. Each entry names one rule and one text by its SHA-256, so that it covers what somebody has looked at and no later edit
//! of it:
//!
//! ```json
//! [{"rule": "drop-column", "object": "users", "sha256": "<of the statement>", "until": "2026-12-01", "reason": "unused since 3.1", "ticket": "DB-12"}]
//! ```
//!
//! It ends with the day `until`, which may not be farther away than the operator's setting. The request says which day it is.
//!
//! What it is not: a comment in the SQL, whose author would approve himself.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use tidegate_policy_sdk::prelude::{Object, Value, serde_json};

use crate::settings::Settings;

/// The annotation.
pub(crate) const ANNOTATION: &str = "gate.tidegate.dev/waive";

/// The annotation that lets one plan of the reconciler run, whatever policies say of it: the plan's hash.
pub(crate) const APPROVAL: &str = "gate.tidegate.dev/approve";

/// More entries than anybody reviews.
const MOST: usize = 50;

/// What no exception for all rules covers: who hides what he does must be named.
const BY_NAME_ONLY: &[&str] = &[
    "executable-comment",
    "hidden-character",
    "delimiter-directive",
    "parser-disagreement",
    "suppression-comment",
    "size-limit",
    "unparsed",
    "unknown-dialect",
    "schema-not-visible",
    "dynamic-sql",
    "plaintext-password",
];

/// What cannot be waived at all.
const NEVER: &[&str] = &["waiver"];

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Waiver {
    /// The rule's id, or `*`.
    pub(crate) rule: String,
    /// What the finding must name.
    pub(crate) object: String,
    /// Of the statement as it is run, or of the whole text.
    pub(crate) sha256: String,
    /// A day.
    pub(crate) until: String,
    /// Why.
    pub(crate) reason: String,
    /// Where it was talked about.
    pub(crate) ticket: String,
}

/// From the day of the review to the farthest that an exception may end, as days since 1 January 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Period {
    today: i64,
    farthest: i64,
}

impl Period {
    pub(crate) fn new(today: &str, settings: &Settings) -> Self {
        // Without a day nothing holds.
        let today = day(today).unwrap_or(i64::MAX / 2);
        Self {
            today,
            farthest: today + i64::from(settings.waivers.longest_days),
        }
    }
}

/// What an annotation says.
#[derive(Debug, Default)]
pub(crate) struct Waivers {
    /// The entries that hold.
    pub(crate) good: Vec<Waiver>,
    /// What is wrong with the others.
    pub(crate) problems: Vec<String>,
    /// Those that were good once.
    pub(crate) ended: Vec<String>,
}

/// Reads the annotation.
pub(crate) fn read(object: &Object, period: Period) -> Waivers {
    let mut waivers = Waivers::default();
    let Some(text) = object.annotation(ANNOTATION) else {
        return waivers;
    };
    let entries = match serde_json::from_str(text) {
        Ok(Value::Array(entries)) if entries.len() <= MOST => entries,
        Ok(Value::Array(entries)) => {
            let problem = format!("it holds {} entries; {MOST} is the most", entries.len());
            waivers.problems.push(problem);
            return waivers;
        }
        Ok(_) => {
            waivers
                .problems
                .push("it is no JSON list of waivers".to_owned());
            return waivers;
        }
        Err(problem) => {
            let problem = format!("it is no JSON list of waivers: {problem}");
            waivers.problems.push(problem);
            return waivers;
        }
    };
    for (index, entry) in entries.iter().enumerate() {
        let number = index + 1;
        match Waiver::parse(entry) {
            Err(problem) => waivers.problems.push(format!("entry {number}: {problem}")),
            Ok(waiver) => match day(&waiver.until) {
                Some(until) if until < period.today => {
                    let ended = format!(
                        "entry {number}, for `{}`, ended with {}",
                        waiver.rule, waiver.until
                    );
                    waivers.ended.push(ended);
                }
                Some(until) if until > period.farthest => {
                    let days = period.farthest - period.today;
                    let problem = format!(
                        "entry {number}: `until` is farther away than the {days} days that the operator allows"
                    );
                    waivers.problems.push(problem);
                }
                _ => waivers.good.push(waiver),
            },
        }
    }
    waivers
}

impl Waiver {
    /// By hand: a generated reader of one more type weighs more than all of this.
    fn parse(entry: &Value) -> Result<Self, String> {
        let fields = entry.as_object().ok_or("it is no object")?;
        let mut waiver = Self::default();
        for (name, value) in fields {
            let field = match name.as_str() {
                "rule" => &mut waiver.rule,
                "object" => &mut waiver.object,
                "sha256" => &mut waiver.sha256,
                "until" => &mut waiver.until,
                "reason" => &mut waiver.reason,
                "ticket" => &mut waiver.ticket,
                _ => {
                    return Err(
                        "a field is not among rule, object, sha256, until, reason and ticket"
                            .to_owned(),
                    );
                }
            };
            value
                .as_str()
                .ok_or("each field is a string")?
                .clone_into(field);
        }
        waiver
            .problem()
            .map_or(Ok(waiver), |problem| Err(problem.to_owned()))
    }

    fn problem(&self) -> Option<&'static str> {
        if self.reason.trim().chars().count() < 8 {
            return Some("`reason` says why, in words");
        }
        if day(&self.until).is_none() {
            return Some("`until` is a day, as 2026-12-01");
        }
        let is_hash =
            self.sha256.len() == 64 && self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return Some("`sha256` is 64 hexadecimal digits, of the statement or the whole text");
        }
        if self.rule.is_empty() {
            return Some("`rule` is a rule's id, or `*`");
        }
        if NEVER.contains(&self.rule.as_str()) {
            return Some("this rule has no exceptions");
        }
        None
    }

    /// Whether it covers a finding of the rule with this message in a text of one of these hashes.
    pub(crate) fn covers(&self, rule: &str, message: &str, hashes: &[String]) -> bool {
        let named = self.rule == rule
            || self.rule == "*" && !BY_NAME_ONLY.contains(&rule) && !NEVER.contains(&rule);
        named && message.contains(&self.object) && self.is_for(hashes)
    }

    /// Whether one of the hashes is its own.
    pub(crate) fn is_for(&self, hashes: &[String]) -> bool {
        hashes
            .iter()
            .any(|hash| hash.eq_ignore_ascii_case(&self.sha256))
    }

    /// For the audit log: which rule, which text, until when, why.
    pub(crate) fn for_audit(&self) -> String {
        let hash: String = self.sha256.chars().take(12).collect();
        let ticket = if self.ticket.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.ticket)
        };
        let until: String = self.until.chars().take(10).collect();
        let reason: String = self.reason.chars().take(120).collect();
        format!("{} {hash} until {until}: {reason}{ticket}", self.rule)
    }
}

/// Whether the rule is about SQL that hides what it does, or that cannot be judged.
pub(crate) fn hides(rule: &str) -> bool {
    BY_NAME_ONLY.contains(&rule) || NEVER.contains(&rule)
}

/// Whether the words behind `atlas:nolint` are about the rule: none are about all, others are rules or Atlas's classes. Nothing hides.
pub(crate) fn is_silenced(rule: &str, words: &str) -> bool {
    if hides(rule) {
        return false;
    }
    let mut words = words.split_whitespace().peekable();
    if words.peek().is_none() {
        return true;
    }
    words.any(|word| {
        let class: &[&str] = match word {
            "destructive" | "DS101" | "DS102" | "DS103" => &[
                "drop-schema",
                "drop-database",
                "drop-table",
                "drop-column",
                "truncate",
            ],
            "incompatible" | "BC101" | "BC102" => &["rename-table", "rename-column"],
            "data_depend" | "MF101" | "MF102" | "MF103" | "MF104" => {
                &["add-unique", "not-null-without-default"]
            }
            "condrop" | "CD101" => &["drop-constraint"],
            "concurrent_index" | "PG101" | "PG102" => &["index-blocks-writes", "drop-index"],
            _ => &[],
        };
        word == rule || class.contains(&rule)
    })
}

/// In lower-case hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

/// The entries that are for none of the texts that the object holds.
pub(crate) fn stale<'a>(
    waivers: &'a [Waiver],
    texts: &BTreeSet<String>,
) -> impl Iterator<Item = &'a Waiver> {
    let texts: Vec<String> = texts.iter().cloned().collect();
    waivers.iter().filter(move |waiver| !waiver.is_for(&texts))
}

/// `2026-12-01`, with or without a time behind it, as days since 1 January 1970.
fn day(text: &str) -> Option<i64> {
    let day = text.split('T').next().unwrap_or_default();
    let parts: Vec<&str> = day.split('-').collect();
    let number = |part: &str, width: usize| {
        (part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<i64>().ok())
            .flatten()
    };
    let [year, month, day] = parts.as_slice() else {
        return None;
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        28 + i64::from(leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(1..=*length).contains(&day) {
        return None;
    }
    let before: i64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    let past = year - 1;
    let years = year * 365 + past / 4 - past / 100 + past / 400;
    Some(years + before + day - 1 - FIRST_OF_1970)
}

/// Days from the year 0, as [`day`] counts them, to 1970.
const FIRST_OF_1970: i64 = 1970 * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400;

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_counted() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1970-03-01", Some(59)),
            ("1972-03-01", Some(2 * 365 + 60)),
            ("2000-02-29", Some(11_016)),
            ("2026-11-21", Some(20_778)),
            ("2026-11-21T10:00:00Z", Some(20_778)),
            ("2026-02-29", None),
            ("2100-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-11-00", None),
            ("26-11-21", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(day(text), expected, "{text}");
        }
    }
}
