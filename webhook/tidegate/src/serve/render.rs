//! The reconciler's question to a renderer, answered by the room that runs git, helm and the like.
//!
//! A rendering waits for programs, so it has a thread of its own; one that nobody waits for any more ends by the limits of its programs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tidegate_model::words::REFRESH;
use tidegate_reconcile::remote::Remote;
use tidegate_reconcile::render::{
    Folder, FolderRequest, Render, RenderFailure, RenderRequest, Rendered,
};
use tidegate_render::{
    Cluster, Credential, KnownRepositories, Refresh, RenderError, Renderer, Request, Secret,
    Settings, SourceRequest,
};
use tracing::debug;

/// Repositories are not asked more often, whatever the flag says.
const SHORTEST_POLL: Duration = Duration::from_secs(1);

/// Renders for the reconciler. Its folder is made when the first Application comes: who has none needs no folder.
#[derive(Debug)]
pub(super) struct Sources {
    settings: Settings,
    renderer: Mutex<Option<Arc<Renderer>>>,
    /// What the reconciler said last of the cluster and its repositories.
    surroundings: Mutex<Option<Arc<RenderRequest>>>,
    is_following: AtomicBool,
}

impl Sources {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            renderer: Mutex::default(),
            surroundings: Mutex::default(),
            is_following: AtomicBool::new(false),
        }
    }

    /// Whether this process brings Applications about.
    pub(super) fn is_following(&self) -> bool {
        self.is_following.load(Ordering::Relaxed)
    }

    /// What the sources of an Application made when they were last rendered as they are written here; none where that is not remembered. Nothing is
    /// fetched or run, and nobody is waited for.
    pub(super) fn known(&self, application: &Value) -> Option<Vec<Value>> {
        let renderer = locked(&self.renderer).clone()?;
        let surroundings = locked(&self.surroundings).clone()?;
        let request = RenderRequest::of(application, &surroundings);
        let credentials = known(&request);
        let kept = renderer.kept(&asked(&request), &credentials.of_project(&request.project))?;
        Some(kept.manifests)
    }

    /// Looks for commits in every poll interval, and has the Applications refreshed that they are for, as a webhook from the Git server would: a person's
    /// push is in the cluster seconds later, and a repository is asked once for all that come from it.
    pub(super) async fn follow(
        self: Arc<Self>,
        remote: Remote,
        stop: impl Future<Output = ()> + Send,
    ) {
        let mut stop = std::pin::pin!(stop);
        self.is_following.store(true, Ordering::Relaxed);
        loop {
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(self.settings.poll.max(SHORTEST_POLL)) => {}
            }
            let renderer = locked(&self.renderer).clone();
            // Nothing was rendered yet.
            let Some(renderer) = renderer else {
                continue;
            };
            let moved = tokio::task::spawn_blocking(move || renderer.moved()).await;
            for subject in moved.unwrap_or_default() {
                let Some((namespace, name)) = subject.split_once('/') else {
                    continue;
                };
                let patch = json!({"metadata": {"annotations": {REFRESH: "normal"}}});
                match remote.patch(namespace, name, &patch).await {
                    Ok(_) => debug!(application = subject, "new commits"),
                    // Its next look finds them.
                    Err(error) => debug!(application = subject, %error, "new commits are not told"),
                }
            }
        }
    }

    fn renderer(&self) -> Result<Arc<Renderer>, RenderError> {
        let mut renderer = locked(&self.renderer);
        if let Some(renderer) = &*renderer {
            return Ok(renderer.clone());
        }
        let made = Arc::new(Renderer::new(self.settings.clone())?);
        *renderer = Some(made.clone());
        Ok(made)
    }
}

impl Render for Sources {
    fn render<'a>(
        &'a self,
        request: &'a RenderRequest,
    ) -> BoxFuture<'a, Result<Rendered, RenderFailure>> {
        let renderer = match self.renderer() {
            Ok(renderer) => renderer,
            Err(error) => return Box::pin(async move { Err(failure(&error)) }),
        };
        *locked(&self.surroundings) = Some(Arc::new(request.clone()));
        let known = known(request);
        let project = request.project.clone();
        let request = asked(request);
        let rendering = tokio::task::spawn_blocking(move || {
            renderer.render(&request, &known.of_project(&project))
        });
        async move {
            match rendering.await {
                Ok(Ok(rendered)) => Ok(answer(rendered)),
                Ok(Err(error)) => Err(failure(&error)),
                Err(_) => Err(ended_early()),
            }
        }
        .boxed()
    }

    fn folder<'a>(
        &'a self,
        request: &'a FolderRequest,
    ) -> BoxFuture<'a, Result<Folder, RenderFailure>> {
        let renderer = match self.renderer() {
            Ok(renderer) => renderer,
            Err(error) => return Box::pin(async move { Err(failure(&error)) }),
        };
        let asked = tidegate_render::FolderRequest {
            repository: request.repository.clone(),
            revision: request.revision.clone(),
            path: request.path.clone(),
            endings: MIGRATIONS,
            credential: credential(request),
            refresh: Refresh::None,
        };
        let reading = tokio::task::spawn_blocking(move || renderer.folder(&asked));
        async move {
            match reading.await {
                Ok(Ok(folder)) => Ok(Folder {
                    files: folder.files,
                    revision: folder.revision,
                }),
                Ok(Err(error)) => Err(failure(&error)),
                Err(_) => Err(ended_early()),
            }
        }
        .boxed()
    }
}

/// The ends of the names of what is in a folder of migrations: the files, and `atlas.sum`.
const MIGRATIONS: &[&str] = &[".sql", "atlas.sum"];

/// The one token that an AtlasMigration names.
fn credential(request: &FolderRequest) -> Credential {
    let token = Secret::new(request.token.clone().unwrap_or_default());
    let is_key = token.reveal().starts_with("-----BEGIN");
    let (ssh_private_key, password) = if is_key {
        // A key without a line's end at its end is no key to ssh.
        (
            Secret::new(format!("{}\n", token.reveal())),
            Secret::default(),
        )
    } else {
        (Secret::default(), token)
    };
    Credential {
        ssh_private_key,
        password,
        ..Credential::default()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn known(request: &RenderRequest) -> KnownRepositories {
    let mut known = KnownRepositories::default();
    for secret in &request.repositories {
        known.add(&secret.secret_type, &secret.fields);
    }
    for (name, data) in &request.servers {
        known.add_servers(name, data);
    }
    known
}

fn asked(request: &RenderRequest) -> Request {
    let options = request
        .settings
        .get("kustomize.buildOptions")
        .map(String::as_str)
        .unwrap_or_default();
    Request {
        subject: format!("{}/{}", request.namespace, request.name),
        name: request.name.clone(),
        project: request.project.clone(),
        destination: request.destination.clone().unwrap_or_default(),
        sources: request
            .sources
            .iter()
            .map(|source| SourceRequest {
                source: source.source.clone(),
                revision: source.revision.clone(),
                signers: source.signers.clone(),
            })
            .collect(),
        refresh: match (request.hard, request.fresh) {
            (true, _) => Refresh::Hard,
            (false, true) => Refresh::Normal,
            (false, false) => Refresh::None,
        },
        cluster: Cluster {
            kube_version: request.cluster.kube_version.clone(),
            api_versions: request.cluster.api_versions.clone(),
        },
        kustomize_options: options.split_whitespace().map(str::to_owned).collect(),
        ..Request::default()
    }
}

fn answer(rendered: tidegate_render::Rendered) -> Rendered {
    for warning in &rendered.warnings {
        debug!(warning, "a file was left out");
    }
    Rendered {
        manifests: rendered.manifests,
        revisions: rendered.revisions,
        source_types: rendered.source_types,
    }
}

fn ended_early() -> RenderFailure {
    RenderFailure {
        message: "the rendering ended unexpectedly; this is a mistake in Tidegate".to_owned(),
        transient: true,
    }
}

fn failure(error: &RenderError) -> RenderFailure {
    RenderFailure {
        message: error.to_string(),
        transient: error.is_passing(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tidegate_reconcile::render::RepositorySecret;

    use super::*;

    fn request(url: &str, path: &str) -> RenderRequest {
        RenderRequest {
            name: "web".to_owned(),
            namespace: "argocd".to_owned(),
            project: "default".to_owned(),
            destination: Some("shop".to_owned()),
            sources: vec![tidegate_reconcile::render::SourceRequest {
                source: json!({"repoURL": url, "path": path}),
                revision: String::new(),
                signers: None,
            }],
            fresh: true,
            hard: false,
            repositories: vec![RepositorySecret {
                name: "repository".to_owned(),
                secret_type: "repository".to_owned(),
                fields: BTreeMap::from([
                    ("url".to_owned(), "http://127.0.0.1:1/a".to_owned()),
                    ("password".to_owned(), "hunter2".to_owned()),
                ]),
            }],
            servers: BTreeMap::new(),
            settings: BTreeMap::new(),
            cluster: tidegate_reconcile::render::Cluster::default(),
        }
    }

    #[tokio::test]
    async fn failures_are_told_without_credentials_and_say_whether_they_pass() {
        let cache = tempfile::tempdir().expect("a folder");
        let path = std::env::var_os("PATH").expect("a PATH");
        let settings = tidegate_render::Settings::new(cache.path(), path);
        let sources = Sources::new(settings);
        // Nothing listens on port 1.
        let failure = sources
            .render(&request("http://127.0.0.1:1/a", "."))
            .await
            .expect_err("it cannot be reached");
        assert!(failure.transient, "{failure}");
        assert!(
            failure
                .message
                .starts_with("repository http://127.0.0.1:1/a: git failed"),
            "{failure}"
        );
        assert!(!failure.message.contains("hunter2"), "{failure}");
        let failure = sources
            .render(&request("ext::sh -c true", "."))
            .await
            .expect_err("it is no address");
        assert!(!failure.transient, "{failure}");
    }
}
