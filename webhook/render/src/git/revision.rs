//! Which commit `targetRevision` means, from the list of a repository's branches and tags.

use std::collections::BTreeMap;

use super::range::{Range, Version};

/// What `git ls-remote` lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refs {
    /// The commit of the default branch.
    head: Option<String>,
    /// Commits by the whole name of the reference; tags that are objects of their own are followed to their commit.
    commits: BTreeMap<String, String>,
    /// The objects that annotated tags are, by the whole name.
    tags: BTreeMap<String, String>,
}

/// What a revision turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// A commit, whole.
    Commit(String),
    /// The beginning of a commit's digits, which only the repository itself can complete.
    Shortened(String),
    /// Nothing. The text says what there is instead, and is empty where that helps nobody.
    Nothing(String),
}

impl Refs {
    /// Reads lines of `COMMIT<tab>REFERENCE`.
    pub(crate) fn parse(listed: &str) -> Self {
        let mut refs = Self::default();
        for line in listed.lines() {
            let Some((commit, name)) = line.split_once('\t') else {
                continue;
            };
            if !is_commit(commit) {
                continue;
            }
            if name == "HEAD" {
                refs.head = Some(commit.to_owned());
            } else if let Some(name) = name.strip_suffix("^{}") {
                let tag = refs.commits.insert(name.to_owned(), commit.to_owned());
                refs.tags
                    .extend(tag.map(|object| (name.to_owned(), object)));
            } else {
                let commit = commit.to_owned();
                refs.commits.entry(name.to_owned()).or_insert(commit);
            }
        }
        refs
    }

    /// The commit of a revision, looked for as Argo CD does (`util/git/client.go`, `resolveReference`): a whole SHA, a range of versions
    /// over the tags, a branch, a tag, a whole reference, the beginning of a SHA. Empty is `HEAD`. With a `tag_prefix` only tags that begin
    /// so take part in a range, and the prefix is no part of the version.
    pub(crate) fn resolve(&self, revision: &str, tag_prefix: &str) -> Resolved {
        let revision = revision.trim();
        if is_commit(revision) {
            return Resolved::Commit(revision.to_owned());
        }
        if revision.is_empty() || revision == "HEAD" {
            return match &self.head {
                Some(commit) => Resolved::Commit(commit.clone()),
                None => Resolved::Nothing("; the repository has no default branch".to_owned()),
            };
        }
        if let Some((_, commit)) = self.named(revision, tag_prefix) {
            return Resolved::Commit(commit.to_owned());
        }
        if is_shortened(revision) {
            return Resolved::Shortened(revision.to_owned());
        }
        Resolved::Nothing(if range(revision).is_some() {
            "; no tag is in this range of versions".to_owned()
        } else {
            self.similar(revision)
        })
    }

    /// The annotated tag that a revision names: its name, and the object that it is.
    pub(crate) fn annotated(&self, revision: &str, tag_prefix: &str) -> Option<(&str, &str)> {
        let (name, _) = self.named(revision.trim(), tag_prefix)?;
        let object = self.tags.get(name)?;
        Some((name.strip_prefix("refs/tags/")?, object))
    }

    /// The reference that a revision names, and its commit.
    fn named(&self, revision: &str, tag_prefix: &str) -> Option<(&str, &str)> {
        let newest = range(revision).and_then(|range| self.newest(&range, tag_prefix));
        newest.or_else(|| {
            let names = [
                format!("refs/heads/{revision}"),
                format!("refs/tags/{revision}"),
                revision.to_owned(),
            ];
            names.iter().find_map(|name| {
                let (name, commit) = self.commits.get_key_value(name)?;
                Some((name.as_str(), commit.as_str()))
            })
        })
    }

    fn newest(&self, range: &Range, tag_prefix: &str) -> Option<(&str, &str)> {
        self.commits
            .iter()
            .filter_map(|(name, commit)| {
                let tag = name.strip_prefix("refs/tags/")?.strip_prefix(tag_prefix)?;
                let version = Version::parse(tag)?;
                let found = (name.as_str(), commit.as_str());
                range.holds(&version).then_some((version, found))
            })
            .max_by(|(left, _), (right, _)| left.cmp(right))
            .map(|(_, found)| found)
    }

    /// A branch or tag that differs in case, or in a leading `v`, is what was meant.
    fn similar(&self, revision: &str) -> String {
        let bare = |name: &str| name.to_lowercase().trim_start_matches('v').to_owned();
        let wanted = bare(revision);
        let short = |name: &str| {
            name.strip_prefix("refs/heads/")
                .or_else(|| name.strip_prefix("refs/tags/"))
                .map(str::to_owned)
        };
        self.commits
            .keys()
            .filter_map(|name| short(name))
            .find(|name| bare(name) == wanted)
            .map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
    }
}

/// The range of versions that a revision is; none where it is one version.
fn range(revision: &str) -> Option<Range> {
    Range::parse(revision).filter(|_| Version::parse(revision).is_none())
}

/// 40 digits of SHA-1, or 64 of SHA-256.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hexadecimal(text)
}

/// Argo CD asks for 7 digits at least.
fn is_shortened(text: &str) -> bool {
    (7..40).contains(&text.len()) && is_hexadecimal(text)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs() -> Refs {
        let sha = |digit: &str| digit.repeat(40);
        let lines = [
            (sha("1"), "HEAD"),
            (sha("1"), "refs/heads/main"),
            (sha("2"), "refs/heads/feature/x"),
            (sha("9"), "refs/heads/v1.0.0"),
            (sha("3"), "refs/tags/v1.0.0"),
            (sha("4"), "refs/tags/v1.2.0"),
            (sha("5"), "refs/tags/v1.2.0^{}"),
            (sha("6"), "refs/tags/v2.0.0-rc.1"),
            (sha("7"), "refs/tags/web-1.4.0"),
            (sha("8"), "refs/pull/7/head"),
        ];
        let text: Vec<String> = lines
            .iter()
            .map(|(commit, name)| format!("{commit}\t{name}"))
            .collect();
        Refs::parse(&text.join("\n"))
    }

    #[test]
    fn revisions_mean_what_they_mean_to_argo_cd() {
        for (revision, prefix, digit) in [
            ("", "", "1"),
            ("HEAD", "", "1"),
            ("main", "", "1"),
            ("feature/x", "", "2"),
            ("v1.0.0", "", "9"), // a branch comes before a tag
            ("refs/tags/v1.0.0", "", "3"),
            ("v1.2.0", "", "5"), // the commit, not the tag's own object
            ("1.*", "", "5"),
            (">=1.0.0", "", "5"), // no pre-release unless asked for
            (">=2.0.0-0", "", "6"),
            ("1.x", "web-", "7"),
            ("refs/pull/7/head", "", "8"),
            ("abababababababababababababababababababab", "", "ab"),
        ] {
            let commit = digit.repeat(40 / digit.len());
            assert_eq!(
                refs().resolve(revision, prefix),
                Resolved::Commit(commit),
                "{revision}"
            );
        }
        assert_eq!(
            refs().resolve("abcdef1", ""),
            Resolved::Shortened("abcdef1".to_owned())
        );
    }

    #[test]
    fn what_there_is_not_is_explained() {
        for (revision, hint) in [
            ("nope", ""),
            ("Main", "; did you mean `main`?"),
            ("1.2.0", "; did you mean `v1.2.0`?"),
            (">=3", "; no tag is in this range of versions"),
        ] {
            assert_eq!(
                refs().resolve(revision, ""),
                Resolved::Nothing(hint.to_owned()),
                "{revision}"
            );
        }
        let empty = Refs::parse("").resolve("HEAD", "");
        assert_eq!(
            empty,
            Resolved::Nothing("; the repository has no default branch".to_owned())
        );
    }
}
