//! Which cluster, and which Application in it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::Value;
use tidegate_model::words::ARGO_CD_NAMESPACE;
use tidegate_reconcile::remote::Remote;

/// Where Applications are asked for: the Kubernetes API and nothing else.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterArgs {
    /// The kubeconfig file [default: those of `KUBECONFIG`, the user's own, or the pod's service account].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The namespace of the Application; a name may also be written as NAMESPACE/NAME.
    #[arg(short, long, value_name = "NAMESPACE", default_value = ARGO_CD_NAMESPACE, env = "TIDEGATE_APP_NAMESPACE")]
    pub(crate) namespace: String,
}

/// One Application's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ClusterArgs {
    pub(crate) async fn remote(&self) -> Result<Remote> {
        let kubeconfig = self.kubeconfig.as_deref();
        Ok(Remote::connect(kubeconfig, self.context.as_deref()).await?)
    }

    /// `NAME` or `NAMESPACE/NAME`.
    pub(crate) fn place(&self, name: &str) -> Place {
        let (namespace, name) = name.split_once('/').unwrap_or((&self.namespace, name));
        Place {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl Place {
    /// The place of an Application that was read.
    pub(crate) fn of(application: &Value) -> Self {
        let text = |key: &str| {
            let value = application.pointer(key).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Self {
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
