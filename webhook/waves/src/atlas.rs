//! Atlas objects among the others: which workload runs their database, and which use their tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate_model::object::{at, kind, text};

use crate::index::{Index, Workload, namespace_of};
use crate::links::{Link, Need, Rivals, is_atlas};
use crate::pods::list;
use crate::references::Reference;
use crate::{Manifest, hosts};

/// What is known of the database of an Atlas object.
struct Target<'a> {
    index: usize,
    namespace: Option<&'a str>,
    host: Option<String>,
    secrets: BTreeSet<&'a str>,
    /// Equal for two objects on one database; none where that cannot be said.
    identity: Option<String>,
}

/// Links Atlas objects with their databases and with what uses their tables, and finds those that share a database.
pub(crate) fn link(
    manifests: &[Manifest],
    destination: Option<&str>,
    workloads: &[Workload],
    index: &Index,
    links: &mut Vec<Link>,
) -> Vec<Rivals> {
    let targets: Vec<Target> = manifests
        .iter()
        .enumerate()
        .filter(|(_, manifest)| is_atlas(manifest.object))
        .map(|(place, manifest)| target(place, manifest.object, destination, manifests, index))
        .collect();
    for target in &targets {
        let Some(object) = manifests.get(target.index).map(|manifest| manifest.object) else {
            continue;
        };
        let references = atlas_references(object);
        index.link(
            target.index,
            target.namespace,
            Need::Reference,
            &references,
            links,
        );
        let mut databases = target
            .host
            .as_deref()
            .map(|host| index.behind(host, target.namespace))
            .unwrap_or_default();
        let mut via = target
            .host
            .as_deref()
            .map(|host| format!("host {host}"))
            .unwrap_or_default();
        if target.host.is_none() {
            // The url is not in the set: a database that reads the same Secret is taken for the one that is meant.
            let sharing = workloads.iter().filter(|workload| {
                workload.is_store
                    && workload.namespace == target.namespace
                    && workload
                        .secrets
                        .intersection(&target.secrets)
                        .next()
                        .is_some()
            });
            databases.extend(sharing.map(|workload| workload.index));
            via = target
                .secrets
                .iter()
                .next()
                .map(|secret| format!("Secret {secret}"))
                .unwrap_or_default();
        }
        for provider in &databases {
            links.push(Link {
                user: target.index,
                provider: *provider,
                need: Need::Database,
                via: via.clone(),
            });
        }
        for workload in workloads.iter().filter(|workload| {
            !workload.is_store && !workload.is_tool && kind(workload.object) != "CronJob"
        }) {
            let same_place = workload.namespace == target.namespace;
            let secret = workload
                .secrets
                .intersection(&target.secrets)
                .next()
                .filter(|_| same_place);
            let host = workload.hosts.iter().find(|host| {
                target
                    .host
                    .as_ref()
                    .is_some_and(|own| own == *host && same_place)
                    || (!databases.is_empty()
                        && index
                            .behind(host, workload.namespace)
                            .iter()
                            .any(|place| databases.contains(place)))
            });
            let via = match (secret, host) {
                (Some(secret), _) => format!("Secret {secret}"),
                (None, Some(host)) => format!("host {host}"),
                (None, None) => continue,
            };
            links.push(Link {
                user: workload.index,
                provider: target.index,
                need: Need::Tables,
                via,
            });
        }
    }
    suppose(&targets, workloads, links);
    rivals(&targets)
}

/// A schema is there for somebody. Where nothing shows for whom, it may be for any lasting workload of its namespace that is no database.
fn suppose(targets: &[Target], workloads: &[Workload], links: &mut Vec<Link>) {
    for target in targets {
        let used = links
            .iter()
            .any(|link| link.need == Need::Tables && link.provider == target.index);
        if used {
            continue;
        }
        let beside = workloads.iter().filter(|workload| {
            let lasting = !matches!(
                kind(workload.object),
                "Job" | "CronJob" | "DaemonSet" | "Pod"
            );
            lasting
                && !workload.is_store
                && !workload.is_tool
                && workload.namespace == target.namespace
        });
        let supposed: Vec<Link> = beside
            .map(|workload| Link {
                user: workload.index,
                provider: target.index,
                need: Need::Supposed,
                via: String::new(),
            })
            .collect();
        links.extend(supposed);
    }
}

fn rivals(targets: &[Target]) -> Vec<Rivals> {
    let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rivals = Vec::new();
    for target in targets {
        let Some(identity) = &target.identity else {
            continue;
        };
        match first_of.get(identity.as_str()) {
            Some(first) => {
                let via = match (&target.host, target.secrets.iter().next()) {
                    (Some(host), _) => format!("host {host}"),
                    (None, Some(secret)) => format!("Secret {secret}"),
                    (None, None) => String::new(),
                };
                rivals.push(Rivals {
                    first: *first,
                    second: target.index,
                    via,
                });
            }
            None => {
                first_of.insert(identity, target.index);
            }
        }
    }
    rivals
}

fn target<'a>(
    place: usize,
    object: &'a Value,
    destination: Option<&'a str>,
    manifests: &[Manifest],
    index: &Index,
) -> Target<'a> {
    let namespace = namespace_of(object, destination);
    let from = text(object, "/spec/urlFrom/secretKeyRef/name").filter(|name| !name.is_empty());
    let key = text(object, "/spec/urlFrom/secretKeyRef/key").unwrap_or_default();
    let url = match from {
        Some(secret) => index
            .by_name
            .get(&("Secret", namespace, secret))
            .and_then(|place| manifests.get(*place))
            .and_then(|manifest| secret_value(manifest.object, key)),
        None => text(object, "/spec/url")
            .filter(|url| !url.is_empty())
            .map(str::to_owned),
    };
    let host = url
        .as_deref()
        .filter(|url| !url.starts_with("sqlite") && !url.starts_with("libsql"))
        .and_then(hosts::host_of_url)
        .or_else(|| {
            text(object, "/spec/credentials/host")
                .filter(|_| from.is_none())
                .map(str::to_owned)
        });
    let schemas: Vec<&str> = list(object, "/spec/schemas")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let described = match (&url, from) {
        (Some(url), _) => Some(without_user(url)),
        (None, Some(secret)) => Some(format!("secret {secret} {key}")),
        (None, None) => text(object, "/spec/credentials/host").map(|host| {
            format!(
                "{host} {}",
                text(object, "/spec/credentials/database").unwrap_or_default()
            )
        }),
    };
    let named = [
        "/spec/urlFrom/secretKeyRef/name",
        "/spec/credentials/passwordFrom/secretKeyRef/name",
        "/spec/credentials/userFrom/secretKeyRef/name",
        "/spec/credentials/hostFrom/secretKeyRef/name",
    ];
    Target {
        index: place,
        namespace,
        host,
        secrets: named
            .iter()
            .filter_map(|pointer| text(object, pointer))
            .collect(),
        identity: described.map(|target| {
            format!(
                "{} {target} {}",
                namespace.unwrap_or_default(),
                schemas.join(",")
            )
        }),
    }
}

/// A url without its credentials.
fn without_user(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.rsplit_once('@')
        .map_or(rest, |(_, rest)| rest)
        .to_owned()
}

fn secret_value(secret: &Value, key: &str) -> Option<String> {
    let field = |place: &str| at(secret, place)?.get(key)?.as_str();
    field("/stringData")
        .map(str::to_owned)
        .or_else(|| hosts::decode(field("/data")?))
}

/// Objects that an Atlas object names.
fn atlas_references(object: &Value) -> Vec<Reference<'_>> {
    let pointers = [
        ("Secret", "/spec/urlFrom/secretKeyRef/name"),
        ("Secret", "/spec/devURLFrom/secretKeyRef/name"),
        ("Secret", "/spec/credentials/passwordFrom/secretKeyRef/name"),
        ("Secret", "/spec/credentials/userFrom/secretKeyRef/name"),
        ("Secret", "/spec/credentials/hostFrom/secretKeyRef/name"),
        ("ConfigMap", "/spec/schema/configMapKeyRef/name"),
        ("ConfigMap", "/spec/dir/configMapRef/name"),
    ];
    pointers
        .into_iter()
        .filter_map(|(kind, pointer)| {
            Some(Reference {
                kind,
                name: text(object, pointer)?,
                is_beside: true,
            })
        })
        .collect()
}
