//! What the planner needs to know of an object's health; who finds it out is not this crate's concern.

use serde::Serialize;
pub use tidegate_model::health::HealthStatus;

/// The health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// In its own words.
    pub message: String,
}

impl Health {
    /// This status, this message.
    pub fn new(status: HealthStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}
