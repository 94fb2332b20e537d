//! What all Applications share: `argocd-cm`, the Secrets of repositories, the `AppProjects`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use serde_json::Value;
use tidegate_model::object::{name, text};
use tidegate_model::words::{APP_PROJECT, ARGO_API_VERSION, ARGO_GROUP};

use super::global::inherited;
use super::project::default_project;
use super::snapshot::{Condition, Problem};
use crate::context::{ApiError, Context};
use crate::render::RepositorySecret;

/// The ConfigMap with Argo CD's settings.
pub(crate) const SETTINGS: &str = "argocd-cm";

/// The label that says what a Secret is for.
const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";

/// The `ConfigMaps` about the servers of repositories: keys of ssh, certificates of TLS, and keys of those who sign commits.
pub(crate) const SERVERS: [&str; 3] = [
    "argocd-ssh-known-hosts-cm",
    "argocd-tls-certs-cm",
    "argocd-gpg-keys-cm",
];

/// What is read is good for this long: a hundred Applications that wake together read it once.
const FRESH: Duration = Duration::from_secs(2);

/// One reading of it.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    /// `data` of `argocd-cm`.
    pub(super) settings: BTreeMap<String, String>,
    /// Secrets that describe repositories.
    pub(super) repositories: Vec<RepositorySecret>,
    /// `data` of the `ConfigMaps` about the servers of repositories, by their names.
    pub(super) servers: BTreeMap<String, BTreeMap<String, String>>,
    projects: BTreeMap<String, Value>,
    read: Instant,
}

impl ControlPlane {
    /// A project by its name.
    pub(super) async fn project<G>(
        &self,
        context: &Context<G>,
        name: &str,
    ) -> Result<Result<Value, Problem>, ApiError> {
        let inherited = |project: Value| {
            let project = inherited(project, &self.settings, &self.projects);
            project.map_err(|message| Problem::new(Condition::InvalidSpecError, message))
        };
        if let Some(project) = self.projects.get(name) {
            return Ok(inherited(project.clone()));
        }
        // One that was made a moment ago.
        let found = context
            .ask("read the AppProject", projects(context).get_opt(name))
            .await?;
        Ok(match found {
            Some(project) => inherited(to_value(&project)),
            None if name == "default" => inherited(default_project()),
            None => Err(Problem::new(
                Condition::InvalidSpecError,
                format!("Application referencing project {name} which does not exist"),
            )),
        })
    }
}

impl<G> Context<G> {
    /// Reads it, or takes what was read a moment ago.
    pub(crate) async fn control_plane(&self, anew: bool) -> Result<Arc<ControlPlane>, ApiError> {
        let known = self
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(known) = known.filter(|known| !anew && known.read.elapsed() < FRESH) {
            return Ok(known);
        }
        let read = Arc::new(Box::pin(read(self)).await?);
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Whether a project is still as it was read. A sync that begins asks this: a window that was closed, or a right that was taken away, a moment ago holds
    /// already. What was read is dropped if it is not.
    pub(super) async fn is_current(&self, project: &Value) -> Result<bool, ApiError> {
        let name = name(project);
        let now = self
            .ask("read the AppProject", projects(self).get_opt(name))
            .await?;
        let version = now.and_then(|now| now.metadata.resource_version);
        let is_current = version.as_deref() == text(project, "/metadata/resourceVersion");
        if !is_current {
            *self.control.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Ok(is_current)
    }
}

async fn read<G>(context: &Context<G>) -> Result<ControlPlane, ApiError> {
    let namespace = &context.settings.control_namespace;
    let settings: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let projects = projects(context);
    let of_repositories = ListParams::default().labels(SECRET_TYPE);
    let all = ListParams::default();
    let [ssh, tls, gpg] = SERVERS;
    let (settings_map, ssh_map, tls_map, gpg_map, secrets, projects) = futures::try_join!(
        context.ask("read the ConfigMap argocd-cm", settings.get_opt(SETTINGS)),
        context.ask("read the keys of ssh servers", settings.get_opt(ssh)),
        context.ask("read the certificates of servers", settings.get_opt(tls)),
        context.ask("read the keys of who signs commits", settings.get_opt(gpg)),
        context.ask(
            "list the Secrets of repositories",
            secrets.list(&of_repositories)
        ),
        async {
            match context
                .ask("list the AppProjects", projects.list(&all))
                .await
            {
                Ok(projects) => Ok(projects.items),
                // No definition, no projects: each Application says which one it lacks.
                Err(error) if error.is_not_found() => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        },
    )?;
    Ok(ControlPlane {
        settings: data(settings_map),
        servers: BTreeMap::from([
            (ssh.to_owned(), data(ssh_map)),
            (tls.to_owned(), data(tls_map)),
            (gpg.to_owned(), data(gpg_map)),
        ]),
        repositories: secrets.items.into_iter().map(repository).collect(),
        projects: projects
            .iter()
            .map(|project| {
                let name = project.metadata.name.clone().unwrap_or_default();
                (name, to_value(project))
            })
            .collect(),
        read: Instant::now(),
    })
}

fn data(map: Option<ConfigMap>) -> BTreeMap<String, String> {
    map.and_then(|map| map.data).unwrap_or_default()
}

fn projects<G>(context: &Context<G>) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: ARGO_GROUP.to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: ARGO_API_VERSION.to_owned(),
        kind: APP_PROJECT.to_owned(),
        plural: "appprojects".to_owned(),
    };
    let namespace = &context.settings.control_namespace;
    Api::namespaced_with(context.client.clone(), namespace, &resource)
}

fn to_value(project: &DynamicObject) -> Value {
    serde_json::to_value(project).unwrap_or_default()
}

/// Values that are no text are left out: no field of such a Secret is anything else.
fn repository(secret: Secret) -> RepositorySecret {
    let labels = secret.metadata.labels.unwrap_or_default();
    RepositorySecret {
        name: secret.metadata.name.unwrap_or_default(),
        secret_type: labels.get(SECRET_TYPE).cloned().unwrap_or_default(),
        fields: secret
            .data
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(key, value)| Some((key, String::from_utf8(value.0).ok()?)))
            .collect(),
    }
}
