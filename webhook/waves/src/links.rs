//! Who needs whom, found in the manifests themselves.
//!
//! A sync that waits between waves works only if nothing needs what comes later. What needs what is written in many places: a volume names a claim, a
//! variable names a Secret, the url of a schema names the Service before the database, and a Deployment that reads the same Secret as a
//! schema uses its tables. This module reads all of these as one list of links; whether the order honours them is for the rules to say.
//!
//! It links only what is in the set: what the cluster already has is no part of the order. It never guesses from similar names.

use serde_json::Value;
use tidegate_model::object::{group, kind, text};
use tidegate_model::words::{ATLAS_GROUP, ATLAS_MIGRATION, ATLAS_SCHEMA};

use crate::index::{Index, Workload, index, namespace_of, workload};
use crate::references::{pull_secrets, references};
use crate::{Manifest, atlas, pods};

/// Why one object needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// It names it in its spec and cannot become healthy without it: a Secret, a `ConfigMap`, a claim, a service account, an issuer.
    Reference,
    /// It pulls its images with it. Without it the images are tried without credentials.
    Pulls,
    /// A schema or migration whose database the other runs, or leads to.
    Database,
    /// A workload whose tables the other makes.
    Tables,
    /// A workload that may use the other's tables: nobody in the set is seen to, and it lives beside it.
    Supposed,
    /// A workload whose database, queue or cache the other runs.
    Store,
    /// A workload that waits for the other in an init container.
    Waits,
    /// A workload whose tables a Job in the set makes.
    Migration,
}

/// One object needs another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The place in the input of what needs.
    pub user: usize,
    /// The place in the input of what is needed.
    pub provider: usize,
    /// Why.
    pub need: Need,
    /// What shows it, for people: `Secret db-url`, `host mysql`.
    pub via: String,
}

/// Two Atlas objects that manage the same database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rivals {
    /// The first.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// What shows it, for people. Never a credential.
    pub via: String,
}

/// What is known of who needs whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Each need once, in the order of the input.
    pub links: Vec<Link>,
    /// Atlas objects with one database between them.
    pub rivals: Vec<Rivals>,
}

/// Finds who needs whom. `destination` is the namespace of manifests that name none.
pub fn links(manifests: &[Manifest], destination: Option<&str>) -> Links {
    let workloads: Vec<Workload> = manifests
        .iter()
        .enumerate()
        .filter_map(|(index, manifest)| workload(index, manifest.object, destination))
        .collect();
    let index = index(manifests, &workloads, destination);
    let mut links = Vec::new();
    for (user, manifest) in manifests.iter().enumerate() {
        let namespace = namespace_of(manifest.object, destination);
        for (need, references) in [
            (Need::Reference, references(manifest.object)),
            (Need::Pulls, pull_secrets(manifest.object).collect()),
        ] {
            index.link(user, namespace, need, &references, &mut links);
        }
    }
    link_served_groups(manifests, &index, &mut links);
    for one in &workloads {
        link_stores(one, &index, &mut links);
    }
    let rivals = atlas::link(manifests, destination, &workloads, &index, &mut links);
    link_migrations(&workloads, &mut links);
    links.sort();
    links.dedup_by(|a, b| (a.user, a.provider, a.need) == (b.user, b.provider, b.need));
    Links { links, rivals }
}

/// Whether an object is an AtlasSchema or AtlasMigration.
pub fn is_atlas(object: &Value) -> bool {
    group(object) == ATLAS_GROUP && [ATLAS_SCHEMA, ATLAS_MIGRATION].contains(&kind(object))
}

/// Whether an object runs pods.
pub fn runs_pods(object: &Value) -> bool {
    pods::pod_spec(object).is_some()
}

/// Databases, queues and caches that a workload names, and whatever its init containers wait for.
fn link_stores(workload: &Workload, index: &Index, links: &mut Vec<Link>) {
    for host in &workload.hosts {
        let waits = workload.waits.contains(host);
        let called_store = workload.store_hosts.contains(host);
        let providers = index.behind(host, workload.namespace);
        let runs_store = |provider: &usize| {
            index.stores.contains(provider)
                || (called_store && index.workloads.contains(provider))
                || index.managed.iter().any(|(_, _, place)| place == provider)
        };
        let leads_to_store = providers.iter().any(runs_store);
        for provider in providers {
            if provider == workload.index {
                continue;
            }
            // The Service before a store is needed as much as the store: without it the name does not exist.
            let is_store =
                runs_store(&provider) || (leads_to_store && !index.workloads.contains(&provider));
            let need = match (waits, is_store) {
                (true, _) => Need::Waits,
                (false, true) if !workload.is_store => Need::Store,
                _ => continue,
            };
            links.push(Link {
                user: workload.index,
                provider,
                need,
                via: format!("host {host}"),
            });
        }
    }
}

/// A group of the API that a Service of the set serves is available when what is behind the Service is.
fn link_served_groups(manifests: &[Manifest], index: &Index<'_>, links: &mut Vec<Link>) {
    for (user, manifest) in manifests.iter().enumerate() {
        let object = manifest.object;
        if group(object) != "apiregistration.k8s.io" || kind(object) != "APIService" {
            continue;
        }
        let namespace = text(object, "/spec/service/namespace");
        let Some(name) = text(object, "/spec/service/name") else {
            continue;
        };
        let service = index.by_name.get(&("Service", namespace, name));
        let behind = index.behind.get(&(namespace, name)).into_iter().flatten();
        links.extend(service.into_iter().chain(behind).map(|provider| Link {
            user,
            provider: *provider,
            need: Need::Reference,
            via: format!("Service {name}"),
        }));
    }
}

/// Workloads that read the Secret of a Job that migrates.
fn link_migrations(workloads: &[Workload], links: &mut Vec<Link>) {
    for job in workloads.iter().filter(|workload| workload.migrates) {
        for user in workloads {
            let lasting = !matches!(kind(user.object), "Job" | "CronJob" | "Pod");
            if !lasting || user.is_store || user.is_tool || user.namespace != job.namespace {
                continue;
            }
            if let Some(secret) = user.secrets.intersection(&job.secrets).next() {
                links.push(Link {
                    user: user.index,
                    provider: job.index,
                    need: Need::Migration,
                    via: format!("Secret {secret}"),
                });
            }
        }
    }
}
