//! Keeps the served certificate up to date: files that somebody else swaps, or our own leaf that grows old.
//!
//! Files are compared by content once a poll, not watched: Kubernetes swaps a symlink two levels up, editors rename, and some volumes send no events
//! at all, while reading two small files a second costs nothing. The clock is asked at every poll too, so that a machine that slept renews
//! when it wakes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{Authority, AuthorityError, Certificate, CertificateError, Served};
use crate::CertificateSource;
use crate::metrics::Metrics;

/// How often a pair that cannot be read is looked for before it counts as missing.
const READ_ATTEMPTS: u32 = 5;

/// Why there is no certificate, or no newer one.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// A file cannot be read.
    #[error("failed to read {file}")]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The files were read and are not a certificate with its key.
    #[error("failed to use {chain} with {key}")]
    Pair {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// The own authority cannot sign.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// Gives the first certificate, then looks for newer ones.
#[derive(Debug)]
pub(crate) struct Follower {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Files {
        chain: PathBuf,
        key: PathBuf,
        seen: Pair,
    },
    Own {
        authority: Box<Authority>,
        names: Vec<String>,
        lifetime: Duration,
        renew_at: SystemTime,
    },
}

/// What two files held when last looked at, good or bad.
#[derive(Default, PartialEq)]
struct Pair {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair")
    }
}

impl Follower {
    pub(crate) fn new(source: CertificateSource) -> Self {
        let source = match source {
            CertificateSource::Files { chain, key } => Source::Files {
                chain,
                key,
                seen: Pair::default(),
            },
            CertificateSource::Own {
                authority,
                names,
                lifetime,
            } => Source::Own {
                authority,
                names,
                lifetime,
                renew_at: SystemTime::UNIX_EPOCH,
            },
        };
        Self { source }
    }

    /// A certificate newer than the last one given, if there is any.
    pub(crate) fn next(&mut self, now: SystemTime) -> Result<Option<Certificate>, FollowError> {
        match &mut self.source {
            Source::Files { chain, key, seen } => {
                let pair = read_pair(chain, key)?;
                if pair == *seen {
                    return Ok(None);
                }
                *seen = pair;
                let failed = |source| FollowError::Pair {
                    chain: chain.clone(),
                    key: key.clone(),
                    source,
                };
                Certificate::from_pem(&seen.chain, &seen.key)
                    .map(Some)
                    .map_err(failed)
            }
            Source::Own {
                authority,
                names,
                lifetime,
                renew_at,
            } => {
                if now < *renew_at {
                    return Ok(None);
                }
                let certificate = authority.sign(names, now, *lifetime)?;
                *renew_at = now + *lifetime * 2 / 3;
                Ok(Some(certificate))
            }
        }
    }

    /// Looks for a newer certificate at every poll until told to stop. A bad one is told about once, and the good one stays.
    pub(crate) async fn follow(
        mut self,
        served: Arc<Served>,
        metrics: Metrics,
        poll: Duration,
        stop: CancellationToken,
    ) {
        let mut ticks = tokio::time::interval(poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unreadable = false;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // Reading files and signing take a while; the connections go on meanwhile.
            let looked = tokio::task::spawn_blocking(move || {
                let next = self.next(SystemTime::now());
                (self, next)
            });
            let Ok((follower, next)) = looked.await else {
                error!("the certificate is no longer followed: looking for a newer one panicked");
                return;
            };
            self = follower;
            let was_unreadable = std::mem::take(&mut unreadable);
            match next {
                Ok(None) => {}
                Ok(Some(certificate)) => {
                    served.replace(&certificate);
                    metrics.certificate_served(certificate.not_after());
                    info!(not_after = ?certificate.not_after(), "certificate replaced");
                }
                Err(failure) => {
                    unreadable = matches!(failure, FollowError::Read { .. });
                    if !(unreadable && was_unreadable) {
                        metrics.certificate_refused();
                        error!(error = %chain_of(&failure), "new certificate refused; the one before stays");
                    }
                }
            }
        }
    }
}

/// Both files as they were at one moment. Kubernetes swaps the `..data` link above both and then removes what it pointed to: a chain read before and a
/// key read after do not fit, and either may be gone.
fn read_pair(chain: &Path, key: &Path) -> Result<Pair, FollowError> {
    let mut attempts = 1;
    loop {
        match read_pair_at_once(chain, key) {
            Ok(Some(pair)) => return Ok(pair),
            Err(error) if attempts == READ_ATTEMPTS => return Err(error),
            Ok(None) | Err(_) => attempts += 1,
        }
    }
}

/// None: they were swapped meanwhile.
fn read_pair_at_once(chain: &Path, key: &Path) -> Result<Option<Pair>, FollowError> {
    let before = (place(chain)?, place(key)?);
    let pair = Pair {
        chain: read(&before.0)?,
        key: read(&before.1)?,
    };
    let after = (place(chain)?, place(key)?);
    Ok((before == after).then_some(pair))
}

fn place(file: &Path) -> Result<PathBuf, FollowError> {
    fs::canonicalize(file).map_err(|source| FollowError::Read {
        file: file.to_owned(),
        source,
    })
}

fn read(file: &Path) -> Result<Vec<u8>, FollowError> {
    fs::read(file).map_err(|source| FollowError::Read {
        file: file.to_owned(),
        source,
    })
}

/// An error with its causes, on one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(lifetime: Duration) -> Follower {
        let authority = Authority::generate(SystemTime::now()).unwrap().into();
        Follower::new(CertificateSource::Own {
            authority,
            names: vec!["a.svc".into()],
            lifetime,
        })
    }

    #[test]
    fn an_own_leaf_is_renewed_after_two_thirds_of_its_life() {
        let day = Duration::from_hours(24);
        let mut follower = own(3 * day);
        let start = SystemTime::now();
        for (after, renewed) in [
            (0, true),
            (0, false),
            (1, false),
            (2, true),
            (3, false),
            (4, true),
        ] {
            let next = follower.next(start + after * day).unwrap();
            assert_eq!(next.is_some(), renewed, "day {after}");
        }
    }

    #[test]
    fn a_bad_pair_is_told_about_once_and_a_good_one_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
        let one = Authority::generate(SystemTime::now()).unwrap();
        let other = Authority::generate(SystemTime::now()).unwrap();
        let mut follower = Follower::new(CertificateSource::Files {
            chain: chain.clone(),
            key: key.clone(),
        });

        let missing = follower.next(SystemTime::now()).unwrap_err();
        assert!(
            chain_of(&missing).contains("tls.crt: No such file"),
            "{}",
            chain_of(&missing)
        );

        fs::write(&chain, one.certificate_pem()).unwrap();
        fs::write(&key, other.key_pem()).unwrap();
        let mismatch = follower.next(SystemTime::now()).unwrap_err();
        assert!(
            chain_of(&mismatch).contains("does not fit the leaf"),
            "{}",
            chain_of(&mismatch)
        );
        assert!(follower.next(SystemTime::now()).unwrap().is_none());

        fs::write(&key, one.key_pem()).unwrap();
        assert!(follower.next(SystemTime::now()).unwrap().is_some());
        assert!(follower.next(SystemTime::now()).unwrap().is_none());
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let good = Authority::generate(SystemTime::now()).unwrap();
        for (chain, key, expected) in [
            ("", good.key_pem(), "there is no certificate in the chain"),
            (good.certificate_pem(), "", "failed to read the private key"),
            (
                good.key_pem(),
                good.key_pem(),
                "there is no certificate in the chain",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                good.key_pem(),
                "failed to read the leaf",
            ),
        ] {
            let error = Certificate::from_pem(chain.as_bytes(), key.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(expected),
                "{error} should contain {expected}"
            );
        }
    }
}
