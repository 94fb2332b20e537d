//! Comments that say what must be found: `error: drop-column /spec/schema/sql "part of the message"`.

use std::fmt;

use crate::{Expectation, Severity};

/// The expectation in a line's comment, if there is one, and the text before the comment.
pub(crate) fn find<'a>(
    line: &'a str,
    marker: &str,
) -> Option<Result<(Expectation, &'a str), String>> {
    let mut from = 0;
    while let Some(found) = line.get(from..)?.find(marker) {
        let (before, comment) = line.split_at(from + found);
        let comment = comment.strip_prefix(marker)?.trim();
        let severity = comment.split_once(':').and_then(|(word, rest)| {
            let severity = match word {
                "error" => Severity::Error,
                "warning" => Severity::Warning,
                "info" => Severity::Info,
                _ => return None,
            };
            Some((severity, rest.trim()))
        });
        if let Some((severity, rest)) = severity {
            return Some(parse(severity, rest).map(|expectation| (expectation, before)));
        }
        from += found + marker.len();
    }
    None
}

fn parse(severity: Severity, text: &str) -> Result<Expectation, String> {
    let (rule, rest) = text.split_once(' ').unwrap_or((text, ""));
    if rule.is_empty()
        || !rule
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    {
        return Err(format!(
            "expected the id of a rule after `{severity}:`, found `{rule}`"
        ));
    }
    let rest = rest.trim();
    let (path, rest) = if rest.starts_with('/') {
        let (path, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        (Some(path.to_owned()), rest.trim())
    } else {
        (None, rest)
    };
    let part = if rest.is_empty() {
        None
    } else {
        let inner = rest
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let inner = inner.ok_or_else(|| {
            format!(
                "expected a part of the message in double quotes after `{rule}`, found `{rest}`"
            )
        })?;
        Some(inner.to_owned())
    };
    Ok(Expectation {
        rule: rule.to_owned(),
        severity,
        path,
        line: None,
        part,
    })
}

impl fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.severity, self.rule)?;
        if let Some(path) = &self.path {
            write!(formatter, " {path}")?;
        }
        if let Some(line) = self.line {
            write!(formatter, " (line {line})")?;
        }
        if let Some(part) = &self.part {
            write!(formatter, " \"{part}\"")?;
        }
        Ok(())
    }
}
