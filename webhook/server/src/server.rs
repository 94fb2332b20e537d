//! The server as a whole: bind, run, go.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tidegate_admission::Evaluate;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::connection::Leaving;
use crate::port::Port;
use crate::push::{Pushes, push_app};
use crate::tls::{FollowError, Follower, Served, server_config};
use crate::{ConnectionLimits, Drain, Gate, Settings, app, health_app};

/// Connections that the kernel holds for us while we are busy accepting others.
const BACKLOG: u32 = 1024;

/// Linux's numbers for "this machine has no IPv6", for which the standard library has no kind.
const EPROTONOSUPPORT: i32 = 93;
const EAFNOSUPPORT: i32 = 97;

/// Probes and scrapes are few.
const HEALTH_CONNECTIONS: usize = 64;

/// Why the server does not start. Once it runs, nothing that a client does ends it.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or not ours.
    #[error("failed to listen on {address}")]
    Bind {
        /// As set.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no certificate to begin with.
    #[error("failed to get a certificate")]
    Certificate(#[source] FollowError),
    /// The provider cannot do TLS 1.2 and 1.3.
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server<E> {
    gate: Gate<E>,
    webhook: TcpListener,
    health: Option<TcpListener>,
    served: Arc<Served>,
    follower: Follower,
    certificate_poll: Duration,
    connections: ConnectionLimits,
    drain: Drain,
    tls: Arc<rustls::ServerConfig>,
    pushes: Option<Arc<dyn Pushes>>,
}

impl<E: Evaluate> Server<E> {
    /// Takes the ports and the first certificate. Needs a tokio runtime with I/O and time.
    pub fn bind(settings: Settings, gate: Gate<E>) -> Result<Self, ServerError> {
        let mut follower = Follower::new(settings.certificate);
        let certificate = follower
            .next(SystemTime::now())
            .map_err(ServerError::Certificate)?
            .expect("a follower that has given nothing yet has a certificate or an error");
        let served = Served::new(&certificate);
        gate.metrics().certificate_served(certificate.not_after());
        Ok(Self {
            tls: Arc::new(server_config(Arc::clone(&served)).map_err(ServerError::Tls)?),
            webhook: listen(settings.webhook)?,
            health: settings.health.map(listen).transpose()?,
            gate,
            served,
            follower,
            certificate_poll: settings.certificate_poll,
            connections: settings.connections,
            drain: settings.drain,
            pushes: None,
        })
    }

    /// Takes pushes of Git servers, too, on the webhook's port.
    #[must_use]
    pub fn receive_pushes(self, pushes: Arc<dyn Pushes>) -> Self {
        Self {
            pushes: Some(pushes),
            ..self
        }
    }

    /// Where the webhook listens: the real port where 0 was set.
    pub fn webhook_address(&self) -> io::Result<SocketAddr> {
        self.webhook.local_addr()
    }

    /// Where health and metrics are answered in plain HTTP.
    pub fn health_address(&self) -> Option<io::Result<SocketAddr>> {
        self.health.as_ref().map(TcpListener::local_addr)
    }

    /// Answers until `shutdown` completes, then goes as [`Drain`] says: not ready and still accepting; then not accepting and finishing; then
    /// gone. Dropping the future ends everything at once.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let metrics = self.gate.metrics().clone();
        let leaving = Leaving {
            draining: self.gate.draining().clone(),
            ..Leaving::default()
        };
        let _gone = leaving.gone.clone().drop_guard();
        let mut router = app(self.gate.clone());
        if let Some(pushes) = self.pushes {
            router = router.merge(push_app(pushes));
        }
        let webhook = Port {
            name: "webhook",
            tls: Some(TlsAcceptor::from(self.tls)),
            router,
            limits: self.connections.clone(),
            metrics: metrics.clone(),
            leaving: leaving.clone(),
            tasks: TaskTracker::new(),
        };
        // Health outlives the webhook, so that the kubelet sees the last request through.
        let health = Port {
            name: "health",
            tls: None,
            router: health_app(self.gate.clone()),
            limits: ConnectionLimits {
                connections: HEALTH_CONNECTIONS,
                ..self.connections
            },
            leaving: Leaving {
                closing: CancellationToken::new(),
                ..leaving.clone()
            },
            tasks: TaskTracker::new(),
            ..webhook.clone()
        };
        let follow = self.follower.follow(
            self.served,
            metrics,
            self.certificate_poll,
            health.leaving.closing.clone(),
        );

        let mut background = tokio::task::JoinSet::new();
        background.spawn(follow);
        if let Some(listener) = self.health {
            background.spawn(health.run(listener));
        }
        background.spawn(webhook.clone().run(self.webhook));

        shutdown.await;
        info!(announce = ?self.drain.announce, "shutting down: not ready, still accepting");
        leaving.draining.cancel();
        sleep(self.drain.announce).await;
        leaving.closing.cancel();
        let open = webhook.tasks.len();
        info!(
            connections = open,
            "no longer accepting; finishing what is under way"
        );
        if timeout(self.drain.finish, webhook.tasks.wait())
            .await
            .is_err()
        {
            warn!(
                connections = webhook.tasks.len(),
                "ended with connections still open"
            );
        }
    }
}

/// A wildcard address of IPv6 also takes IPv4; where the machine has no IPv6, the one of IPv4 is meant.
fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    let no_ipv6 =
        |error: &io::Error| matches!(error.raw_os_error(), Some(EPROTONOSUPPORT | EAFNOSUPPORT));
    let listener = match listen_on(address) {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && no_ipv6(&error) => {
            listen_on((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        listener => listener,
    };
    listener.map_err(|source| ServerError::Bind { address, source })
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A restart must not wait for the old connections' minutes in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
