//! The word that was probably meant.

/// The candidate that differs from `word` only in case and separators, or else by at most two letters.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let wanted = letters(word);
    let same = candidates
        .clone()
        .find(|candidate| letters(candidate) == wanted);
    same.or_else(|| {
        candidates
            .map(|candidate| (distance(&wanted, &letters(candidate)), candidate))
            .filter(|(distance, candidate)| *distance <= 2 && *distance * 3 <= candidate.len())
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, candidate)| candidate)
    })
}

/// The limit of what is compared: words of these tables are shorter, and the distance costs the square of the length.
const LONGEST: usize = 40;

fn letters(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .take(LONGEST)
        .collect()
}

/// Letters to insert, delete or replace (Levenshtein), row by row.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (deleted, left) in from.iter().enumerate() {
        let mut diagonal = deleted;
        let mut before = deleted + 1;
        let mut next = vec![before];
        for (right, above) in to.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(left != right);
            before = replaced.min(*above + 1).min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_word_and_strangers_none() {
        let words = ["PreSync", "Sync", "PostSync", "SyncFail", "Skip"];
        for (word, expected) in [
            ("presync", Some("PreSync")),
            ("pre-sync", Some("PreSync")),
            ("PresSync", Some("PreSync")),
            ("PostSynk", Some("PostSync")),
            ("SyncFailed", Some("SyncFail")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, words.into_iter()), expected, "{word}");
        }
    }

    #[test]
    fn distances_are_counted() {
        for (from, to, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(
                distance(&letters(from), &letters(to)),
                expected,
                "{from} {to}"
            );
        }
    }
}
