//! What a person at a terminal asks of the API server about Applications: plain data in, plain data out.
//!
//! It is the whole interface that the command line needs: everything that Argo CD's own does through its API server is, in the end, a field of the
//! Application (`.operation` asks for a sync, an annotation for a refresh). Nothing is decided here. The objects of Applications are in [`live`].

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch,
    PatchParams, PostParams, Preconditions,
};
use serde::Deserialize as _;
use serde_json::Value;
use tidegate_model::words::{APP_PROJECT, APPLICATION, ARGO_API_VERSION, ARGO_GROUP};

use crate::kinds::Kind;
use crate::{ReconcileError, connect};

mod live;

pub use live::{DeleteLive, PatchKind};

/// For one answer of the API server.
const ANSWER: Duration = Duration::from_secs(20);
/// Applications in one page of a list.
const PAGE: u32 = 500;
/// Whose fields these are.
const MANAGER: &str = "tidegate-cli";

/// The Applications of a cluster, as one person may see them.
#[derive(Clone)]
pub struct Remote {
    client: Client,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No such Application.
    #[error("application {namespace}/{name} does not exist")]
    NotFound {
        /// Where it was looked for.
        namespace: String,
        /// What was looked for.
        name: String,
    },
    /// Somebody changed it at the same moment.
    #[error(
        "application {namespace}/{name} was changed by somebody else at the same moment; try again"
    )]
    Changed {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The API server said no, or could not be reached.
    #[error("cannot {doing}: {message}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// The API server's words.
        message: String,
    },
    /// The API server said nothing.
    #[error("cannot {doing}: no answer within {ANSWER:?}")]
    TimedOut {
        /// What was being done.
        doing: &'static str,
    },
}

impl Remote {
    /// Reads the kubeconfig. Nothing is asked yet.
    ///
    /// # Errors
    /// See [`connect`].
    pub async fn connect(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
    ) -> Result<Self, ReconcileError> {
        let client = connect(kubeconfig, context).await?;
        Ok(Self { client })
    }

    /// The Applications that a reconciler of this scope has.
    ///
    /// # Errors
    /// As [`Remote::list`].
    pub async fn list_in(&self, scope: &crate::Scope) -> Result<Vec<Value>, RemoteError> {
        let selector = scope.labels.text();
        let mut found = Vec::new();
        for namespace in scope.places() {
            found.extend(self.list(namespace, selector.as_deref()).await?);
        }
        Ok(found)
    }

    /// The Applications of a namespace, or of all, by name.
    ///
    /// # Errors
    /// The API server does not answer, or forbids it.
    pub async fn list(
        &self,
        namespace: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Vec<Value>, RemoteError> {
        let resource = Kind::Application.resource();
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let mut parameters = ListParams::default().limit(PAGE);
        parameters.label_selector = selector.map(str::to_owned);
        let mut found = Vec::new();
        loop {
            let page = ask("list applications", api.list(&parameters))
                .await
                .map_err(|problem| problem.of("", ""))?;
            found.extend(page.items.iter().map(plain));
            parameters.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if parameters.continue_token.is_none() {
                return Ok(found);
            }
        }
    }

    /// One Application.
    ///
    /// # Errors
    /// It is not there, or the API server does not answer, or forbids it.
    pub async fn get(&self, namespace: &str, name: &str) -> Result<Value, RemoteError> {
        let found = ask("get the application", self.api(namespace).get(name)).await;
        found
            .map(|object| plain(&object))
            .map_err(|problem| problem.of(namespace, name))
    }

    /// Makes one; what the API server made of it comes back.
    ///
    /// # Errors
    /// It is there already, or the API server (a policy, mostly) says no.
    pub async fn create(&self, namespace: &str, application: &Value) -> Result<Value, RemoteError> {
        let doing = "create the application";
        let name = application
            .pointer("/metadata/name")
            .and_then(Value::as_str);
        let object =
            DynamicObject::deserialize(application).map_err(|error| RemoteError::Refused {
                doing,
                message: error.to_string(),
            })?;
        let parameters = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let api = self.api(namespace);
        ask(doing, api.create(&parameters, &object))
            .await
            .map(|object| plain(&object))
            .map_err(|problem| problem.of(namespace, name.unwrap_or_default()))
    }

    /// Lays a merge patch (RFC 7386) over one. With a `metadata.resourceVersion` in it nothing happens where somebody else was faster.
    ///
    /// # Errors
    /// It is not there, was changed meanwhile, or the API server (a policy, mostly) says no.
    pub async fn patch(
        &self,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, RemoteError> {
        let parameters = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let api = self.api(namespace);
        let patch = Patch::Merge(patch);
        ask(
            "change the application",
            api.patch(name, &parameters, &patch),
        )
        .await
        .map(|object| plain(&object))
        .map_err(|problem| problem.of(namespace, name))
    }

    /// Deletes one, if it is still the one with this uid.
    ///
    /// # Errors
    /// It is not there, is another one now, or the API server says no.
    pub async fn delete(&self, namespace: &str, name: &str, uid: &str) -> Result<(), RemoteError> {
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        ask(
            "delete the application",
            self.api(namespace).delete(name, &parameters),
        )
        .await
        .map(drop)
        .map_err(|problem| problem.of(namespace, name))
    }

    /// A project; none where there is none, or where it may not be read.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn project(&self, namespace: &str, name: &str) -> Result<Option<Value>, RemoteError> {
        let kind = GroupVersionKind::gvk(ARGO_GROUP, "v1alpha1", APP_PROJECT);
        let api: Api<DynamicObject> = Api::namespaced_with(
            self.client.clone(),
            namespace,
            &ApiResource::from_gvk(&kind),
        );
        match ask("read the project", api.get_opt(name)).await {
            Ok(found) => Ok(found.and_then(|project| serde_json::to_value(project).ok())),
            Err(Problem::Other(RemoteError::TimedOut { doing })) => {
                Err(RemoteError::TimedOut { doing })
            }
            Err(_) => Ok(None),
        }
    }

    /// The Secrets of repositories in a namespace; none where they may not be read.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn repository_secrets(&self, namespace: &str) -> Result<Vec<Value>, RemoteError> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Secret"));
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &resource);
        let parameters = ListParams::default()
            .labels("argocd.argoproj.io/secret-type in (repository,repo-creds)")
            .limit(PAGE);
        match ask("list the repositories", api.list(&parameters)).await {
            Ok(page) => Ok(page
                .items
                .iter()
                .map(|secret| {
                    let mut value = serde_json::to_value(secret).unwrap_or_default();
                    // A list leaves it out of its items.
                    if let Value::Object(fields) = &mut value {
                        fields.insert("kind".to_owned(), "Secret".into());
                    }
                    value
                })
                .collect()),
            Err(Problem::Other(RemoteError::TimedOut { doing })) => {
                Err(RemoteError::TimedOut { doing })
            }
            Err(_) => Ok(Vec::new()),
        }
    }

    /// What a Secret holds, decoded; nothing where it is not there. Values that are no text are left out.
    ///
    /// # Errors
    /// The API server does not answer, or forbids it.
    pub async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, RemoteError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = ask("read a secret", api.get_opt(name))
            .await
            .map_err(|problem| problem.of(namespace, name))?;
        let data = secret.and_then(|secret| secret.data).unwrap_or_default();
        Ok(data
            .into_iter()
            .filter_map(|(key, value)| Some((key, String::from_utf8(value.0).ok()?)))
            .collect())
    }

    /// The `ConfigMaps` of a namespace that tell of the servers of repositories; none where they may not be read.
    pub async fn repository_servers(&self, namespace: &str) -> Result<Vec<Value>, RemoteError> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &resource);
        let mut found = Vec::new();
        for name in crate::application::SERVERS {
            match ask("read what is known of servers", api.get_opt(name)).await {
                Ok(object) => found.extend(object.and_then(|it| serde_json::to_value(it).ok())),
                Err(Problem::Other(RemoteError::TimedOut { doing })) => {
                    return Err(RemoteError::TimedOut { doing });
                }
                Err(_) => {}
            }
        }
        Ok(found)
    }

    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(
            self.client.clone(),
            namespace,
            &Kind::Application.resource(),
        )
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

/// No answer, not yet told of which Application.
enum Problem {
    NotFound,
    Changed,
    Other(RemoteError),
}

impl Problem {
    fn of(self, namespace: &str, name: &str) -> RemoteError {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        match self {
            Self::NotFound if name.is_empty() => RemoteError::Refused {
                doing: "list applications",
                message:
                    "the cluster has no Applications: their custom resource definition is not there"
                        .to_owned(),
            },
            Self::NotFound => RemoteError::NotFound { namespace, name },
            Self::Changed => RemoteError::Changed { namespace, name },
            Self::Other(error) => error,
        }
    }
}

async fn ask<T>(
    doing: &'static str,
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Problem> {
    match tokio::time::timeout(ANSWER, answer).await {
        Err(_) => Err(Problem::Other(RemoteError::TimedOut { doing })),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Problem::NotFound),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 && status.reason == "Conflict" => {
            Err(Problem::Changed)
        }
        Ok(Err(kube::Error::Api(status))) => Err(Problem::Other(RemoteError::Refused {
            doing,
            message: status.message,
        })),
        Ok(Err(error)) => Err(Problem::Other(RemoteError::Refused {
            doing,
            message: error.to_string(),
        })),
    }
}

/// An object as `kubectl get -o json` would show it, without what only field managers read.
fn plain(object: &DynamicObject) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        // A list leaves these out of its items.
        fields.insert("apiVersion".to_owned(), ARGO_API_VERSION.into());
        fields.insert("kind".to_owned(), APPLICATION.into());
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.remove("managedFields");
        }
    }
    value
}
