//! Tidegate against a real API server: what its users see, over kubectl.
//!
//! One binary, so that everything links once. Each test has a namespace of its own in one shared control plane, and webhook configurations that
//! only see that namespace.

mod certificate;
mod chart;
mod gate;
mod reconcile;
mod rooms;
mod shutdown;
mod tidegate;
