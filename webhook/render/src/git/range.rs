//! Ranges of versions as Argo CD reads them (Masterminds/semver 3), which Cargo's are not: `1.2.3` is exactly that, a space is "and", `||` is "or",
//! `x` and `*` are wildcards, `1.2 - 2.3` is a range, and a pre-release is in a range only where the range names one.

use std::cmp::Ordering;

/// A version, written as loosely as tags are: `v1.2` is `1.2.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(semver::Version);

/// Any of these, each all of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range(Vec<Vec<Comparator>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    version: Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Plain,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Longer ones first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

/// A version of which the end may be left open, by leaving it out or by a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Partial {
    major: Option<u64>,
    minor: Option<u64>,
    patch: Option<u64>,
    pre: semver::Prerelease,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let partial = Partial::parse(text)
            .filter(|_| !text.contains(['x', 'X', '*']) || text.contains('-'))?;
        Some(Self(semver::Version {
            major: partial.major?,
            minor: partial.minor.unwrap_or(0),
            patch: partial.patch.unwrap_or(0),
            pre: partial.pre,
            build: semver::BuildMetadata::EMPTY,
        }))
    }
}

impl Range {
    /// Reads a range; none when the text is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let any = text
            .split("||")
            .map(|all| comparators(all.trim()))
            .collect::<Option<Vec<_>>>()?;
        Some(Self(any))
    }

    /// Whether a version is in it.
    pub(crate) fn holds(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|all| all.iter().all(|comparator| comparator.holds(&version.0)))
    }
}

fn comparators(text: &str) -> Option<Vec<Comparator>> {
    if let Some((from, to)) = text.split_once(" - ") {
        return Some(vec![
            Comparator::new(Operator::GreaterOrEqual, from)?,
            Comparator::new(Operator::LessOrEqual, to)?,
        ]);
    }
    let mut found = Vec::new();
    let mut operator = None;
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let (read, rest) = OPERATORS
            .iter()
            .find_map(|(sign, operator)| Some((*operator, word.strip_prefix(sign)?)))
            .unwrap_or((Operator::Plain, word));
        // `>= 1.2` is one comparator of two words.
        match (operator.take(), read, rest) {
            (None, read, "") => operator = Some(read),
            (None, read, version) => found.push(Comparator::new(read, version)?),
            (Some(operator), Operator::Plain, version) => {
                found.push(Comparator::new(operator, version)?);
            }
            (Some(_), _, _) => return None,
        }
    }
    (operator.is_none() && !found.is_empty()).then_some(found)
}

impl Comparator {
    fn new(operator: Operator, version: &str) -> Option<Self> {
        Some(Self {
            operator,
            version: Partial::parse(version.trim())?,
        })
    }

    fn holds(&self, version: &semver::Version) -> bool {
        // A wildcard alone names no version that a pre-release could be of.
        if !version.pre.is_empty() && self.version.pre.is_empty() {
            return false;
        }
        let low = self.version.lowest();
        let from = version.cmp_precedence(&low) != Ordering::Less;
        let below = |end: Option<semver::Version>| {
            end.is_none_or(|end| version.cmp_precedence(&end) == Ordering::Less)
        };
        let within = from && below(self.version.end());
        match self.operator {
            Operator::Plain | Operator::Equal => within,
            Operator::NotEqual => !within,
            Operator::Greater if self.version.is_whole() => {
                version.cmp_precedence(&low) == Ordering::Greater
            }
            Operator::Greater => from && !within,
            Operator::GreaterOrEqual => from,
            Operator::Less => !from,
            Operator::LessOrEqual => !from || within,
            Operator::Tilde => from && below(self.version.end_of_tilde()),
            Operator::Caret => from && below(self.version.end_of_caret()),
        }
    }
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, semver::Prerelease::new(pre).ok()?),
            None => (text, semver::Prerelease::EMPTY),
        };
        let mut parts = numbers.split('.');
        let mut next = || match parts.next() {
            None | Some("x" | "X" | "*") => Some(None),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(Some(digits.parse().ok()?))
            }
            Some(_) => None,
        };
        let (major, minor, patch) = (next()?, next()?, next()?);
        let is_read = parts.next().is_none() && !numbers.is_empty();
        is_read.then_some(Self {
            major,
            minor: minor.filter(|_| major.is_some()),
            patch: patch.filter(|_| minor.is_some()),
            pre,
        })
    }

    fn is_whole(&self) -> bool {
        self.patch.is_some()
    }

    fn lowest(&self) -> semver::Version {
        semver::Version {
            pre: self.pre.clone(),
            ..plain(
                self.major.unwrap_or(0),
                self.minor.unwrap_or(0),
                self.patch.unwrap_or(0),
            )
        }
    }

    /// The first version after all that this may be; none where that is every one.
    fn end(&self) -> Option<semver::Version> {
        let (major, minor, patch) = (self.major?, self.minor, self.patch);
        Some(match (minor, patch) {
            (None, _) => plain(major.saturating_add(1), 0, 0),
            (Some(minor), None) => plain(major, minor.saturating_add(1), 0),
            (Some(minor), Some(patch)) if self.pre.is_empty() => {
                plain(major, minor, patch.saturating_add(1))
            }
            // Just after this pre-release: a number at its end orders after every shorter one.
            (Some(_), Some(_)) => semver::Version {
                pre: semver::Prerelease::new(&format!("{}.0", self.pre)).ok()?,
                ..plain(major, minor.unwrap_or(0), patch.unwrap_or(0))
            },
        })
    }

    fn end_of_tilde(&self) -> Option<semver::Version> {
        let major = self.major?;
        Some(match self.minor {
            None => plain(major.saturating_add(1), 0, 0),
            Some(minor) => plain(major, minor.saturating_add(1), 0),
        })
    }

    fn end_of_caret(&self) -> Option<semver::Version> {
        Some(match (self.major?, self.minor, self.patch) {
            (0, Some(0), Some(patch)) => plain(0, 0, patch.saturating_add(1)),
            (0, Some(minor), _) => plain(0, minor.saturating_add(1), 0),
            (major, _, _) => plain(major.saturating_add(1), 0, 0),
        })
    }
}

fn plain(major: u64, minor: u64, patch: u64) -> semver::Version {
    semver::Version::new(major, minor, patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_masterminds_says() {
        for (range, inside, outside) in [
            ("1.2.3", &["1.2.3", "v1.2.3"][..], &["1.2.4", "1.2.2"][..]),
            ("=1.2.3", &["1.2.3"], &["1.3.0"]),
            ("1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
            ("1.2.x", &["1.2.7"], &["1.3.0", "1.2.7-rc.1"]),
            ("1.*", &["1.0.0", "1.99.0"], &["2.0.0", "0.9.0"]),
            ("*", &["0.0.1", "9.0.0"], &["1.0.0-rc.1"]),
            ("!=1.2.x", &["1.3.0"], &["1.2.5"]),
            (">1.2", &["1.3.0"], &["1.2.9"]),
            (">1.2.3", &["1.2.4"], &["1.2.3"]),
            (">= 1.2 < 3.0.0", &["1.2.0", "2.9.9"], &["3.0.0", "1.1.0"]),
            (">=1.2, <2", &["1.9.0"], &["2.0.0"]),
            ("<=1.2", &["1.2.9", "0.1.0"], &["1.3.0"]),
            ("<1.2", &["1.1.9"], &["1.2.0"]),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~1", &["1.9.9"], &["2.0.0"]),
            ("^1.2.3", &["1.9.0"], &["2.0.0", "1.2.2"]),
            ("^0.2.3", &["0.2.9"], &["0.3.0"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4"]),
            ("^0", &["0.9.0"], &["1.0.0"]),
            ("1.2 - 2.3.4", &["1.2.0", "2.3.4"], &["2.3.5"]),
            ("1.x || >=3", &["1.5.0", "4.0.0"], &["2.0.0"]),
            (">=1.0.0-0", &["1.0.0-rc.1", "1.0.0"], &["0.9.0"]),
            (
                "=1.0.0-rc.1",
                &["1.0.0-rc.1"],
                &["1.0.0-rc.2", "1.0.0-rc.1.1"],
            ),
        ] {
            let read = Range::parse(range).expect(range);
            for (versions, expected) in [(inside, true), (outside, false)] {
                for version in versions {
                    let parsed = Version::parse(version).expect(version);
                    assert_eq!(read.holds(&parsed), expected, "{range} {version}");
                }
            }
        }
    }

    #[test]
    fn names_are_no_ranges() {
        for text in [
            "main",
            "feature/x",
            "",
            ">=",
            "1.2.3.4",
            "release-1.x",
            ">= >= 1",
        ] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
        for text in ["main", "1.x", "*", ""] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
