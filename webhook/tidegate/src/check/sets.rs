//! What only a whole folder shows: its objects as one sync, judged as the reconciler's plan is.
//!
//! A folder that was named is not always one sync. Each kustomization and chart in it is one of its own, and so is each folder that an Application of the
//! tree points at; and where two folders hold the same object, they are variants (`dev/`, `prod/`) that nobody syncs together. Within such a set the
//! policies see everything at once, in the order of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_admission::{Action, JudgedFinding, StatusReason};
use tidegate_host::{Change, PolicySet};
use tidegate_model::object::{group, kind};
use tidegate_model::words::{APPLICATION, ARGO_GROUP};

use super::brought::Brought;
use super::judge::{Judged, ObjectName, object_name};
use super::source::{Content, Item};
use crate::plan_review::{self, Question};

/// How long one set may take; each policy has its own, shorter limits.
const BUDGET: Duration = Duration::from_mins(1);

/// Files that make a folder a sync of its own.
const OWN_SYNC: [&str; 4] = [
    "kustomization.yaml",
    "kustomization.yml",
    "Kustomization",
    "Chart.yaml",
];

/// Objects that are synced together.
#[derive(Debug)]
pub(crate) struct Set {
    /// Their places among what was read.
    pub(crate) members: Vec<usize>,
    /// Its folder below what was named.
    home: PathBuf,
    /// The Application that brings them, or one in its place.
    subject: Value,
    changes: Vec<Change>,
}

/// Takes what was read apart into sets. A set of one object is none: one object says nothing of an order.
/// What an Application brought is one sync, of that Application.
pub(crate) fn sets(items: &[Item], roots: &[String], brought: &Brought) -> Vec<Set> {
    let applications: Vec<&Value> = manifests(items)
        .filter(|(_, _, object)| is_application(object))
        .map(|(_, _, object)| object)
        .collect();
    let mut groups: BTreeMap<PathBuf, Vec<(usize, &Path, &Value)>> = BTreeMap::new();
    let mut known: BTreeMap<(PathBuf, &Path), PathBuf> = BTreeMap::new();
    for (index, file, object) in manifests(items) {
        let folder = file.parent().unwrap_or(file).to_owned();
        let root = roots
            .iter()
            .map(Path::new)
            .find(|root| file.starts_with(root))
            .unwrap_or(file);
        let home = known
            // Two files that were named stand alone, though they share a folder.
            .entry((folder.clone(), root))
            .or_insert_with(|| {
                if brought.contains_key(&*file.to_string_lossy()) {
                    file.to_owned()
                } else {
                    home(&folder, root, &applications)
                }
            })
            .clone();
        groups.entry(home).or_default().push((index, file, object));
    }
    groups
        .into_iter()
        .flat_map(|(home, members)| without_variants(home, members))
        .filter(|(_, members)| members.len() > 1)
        .map(|(home, members)| Set {
            subject: brought
                .get(&*home.to_string_lossy())
                .cloned()
                .unwrap_or_else(|| subject(&home, &applications)),
            changes: members
                .iter()
                .map(|(_, _, object)| Change::Apply(object.to_string()))
                .collect(),
            members: members.into_iter().map(|(index, ..)| index).collect(),
            home: roots
                .iter()
                .find_map(|root| home.strip_prefix(root).ok())
                .unwrap_or(&home)
                .to_owned(),
        })
        .collect()
}

impl Set {
    /// The namespace of members that name none.
    pub(crate) fn destination(&self) -> Option<&str> {
        self.subject
            .pointer("/spec/destination/namespace")
            .and_then(Value::as_str)
            .filter(|namespace| !namespace.is_empty())
    }
}

/// Judges each set and adds what is found to the objects it is about. What was so in the set of the same folder among those `before` only warns.
pub(crate) async fn judge(
    judged: &mut [Judged],
    sets: Vec<Set>,
    mut before: Vec<Set>,
    policies: &PolicySet,
) {
    let places: BTreeMap<usize, usize> = judged
        .iter()
        .enumerate()
        .map(|(place, one)| (one.item, place))
        .collect();
    for set in sets {
        let subject = set.subject.to_string();
        let question = Question {
            subject: &subject,
            namespace: None,
            changes: set.changes,
            before: before
                .iter()
                .position(|before| before.home == set.home)
                .map(|place| before.swap_remove(place).changes),
            dialect: None,
            budget: BUDGET,
        };
        let decision = plan_review::judge(policies, question).await;
        let place_of = |member: usize| {
            set.members
                .get(member)
                .and_then(|item| places.get(item))
                .copied()
        };
        for mut finding in decision.findings {
            let Some((member, inside)) = plan_review::change_of(&finding) else {
                continue;
            };
            finding.path = Some(inside.to_owned());
            if let Some(judged) = place_of(member).and_then(|place| judged.get_mut(place)) {
                add(judged, finding);
            }
        }
        if let Some(first) = place_of(0).and_then(|place| judged.get_mut(place)) {
            for (policy, why, action) in decision.failures {
                if action == Action::Deny {
                    first.decision.denied.get_or_insert(StatusReason::Invalid);
                }
                first.decision.failures.push((
                    policy,
                    format!("{why} (judging {} objects together)", set.members.len()),
                    action,
                ));
            }
        }
    }
}

/// Adds a finding unless the object alone already showed it.
fn add(judged: &mut Judged, finding: JudgedFinding) {
    let is_known = judged.decision.findings.iter().any(|known| {
        known.policy == finding.policy && known.rule == finding.rule && known.path == finding.path
    });
    if is_known {
        return;
    }
    if finding.action == Action::Deny {
        judged.decision.denied = Some(StatusReason::Forbidden);
    }
    judged.decision.findings.push(finding);
}

fn manifests(items: &[Item]) -> impl Iterator<Item = (usize, &Path, &Value)> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| match &item.content {
            Content::Manifest { object, .. } => Some((index, Path::new(&item.file), object)),
            Content::Sql(_) | Content::Review(_) | Content::WayBack => None,
        })
}

/// The folder whose sync a file of `folder` belongs to.
fn home(folder: &Path, root: &Path, applications: &[&Value]) -> PathBuf {
    let own = folder
        .ancestors()
        .take_while(|folder| folder.starts_with(root) && *folder != root)
        .find(|folder| {
            OWN_SYNC.iter().any(|file| folder.join(file).is_file())
                || applications
                    .iter()
                    .any(|application| points_at(application, folder))
        });
    own.unwrap_or(root).to_owned()
}

/// Whether a source of the Application leads to a folder, as far as paths can tell.
fn points_at(application: &Value, folder: &Path) -> bool {
    let sources = application
        .pointer("/spec/sources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    sources
        .chain(application.pointer("/spec/source"))
        .filter_map(|source| source.get("path")?.as_str())
        .map(|path| path.trim_start_matches("./").trim_end_matches('/'))
        .any(|path| !path.is_empty() && path != "." && folder.ends_with(path))
}

type Members<'a> = Vec<(usize, &'a Path, &'a Value)>;

/// Splits a group by folder where two folders hold the same object.
fn without_variants(home: PathBuf, members: Members<'_>) -> Vec<(PathBuf, Members<'_>)> {
    let mut folders: BTreeMap<ObjectName, BTreeSet<&Path>> = BTreeMap::new();
    for (_, file, object) in &members {
        folders
            .entry(object_name(object))
            .or_default()
            .insert(file.parent().unwrap_or(file));
    }
    if folders.values().all(|folders| folders.len() == 1) {
        return vec![(home, members)];
    }
    let mut split: BTreeMap<PathBuf, Members<'_>> = BTreeMap::new();
    for member in members {
        split
            .entry(member.1.parent().unwrap_or(member.1).to_owned())
            .or_default()
            .push(member);
    }
    split.into_iter().collect()
}

fn is_application(object: &Value) -> bool {
    kind(object) == APPLICATION && group(object) == ARGO_GROUP
}

fn subject(home: &Path, applications: &[&Value]) -> Value {
    applications.iter().find(|application| points_at(application, home)).map_or_else(
        || {
            let name = home.file_name().unwrap_or_default().to_string_lossy();
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name}, "spec": {}})
        },
        |application| (*application).clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_points_at_its_folder() {
        let application = json!({"spec": {"source": {"path": "./apps/web/"}, "sources": [{"path": "apps/db"}, {"path": "."}]}});
        for (folder, expected) in [
            ("repo/apps/web", true),
            ("repo/apps/db", true),
            ("repo/apps", false),
            ("repo/apps/web/base", false),
        ] {
            assert_eq!(
                points_at(&application, Path::new(folder)),
                expected,
                "{folder}"
            );
        }
    }
}
