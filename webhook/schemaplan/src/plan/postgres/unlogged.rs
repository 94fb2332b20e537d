//! Tables that become unlogged, or logged, and refer to each other in a circle: whichever comes first, the server would have a key between a table that is
//! logged and one that is not. Such keys go first and come back last. Without a circle the order of the tables is enough.

use std::collections::BTreeSet;

use crate::diff::TableChange;

use super::{TableName, Work, target};

impl<'a> Work<'a> {
    pub(super) fn lift_circles_of_unlogged(&mut self) {
        let altered = self.altered.iter();
        let changing: BTreeSet<TableName<'a>> = altered
            .filter(|(_, (_, _, changes))| changes.iter().any(is_of_log))
            .map(|(&name, _)| name)
            .collect();
        for &(schema, name) in &changing {
            let Some((old, _, _)) = self.altered.get(&(schema, name)) else {
                continue;
            };
            for (key_name, key) in &old.foreign_keys {
                let target = target(schema, key);
                if target != (schema, name) && self.leads_to(target, (schema, name), &changing) {
                    self.lifted.insert((schema, name, key_name));
                }
            }
        }
    }

    /// Whether foreign keys lead from one table to another, by these only.
    fn leads_to(
        &self,
        from: TableName<'a>,
        to: TableName<'a>,
        within: &BTreeSet<TableName<'a>>,
    ) -> bool {
        let mut seen: BTreeSet<TableName<'a>> = BTreeSet::new();
        let mut next: Vec<TableName<'a>> = within.get(&from).copied().into_iter().collect();
        while let Some(name) = next.pop() {
            if name == to {
                return true;
            }
            let held = self.altered.get(&name).filter(|_| seen.insert(name));
            let keys = held
                .into_iter()
                .flat_map(|(old, _, _)| old.foreign_keys.values());
            next.extend(keys.filter_map(|key| within.get(&target(name.0, key)).copied()));
        }
        false
    }
}

fn is_of_log(change: &TableChange<'_>) -> bool {
    matches!(change, TableChange::OptionChanged { option, .. } if *option == "unlogged")
}
