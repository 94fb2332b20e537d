//! Tidegate against a real API server.
