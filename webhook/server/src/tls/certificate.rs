//! A certificate chain with its key, checked before anybody is served with it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;

use super::provider;

/// A chain and the key that belongs to its leaf.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    not_after: SystemTime,
}

/// Why a pair of texts is not a certificate that can be served. None of the messages holds a part of the key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The chain is not PEM.
    #[error("failed to read the certificate chain: {0}")]
    Chain(pem::Error),
    /// The chain is PEM without a certificate.
    #[error("there is no certificate in the chain; expected `-----BEGIN CERTIFICATE-----`")]
    NoCertificate,
    /// The key is not PEM, or there is none.
    #[error("failed to read the private key: {0}")]
    Key(pem::Error),
    /// A certificate that X.509 does not know.
    #[error("failed to read the leaf certificate: {0}")]
    Leaf(String),
    /// The key belongs to another certificate, or is of a kind that cannot be served.
    #[error("the private key does not fit the leaf certificate: {0}")]
    Mismatch(rustls::Error),
}

impl Certificate {
    /// Reads a PEM chain, leaf first, and its PEM key. Other PEM sections in between are passed over.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(CertificateError::Chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Key)?;
        Self::from_der(chain, key)
    }

    pub(super) fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        let leaf = chain.first().ok_or(CertificateError::NoCertificate)?;
        let not_after = not_after(leaf)?;
        let key =
            CertifiedKey::from_der(chain, key, &provider()).map_err(CertificateError::Mismatch)?;
        Ok(Self {
            key: Arc::new(key),
            not_after,
        })
    }

    /// When the leaf stops being valid.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn not_after(leaf: &CertificateDer<'_>) -> Result<SystemTime, CertificateError> {
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf)
        .map_err(|error| CertificateError::Leaf(error.to_string()))?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}
