//! Globs over `group/Kind`, as in `resource.customizations`.
//!
//! Argo CD matches with gobwas/glob and no separator, so that `*` also runs over the slash: `*.io*` is every kind of every group that has `.io` in it.

/// Does the whole text match? `*`, `?`, `[abc]`, `[a-z]`, `[!a]` and `{one,two}`; a backslash takes the next character as it is.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    alternatives(pattern)
        .iter()
        .any(|pattern| matches_plain(pattern, &text))
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
}
