//! The TLS server: admission endpoints, health, metrics, certificates.
