//! The fewest waves to write so that an order can work.
//!
//! What is needed is put into the wave of what needs it, or what needs is put behind it, link by link, until nothing moves. Hooks are left alone:
//! whether a migration belongs before the sync or into it is a decision, not a repair.

use tidegate_model::hook::{Role, role};
use tidegate_model::object::kind;
use tidegate_model::wave;
use tidegate_model::words::{CUSTOM_RESOURCE_DEFINITION, NAMESPACE};

use crate::{Link, Manifest, Need, arrange, links};

/// A wave to write on one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// Its place in the input.
    pub index: usize,
    /// The wave that counts now.
    pub from: i64,
    /// The wave to write.
    pub to: i64,
}

/// Rounds after which waves that still move are taken to move for ever.
const MOST_ROUNDS: usize = 100;

/// What to write, in the order of the input; nothing when the order works. None when no waves make it work.
pub fn repair(manifests: &[Manifest], destination: Option<&str>) -> Option<Vec<Repair>> {
    let before: Vec<i64> = manifests
        .iter()
        .map(|manifest| wave::of(manifest.object))
        .collect();
    let mut waves = before.clone();
    let movable = |index: usize| {
        manifests
            .get(index)
            .is_some_and(|manifest| role(manifest.object) == Role::Resource)
    };
    let links = links(manifests, destination).links;
    let mut moved = true;
    let mut rounds = 0;
    while moved {
        rounds += 1;
        if rounds > MOST_ROUNDS {
            return None;
        }
        moved = false;
        for link in links
            .iter()
            .filter(|link| movable(link.user) && movable(link.provider))
        {
            let (Some(&user), Some(&provider)) = (waves.get(link.user), waves.get(link.provider))
            else {
                continue;
            };
            let is_service = manifests
                .get(link.provider)
                .is_some_and(|manifest| kind(manifest.object) == "Service");
            let is_schedule = manifests
                .get(link.user)
                .is_some_and(|manifest| kind(manifest.object) == "CronJob");
            let (place, to) = match link.need {
                _ if is_schedule => continue,
                Need::Supposed => continue,
                Need::Reference | Need::Pulls if user < provider => (link.provider, user),
                Need::Database if !is_service && user <= provider => {
                    (link.user, provider.checked_add(1)?)
                }
                Need::Tables if user <= provider => (link.user, provider.checked_add(1)?),
                Need::Migration
                    if user < provider || (user == provider && are_ordered(manifests, link)) =>
                {
                    (link.user, provider.checked_add(1)?)
                }
                Need::Database | Need::Store | Need::Waits if user < provider => {
                    (link.user, provider)
                }
                _ => continue,
            };
            if let Some(wave) = waves.get_mut(place) {
                *wave = to;
                moved = true;
            }
        }
    }
    // A Namespace or definition that Argo CD moves up says so itself.
    for task in arrange(manifests, destination).order {
        let provides = manifests.get(task.index).is_some_and(|manifest| {
            [NAMESPACE, CUSTOM_RESOURCE_DEFINITION].contains(&kind(manifest.object))
        });
        if let Some(wave) = waves
            .get_mut(task.index)
            .filter(|wave| provides && **wave > task.wave)
        {
            *wave = task.wave;
        }
    }
    let repairs = before.into_iter().zip(waves).enumerate();
    Some(
        repairs
            .filter(|(_, (from, to))| from != to)
            .map(|(index, (from, to))| Repair { index, from, to })
            .collect(),
    )
}

/// Whether somebody gave either end a wave: whoever gave none may mean the workload to try until its tables are there.
fn are_ordered(manifests: &[Manifest], link: &Link) -> bool {
    [link.user, link.provider]
        .iter()
        .filter_map(|place| manifests.get(*place))
        .any(|manifest| wave::is_written(manifest.object))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn workload(name: &str, wave: &str, pod: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "annotations": {"argocd.argoproj.io/sync-wave": wave}},
            "spec": {"template": {"metadata": {"labels": {"app": name}}, "spec": pod}}})
    }

    fn reads(secret: &str) -> Value {
        json!({"containers": [{"name": "c", "image": "web", "envFrom": [{"secretRef": {"name": secret}}]}]})
    }

    fn schema(wave: &str) -> Value {
        json!({"apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema",
            "metadata": {"name": "s", "annotations": {"argocd.argoproj.io/sync-wave": wave}},
            "spec": {"urlFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}})
    }

    #[track_caller]
    fn check(objects: &[Value], expected: Option<&[(usize, i64)]>) {
        let manifests: Vec<Manifest> = objects
            .iter()
            .map(|object| Manifest {
                object,
                origin: "test",
            })
            .collect();
        let repairs = repair(&manifests, None);
        let found: Option<Vec<(usize, i64)>> = repairs.map(|repairs| {
            repairs
                .into_iter()
                .map(|repair| (repair.index, repair.to))
                .collect()
        });
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn waves_are_moved_as_little_as_possible() {
        let mysql = json!({"containers": [{"name": "c", "image": "mysql:8", "envFrom": [{"secretRef": {"name": "db"}}]}]});
        check(
            &[
                workload("mysql", "0", &mysql),
                schema("0"),
                workload("web", "0", &reads("db")),
            ],
            Some(&[(1, 1), (2, 2)]),
        );
        check(
            &[
                workload("mysql", "0", &mysql),
                schema("1"),
                workload("web", "2", &reads("db")),
            ],
            Some(&[]),
        );
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "annotations": {"argocd.argoproj.io/sync-wave": "7"}}});
        check(
            &[secret, workload("web", "3", &reads("x"))],
            Some(&[(0, 3)]),
        );
    }
}
