//! What stands on tables and is not part of one: views, triggers, policies and the like, with the functions of views' rows. They go first and come last.

use std::collections::BTreeSet;

use crate::catalog::{Object, ObjectKind};
use crate::plan::Statement;

use super::text::joined;
use super::{ObjectName, Work, in_order, is_view, objects};

impl<'a> Work<'a> {
    pub(super) fn objects_to_make(&self, outermost: bool) -> Vec<(ObjectName<'a>, &'a Object)> {
        let of_views = self.functions_of_views();
        let is_wanted = |(schema, kind, name): ObjectName<'_>| {
            let is_outer = objects::is_outermost(kind)
                || (!of_views.is_empty() && of_views.contains(&joined(schema, name)));
            is_outer == outermost
        };
        let made = self.made.iter().map(|(&name, &object)| (name, object));
        let changed = self.changed.iter().map(|(&name, &(_, new))| (name, new));
        let managed = made
            .chain(changed)
            .filter(|(_, object)| objects::is_managed(object));
        let again = self
            .again
            .iter()
            .chain(&self.rebuilt)
            .filter(|name| !self.changed.contains_key(*name) && !self.made.contains_key(*name))
            .filter_map(|&(schema, kind, name)| {
                let held = self.desired.schemas.get(schema)?;
                Some(((schema, kind, name), held.objects.get(&kind)?.get(name)?))
            });
        managed
            .chain(again)
            .filter(|(name, _)| is_wanted(*name))
            .collect()
    }

    /// Functions that take or give the rows of a view that is made, and what is made of those: they come behind it.
    fn functions_of_views(&self) -> BTreeSet<String> {
        let is_function = |kind| {
            matches!(
                kind,
                ObjectKind::Function
                    | ObjectKind::Procedure
                    | ObjectKind::Aggregate
                    | ObjectKind::Operator
                    | ObjectKind::Cast
            )
        };
        let names = self.made.keys().chain(self.changed.keys());
        let names = || names.clone().chain(&self.again).copied();
        let views: BTreeSet<String> = names()
            .filter(|(_, kind, _)| is_view(*kind))
            .map(|(schema, _, name)| joined(schema, name))
            .collect();
        if views.is_empty() {
            return views;
        }
        let needs = |(schema, kind, name): ObjectName<'a>| {
            let held = self.desired.schemas.get(schema);
            let object = held.and_then(|held| held.objects.get(&kind)?.get(name));
            object.map_or(&[][..], |object| object.needs.as_slice())
        };
        let mut late: BTreeSet<String> = BTreeSet::new();
        loop {
            let before = late.len();
            for name in names().filter(|(_, kind, _)| is_function(*kind)) {
                let mut needs = needs(name).iter();
                if needs.any(|need| views.contains(need) || late.contains(need)) {
                    late.insert(joined(name.0, name.2));
                }
            }
            if late.len() == before {
                return late;
            }
        }
    }

    /// Views, triggers and the like, behind what they need.
    pub(super) fn outermost(&mut self) -> Vec<Statement> {
        let mut wanted = self.objects_to_make(true);
        wanted.sort_by_key(|(name, _)| (name.1, name.0, name.2));
        let mut statements = Vec::new();
        for ((schema, kind, name), object) in in_order(&wanted) {
            if let Some(in_place) = self.in_place.remove(&(schema, kind, name)) {
                statements.extend(in_place);
                continue;
            }
            let empty = self.made_empty((schema, kind, name), object);
            let object = empty.as_ref().unwrap_or(object);
            statements.extend(objects::create(schema, kind, name, object));
        }
        statements
    }
}
