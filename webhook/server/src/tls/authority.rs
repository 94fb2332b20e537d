//! Our own certificate authority, for clusters without cert-manager.
//!
//! The authority is kept (its certificate is the `caBundle` of the webhook configurations and must survive a restart), leaves are not: each
//! process signs its own, for days rather than a year, so that nothing has to be mounted, copied or revoked.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Certificate, CertificateError};

/// Ten years: replacing it is a deliberate act (two certificates in the bundle for a while), not something that a clock does to a cluster.
const AUTHORITY_LIFETIME: Duration = Duration::from_hours(3650 * 24);

/// Clocks of nodes differ; a certificate that begins now is refused by one that is a minute behind.
const BACKDATED: Duration = Duration::from_hours(1);

const CERTIFICATE_FILE: &str = "ca.crt";
const KEY_FILE: &str = "ca.key";

/// A certificate authority that signs this process's leaves.
pub struct Authority {
    certificate: String,
    key: String,
}

/// What can go wrong with the own authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its folder cannot be read or written.
    #[error("failed to {doing} {file}: {source}")]
    Folder {
        /// `read`, `write`, `make`.
        doing: &'static str,
        /// The file or folder.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificate or key are not what they should be, or do not belong together.
    #[error("failed to use the certificate authority: {0}")]
    Pem(#[source] rcgen::Error),
    /// The two texts are each fine and belong to different authorities.
    #[error("the certificate authority's key does not fit its certificate")]
    Mismatch(#[source] CertificateError),
    /// A leaf could not be made; a name that is no DNS name, for example.
    #[error("failed to sign a certificate for {names}: {source}")]
    Sign {
        /// For which names.
        names: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// What was signed cannot be served.
    #[error("failed to use the signed certificate")]
    Leaf(#[source] CertificateError),
}

impl Authority {
    /// Makes a new one, valid from an hour before `now` for ten years.
    pub fn generate(now: SystemTime) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::Pem)?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "tidegate");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = (now - BACKDATED).into();
        params.not_after = (now + AUTHORITY_LIFETIME).into();
        let certificate = params.self_signed(&key).map_err(AuthorityError::Pem)?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// One that was made before. Whoever keeps it may keep it in a Secret.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let pair = KeyPair::from_pem(key).map_err(AuthorityError::Pem)?;
        Issuer::from_ca_cert_pem(certificate, pair).map_err(AuthorityError::Pem)?;
        Certificate::from_pem(certificate.as_bytes(), key.as_bytes())
            .map_err(AuthorityError::Mismatch)?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// The one kept in this folder as `ca.crt` and `ca.key`, made if there is none. The key is readable by its owner only.
    pub fn in_folder(folder: &Path, now: SystemTime) -> Result<Self, AuthorityError> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        if let (Some(certificate), Some(key)) = (read_if_there(&certificate)?, read_if_there(&key)?)
        {
            return Self::from_pem(&certificate, &key);
        }
        let made = Self::generate(now)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| AuthorityError::Folder {
                doing: "make",
                file: folder.display().to_string(),
                source,
            })?;
        // The certificate goes last: with a key alone the next start makes a new pair.
        write_whole(&key, &made.key, 0o600)?;
        write_whole(&certificate, &made.certificate, 0o644)?;
        Ok(made)
    }

    /// The PEM that goes into `caBundle`.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The PEM that must be kept secret.
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// Signs a leaf for these DNS names and IP addresses, with a fresh key, valid from an hour before `now` until `lifetime` after it.
    pub fn sign(
        &self,
        names: &[String],
        now: SystemTime,
        lifetime: Duration,
    ) -> Result<Certificate, AuthorityError> {
        let failed = |source| AuthorityError::Sign {
            names: names.join(", "),
            source,
        };
        let pair = KeyPair::from_pem(&self.key).map_err(AuthorityError::Pem)?;
        let issuer =
            Issuer::from_ca_cert_pem(&self.certificate, pair).map_err(AuthorityError::Pem)?;
        let mut params = CertificateParams::new(names).map_err(failed)?;
        // The API server looks at the alternative names only; the common name is for people who read certificates.
        params
            .distinguished_name
            .push(DnType::CommonName, "tidegate webhook");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.not_before = (now - BACKDATED).into();
        params.not_after = (now + lifetime).into();
        let key = KeyPair::generate().map_err(AuthorityError::Pem)?;
        let leaf = params.signed_by(&key, &issuer).map_err(failed)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Certificate::from_der(vec![leaf.der().clone()], key).map_err(AuthorityError::Leaf)
    }
}

/// Without the key.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

fn read_if_there(file: &Path) -> Result<Option<String>, AuthorityError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AuthorityError::Folder {
            doing: "read",
            file: file.display().to_string(),
            source,
        }),
    }
}

/// A reader sees the old file or the whole new one.
fn write_whole(file: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let failed = |source| AuthorityError::Folder {
        doing: "write",
        file: file.display().to_string(),
        source,
    };
    let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
    let mut open = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)
        .map_err(failed)?;
    open.write_all(text.as_bytes())
        .and_then(|()| open.sync_all())
        .map_err(failed)?;
    fs::rename(&unfinished, file).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn an_authority_is_the_same_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let made = Authority::in_folder(&folder.path().join("ca"), SystemTime::now()).unwrap();
        let found = Authority::in_folder(&folder.path().join("ca"), SystemTime::now()).unwrap();
        assert_eq!(made.certificate_pem(), found.certificate_pem());
    }

    #[test]
    fn its_key_is_nobody_elses_to_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let made = Authority::in_folder(folder.path(), SystemTime::now()).unwrap();
        assert_eq!(
            fs::metadata(folder.path().join(KEY_FILE))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
        assert!(!format!("{made:?}").contains("PRIVATE KEY"));
    }

    #[test]
    fn a_leaf_ends_when_it_was_asked_to() {
        let now = SystemTime::now();
        let leaf = Authority::generate(now)
            .unwrap()
            .sign(&["tidegate.svc".into(), "127.0.0.1".into()], now, 7 * DAY)
            .unwrap();
        let life = leaf.not_after().duration_since(now).unwrap();
        assert!(
            life <= 7 * DAY && life + Duration::from_secs(2) > 7 * DAY,
            "{life:?}"
        );
    }

    #[test]
    fn a_foreign_key_is_refused() {
        let now = SystemTime::now();
        let (one, other) = (
            Authority::generate(now).unwrap(),
            Authority::generate(now).unwrap(),
        );
        let error = Authority::from_pem(one.certificate_pem(), other.key_pem()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the certificate authority's key does not fit its certificate"
        );
    }
}
