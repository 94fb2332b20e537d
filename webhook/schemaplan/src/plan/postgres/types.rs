//! How types and other objects that both sides have become what they should be.

use std::collections::BTreeMap;

use crate::catalog::ObjectKind;
use crate::plan::{Refusal, Statement};

use super::objects::{self, How};
use super::text::joined;
use super::{ObjectName, Work, rebuild};

impl<'a> Work<'a> {
    pub(super) fn how_objects_change(&mut self) {
        let mut before_rebuilt = BTreeMap::new();
        for (&(schema, kind, name), (old, new)) in &self.changed {
            if !objects::is_managed(old) || !objects::is_managed(new) {
                continue;
            }
            let version = self.desired.engine.version;
            let mut how = objects::change(schema, kind, name, old, new, version);
            match kind {
                ObjectKind::Composite => {
                    let (changed, before) = self.how_composite_changes(schema, name, how);
                    how = changed;
                    before_rebuilt.insert((schema, kind, name), before);
                }
                ObjectKind::Domain if looks_at_values(&how) => {
                    if let Some(refusal) = self.is_within_rows(schema, name) {
                        how = How::Refused(refusal);
                    } else if rebuild::is_in_lists(self.current, schema, name) {
                        how = How::Rebuilt;
                    }
                }
                // A comment is no reason to make one again.
                _ if matches!(how, How::Altered(_)) => {}
                ObjectKind::Range if rebuild::column_of(self.current, schema, name).is_none() => {
                    how = How::Again;
                }
                ObjectKind::Collation if !rebuild::is_collated_by(self.current, schema, name) => {
                    how = How::Again;
                }
                _ => {}
            }
            match how {
                How::Altered(statements) => {
                    self.in_place.insert((schema, kind, name), statements);
                }
                How::Again => {
                    self.again.insert((schema, kind, name));
                }
                How::Rebuilt => {
                    self.rebuilt.insert((schema, kind, name));
                }
                How::Refused(refusal) => self.refusals.push(refusal),
            }
        }
        self.before_rebuilt = before_rebuilt;
        self.rebuild_domains();
    }

    /// The server changes no attribute's type while a column has it: one that no column has can be dropped and made again, and columns can move over to
    /// a new one by way of text, when the old one has got and given up the other attributes.
    fn how_composite_changes(&self, schema: &str, name: &str, how: How) -> (How, Vec<Statement>) {
        let user = rebuild::column_of(self.current, schema, name);
        let How::Altered(mut statements) = how else {
            let is_free = matches!(how, How::Refused(_)) && user.is_none();
            return (if is_free { How::Again } else { how }, Vec::new());
        };
        let spellings = rebuild::spellings(schema, name);
        let mut tables = self
            .current
            .schemas
            .values()
            .flat_map(|held| held.tables.values());
        let is_typed = tables.any(|table| {
            table
                .options
                .get("of")
                .is_some_and(|of| spellings.contains(of))
        });
        let converts = |one: &Statement| one.sql.contains(" ALTER ATTRIBUTE ");
        if is_typed {
            for one in statements
                .iter_mut()
                .filter(|one| one.sql.contains(" ATTRIBUTE "))
            {
                // Each action says it for itself.
                for verb in ["DROP", "ADD", "ALTER"] {
                    let next = format!(", {verb} ATTRIBUTE ");
                    one.sql = one.sql.replace(&next, &format!(" CASCADE{next}"));
                }
                one.sql += " CASCADE";
            }
        }
        match user {
            Some(_) if !statements.iter().any(converts) => {}
            Some(user) if is_typed || !user.starts_with("the column ") => {
                let refusal = Refusal {
                    object: format!("composite type {name}"),
                    reason: format!(
                        "the type of an attribute cannot be changed while {user} is made of it: give that another type in a migration"
                    ),
                };
                return (How::Refused(refusal), Vec::new());
            }
            Some(_) => {
                statements.retain(|one| !converts(one) && one.sql.contains(" ATTRIBUTE "));
                return (How::Rebuilt, statements);
            }
            None => {}
        }
        (How::Altered(statements), Vec::new())
    }

    /// The server holds no new constraint against the values within rows of a type that a column has.
    fn is_within_rows(&self, schema: &str, name: &str) -> Option<Refusal> {
        let domain = joined(schema, name);
        let spellings = rebuild::spellings(schema, name);
        self.current.schemas.iter().find_map(|(schema, held)| {
            let types = held.objects.get(&ObjectKind::Composite).into_iter();
            types.flatten().find_map(|(composite, object)| {
                let mut labels = object.labels.iter();
                let is_made_of_it = object.needs.contains(&domain)
                    || labels.any(|label| spellings.iter().any(|one| label.ends_with(&format!(" {one}"))));
                let user = rebuild::column_of(self.current, schema, composite).filter(|_| is_made_of_it)?;
                Some(Refusal {
                    object: format!("domain {name}"),
                    reason: format!(
                        "its new constraint is not held against the values within composite type {composite}, which {user} is made of: give that another type in a migration, and change the domain then"
                    ),
                })
            })
        })
    }

    /// A domain over a type that is made anew is made anew as well.
    fn rebuild_domains(&mut self) {
        loop {
            let made_anew: Vec<String> = self
                .rebuilt
                .iter()
                .map(|(schema, _, name)| joined(schema, name))
                .collect();
            let mut more: Vec<ObjectName<'a>> = Vec::new();
            for (schema, held) in &self.current.schemas {
                let domains = held.objects.get(&ObjectKind::Domain).into_iter().flatten();
                for (name, domain) in domains {
                    let full = (schema.as_str(), ObjectKind::Domain, name.as_str());
                    let is_known = self.rebuilt.contains(&full) || self.unmade.contains_key(&full);
                    let is_over = domain.needs.iter().any(|need| made_anew.contains(need));
                    if is_over && !is_known {
                        more.push(full);
                    }
                }
            }
            if more.is_empty() {
                return;
            }
            for full in more {
                self.in_place.remove(&full);
                self.rebuilt.insert(full);
            }
        }
    }
}

/// Whether a domain's change looks at the values that there are: the server does not do so within lists, and rows.
fn looks_at_values(how: &How) -> bool {
    let How::Altered(statements) = how else {
        return false;
    };
    statements.iter().any(|one| {
        let sql = &one.sql;
        sql.contains(" SET NOT NULL")
            || sql.contains(" ADD CONSTRAINT ") && !sql.ends_with(" NOT VALID")
    })
}
