//! The certificates and keys of one control plane: an authority, the API server's own, an administrator's, and the key that
//! signs service account tokens.
//!
//! They live as long as the plane and are trusted by nothing else, hence no renewal and the longest default validity.

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A certificate and its private key, both as PEM text.
pub struct Identity {
    /// The certificate, without the authority's.
    pub certificate: String,
    /// The private key. A secret, if only for the minutes that the plane lives.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// An authority that signs certificates until it is dropped.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// A new authority with a key of its own.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mut params = params(name, None, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().context("generating the authority's key")?;
        let certificate = params
            .self_signed(&key)
            .context("signing the authority")?
            .pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// The authority's own certificate as PEM text.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A server's identity for these DNS names and IP addresses.
    pub fn server(
        &self,
        name: &str,
        subject_alternative_names: &[&str],
    ) -> anyhow::Result<Identity> {
        self.sign(
            name,
            None,
            subject_alternative_names,
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// A client's identity. Kubernetes takes the common name for the user and the organisation for a group.
    pub fn client(&self, user: &str, group: &str) -> anyhow::Result<Identity> {
        self.sign(user, Some(group), &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        name: &str,
        organisation: Option<&str>,
        names: &[&str],
        usage: ExtendedKeyUsagePurpose,
    ) -> anyhow::Result<Identity> {
        let mut params = params(name, organisation, names)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().with_context(|| format!("generating a key for {name}"))?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .with_context(|| format!("signing {name}"))?;
        Ok(Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// A key pair that belongs to no certificate, as for service account tokens.
pub struct SigningKey {
    /// The private key as PEM text.
    pub private: String,
    /// The public key as PEM text.
    pub public: String,
}

impl SigningKey {
    /// A new key pair.
    pub fn generate() -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("generating a signing key")?;
        Ok(Self {
            private: key.serialize_pem(),
            public: key.public_key_pem(),
        })
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn params(
    name: &str,
    organisation: Option<&str>,
    names: &[&str],
) -> anyhow::Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).with_context(|| format!("naming {name}"))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(organisation) = organisation {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation);
    }
    Ok(params)
}
