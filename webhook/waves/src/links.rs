//! Who needs whom, found in the manifests themselves.
//!
//! A sync that waits between waves works only if nothing needs what comes later. What needs what is written in many places: a volume names a claim, a
//! variable names a Secret, the url of a schema names the Service before the database, and a Deployment that reads the same Secret as a
//! schema uses its tables. This module reads all of these as one list of links; whether the order honours them is for the rules to say.
//!
//! It links only what is in the set: what the cluster already has is no part of the order. It never guesses from similar names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate_model::object::{at, group, kind, text};
use tidegate_model::words::{ATLAS_GROUP, ATLAS_MIGRATION, ATLAS_SCHEMA};

use crate::references::{Reference, pull_secrets, references};
use crate::{Manifest, atlas, hosts, kinds, pods};

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

/// Images that are databases, queues and caches: a part of the name of the image.
const STORES: [&str; 24] = [
    "mysql",
    "mariadb",
    "postgres",
    "postgis",
    "timescale",
    "pgvector",
    "percona",
    "cockroach",
    "clickhouse",
    "mssql",
    "sqlserver",
    "redis",
    "valkey",
    "mongo",
    "rabbitmq",
    "kafka",
    "elasticsearch",
    "opensearch",
    "cassandra",
    "memcached",
    "nats",
    "zookeeper",
    "minio",
    "etcd",
];

/// Images with such a name that are something else, and workloads that need no tables.
const TOOLS: [&str; 15] = [
    "exporter",
    "adminer",
    "admin",
    "backup",
    "bouncer",
    "pgpool",
    "proxysql",
    "proxy",
    "client",
    "operator",
    "dump",
    "commander",
    "ui",
    "cli",
    "metrics",
];

/// Groups of operators whose objects are databases.
const DATABASE_GROUPS: [&str; 12] = [
    "postgresql.cnpg.io",
    "acid.zalan.do",
    "postgres-operator.crunchydata.com",
    "mysql.oracle.com",
    "k8s.mariadb.com",
    "mariadb.mmontes.io",
    "pxc.percona.com",
    "ps.percona.com",
    "pgv2.percona.com",
    "crdb.cockroachlabs.com",
    "moco.cybozu.com",
    "kubedb.com",
];

/// Words that show that a Job changes tables.
const MIGRATORS: [&str; 9] = [
    "migrat",
    "flyway",
    "liquibase",
    "alembic",
    "goose",
    "dbmate",
    "prisma",
    "sqitch",
    "schema-init",
];

/// A workload of the set.
pub(crate) struct Workload<'a> {
    pub(crate) index: usize,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) secrets: BTreeSet<&'a str>,
    pub(crate) hosts: BTreeSet<String>,
    /// Those of them that its urls call a database, queue or cache.
    pub(crate) store_hosts: BTreeSet<String>,
    pub(crate) waits: BTreeSet<String>,
    pub(crate) is_store: bool,
    pub(crate) is_tool: bool,
    pub(crate) migrates: bool,
    pub(crate) object: &'a Value,
}

/// Everything of the set that others may name.
pub(crate) struct Index<'a> {
    /// By kind, namespace and name.
    pub(crate) by_name: BTreeMap<(&'a str, Option<&'a str>, &'a str), usize>,
    /// Workloads by the Service that leads to them.
    pub(crate) behind: BTreeMap<(Option<&'a str>, &'a str), Vec<usize>>,
    pub(crate) stores: BTreeSet<usize>,
    /// Everything that runs pods.
    pub(crate) workloads: BTreeSet<usize>,
    /// Objects of database operators: namespace, name, place.
    pub(crate) managed: Vec<(Option<&'a str>, &'a str, usize)>,
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

pub(crate) fn namespace_of<'a>(object: &'a Value, destination: Option<&'a str>) -> Option<&'a str> {
    tidegate_model::object::namespace(object).or(destination)
}

fn workload<'a>(
    index: usize,
    object: &'a Value,
    destination: Option<&'a str>,
) -> Option<Workload<'a>> {
    let pod = pods::pod_spec(object)?;
    let namespace = namespace_of(object, destination);
    let references = pods::references(pod);
    let named = |wanted: &str| {
        references
            .iter()
            .filter(|(kind, _)| *kind == wanted)
            .map(|(_, name)| *name)
            .collect::<BTreeSet<&str>>()
    };
    let mut found = BTreeSet::new();
    let mut store_hosts = BTreeSet::new();
    for (variable, text) in pods::containers(pod).flat_map(pods::texts) {
        found.extend(hosts::hosts(variable, text));
        store_hosts.extend(hosts::store_hosts(text));
    }
    let waits = pods::init_containers(pod)
        .flat_map(pods::texts)
        .flat_map(|(variable, text)| hosts::hosts(variable, text))
        .collect();
    let images: Vec<&str> = pods::main_containers(pod)
        .iter()
        .map(pods::image_name)
        .collect();
    let has = |words: &[&str], image: &str| words.iter().any(|word| image.contains(word));
    let is_server = !matches!(kind(object), "Job" | "CronJob");
    let spoken = pods::containers(pod)
        .flat_map(|container| {
            pods::texts(container)
                .map(|(_, text)| text)
                .chain([pods::image_name(container)])
        })
        .chain([
            tidegate_model::object::name(object),
            text(object, "/metadata/generateName").unwrap_or_default(),
        ]);
    let migrates = kind(object) == "Job"
        && spoken.into_iter().any(|text| {
            let lower = text.to_ascii_lowercase();
            has(&MIGRATORS, &lower)
        });
    let secrets = named("Secret");
    Some(Workload {
        index,
        namespace,
        secrets,
        hosts: found,
        store_hosts,
        waits,
        is_store: is_server
            && images
                .iter()
                .any(|image| has(&STORES, image) && !has(&TOOLS, image)),
        is_tool: !images.is_empty() && images.iter().all(|image| has(&TOOLS, image)),
        migrates,
        object,
    })
}

fn index<'a>(
    manifests: &[Manifest<'a>],
    workloads: &[Workload<'a>],
    destination: Option<&'a str>,
) -> Index<'a> {
    let mut by_name = BTreeMap::new();
    let mut made = Vec::new();
    let mut managed = Vec::new();
    for (place, manifest) in manifests.iter().enumerate() {
        let object = manifest.object;
        let name = tidegate_model::object::name(object);
        if name.is_empty() {
            continue;
        }
        let lives_in_none = kinds::is_cluster_scoped(group(object), kind(object))
            || kinds::is_named_for_the_cluster(group(object), kind(object));
        let namespace = namespace_of(object, destination).filter(|_| !lives_in_none);
        by_name.insert((kind(object), namespace, name), place);
        // Controllers that make Secrets of what is in Git.
        let secret = match kind(object) {
            "ExternalSecret" => Some(text(object, "/spec/target/name").unwrap_or(name)),
            "SealedSecret" => Some(text(object, "/spec/template/metadata/name").unwrap_or(name)),
            "Certificate" => text(object, "/spec/secretName"),
            _ => None,
        };
        made.extend(secret.map(|secret| (("Secret", namespace, secret), place)));
        if DATABASE_GROUPS.contains(&group(object))
            && ![
                "Backup",
                "ScheduledBackup",
                "Database",
                "User",
                "Grant",
                "Pooler",
                "Restore",
            ]
            .contains(&kind(object))
        {
            managed.push((namespace, name, place));
        }
    }
    for (key, place) in made {
        by_name.entry(key).or_insert(place);
    }
    let mut by_label: BTreeMap<(Option<&str>, &str, &str), Vec<usize>> = BTreeMap::new();
    for workload in workloads {
        for (key, value) in labels(workload.object) {
            by_label
                .entry((workload.namespace, key, value))
                .or_default()
                .push(workload.index);
        }
    }
    let mut behind = BTreeMap::new();
    for manifest in manifests
        .iter()
        .filter(|manifest| kind(manifest.object) == "Service" && group(manifest.object).is_empty())
    {
        let object = manifest.object;
        let namespace = namespace_of(object, destination);
        let selector: Vec<(&str, &str)> = at(object, "/spec/selector")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            .collect();
        let candidates = selector
            .iter()
            .map(|(key, value)| {
                by_label
                    .get(&(namespace, *key, *value))
                    .map_or(&[] as &[usize], Vec::as_slice)
            })
            .min_by_key(|places| places.len())
            .unwrap_or_default();
        let selected = candidates
            .iter()
            .copied()
            .filter(|place| {
                manifests.get(*place).is_some_and(|manifest| {
                    selector
                        .iter()
                        .all(|wanted| labels(manifest.object).any(|label| label == *wanted))
                })
            })
            .collect();
        behind.insert((namespace, tidegate_model::object::name(object)), selected);
    }
    Index {
        by_name,
        behind,
        stores: workloads
            .iter()
            .filter(|workload| workload.is_store)
            .map(|workload| workload.index)
            .collect(),
        workloads: workloads.iter().map(|workload| workload.index).collect(),
        managed,
    }
}

/// The labels of the pods that an object runs.
fn labels(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    let place = if kind(object) == "Pod" {
        "/metadata/labels"
    } else {
        "/spec/template/metadata/labels"
    };
    at(object, place)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

impl Index<'_> {
    /// What a host name leads to in the set: the Service, if there is one, and what runs behind it.
    pub(crate) fn behind(&self, host: &str, namespace: Option<&str>) -> Vec<usize> {
        let mut labels = host.split('.');
        let first = labels.next().unwrap_or_default();
        // `service`, `service.namespace...`, or `pod.service...` of a StatefulSet.
        let places = match labels.next() {
            None => vec![(namespace, first)],
            Some(second) => vec![(Some(second), first), (namespace, second), (None, first)],
        };
        let mut found = Vec::new();
        for (namespace, name) in &places {
            if let Some(workloads) = self.behind.get(&(*namespace, *name)) {
                found.extend(self.by_name.get(&("Service", *namespace, *name)).copied());
                found.extend(workloads.iter().copied());
                break;
            }
        }
        if found.is_empty() {
            let name = first;
            let is_of = |own: &str| {
                name == own
                    || name
                        .strip_prefix(own)
                        .is_some_and(|rest| rest.starts_with('-'))
            };
            found.extend(
                self.managed
                    .iter()
                    .filter(|(_, own, _)| is_of(own))
                    .map(|(_, _, place)| *place),
            );
        }
        found
    }

    /// Links an object with those of what it names that are in the set.
    pub(crate) fn link(
        &self,
        user: usize,
        namespace: Option<&str>,
        need: Need,
        references: &[Reference],
        links: &mut Vec<Link>,
    ) {
        for Reference {
            kind,
            name,
            is_beside,
        } in references
        {
            let namespace = namespace.filter(|_| *is_beside);
            let provider = self.by_name.get(&(*kind, namespace, *name));
            links.extend(
                provider
                    .filter(|provider| **provider != user)
                    .map(|provider| Link {
                        user,
                        provider: *provider,
                        need,
                        via: format!("{kind} {name}"),
                    }),
            );
        }
    }
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
