//! Connections that behave badly.
