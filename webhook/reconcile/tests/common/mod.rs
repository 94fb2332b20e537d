//! What each test of a reconciler has for itself: a namespace of the shared API server, a folder, a gate.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Error, Result};
use prometheus_client::registry::Registry;
use tidegate_kit::ControlPlane;
use tidegate_reconcile::{
    Gate, GateFinding, GateVerdict, Metrics, Pacing, PlanChange, PlanReview, ReconcileError,
    ReconcileSettings, Render, connect, run,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What is done while a plan is judged.
type Meanwhile = Arc<dyn Fn(&PlanReview) + Send + Sync>;

/// Denies plans that hold a certain word, warns about those that hold another, and remembers what it was asked.
#[derive(Clone, Default)]
pub(crate) struct WordGate {
    pub(crate) meanwhile: Option<Meanwhile>,
    pub(crate) asked: Arc<Mutex<Vec<PlanReview>>>,
}

impl Gate for WordGate {
    async fn judge(&self, plan: &PlanReview) -> GateVerdict {
        self.asked
            .lock()
            .expect("no panic while held")
            .push(plan.clone());
        if let Some(meanwhile) = &self.meanwhile {
            meanwhile(plan);
        }
        let finding = |word: &str| {
            let change = plan.changes.iter().position(|change| match change {
                PlanChange::Statement(text)
                | PlanChange::Apply { object: text, .. }
                | PlanChange::Delete(text) => text.contains(word),
            });
            change.map(|change| GateFinding {
                policy: "words".to_owned(),
                rule: format!("{word}-word"),
                message: format!("the word is {word}"),
                change: Some(change),
                suggestion: Some("write another".to_owned()),
            })
        };
        match finding("forbidden") {
            None => GateVerdict::Allowed {
                warnings: finding("doubtful").into_iter().collect(),
            },
            Some(denied) => GateVerdict::Denied {
                findings: vec![denied],
            },
        }
    }
}

/// A namespace, a folder and a gate.
pub(crate) struct Place {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) namespace: String,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) gate: WordGate,
    /// How the reconciler reaches the API server, if not as everybody.
    pub(crate) by_way_of: Option<PathBuf>,
}

/// A reconciler under way.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<Result<(), ReconcileError>>,
}

impl Running {
    pub(crate) async fn stop(self) -> Result<()> {
        let _ = self.stop.send(());
        Ok(self.ended.await??)
    }
}

impl Place {
    pub(crate) fn new(namespace: &str) -> Result<Self> {
        static DEFINED: OnceLock<Result<(), String>> = OnceLock::new();
        let plane = ControlPlane::shared()?;
        DEFINED
            .get_or_init(|| plane.install_crds().map_err(|error| format!("{error:#}")))
            .clone()
            .map_err(Error::msg)?;
        plane
            .kubectl(&["create", "namespace", namespace], "")?
            .ok()?;
        Ok(Self {
            plane,
            namespace: namespace.to_owned(),
            folder: tempfile::tempdir()?,
            gate: WordGate::default(),
            by_way_of: None,
        })
    }

    /// A reconciler of this namespace, and of those in the settings, that tries again soon.
    pub(crate) async fn reconcile(
        &self,
        settings: ReconcileSettings,
        resync: Duration,
        renderer: Arc<dyn Render>,
        gate: &WordGate,
    ) -> Result<Running> {
        let kubeconfig = self.by_way_of.as_deref();
        let kubeconfig = kubeconfig.unwrap_or_else(|| self.plane.kubeconfig());
        let client = connect(Some(kubeconfig), None).await?;
        let mut settings = ReconcileSettings {
            pacing: Pacing {
                first_retry: Duration::from_millis(100),
                first_failure: Duration::from_millis(100),
                longest_retry: Duration::from_millis(500),
                resync,
                ..Pacing::default()
            },
            ..settings
        };
        settings.scope.namespaces.insert(self.namespace.clone());
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            let _ = stopped.await;
        };
        let gate = gate.clone();
        let metrics = Metrics::register(&mut Registry::default());
        let ended = tokio::spawn(run(settings, client, gate, renderer, metrics, stopped));
        Ok(Running { stop, ended })
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.plane
            .kubectl(&[&["-n", self.namespace.as_str()], args].concat(), "")?
            .ok()
    }
}
