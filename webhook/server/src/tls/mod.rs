//! The certificate that is served right now, and how it changes without a connection lost.
//!
//! rustls asks a resolver at each handshake, and the resolver gives what was last put into it: connections that are open keep what they have, new
//! ones get the new certificate. The provider is passed explicitly and never installed as the process's default, so that two crates that choose
//! different ones cannot make the program panic.

mod authority;
mod certificate;
mod follow;

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use authority::{Authority, AuthorityError};
pub use certificate::{Certificate, CertificateError};
pub use follow::FollowError;
pub(crate) use follow::Follower;

/// What is served; shared by the handshakes and by whoever renews.
#[derive(Debug)]
pub(crate) struct Served(ArcSwap<CertifiedKey>);

impl Served {
    pub(crate) fn new(certificate: &Certificate) -> Arc<Self> {
        Arc::new(Self(ArcSwap::new(certificate.certified_key())))
    }

    pub(crate) fn replace(&self, certificate: &Certificate) {
        self.0.store(certificate.certified_key());
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The one cryptography provider of this server.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1. No session resumption: the API server keeps its connections, and a ticket would outlive a certificate.
pub(crate) fn server_config(served: Arc<Served>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(served);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
