//! Cases run natively.
