//! Globs as Argo CD writes them (gobwas/glob): over `group/Kind` in `resource.customizations`, over files in `directory.include`, over paths in
//! `helm.valueFiles`.

/// Does the whole text match? `*`, `?`, `[abc]`, `[a-z]`, `[!a]` and `{one,two}`; a backslash takes the next character as it is.
///
/// Nothing separates: `*` also runs over a slash, so that `*.io*` is every kind of every group that has `.io` in it.
pub fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    alternatives(pattern)
        .iter()
        .any(|pattern| matches_plain(pattern, &text))
}

/// As [`matches`], where a slash separates: `*` stays within one part of the path, and a part that is `**` is any number of parts, also none.
pub fn matches_path(pattern: &str, path: &str) -> bool {
    let path: Vec<Vec<char>> = path.split('/').map(|part| part.chars().collect()).collect();
    alternatives(pattern).iter().any(|pattern| {
        let parts: Vec<&[char]> = pattern.split(|found| *found == '/').collect();
        matches_parts(&parts, &path)
    })
}

/// Whether a text has anything in it that makes it a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// As [`matches_plain`], a part at a time: one way back at most, to the last `**`.
fn matches_parts(pattern: &[&[char]], path: &[Vec<char>]) -> bool {
    let (mut at_pattern, mut at_path) = (0, 0);
    let mut stars: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at_pattern), path.get(at_path)) {
            (Some(['*', '*']), _) => {
                stars = Some((at_pattern, at_path));
                at_pattern += 1;
                continue;
            }
            (None, None) => return true,
            (Some(wanted), Some(found)) if matches_plain(wanted, found) => {
                at_pattern += 1;
                at_path += 1;
                continue;
            }
            (Some(_), None) => return false,
            _ => {}
        }
        let Some((star_pattern, star_path)) = stars else {
            return false;
        };
        stars = Some((star_pattern, star_path + 1));
        at_pattern = star_pattern + 1;
        at_path = star_path + 1;
    }
}

/// More braces than this are no pattern that anybody wrote to be read.
const MOST_ALTERNATIVES: usize = 64;

/// Braces taken apart, from the left; braces in braces are not.
fn alternatives(pattern: &str) -> Vec<Vec<char>> {
    let mut whole = vec![Vec::new()];
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((choices, after)) = after.split_once('}') else {
            break;
        };
        let choices: Vec<&str> = choices.split(',').collect();
        whole = whole
            .iter()
            .flat_map(|start| {
                choices.iter().map(|choice| {
                    let mut longer: Vec<char> = start.clone();
                    longer.extend(before.chars().chain(choice.chars()));
                    longer
                })
            })
            .take(MOST_ALTERNATIVES)
            .collect();
        rest = after;
    }
    for start in &mut whole {
        start.extend(rest.chars());
    }
    whole
}

/// One way back at most, to the last star: no pattern takes more than length times length steps.
fn matches_plain(pattern: &[char], text: &[char]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if let Some('*') = pattern.get(at_pattern) {
            star = Some((at_pattern, at_text));
            at_pattern += 1;
            continue;
        }
        match (text.get(at_text), single(pattern, at_pattern)) {
            (None, None) => return true,
            (Some(&found), Some((wanted, next))) if wanted.holds(found) => {
                at_pattern = next;
                at_text += 1;
                continue;
            }
            (None, Some(_)) => return false,
            _ => {}
        }
        let Some((star_pattern, star_text)) = star else {
            return false;
        };
        star = Some((star_pattern, star_text + 1));
        at_pattern = star_pattern + 1;
        at_text = star_text + 1;
    }
}

enum Single<'a> {
    Any,
    Exactly(char),
    Set { inverted: bool, set: &'a [char] },
}

impl Single<'_> {
    fn holds(&self, found: char) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => *wanted == found,
            Self::Set { inverted, set } => {
                let mut rest = *set;
                let mut inside = false;
                loop {
                    match rest {
                        [from, '-', to, after @ ..] => {
                            inside |= (*from..=*to).contains(&found);
                            rest = after;
                        }
                        [one, after @ ..] => {
                            inside |= *one == found;
                            rest = after;
                        }
                        [] => return inside != *inverted,
                    }
                }
            }
        }
    }
}

fn single(pattern: &[char], at: usize) -> Option<(Single<'_>, usize)> {
    let rest = pattern.get(at..)?;
    match rest {
        [] => None,
        ['?', ..] => Some((Single::Any, at + 1)),
        ['\\', escaped, ..] => Some((Single::Exactly(*escaped), at + 2)),
        ['[', after @ ..] => match after.iter().position(|found| *found == ']') {
            Some(end) => {
                let set = after.get(..end).unwrap_or_default();
                let (inverted, set) = match set {
                    ['!' | '^', rest @ ..] => (true, rest),
                    set => (false, set),
                };
                Some((Single::Set { inverted, set }, at + end + 2))
            }
            None => Some((Single::Exactly('['), at + 1)),
        },
        [other, ..] => Some((Single::Exactly(*other), at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let cases = [
            ("apps/Deployment", "apps/Deployment", true),
            ("apps/Deployment", "apps/Deploymen", false),
            ("*/*", "apps/Deployment", true),
            ("*/*", "Pod", false),
            ("*", "apps/Deployment", true),
            ("*.io/Rollout", "argoproj.io/Rollout", true),
            ("argoproj.io/*", "argoproj.io/Rollout", true),
            (
                "*.aws.crossplane.io/*",
                "ec2.aws.crossplane.io/Instance",
                true,
            ),
            ("*.aws.crossplane.io/*", "aws.crossplane.io/Instance", false),
            ("*.aws*", "ec2.aws.crossplane.io/Instance", true),
            (
                "{apps,extensions}/Deployment",
                "extensions/Deployment",
                true,
            ),
            ("{apps,extensions}/Deployment", "batch/Deployment", false),
            ("apps/[DR]*Set", "apps/ReplicaSet", true),
            ("apps/[!D]*", "apps/Deployment", false),
            ("apps/[A-D]*", "apps/Deployment", true),
            ("v?/Pod", "v1/Pod", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("", "", true),
            ("[", "[", true),
            ("{a", "{a", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let stars = "*a".repeat(200);
        assert!(!matches(&stars, &"a".repeat(190)), "and ends soon");
    }

    #[test]
    fn a_slash_separates_the_parts_of_a_path() {
        for (pattern, path, expected) in [
            ("envs/*.yaml", "envs/prod.yaml", true),
            ("envs/*.yaml", "envs/eu/prod.yaml", false),
            ("envs/**/*.yaml", "envs/eu/west/prod.yaml", true),
            ("envs/**/*.yaml", "envs/prod.yaml", true),
            ("**/values.yaml", "values.yaml", true),
            ("envs/**", "envs/eu/prod.yaml", true),
            ("envs/{eu,us}/*.yaml", "envs/us/prod.yaml", true),
            ("envs/{eu,us}/*.yaml", "envs/ap/prod.yaml", false),
            ("a/**/b/**/c", "a/x/b/y/b/z/c", true),
            ("a/**/b/**/c", "a/x/y/c", false),
        ] {
            assert_eq!(matches_path(pattern, path), expected, "{pattern} {path}");
        }
        let stars = "**/a/".repeat(60);
        assert!(!matches_path(&stars, &"a/".repeat(50)), "and ends soon");
    }
}
