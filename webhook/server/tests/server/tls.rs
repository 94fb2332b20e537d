//! Certificates: own and given, chains, swaps under load.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use tidegate_server::{CertificateSource, Server, Settings};

use crate::support::{Client, NAME, Obedient, Running, eventually, gate, tls, tls_of};

/// An authority, an intermediate below it, and a leaf below that, all fresh.
struct Pair {
    root: String,
    chain: String,
    key: String,
}

fn pair() -> Pair {
    let (root_key, middle_key, key) = (
        KeyPair::generate().unwrap(),
        KeyPair::generate().unwrap(),
        KeyPair::generate().unwrap(),
    );
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key).unwrap();
    let root = Issuer::new(root, root_key);
    let mut middle = CertificateParams::default();
    middle.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    middle
        .distinguished_name
        .push(rcgen::DnType::CommonName, "intermediate");
    let middle_certificate = middle.signed_by(&middle_key, &root).unwrap();
    let middle = Issuer::new(middle, middle_key);
    let leaf = CertificateParams::new([NAME.to_owned()])
        .unwrap()
        .signed_by(&key, &middle)
        .unwrap();
    Pair {
        root: root_certificate.pem(),
        chain: leaf.pem() + &middle_certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// A Secret as the kubelet mounts it: `tls.crt -> ..data/tls.crt`, `..data -> ..7`, and a swap renames a new `..data` over the old one.
struct Mounted {
    folder: TempDir,
    version: usize,
}

impl Mounted {
    fn new(pair: &Pair) -> Self {
        let mut mounted = Self {
            folder: tempfile::tempdir().unwrap(),
            version: 0,
        };
        mounted.swap(&pair.chain, &pair.key);
        for name in ["tls.crt", "tls.key"] {
            std::os::unix::fs::symlink(Path::new("..data").join(name), mounted.path(name)).unwrap();
        }
        mounted
    }

    fn swap(&mut self, chain: &str, key: &str) {
        let before = self.path(&format!("..{}", self.version));
        self.version += 1;
        let version = format!("..{}", self.version);
        fs::create_dir(self.path(&version)).unwrap();
        fs::write(self.path(&version).join("tls.crt"), chain).unwrap();
        fs::write(self.path(&version).join("tls.key"), key).unwrap();
        std::os::unix::fs::symlink(&version, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        let _ = fs::remove_dir_all(before);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self) -> Settings {
        let source = CertificateSource::Files {
            chain: self.path("tls.crt"),
            key: self.path("tls.key"),
        };
        let mut settings = Settings::new(source);
        settings.certificate_poll = Duration::from_millis(10);
        settings
    }
}

async fn served_leaf(server: &Running) -> CertificateDer<'static> {
    let stream = tls(server.webhook, &server.trust, "http/1.1")
        .await
        .unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

#[tokio::test]
async fn the_own_authority_is_all_that_a_caller_needs() {
    let server = Running::start(&Obedient::ready(), |_| {});
    for alpn in ["http/1.1", "h2"] {
        let mut client = server.connect(alpn).await.unwrap();
        for _ in 0..3 {
            assert!(client.review("nothing").await.unwrap(), "{alpn}");
            assert!(!client.review("deny").await.unwrap(), "{alpn}");
        }
    }
    let stranger = Running::start(&Obedient::ready(), |_| {});
    let error = Client::connect(server.webhook, &stranger.trust, "h2")
        .await
        .err()
        .unwrap();
    assert!(format!("{error:#}").contains("certificate"), "{error:#}");
    let not_after = server
        .metric("tidegate_certificate_not_after_timestamp_seconds")
        .await;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(
        not_after > now + 3000 && not_after < now + 3601,
        "{not_after}"
    );
}

#[tokio::test]
async fn two_versions_of_tls_and_of_http_are_spoken() {
    let server = Running::start(&Obedient::ready(), |_| {});
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (alpn, agreed) in [("h2", true), ("http/1.1", true), ("http/1.0", false)] {
            let stream = tls_of(&[version], server.webhook, &server.trust, alpn).await;
            let spoken = stream.ok().map(|stream| {
                let tls = stream.get_ref().1;
                (
                    tls.protocol_version(),
                    tls.alpn_protocol().map(<[u8]>::to_vec),
                )
            });
            let expected = agreed.then(|| (Some(version.version), Some(alpn.as_bytes().to_vec())));
            assert_eq!(spoken, expected, "{alpn}");
        }
    }
}

#[tokio::test]
async fn a_given_chain_is_served_whole() {
    let given = pair();
    let mounted = Mounted::new(&given);
    let server = Running::with(
        &Obedient::ready(),
        mounted.settings(),
        given.root.into_bytes(),
    );
    assert!(
        server
            .connect("h2")
            .await
            .unwrap()
            .review("nothing")
            .await
            .unwrap()
    );
    let stream = tls(server.webhook, &server.trust, "http/1.1")
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.peer_certificates().unwrap().len(), 2);
}

/// Each swap is served, and neither the connections that stay nor those that come lose a request over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_swaps_under_load_lose_no_request() {
    let pairs: Vec<Pair> = (0..6).map(|_| pair()).collect();
    let trust: String = pairs.iter().map(|pair| pair.root.as_str()).collect();
    let mut mounted = Mounted::new(&pairs[0]);
    let server = Running::with(&Obedient::ready(), mounted.settings(), trust.into_bytes());
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for (alpn, stays) in [
        ("http/1.1", true),
        ("h2", true),
        ("http/1.1", false),
        ("h2", false),
    ] {
        let (stop, answered, address, trust) = (
            Arc::clone(&stop),
            Arc::clone(&answered),
            server.webhook,
            server.trust.clone(),
        );
        callers.spawn(async move {
            let mut client = Client::connect(address, &trust, alpn).await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                if !stays {
                    client = Client::connect(address, &trust, alpn).await.unwrap();
                }
                assert!(client.review("nothing").await.unwrap());
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for next in &pairs[1..] {
        let before = served_leaf(&server).await;
        let answered_before = answered.load(Ordering::Relaxed);
        mounted.swap(&next.chain, &next.key);
        eventually("the new certificate is served", async || {
            served_leaf(&server).await != before
        })
        .await;
        eventually("requests go on", async || {
            answered.load(Ordering::Relaxed) > answered_before + 20
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!(
        server.metric("tidegate_certificates_refused_total").await,
        0
    );
}

#[tokio::test]
async fn a_bad_pair_leaves_the_good_one_in_place() {
    let (one, other) = (pair(), pair());
    let mut mounted = Mounted::new(&one);
    let trust = one.root.clone() + &other.root;
    let server = Running::with(&Obedient::ready(), mounted.settings(), trust.into_bytes());
    let good = served_leaf(&server).await;
    for (refused, chain, key) in [
        (1, other.chain.as_str(), one.key.as_str()),
        (2, "", ""),
        (3, &other.chain, "nonsense"),
    ] {
        mounted.swap(chain, key);
        eventually("it is refused", async || {
            server.metric("tidegate_certificates_refused_total").await == refused
        })
        .await;
        assert_eq!(served_leaf(&server).await, good);
    }
    mounted.swap(&other.chain, &other.key);
    eventually("the next good one is served", async || {
        served_leaf(&server).await != good
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_certificate_does_not_start() {
    let mut mounted = Mounted::new(&pair());
    mounted.swap(&pair().chain, &pair().key);
    let error = Server::bind(mounted.settings(), gate(&Obedient::ready())).unwrap_err();
    let error = format!("{:#}", anyhow::Error::from(error));
    assert!(
        error.contains("failed to get a certificate: failed to use "),
        "{error}"
    );
    assert!(
        error.contains("does not fit the leaf certificate"),
        "{error}"
    );
}
