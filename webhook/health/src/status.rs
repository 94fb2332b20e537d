//! What is known about an object's health.

use serde::Serialize;

pub use tidegate_model::health::HealthStatus as Status;

use crate::HealthError;

/// What is known about an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// None only where a script returned nothing (`nil` or an empty table), which Argo CD keeps as an empty status.
    pub status: Option<Status>,
    /// Why; may be empty.
    pub message: String,
}

impl Health {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status: Some(status),
            message: message.into(),
        }
    }

    /// What a script said that returned nothing.
    pub(crate) fn unsaid() -> Self {
        Self {
            status: None,
            message: String::new(),
        }
    }
}

/// What could not be found out is `Unknown`, with the reason as its message, as in Argo CD.
impl From<&HealthError> for Health {
    fn from(error: &HealthError) -> Self {
        Self::new(Status::Unknown, error.to_string())
    }
}
