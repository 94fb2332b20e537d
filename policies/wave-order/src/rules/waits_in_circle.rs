//! Workloads that wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_model::object::kind;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Need;

use crate::plan::{Set, named};

pub(crate) const RULE: Rule = Rule::error(
    "waits-in-circle",
    "Workloads wait for each other, so none of them ever starts",
    include_str!("waits_in_circle.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for link in &set.links.links {
        if link.need == Need::Waits && kind(set.object(link.provider)) != "Service" {
            next.entry(link.user).or_default().push(link.provider);
        }
    }
    let mut done = BTreeSet::new();
    for start in next.keys() {
        if let Some(circle) = circle_from(*start, &next, &mut done) {
            let names: Vec<String> = circle
                .iter()
                .map(|index| named(set.object(*index)))
                .collect();
            let message = format!(
                "{} wait for each other in their init containers: none of them ever starts",
                names.join(", ")
            );
            findings.push(
                set.finding(&RULE, *start, message)
                    .suggest("Let one of them start without the other and try again"),
            );
        }
    }
}

/// The circle that a walk from `start` ends in, if one does. What was walked before is not walked again.
fn circle_from(
    start: usize,
    next: &BTreeMap<usize, Vec<usize>>,
    done: &mut BTreeSet<usize>,
) -> Option<Vec<usize>> {
    let mut path: Vec<(usize, usize)> = Vec::new();
    let mut at = start;
    let mut branch = 0;
    loop {
        let choice = next.get(&at).and_then(|all| all.get(branch)).copied();
        match choice {
            Some(to) if to == at || path.iter().any(|(on, _)| *on == to) => {
                let mut circle: Vec<usize> = path
                    .iter()
                    .map(|(on, _)| *on)
                    .skip_while(|on| *on != to)
                    .collect();
                circle.push(at);
                done.extend(circle.iter().copied());
                return Some(circle);
            }
            Some(to) if !done.contains(&to) => {
                path.push((at, branch + 1));
                at = to;
                branch = 0;
            }
            Some(_) => branch += 1,
            None => {
                done.insert(at);
                let (back, from) = path.pop()?;
                at = back;
                branch = from;
            }
        }
    }
}
