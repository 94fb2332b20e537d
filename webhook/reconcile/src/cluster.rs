//! The cluster's kinds, and reading and writing objects of any kind as plain JSON.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Request,
};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Client, Resource as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_model::object::{api_version, kind};
use tidegate_model::{GroupKind, ObjectKey};

use crate::context::{ApiError, Context};
use crate::render::Cluster;

/// A kind that is not known is looked for again, but not more often than this.
const SHORTEST_BETWEEN_DISCOVERIES: Duration = Duration::from_secs(1);

/// Kinds come and go; what is known is looked at anew after this time.
const LONGEST_BETWEEN_DISCOVERIES: Duration = Duration::from_mins(5);

/// Objects in one answer of a listing.
const PAGE: u32 = 500;

/// What the API server serves.
#[derive(Debug)]
pub(crate) struct Kinds {
    by_kind: BTreeMap<(String, String), Vec<KnownKind>>,
    /// For Helm and Kustomize.
    pub(crate) cluster: Cluster,
    seen: Instant,
}

/// One version of one kind.
#[derive(Debug, Clone)]
pub(crate) struct KnownKind {
    pub(crate) resource: ApiResource,
    pub(crate) is_namespaced: bool,
}

impl Kinds {
    /// The kind in the version asked for.
    pub(crate) fn exact(&self, api_version: &str, kind: &str) -> Option<&KnownKind> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        self.versions(group, kind)
            .iter()
            .find(|known| known.resource.api_version == api_version)
    }

    /// The kind in any version, the preferred one first.
    pub(crate) fn any(&self, group: &str, kind: &str) -> Option<&KnownKind> {
        self.versions(group, kind).first()
    }

    /// Every kind once, in the version that is preferred.
    pub(crate) fn preferred(&self) -> impl Iterator<Item = &KnownKind> {
        self.by_kind
            .values()
            .filter_map(|versions| versions.first())
    }

    fn versions(&self, group: &str, kind: &str) -> &[KnownKind] {
        self.by_kind
            .get(&(group.to_owned(), kind.to_owned()))
            .map_or(&[], Vec::as_slice)
    }

    /// Asks the API server.
    pub(crate) async fn discover(client: &Client) -> Result<Self, kube::Error> {
        let version = client.apiserver_version().await?;
        let discovery = Discovery::new(client.clone()).run_aggregated().await?;
        let mut by_kind: BTreeMap<(String, String), Vec<KnownKind>> = BTreeMap::new();
        let mut api_versions = Vec::new();
        for group in discovery.groups_alphabetical() {
            let preferred = group.preferred_version_or_latest().to_owned();
            let mut versions: Vec<&str> = group.versions().collect();
            versions.sort_by_key(|version| *version != preferred);
            for version in versions {
                for (resource, capabilities) in group.versioned_resources(version) {
                    api_versions.push(format!("{}/{}", resource.api_version, resource.kind));
                    api_versions.push(resource.api_version.clone());
                    if !capabilities.supports_operation(verbs::LIST) {
                        continue;
                    }
                    by_kind
                        .entry((resource.group.clone(), resource.kind.clone()))
                        .or_default()
                        .push(KnownKind {
                            is_namespaced: capabilities.scope == Scope::Namespaced,
                            resource,
                        });
                }
            }
        }
        api_versions.sort();
        api_versions.dedup();
        Ok(Self {
            by_kind,
            cluster: Cluster {
                kube_version: version.git_version,
                api_versions,
            },
            seen: Instant::now(),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl<G> Context<G> {
    /// The kinds that are served. `needed` are kinds (API version and kind) without which what is known counts as old.
    pub(crate) async fn kinds(
        &self,
        needed: impl IntoIterator<Item = (&str, &str)>,
    ) -> Result<Arc<Kinds>, ApiError> {
        let known = self.known_kinds();
        if let Some(known) = known {
            let age = known.seen.elapsed();
            let has_all = || {
                needed
                    .into_iter()
                    .all(|(version, kind)| known.exact(version, kind).is_some())
            };
            if age < SHORTEST_BETWEEN_DISCOVERIES
                || (age < LONGEST_BETWEEN_DISCOVERIES && has_all())
            {
                return Ok(known);
            }
        }
        let found = self
            .ask("discover the kinds", Kinds::discover(&self.client))
            .await?;
        let found = Arc::new(found);
        *self.kinds.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The kinds as they were seen last; none before the first time and after [`Context::forget_kinds`].
    pub(crate) fn known_kinds(&self) -> Option<Arc<Kinds>> {
        self.kinds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A definition was written: what is known is old.
    pub(crate) fn forget_kinds(&self) {
        *self.kinds.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// All objects of a kind, in a namespace where it has some, that `keep` wants.
    pub(crate) async fn list(
        &self,
        known: &KnownKind,
        namespace: Option<&str>,
        keep: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, ApiError> {
        let resource = &known.resource;
        let request = Request::new(url(known, namespace));
        let mut objects = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut parameters = ListParams::default().limit(PAGE);
            if let Some(token) = &next {
                parameters = parameters.continue_token(token);
            }
            let request = request.list(&parameters).map_err(kube::Error::BuildRequest);
            let page: Page = self
                .ask("list live objects", async {
                    self.client.request(request?).await
                })
                .await?;
            for mut item in page.items {
                if let Some(map) = item.as_object_mut() {
                    // An item of a list does not say what it is.
                    map.insert("apiVersion".to_owned(), json!(resource.api_version));
                    map.insert("kind".to_owned(), json!(resource.kind));
                }
                if keep(&item) {
                    objects.push(item);
                }
            }
            next = page.metadata.next.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(objects);
            }
        }
    }

    /// One object; none where it is not there.
    pub(crate) async fn get(
        &self,
        known: &KnownKind,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        let request = Request::new(url(known, namespace))
            .get(name, &kube::api::GetParams::default())
            .map_err(kube::Error::BuildRequest);
        let answer = self
            .ask("read a live object", async {
                self.client.request(request?).await
            })
            .await;
        match answer {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Patches one object and returns it as it is then.
    pub(crate) async fn patch(
        &self,
        known: &KnownKind,
        key: &ObjectKey,
        parameters: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Value, ApiError> {
        let request = Request::new(url(known, key.namespace.as_deref()))
            .patch(&key.name, parameters, patch)
            .map_err(kube::Error::BuildRequest);
        self.ask("apply an object", async {
            self.client.request(request?).await
        })
        .await
    }

    /// Exchanges one object, or makes it where it is not there.
    pub(crate) async fn replace(
        &self,
        known: &KnownKind,
        key: &ObjectKey,
        parameters: &PostParams,
        object: &Value,
        is_there: bool,
    ) -> Result<Value, ApiError> {
        let body = object.to_string().into_bytes();
        let request = Request::new(url(known, key.namespace.as_deref()));
        let request = if is_there {
            request.replace(&key.name, parameters, body)
        } else {
            request.create(parameters, body)
        };
        let request = request.map_err(kube::Error::BuildRequest);
        self.ask("replace an object", async {
            self.client.request(request?).await
        })
        .await
    }

    /// Deletes one object. One that is gone already is deleted.
    pub(crate) async fn delete(
        &self,
        known: &KnownKind,
        key: &ObjectKey,
        parameters: &DeleteParams,
    ) -> Result<(), ApiError> {
        let request = Request::new(url(known, key.namespace.as_deref()))
            .delete(&key.name, parameters)
            .map_err(kube::Error::BuildRequest);
        let answer = self.ask("delete an object", async {
            self.client.request::<Value>(request?).await
        });
        match answer.await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn url(known: &KnownKind, namespace: Option<&str>) -> String {
    let namespace = namespace.filter(|_| known.is_namespaced);
    DynamicObject::url_path(&known.resource, namespace)
}

/// The kind of an object as a group and a kind.
pub(crate) fn group_kind(object: &Value) -> GroupKind {
    GroupKind {
        group: tidegate_model::object::group(object).to_owned(),
        kind: kind(object).to_owned(),
    }
}

/// What [`Context::kinds`] needs to know an object's kind.
pub(crate) fn type_of(object: &Value) -> (&str, &str) {
    (api_version(object), kind(object))
}
