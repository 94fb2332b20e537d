//! Certificates: own and given, chains, swaps under load.
