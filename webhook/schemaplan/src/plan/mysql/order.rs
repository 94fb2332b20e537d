//! What is needed before what needs it.

use std::collections::{BTreeMap, BTreeSet};

/// The nodes in an order in which each comes behind what it needs, otherwise by name; with each, what it needs that comes only later, because
/// they need each other. Needs that are no node are nobody's concern.
pub(super) fn ordered<K: Ord + Clone>(needs: &BTreeMap<K, BTreeSet<K>>) -> Vec<(K, BTreeSet<K>)> {
    let mut open: BTreeMap<K, BTreeSet<K>> = needs
        .iter()
        .map(|(node, needed)| {
            let known = needed
                .iter()
                .filter(|other| *other != node && needs.contains_key(*other));
            (node.clone(), known.cloned().collect())
        })
        .collect();
    let mut users: BTreeMap<K, Vec<K>> = BTreeMap::new();
    for (node, needed) in &open {
        for other in needed {
            users.entry(other.clone()).or_default().push(node.clone());
        }
    }
    let mut ready: BTreeSet<K> = open
        .iter()
        .filter(|(_, needed)| needed.is_empty())
        .map(|(node, _)| node.clone())
        .collect();
    let mut order = Vec::with_capacity(open.len());
    // Where all that are left wait for each other, the first of them by name goes ahead.
    while let Some(node) = ready.pop_first().or_else(|| open.keys().next().cloned()) {
        let missing = open.remove(&node).unwrap_or_default();
        for user in users.remove(&node).unwrap_or_default() {
            if let Some(needed) = open.get_mut(&user) {
                needed.remove(&node);
                if needed.is_empty() {
                    ready.insert(user);
                }
            }
        }
        order.push((node, missing));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(needs: &[(&str, &[&str])], expected: &[(&str, &[&str])]) {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let needs = needs
            .iter()
            .map(|(node, needed)| ((*node).to_owned(), set(needed)))
            .collect();
        let expected: Vec<(String, BTreeSet<String>)> = expected
            .iter()
            .map(|(node, missing)| ((*node).to_owned(), set(missing)))
            .collect();
        assert_eq!(ordered(&needs), expected);
    }

    #[test]
    fn what_is_needed_comes_first_and_circles_are_broken_once() {
        check(&[("a", &[]), ("b", &[])], &[("a", &[]), ("b", &[])]);
        check(
            &[("a", &["b"]), ("b", &["c", "x"]), ("c", &["c"])],
            &[("c", &[]), ("b", &[]), ("a", &[])],
        );
        check(
            &[("a", &["b"]), ("b", &["a"]), ("c", &["a"])],
            &[("a", &["b"]), ("b", &[]), ("c", &[])],
        );
    }
}
