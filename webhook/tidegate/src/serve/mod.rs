//! `tidegate serve`: the webhook, and the reconciler beside it where that is asked for.
//!
//! Wiring only: flags to settings, the host's policy set into the server's gate ([`live`]), the same set into the reconciler's gate
//! ([`plan_gate`]), what the reconciler rendered into the server's gate ([`planned`]), one shutdown for both.

mod live;
mod plan_gate;
mod planned;
mod pushes;
mod render;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use tidegate_admission::parse_duration;
use tidegate_host::{Host, HostSettings};
use tidegate_model::words::ARGO_CD_NAMESPACE;
use tidegate_reconcile::remote::Remote;
use tidegate_reconcile::{Drift, Kind, Labels, LeaseSettings, ReconcileSettings, Scope};
use tidegate_server::{
    Authority, CertificateSource, Drain, Gate, Readiness, RequestLimits, Server, Settings,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::policies::PolicySource;
use crate::sources::SourceArgs;
use live::LivePolicies;
use pushes::Pushes;

/// An own leaf's life. It is renewed after two thirds of it, without anybody noticing.
const LEAF_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// Where a pod is told its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    policies: PolicySource,
    /// Where the API server calls; TLS.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "[::]:8443",
        env = "TIDEGATE_LISTEN"
    )]
    listen: SocketAddr,
    /// Where probes and Prometheus ask; plain HTTP.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "[::]:8080",
        env = "TIDEGATE_HEALTH"
    )]
    health: SocketAddr,
    #[command(flatten)]
    tls: TlsArgs,
    /// On SIGTERM: how long to go on accepting while every API server learns that this replica goes.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_duration)]
    drain: Duration,
    /// What /readyz asks of the policies.
    #[arg(long, default_value = "every-policy-once")]
    readiness: ReadinessArg,
    #[command(flatten)]
    reconcile: ReconcileArgs,
    /// How log lines look.
    #[arg(long, default_value = "text", env = "TIDEGATE_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: a level, or directives like `info,tidegate_host=debug`.
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        env = "TIDEGATE_LOG"
    )]
    log_level: String,
}

/// The server's certificate: somebody else's, or one signed by our own authority.
#[derive(Debug, Args)]
struct TlsArgs {
    /// The certificate chain, PEM, the leaf first; read again whenever it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Without --tls-cert: the folder of our own certificate authority (`ca.crt`, `ca.key`), made when there is none. `ca.crt` is the caBundle.
    #[arg(long, value_name = "FOLDER", conflicts_with = "tls_cert")]
    ca_folder: Option<PathBuf>,
    /// A name or IP address that the API server calls us by, like `tidegate.tidegate.svc`. Repeatable.
    #[arg(long, value_name = "NAME", default_values = ["localhost", "127.0.0.1"])]
    tls_name: Vec<String>,
}

#[derive(Debug, Args)]
struct ReconcileArgs {
    /// Also bring about what is admitted: `AtlasSchemas` and `AtlasMigrations` are applied to their databases, Applications are synced from their sources.
    #[arg(long, env = "TIDEGATE_RECONCILE")]
    reconcile: bool,
    /// The kinds that are brought about [default: all, but Applications only where Argo CD's own controller is not in the control namespace].
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    reconcile_kinds: Vec<Kind>,
    /// Where Argo CD's settings, projects and repository Secrets are.
    #[arg(long, value_name = "NAMESPACE", default_value = ARGO_CD_NAMESPACE)]
    control_namespace: String,
    /// Where the Leases are by which several replicas share the objects [default: the pod's own namespace; outside of a pod none, and no other replica may
    /// reconcile].
    #[arg(long, value_name = "NAMESPACE", env = "TIDEGATE_LEASE_NAMESPACE")]
    lease_namespace: Option<String>,
    /// Replicas that are given the same name share the objects.
    #[arg(long, value_name = "NAME", default_value = "tidegate")]
    election: String,
    /// The cluster to reconcile; in a pod its service account is used.
    #[arg(long, value_name = "FILE", env = "KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The only namespaces to reconcile; all when not given. Repeatable, or with commas between.
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    reconcile_namespace: Vec<String>,
    /// Only objects with these labels are reconciled: `team=shop`, `tier in (a, b)`, `!frozen`, with commas between.
    #[arg(
        long,
        value_name = "SELECTOR",
        default_value = "",
        hide_default_value = true
    )]
    reconcile_selector: Labels,
    /// The only folder in which SQLite databases may be; without it an AtlasSchema may name any file that this process can write.
    #[arg(long, value_name = "FOLDER")]
    sqlite_folder: Option<PathBuf>,
    /// What is done about a database that somebody else changed, where its AtlasSchema has no annotation `gate.tidegate.dev/drift`.
    #[arg(long, value_name = "WHAT", default_value = "repair")]
    drift: DriftArg,
    #[command(flatten)]
    sources: SourceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReadinessArg {
    /// All are ready now: one bad change of the policies file takes every replica out of service.
    EveryPolicy,
    /// All were ready once since the start; later a broken one is reported and its failurePolicy decides.
    EveryPolicyOnce,
    /// A policies file was loaded, whatever became of each policy.
    SetLoaded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DriftArg {
    /// It is brought back, but for what would lose data.
    Repair,
    /// A condition says so.
    Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Serves until SIGTERM or SIGINT, then drains.
pub(crate) async fn run(args: ServeArgs) -> Result<()> {
    log(&args)?;
    let host = Host::new(HostSettings {
        cache: args.policies.cache(),
        ..HostSettings::default()
    })?;
    let readiness = match args.readiness {
        ReadinessArg::EveryPolicy => Readiness::EveryPolicy,
        ReadinessArg::EveryPolicyOnce => Readiness::EveryPolicyOnce,
        ReadinessArg::SetLoaded => Readiness::SetLoaded,
    };
    let mut registry = tidegate_server::registry();
    let metrics = tidegate_reconcile::Metrics::register(&mut registry);
    let gate = Gate::counting(RequestLimits::default(), readiness, registry);
    let mut settings = Settings::new(certificate(&args.tls)?);
    settings.webhook = args.listen;
    settings.health = Some(args.health);
    settings.drain = Drain {
        announce: args.drain,
        ..Drain::default()
    };
    let mut server = Server::bind(settings, gate.clone())?;
    info!(
        webhook = %server.webhook_address()?,
        health = ?server.health_address().transpose()?,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    let shutdown = CancellationToken::new();
    let renderer = Arc::new(render::Sources::new(args.reconcile.sources.settings()?));
    let scope = Scope {
        namespaces: args.reconcile.reconcile_namespace.iter().cloned().collect(),
        labels: args.reconcile.reconcile_selector.clone(),
    };
    let plans = planned::Plans {
        sources: renderer.clone(),
        scope: scope.clone(),
    };
    let plans = Some(plans).filter(|_| args.reconcile.reconcile);
    let live = LivePolicies::start(host, args.policies.path()?, gate, plans).await?;
    let mut background = tokio::task::JoinSet::new();
    background.spawn(live.clone().follow(shutdown.clone()));
    if args.reconcile.reconcile {
        let client = tidegate_reconcile::connect(
            args.reconcile.kubeconfig.as_deref(),
            args.reconcile.context.as_deref(),
        )
        .await?;
        let mut settings = ReconcileSettings {
            kinds: match args.reconcile.reconcile_kinds.as_slice() {
                [] => Kind::ALL.into_iter().collect(),
                some => some.iter().copied().collect(),
            },
            control_namespace: args.reconcile.control_namespace.clone(),
            scope,
            leases: leases(&args.reconcile),
            drift: match args.reconcile.drift {
                DriftArg::Repair => Drift::Repair,
                DriftArg::Report => Drift::Report,
            },
            ..ReconcileSettings::default()
        };
        settings
            .databases
            .sqlite_folder
            .clone_from(&args.reconcile.sqlite_folder);
        let remote = Remote::connect(
            args.reconcile.kubeconfig.as_deref(),
            args.reconcile.context.as_deref(),
        )
        .await?;
        if settings.kinds.contains(&Kind::Application) {
            server = server.receive_pushes(Arc::new(Pushes {
                remote: remote.clone(),
                control_namespace: settings.control_namespace.clone(),
                scope: settings.scope.clone(),
            }));
        }
        let named = !args.reconcile.reconcile_kinds.is_empty();
        let gate = plan_gate::PlanGate(live);
        let stop = shutdown.clone();
        background.spawn(async move {
            // Not before the webhook serves: an API server that does not answer yet may be waiting for it.
            if !named {
                tokio::select! {
                    () = tidegate_reconcile::leave_to_argo_cd(&mut settings, &client) => {}
                    () = stop.cancelled() => return,
                }
            }
            let follows = settings.kinds.contains(&Kind::Application);
            let sources = renderer.clone();
            let follow = async {
                if follows {
                    sources.follow(remote, stop.clone().cancelled_owned()).await;
                }
            };
            let stopped = stop.clone().cancelled_owned();
            let reconcile =
                tidegate_reconcile::run(settings, client, gate, renderer, metrics, stopped);
            if let (Err(error), ()) = tokio::join!(reconcile, follow) {
                error!(%error, "the reconciler has ended");
            }
        });
    }
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let told = shutdown.clone();
    server
        .run(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            told.cancel();
        })
        .await;
    background.join_all().await;
    Ok(())
}

/// How replicas share the objects; none where there can be only this one.
fn leases(args: &ReconcileArgs) -> Option<LeaseSettings> {
    let own = || std::fs::read_to_string(POD_NAMESPACE).ok();
    let namespace = args.lease_namespace.clone().or_else(own)?;
    let namespace = namespace.trim();
    // Another one for each start: who was killed and comes back is somebody else.
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let started = started.unwrap_or_default().as_nanos();
    let host = std::env::var("HOSTNAME").unwrap_or_default();
    let identity = format!(
        "{}-{host}-{:x}-{started:x}",
        args.election,
        std::process::id()
    );
    let identity = identity
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    (!namespace.is_empty()).then(|| LeaseSettings::new(namespace, &args.election, identity))
}

/// A kind by its name.
fn kind(name: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.into_iter().map(Kind::name);
    Kind::ALL
        .into_iter()
        .find(|kind| kind.name().eq_ignore_ascii_case(name.trim()))
        .ok_or_else(|| format!("one of {}", known().collect::<Vec<_>>().join(", ")))
}

fn certificate(tls: &TlsArgs) -> Result<CertificateSource> {
    match (&tls.tls_cert, &tls.tls_key, &tls.ca_folder) {
        (Some(chain), Some(key), _) => Ok(CertificateSource::Files {
            chain: chain.clone(),
            key: key.clone(),
        }),
        (_, _, Some(folder)) => Ok(CertificateSource::Own {
            authority: Box::new(Authority::in_folder(folder, SystemTime::now())?),
            names: tls.tls_name.clone(),
            lifetime: LEAF_LIFETIME,
        }),
        _ => bail!(
            "a certificate is needed: --tls-cert and --tls-key, or --ca-folder for our own authority"
        ),
    }
}

fn log(args: &ServeArgs) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&args.log_level)
        .with_context(|| format!("--log-level `{}` is not understood", args.log_level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
