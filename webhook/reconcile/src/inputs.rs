//! Secrets and `ConfigMaps` that an object names: read, and remembered, so that a change of one is a reason to look at the object again.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::Api;
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{KeyRef, Reason, ValueFrom};

use crate::context::{ApiError, Context};
use crate::problem::Problem;
use crate::references::{Source, SourceKind};

/// Reads for one object.
pub(crate) struct Inputs<'a, G> {
    context: &'a Context<G>,
    key: &'a ObjectKey,
    namespace: &'a str,
    /// Of the problems.
    reason: Reason,
    /// What was read, and its resource version; none where it was not there.
    read: BTreeMap<Source, Option<String>>,
}

impl<'a, G> Inputs<'a, G> {
    /// For this object; what cannot be read is a problem with this reason.
    pub(crate) fn new(context: &'a Context<G>, key: &'a ObjectKey, reason: Reason) -> Self {
        Self {
            context,
            key,
            namespace: key.namespace.as_deref().unwrap_or_default(),
            reason,
            read: BTreeMap::new(),
        }
    }

    /// What was read so far.
    pub(crate) fn read(self) -> BTreeMap<Source, Option<String>> {
        self.read
    }

    /// A problem of what was read.
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(self.reason, message)
    }

    /// The value of a key of a Secret, named by `field`. None where the field names none, or where it is optional and not there.
    pub(crate) async fn secret(
        &mut self,
        field: &str,
        from: Option<&ValueFrom>,
    ) -> Result<Option<String>, Problem> {
        let Some(reference) = from.and_then(|from| from.secret_key_ref.as_ref()) else {
            return Ok(None);
        };
        let source = self.source(SourceKind::Secret, &reference.name);
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), self.namespace);
        let answer = self
            .context
            .ask("read the Secret", api.get_opt(&reference.name))
            .await;
        let version = |secret: &Secret| secret.metadata.resource_version.clone();
        let secret = self.found(answer, source, field, version)?;
        let Some(secret) = self.there(secret, SourceKind::Secret, field, reference)? else {
            return Ok(None);
        };
        let value = secret.data.unwrap_or_default().remove(&reference.key);
        let value = self.key(value, SourceKind::Secret, field, reference)?;
        let Some(value) = value else { return Ok(None) };
        String::from_utf8(value.0).map(Some).map_err(|_| {
            self.problem(format!(
                "key {:?} of Secret {}/{}, named by {field}, is not UTF-8 text",
                reference.key, self.namespace, reference.name
            ))
        })
    }

    /// The value of a key of a `ConfigMap`, named by `field`; empty where it is optional and not there.
    pub(crate) async fn config_map_key(
        &mut self,
        field: &str,
        reference: &KeyRef,
    ) -> Result<String, Problem> {
        let map = self.map(field, &reference.name).await?;
        let Some(map) = self.there(map, SourceKind::ConfigMap, field, reference)? else {
            return Ok(String::new());
        };
        let value = map.data.unwrap_or_default().remove(&reference.key);
        let value = self.key(value, SourceKind::ConfigMap, field, reference)?;
        Ok(value.unwrap_or_default())
    }

    /// All of a `ConfigMap`, named by `field`.
    pub(crate) async fn config_map(
        &mut self,
        field: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, Problem> {
        let map = self.map(field, name).await?;
        let map = map.ok_or_else(|| self.missing(SourceKind::ConfigMap, field, name))?;
        Ok(map.data.unwrap_or_default())
    }

    async fn map(&mut self, field: &str, name: &str) -> Result<Option<ConfigMap>, Problem> {
        let source = self.source(SourceKind::ConfigMap, name);
        let api: Api<ConfigMap> = Api::namespaced(self.context.client.clone(), self.namespace);
        let answer = self
            .context
            .ask("read the ConfigMap", api.get_opt(name))
            .await;
        let version = |map: &ConfigMap| map.metadata.resource_version.clone();
        self.found(answer, source, field, version)
    }

    /// What is about to be read.
    fn source(&self, kind: SourceKind, name: &str) -> Source {
        let source = Source {
            kind,
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
        };
        self.context.expect_input(self.key, &source);
        source
    }

    /// Notes what was found.
    fn found<T>(
        &mut self,
        answer: Result<Option<T>, ApiError>,
        source: Source,
        field: &str,
        version: impl Fn(&T) -> Option<String>,
    ) -> Result<Option<T>, Problem> {
        let found = answer.map_err(|error| {
            let Source { kind, namespace, name } = &source;
            let shown = format!("{kind} {namespace}/{name}, named by {field}");
            self.problem(if error.is_forbidden() {
                format!("{shown}, may not be read: grant \"get\" on it to the reconciler's service account")
            } else {
                format!("{shown}: {error}")
            })
        });
        let seen = found.as_ref().ok().and_then(Option::as_ref);
        let version = seen.and_then(version);
        self.read.insert(source, version);
        found
    }

    fn there<T>(
        &self,
        found: Option<T>,
        kind: SourceKind,
        field: &str,
        reference: &KeyRef,
    ) -> Result<Option<T>, Problem> {
        if found.is_none() && reference.optional != Some(true) {
            return Err(self.missing(kind, field, &reference.name));
        }
        Ok(found)
    }

    fn missing(&self, kind: SourceKind, field: &str, name: &str) -> Problem {
        let namespace = self.namespace;
        self.problem(format!(
            "{kind} {namespace}/{name}, named by {field}, does not exist"
        ))
    }

    fn key<T>(
        &self,
        value: Option<T>,
        kind: SourceKind,
        field: &str,
        reference: &KeyRef,
    ) -> Result<Option<T>, Problem> {
        if value.is_none() && reference.optional != Some(true) {
            return Err(self.problem(format!(
                "{kind} {}/{}, named by {field}, has no key {:?}",
                self.namespace, reference.name, reference.key
            )));
        }
        Ok(value)
    }
}
