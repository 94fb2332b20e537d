//! Namespaces before what lives in them, definitions before objects of their kind.
//!
//! After sorting, Argo CD walks the tasks once for namespaces and once for definitions. A namespace (or definition) that comes after the first task
//! that needs it moves right before that task and takes its wave and phase, so a Namespace written into wave 5 ends up in
//! `PreSync` when a hook of that phase lives in it. This is `adjustDeps` of `sync_tasks.go`, walk for walk.

use std::collections::BTreeMap;

use tidegate_model::words::NAMESPACE;

use crate::{Manifest, OrderedResource, kinds};

/// What a task is to the others.
enum Part {
    /// Others may need it, by this name.
    Provides(String),
    /// It needs what goes by this name.
    Needs(String),
    /// Neither.
    Nothing,
}

/// Moves each Namespace before the first task that lives in it.
pub(crate) fn bubble_up_namespaces(tasks: &mut Vec<OrderedResource>) {
    bubble_up(tasks, |task| {
        if task.group.is_empty() && task.kind == NAMESPACE {
            return Part::Provides(task.name.clone());
        }
        task.namespace.clone().map_or(Part::Nothing, Part::Needs)
    });
}

/// Moves each `CustomResourceDefinition` before the first task of its kind.
pub(crate) fn bubble_up_definitions(tasks: &mut Vec<OrderedResource>, manifests: &[Manifest]) {
    bubble_up(tasks, |task| {
        let object = manifests.get(task.index).map(|manifest| manifest.object);
        match object.and_then(kinds::defined_kind) {
            Some((group, kind)) => Part::Provides(format!("{group}/{kind}")),
            None => Part::Needs(format!("{}/{}", task.group, task.kind)),
        }
    });
}

fn bubble_up(tasks: &mut Vec<OrderedResource>, part: impl Fn(&OrderedResource) -> Part) {
    // Where each name is needed first.
    let mut first_need: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..tasks.len() {
        let Some(task) = tasks.get(index) else { break };
        match part(task) {
            Part::Needs(name) => {
                first_need.entry(name).or_insert(index);
            }
            Part::Provides(name) => {
                let Some(&need) = first_need.get(&name) else {
                    continue;
                };
                let Some((phase, wave)) = tasks.get(need).map(|user| (user.phase, user.wave))
                else {
                    continue;
                };
                let mut provider = tasks.remove(index);
                provider.phase = phase;
                provider.wave = wave;
                tasks.insert(need, provider);
                first_need
                    .values_mut()
                    .filter(|place| **place >= need)
                    .for_each(|place| *place += 1);
            }
            Part::Nothing => {}
        }
    }
}
