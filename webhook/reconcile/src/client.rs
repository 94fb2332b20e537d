//! A client for the API server, over rustls with ring.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::ReconcileError;

/// Reads a kubeconfig and makes a client. Without a path: `KUBECONFIG`, the user's own file, or the pod's service account, in this order.
///
/// # Errors
/// The file or its certificates cannot be used. Nothing is asked of the API server yet.
pub async fn connect(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<Client, ReconcileError> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let config = match kubeconfig {
        Some(path) => {
            let failed = |source| ReconcileError::Kubeconfig {
                path: path.to_path_buf(),
                source: Box::new(source),
            };
            let file = Kubeconfig::read_from(path).map_err(failed)?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(failed)?
        }
        None if context.is_some() => Config::from_kubeconfig(&options).await.map_err(|source| {
            ReconcileError::Kubeconfig {
                path: Path::new("of the environment").to_path_buf(),
                source: Box::new(source),
            }
        })?,
        None => Config::infer()
            .await
            .map_err(|source| ReconcileError::NoCluster {
                source: Box::new(source),
            })?,
    };
    Client::try_from(config).map_err(|source| ReconcileError::Client {
        source: Box::new(source),
    })
}
