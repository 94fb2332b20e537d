//! What the server is told once, when it starts. The door turns flags and files into these plain structs; every limit has its default here.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tidegate_admission::ByteSize;

use crate::Authority;

/// Everything that the server needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Where the API server calls; TLS only. Port 0 takes a free one.
    pub webhook: SocketAddr,
    /// Where the kubelet probes and Prometheus scrapes; plain HTTP. None: only the webhook's port answers those paths.
    pub health: Option<SocketAddr>,
    /// Where the certificate comes from.
    pub certificate: CertificateSource,
    /// How often files are looked at, and the own certificate's age is checked.
    pub certificate_poll: Duration,
    /// What a connection may take.
    pub connections: ConnectionLimits,
    /// How the server goes.
    pub drain: Drain,
}

impl Settings {
    /// The defaults, with this certificate.
    pub fn new(certificate: CertificateSource) -> Self {
        Self {
            webhook: (Ipv6Addr::UNSPECIFIED, 8443).into(),
            health: Some((Ipv6Addr::UNSPECIFIED, 8080).into()),
            certificate,
            certificate_poll: Duration::from_secs(1),
            connections: ConnectionLimits::default(),
            drain: Drain::default(),
        }
    }
}

/// Where the server's certificate comes from.
#[derive(Debug)]
pub enum CertificateSource {
    /// PEM files that somebody else renews: cert-manager through a mounted Secret, for example.
    Files {
        /// The leaf first, then its intermediates.
        chain: PathBuf,
        /// PKCS #8, PKCS #1 or SEC 1.
        key: PathBuf,
    },
    /// Our own certificate authority signs short-lived leaves, whose keys never leave this process.
    Own {
        /// Who signs.
        authority: Box<Authority>,
        /// DNS names and IP addresses that the API server may call: `tidegate.tidegate.svc`.
        names: Vec<String>,
        /// A leaf's life; it is renewed after two thirds of it.
        lifetime: Duration,
    },
}

/// What a connection may take. The defaults follow from what kube-apiserver does: at most 25 idle connections for each of its replicas, which it
/// keeps for 90 s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Open connections on the webhook's port. When all are taken, the oldest that never asked anything is closed for the next; without such, the
    /// one that has been idle longest.
    pub connections: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the first request's header, and for any later header from its first byte on.
    pub header: Duration,
    /// Between requests. More than the 90 s after which the API server itself closes: whoever closes first while the other writes loses a request.
    pub idle: Duration,
    /// For the request line and header of HTTP/1.1, and the header list of HTTP/2.
    pub header_size: ByteSize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(10),
            idle: Duration::from_mins(2),
            header_size: ByteSize(16 << 10),
            streams: 100,
        }
    }
}

/// How the server goes when it is told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// How long it goes on accepting, not ready and saying goodbye with each answer, until every API server and kube-proxy has heard of it.
    pub announce: Duration,
    /// How long requests under way may take after that.
    pub finish: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            announce: Duration::from_secs(15),
            finish: Duration::from_secs(10),
        }
    }
}

/// What one request may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLimits {
    /// A larger body is denied unread. Nothing that the API server can store makes a review larger than about 4.3 MB.
    pub body: ByteSize,
    /// All bodies held at a time.
    pub bodies: ByteSize,
    /// Requests at a time.
    pub requests: usize,
    /// For the whole body to arrive; the caller's own time-out where that is shorter.
    pub body_time: Duration,
    /// What a caller waits that does not say so with `?timeout=`; the API server always says so.
    pub timeout: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body: ByteSize(8 << 20),
            bodies: ByteSize(64 << 20),
            requests: 1024,
            body_time: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
        }
    }
}

/// What `/readyz` asks of the policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Every enabled policy is compiled and has answered its self-test, now. A rollout with a broken policy stops at its first pod.
    #[default]
    EveryPolicy,
    /// Every enabled policy was so once, since the server started; a policy that a later change of the file breaks is reported, and its failure
    /// policy decides. Unlike [`Self::EveryPolicy`], a bad live change cannot take all replicas out of service at once.
    EveryPolicyOnce,
    /// A set of policies is there, whatever their states.
    SetLoaded,
}
