//! What a set of manifests has that others may name: its objects by their names, the workloads behind its Services, and which of them are databases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate_model::object::{at, group, kind, text};

use crate::links::{Link, Need};
use crate::references::Reference;
use crate::{Manifest, hosts, kinds, pods};

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

/// The workload that the object at a place is, if it runs pods.
pub(crate) fn workload<'a>(
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

/// What the manifests offer to be named.
pub(crate) fn index<'a>(
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

/// The namespace of an object, or that of manifests which name none.
pub(crate) fn namespace_of<'a>(object: &'a Value, destination: Option<&'a str>) -> Option<&'a str> {
    tidegate_model::object::namespace(object).or(destination)
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
