//! What a Git server's webhook makes happen: the Applications that a push concerns are refreshed, as the annotation would by hand.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;
use tidegate_model::object::{name, namespace};
use tidegate_model::words::REFRESH;
use tidegate_push::{Push, Received, Refused, Request, Secrets};
use tidegate_reconcile::Scope;
use tidegate_reconcile::remote::{Remote, RemoteError};
use tidegate_server::{Bytes, StatusCode};
use tracing::{debug, info, warn};

/// Where Argo CD keeps the secrets of webhooks.
const SECRET: &str = "argocd-secret";

/// Takes pushes.
#[derive(Debug)]
pub(super) struct Pushes {
    pub(super) remote: Remote,
    pub(super) control_namespace: String,
    pub(super) scope: Scope,
}

impl tidegate_server::Pushes for Pushes {
    fn receive(
        &self,
        headers: BTreeMap<String, String>,
        body: Bytes,
    ) -> BoxFuture<'_, (StatusCode, String)> {
        async move {
            let secrets = match self.remote.secret(&self.control_namespace, SECRET).await {
                Ok(secrets) => Secrets(secrets),
                Err(problem) => return not_taken(&problem),
            };
            let request = Request {
                headers: &headers,
                body: &body,
            };
            match tidegate_push::read(&request, &secrets) {
                Ok(Received::Push(push)) => self.refresh(&push).await,
                Ok(Received::Other(event)) => {
                    (StatusCode::OK, format!("nothing follows from `{event}`"))
                }
                Err(refused) => {
                    debug!(%refused, "a webhook is refused");
                    (status(&refused), refused.to_string())
                }
            }
        }
        .boxed()
    }
}

impl Pushes {
    async fn refresh(&self, push: &Push) -> (StatusCode, String) {
        match self.try_refresh(push).await {
            Ok(count) => {
                let revision = push.revision.as_deref().unwrap_or_default();
                info!(repositories = ?push.repositories, revision, applications = count, "a push");
                (StatusCode::OK, format!("applications refreshed: {count}"))
            }
            Err(problem) => not_taken(&problem),
        }
    }

    async fn try_refresh(&self, push: &Push) -> Result<usize, RemoteError> {
        let mut count = 0_usize;
        for application in self.remote.list_in(&self.scope).await? {
            if !push.concerns(&application) {
                continue;
            }
            let patch = json!({"metadata": {"annotations": {REFRESH: "normal"}}});
            let own = namespace(&application).unwrap_or_default();
            match self.remote.patch(own, name(&application), &patch).await {
                Ok(_) => count = count.saturating_add(1),
                // Deleted meanwhile.
                Err(RemoteError::NotFound { .. }) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(count)
    }
}

fn not_taken(problem: &RemoteError) -> (StatusCode, String) {
    warn!(%problem, "a push is not taken");
    let words = "the cluster cannot be asked; send it again".to_owned();
    (StatusCode::SERVICE_UNAVAILABLE, words)
}

const fn status(refused: &Refused) -> StatusCode {
    match refused {
        Refused::Unknown | Refused::Unreadable { .. } => StatusCode::BAD_REQUEST,
        Refused::NoSecret { .. } => StatusCode::FORBIDDEN,
        Refused::NotSigned { .. } => StatusCode::UNAUTHORIZED,
    }
}
