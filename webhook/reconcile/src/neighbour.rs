//! Whether Argo CD looks after Applications here already.
//!
//! Two that sync the same Applications write over each other for ever, and each prunes by its own marks. So who does not say which kinds are to be
//! reconciled gets Applications only where no controller of Argo CD is to be seen. It is looked for once, at the start: it is no protection from one
//! that is installed later.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ListParams};
use tracing::{info, warn};

use crate::kinds::Kind;
use crate::settings::ReconcileSettings;

/// All of Argo CD's own manifests, its chart's and its operator's carry it.
const PART_OF: &str = "app.kubernetes.io/part-of=argocd";
/// What its controller is called there.
const COMPONENT: &str = "app.kubernetes.io/component";
const CONTROLLER: &str = "application-controller";

/// Between two questions to an API server that does not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Takes Applications out of the settings where Argo CD's controller runs, or where that cannot be seen. Ends when the API server has answered.
pub async fn leave_to_argo_cd(settings: &mut ReconcileSettings, client: &Client) {
    loop {
        let asked = controller(client, &settings.control_namespace);
        let problem = match tokio::time::timeout(settings.api_timeout, asked).await {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(controller))) => {
                info!(
                    controller,
                    "Argo CD looks after Applications here; they are left to it, unless --reconcile-kinds names them"
                );
                settings.kinds.remove(&Kind::Application);
                return;
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                warn!(
                    problem = status.message,
                    "it cannot be seen whether Argo CD looks after Applications here; they are left alone, unless --reconcile-kinds names them"
                );
                settings.kinds.remove(&Kind::Application);
                return;
            }
            Ok(Err(problem)) => problem.to_string(),
            Err(_) => format!("no answer within {:?}", settings.api_timeout),
        };
        warn!(
            problem,
            "asking the API server whether Argo CD is here failed; it is asked again"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// The controller of Argo CD that has replicas in a namespace.
async fn controller(client: &Client, namespace: &str) -> Result<Option<String>, kube::Error> {
    let parameters = ListParams::default().labels(PART_OF);
    let sets = Api::<StatefulSet>::namespaced(client.clone(), namespace);
    let sets = sets.list(&parameters).await?.items.into_iter();
    let sets = sets.map(|set| (set.metadata, set.spec.and_then(|spec| spec.replicas)));
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
    let deployments = deployments.list(&parameters).await?.items.into_iter();
    let deployments = deployments.map(|it| (it.metadata, it.spec.and_then(|spec| spec.replicas)));
    let running = sets
        .chain(deployments)
        .filter(|(_, replicas)| *replicas != Some(0))
        .find(|(metadata, _)| is_controller(metadata));
    Ok(running.map(|(metadata, _)| {
        let name = metadata.name.unwrap_or_default();
        format!("{namespace}/{name}")
    }))
}

fn is_controller(metadata: &ObjectMeta) -> bool {
    let labels = metadata.labels.as_ref();
    let component = labels.and_then(|labels| labels.get(COMPONENT));
    component.is_some_and(|component| component == CONTROLLER)
        || metadata
            .name
            .as_ref()
            .is_some_and(|name| name.ends_with(CONTROLLER))
}
