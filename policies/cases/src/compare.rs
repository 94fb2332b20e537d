//! What was expected against what was reported.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Expectation, Reported, Severity};

/// Whether a policy reported exactly what a case expects; `info` findings count only if the case lists one.
///
/// # Errors
/// The difference, for a person: what is missing, what is too much.
pub fn compare(expected: &[Expectation], reported: &[Reported]) -> Result<(), String> {
    let with_info = expected.iter().any(|one| one.severity == Severity::Info);
    let counts = |finding: &&Reported| with_info || finding.severity != Severity::Info;
    let mut surplus: Vec<&Reported> = reported.iter().filter(counts).collect();
    // Those that say most choose first, so that a bare `error: rule` does not take the finding that another one describes.
    let mut order: Vec<&Expectation> = expected.iter().collect();
    order.sort_by_key(|one| usize::from(one.part.is_none()) + usize::from(one.path.is_none()));
    let mut missing = Vec::new();
    for expectation in order {
        match surplus.iter().position(|finding| expectation.fits(finding)) {
            Some(index) => drop(surplus.remove(index)),
            None => missing.push(expectation),
        }
    }
    let mut difference = String::new();
    for (title, lines) in [
        (
            "expected, but not reported:",
            missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ),
        (
            "reported, but not expected:",
            surplus.iter().map(|finding| finding.draw()).collect(),
        ),
    ] {
        if !lines.is_empty() {
            let _ = writeln!(difference, "{title}\n  {}", lines.join("\n  "));
        }
    }
    if difference.is_empty() {
        Ok(())
    } else {
        Err(difference)
    }
}

/// Whether the object after the patch is the expected one.
///
/// # Errors
/// Both objects, for a person.
pub fn compare_object(expected: &Value, actual: &Value) -> Result<(), String> {
    if expected == actual {
        return Ok(());
    }
    Err(format!(
        "expected after the patch:\n{expected:#}\nbut it is:\n{actual:#}\n"
    ))
}

impl Expectation {
    fn fits(&self, finding: &Reported) -> bool {
        self.rule == finding.rule
            && self.severity == finding.severity
            && self
                .path
                .as_ref()
                .is_none_or(|path| finding.path.as_ref() == Some(path))
            && self
                .part
                .as_ref()
                .is_none_or(|part| finding.message.contains(part))
            && (self.line.is_none() || finding.line.is_none() || self.line == finding.line)
    }
}

impl Reported {
    fn draw(&self) -> String {
        let mut text = format!("{}: {}", self.severity, self.rule);
        if let Some(path) = &self.path {
            let _ = write!(text, " {path}");
        }
        if let Some(line) = self.line {
            let _ = write!(text, " (line {line})");
        }
        let _ = write!(text, " \"{}\"", self.message);
        text
    }
}
