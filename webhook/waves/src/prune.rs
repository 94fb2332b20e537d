//! The waves in which objects that Git no longer has are deleted.
//!
//! What was created first is deleted last, within one sync that also applies: Argo CD swaps the waves of the deletions symmetrically, the
//! lowest with the highest, so that they interleave backwards with the waves that apply. `PruneLast` moves a deletion behind all of them
//! (`getSyncTasks` of `gitops-engine/pkg/sync/sync_context.go`).

use std::collections::{BTreeMap, BTreeSet};

/// One object to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// The wave written on the live object.
    pub wave: i64,
    /// `PruneLast=true`, on the object or on the Application.
    pub last: bool,
}

/// The wave of each deletion, in the order of the input. `last_applied` is the highest wave of phase Sync in which something is applied, if anything is.
pub fn prune_waves(pruned: &[Pruned], last_applied: Option<i64>) -> Vec<i64> {
    let waves: BTreeSet<i64> = pruned.iter().map(|one| one.wave).collect();
    let swapped: BTreeMap<i64, i64> = waves
        .iter()
        .copied()
        .zip(waves.iter().rev().copied())
        .collect();
    let swap = |wave| swapped.get(&wave).copied().unwrap_or(wave);
    // Argo CD starts counting at 0, so with nothing but negative waves the last one is 1 all the same.
    let behind_all = waves
        .iter()
        .copied()
        .chain(last_applied)
        .fold(0, i64::max)
        .saturating_add(1);
    pruned
        .iter()
        .map(|one| if one.last { behind_all } else { swap(one.wave) })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pruned: &[(i64, bool)], last_applied: Option<i64>, expected: &[i64]) {
        let pruned: Vec<Pruned> = pruned
            .iter()
            .map(|(wave, last)| Pruned {
                wave: *wave,
                last: *last,
            })
            .collect();
        assert_eq!(prune_waves(&pruned, last_applied), expected);
    }

    #[test]
    fn waves_are_swapped_from_the_outside_in() {
        check(&[(0, false), (1, false), (2, false)], None, &[2, 1, 0]);
        check(&[(-5, false), (7, false)], Some(3), &[7, -5]);
        check(
            &[(1, false), (1, false), (4, false), (9, false), (3, false)],
            None,
            &[9, 9, 3, 1, 4],
        );
        check(&[(6, false)], None, &[6]);
        check(&[], Some(1), &[]);
    }

    #[test]
    fn last_is_behind_everything() {
        check(&[(0, true), (1, false), (2, false)], Some(5), &[6, 1, 0]);
        check(&[(0, true)], None, &[1]);
        check(&[(-3, true)], Some(-2), &[1]);
        check(&[(9, true)], Some(2), &[10]);
    }

    proptest! {
        /// Of two objects without `PruneLast`, the one created first is deleted last.
        #[test]
        fn the_order_is_reversed(waves in prop::collection::vec(-9..9_i64, 0..12)) {
            let pruned: Vec<Pruned> = waves.iter().map(|wave| Pruned { wave: *wave, last: false }).collect();
            let swapped = prune_waves(&pruned, None);
            for (one, after) in waves.iter().zip(&swapped) {
                for (other, other_after) in waves.iter().zip(&swapped) {
                    prop_assert_eq!(one.cmp(other), after.cmp(other_after).reverse());
                }
            }
        }
    }
}
