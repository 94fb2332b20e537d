//! Sequences, routines, views, triggers and events.
//!
//! None of them can be changed but a sequence and a view: the others go and come again. What stands in the way of a table of the same name,
//! or would run while tables change, goes first; what needs tables comes last.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_sqlplan::Dialect;

use super::text::qualified;
use super::{Name, statement};
use super::{order, sequences};
use crate::catalog::{Catalog, Object, ObjectKind};
use crate::diff::Change;
use crate::plan::{Refusal, Statement};

/// What there is to do about objects.
pub(super) struct Objects<'a> {
    dialect: Dialect,
    /// What is there and goes, or changes.
    old: BTreeMap<ObjectKind, BTreeMap<Name<'a>, &'a Object>>,
    /// What comes, or changes.
    new: BTreeMap<ObjectKind, BTreeMap<Name<'a>, &'a Object>>,
}

impl<'a> Objects<'a> {
    /// Refuses what is wanted and whose text cannot be given; what is there and cannot be given is left alone.
    pub(super) fn new(
        dialect: Dialect,
        changes: &'a [Change<'a>],
        current: &'a Catalog,
        desired: &'a Catalog,
    ) -> Result<Self, Vec<Refusal>> {
        let mut objects = Self {
            dialect,
            old: BTreeMap::new(),
            new: BTreeMap::new(),
        };
        let mut refusals = Vec::new();
        let mut add = |kind: ObjectKind, name: Name<'a>, object: &'a Object, to: &mut Self| {
            if object.create.is_empty() {
                refusals.push(Refusal {
                    object: format!("{kind} {}", name.1),
                    reason: "its text cannot be read back from the server, so it cannot be made \
                             elsewhere; leave it out with `exclude`"
                        .to_owned(),
                });
            } else {
                to.new.entry(kind).or_default().insert(name, object);
            }
        };
        for change in changes {
            match change {
                Change::SchemaAdded { schema, new } => {
                    for (kind, named) in &new.objects {
                        for (name, object) in named {
                            add(*kind, (schema, name), object, &mut objects);
                        }
                    }
                }
                Change::ObjectAdded {
                    schema,
                    kind,
                    name,
                    new,
                } => add(*kind, (schema, name), new, &mut objects),
                Change::ObjectChanged {
                    schema,
                    kind,
                    name,
                    old,
                    new,
                } if !old.create.is_empty() => {
                    add(*kind, (schema, name), new, &mut objects);
                    let old_ones = objects.old.entry(*kind).or_default();
                    old_ones.insert((schema, name), old);
                }
                Change::ObjectDropped {
                    schema,
                    kind,
                    name,
                    old,
                } if !old.create.is_empty() => {
                    let old_ones = objects.old.entry(*kind).or_default();
                    old_ones.insert((schema, name), old);
                }
                _ => {}
            }
        }
        objects.take_followers(current, desired);
        if refusals.is_empty() {
            Ok(objects)
        } else {
            Err(refusals)
        }
    }

    /// Triggers that run behind one which is made anew are made anew as well: a new one would run last.
    fn take_followers(&mut self, current: &'a Catalog, desired: &'a Catalog) {
        let kind = ObjectKind::Trigger;
        for (schema, content) in &desired.schemas {
            let triggers = content.objects.get(&kind).into_iter().flatten();
            let old = current
                .schemas
                .get(schema)
                .and_then(|content| content.objects.get(&kind));
            // Each needs at most the one before it, so that as many rounds as there are triggers are enough; usually none is.
            let mut waiting: Vec<(&String, &Object)> = triggers.collect();
            loop {
                let count = waiting.len();
                waiting.retain(|(name, object)| {
                    let made = self.new.get(&kind);
                    let is_made = |name: &str| {
                        made.is_some_and(|made| made.contains_key(&(schema.as_str(), name)))
                    };
                    if is_made(name) {
                        return false;
                    }
                    let follows = object.needs.iter().any(|other| is_made(other));
                    if follows && let Some(before) = old.and_then(|old| old.get(*name)) {
                        let key = (schema.as_str(), name.as_str());
                        self.old.entry(kind).or_default().insert(key, before);
                        self.new.entry(kind).or_default().insert(key, object);
                    }
                    !follows
                });
                if waiting.len() == count {
                    break;
                }
            }
        }
    }

    /// Triggers, events and routines that go or change, and views that go.
    pub(super) fn in_the_way(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for kind in [
            ObjectKind::Event,
            ObjectKind::Trigger,
            ObjectKind::View,
            ObjectKind::Procedure,
            ObjectKind::Function,
        ] {
            for (name, object) in self.gone(kind) {
                // MariaDB replaces routines and events, and both servers views, which keeps the rights that were granted on them.
                let replaced = self.wanted(kind).contains_key(name)
                    && (kind == ObjectKind::View
                        || self.dialect == Dialect::Mariadb && kind != ObjectKind::Trigger);
                if !replaced {
                    statements.push(drop_object(kind, *name, object));
                }
            }
        }
        statements
    }

    /// Sequences come before tables, whose defaults may draw from them.
    pub(super) fn sequences(&self) -> Vec<Statement> {
        let kind = ObjectKind::Sequence;
        let mut statements = Vec::new();
        for (name, object) in self.wanted(kind) {
            match self.gone(kind).get(name) {
                Some(old) => statements.extend(sequences::changed(*name, old, object)),
                None => {
                    let purpose = format!("create sequence {}", name.1);
                    statements.push(statement(object.create.clone(), false, purpose));
                }
            }
        }
        statements
    }

    /// Whether a sequence comes that has this name.
    pub(super) fn makes_sequence(&self, name: Name<'a>) -> bool {
        let kind = ObjectKind::Sequence;
        self.wanted(kind).contains_key(&name) && !self.gone(kind).contains_key(&name)
    }

    /// Sequences that go, as far as they are chosen.
    pub(super) fn sequences_dropped(&self, is_chosen: impl Fn(Name<'a>) -> bool) -> Vec<Statement> {
        let gone = self.gone(ObjectKind::Sequence).iter();
        gone.filter(|(name, _)| !self.wanted(ObjectKind::Sequence).contains_key(*name))
            .filter(|(name, _)| is_chosen(**name))
            .map(|(name, object)| Statement {
                // The number that was reached is gone with it.
                destructive: true,
                ..drop_object(ObjectKind::Sequence, *name, object)
            })
            .collect()
    }

    /// Routines, views, triggers and events that come.
    pub(super) fn made(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for kind in [
            ObjectKind::Function,
            ObjectKind::Procedure,
            ObjectKind::View,
            ObjectKind::Trigger,
            ObjectKind::Event,
        ] {
            statements.extend(self.made_of(kind));
        }
        statements
    }

    fn made_of(&self, kind: ObjectKind) -> Vec<Statement> {
        let new = self.wanted(kind);
        let needs: BTreeMap<Name<'a>, BTreeSet<Name<'a>>> = new
            .iter()
            .map(|(name, object)| {
                let needed = object.needs.iter();
                (
                    *name,
                    needed.map(|other| (name.0, other.as_str())).collect(),
                )
            })
            .collect();
        let order = order::ordered(&needs);
        order
            .into_iter()
            .filter_map(|(name, _)| Some((name, new.get(&name)?)))
            .map(|(name, object)| {
                let replaces = self.gone(kind).contains_key(&name)
                    && (kind == ObjectKind::View
                        || self.dialect == Dialect::Mariadb && kind != ObjectKind::Trigger);
                let (sql, word) = if replaces {
                    (
                        object.create.replacen("CREATE ", "CREATE OR REPLACE ", 1),
                        "replace",
                    )
                } else {
                    (object.create.clone(), "create")
                };
                statement(sql, false, format!("{word} {kind} {}", name.1))
            })
            .collect()
    }

    fn gone(&self, kind: ObjectKind) -> &BTreeMap<Name<'a>, &'a Object> {
        self.old.get(&kind).unwrap_or(const { &BTreeMap::new() })
    }

    fn wanted(&self, kind: ObjectKind) -> &BTreeMap<Name<'a>, &'a Object> {
        self.new.get(&kind).unwrap_or(const { &BTreeMap::new() })
    }
}

/// Objects on either side whose text cannot be given, in words.
pub(super) fn not_managed(current: &Catalog, desired: &Catalog) -> Vec<String> {
    let mut found = BTreeSet::new();
    for catalog in [current, desired] {
        for (schema, content) in &catalog.schemas {
            for (kind, named) in &content.objects {
                for (name, object) in named {
                    if object.create.is_empty() {
                        let dot = if schema.is_empty() { "" } else { "." };
                        found.insert(format!("{kind} {schema}{dot}{name} is not managed"));
                    }
                }
            }
        }
    }
    found.into_iter().collect()
}

fn drop_object(kind: ObjectKind, name: Name<'_>, object: &Object) -> Statement {
    let word = match kind {
        ObjectKind::Sequence => "SEQUENCE",
        ObjectKind::Function => "FUNCTION",
        ObjectKind::Procedure => "PROCEDURE",
        ObjectKind::Trigger => "TRIGGER",
        ObjectKind::Event => "EVENT",
        _ => "VIEW",
    };
    // A trigger's name in the catalog begins with its table's, which the server does not want to hear.
    let own = object
        .table
        .as_deref()
        .and_then(|table| name.1.strip_prefix(table)?.strip_prefix('.'))
        .unwrap_or(name.1);
    statement(
        format!("DROP {word} {}", qualified(name.0, own)),
        false,
        format!("drop {kind} {}", name.1),
    )
}
