//! The words of health, in Argo CD's order.

use std::fmt;

use serde::Serialize;

use crate::HealthError;

/// How an object is. Ordered from best to worst: an application is as healthy as its worst resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Status {
    /// All is well.
    Healthy,
    /// Stopped on purpose.
    Suspended,
    /// Not there yet, and may still get there.
    Progressing,
    /// Not in the cluster.
    Missing,
    /// Failed, or cannot get there in the time it was given.
    Degraded,
    /// Could not be found out.
    Unknown,
}

impl Status {
    /// All of them, best first.
    pub const ALL: [Self; 6] = [
        Self::Healthy,
        Self::Suspended,
        Self::Progressing,
        Self::Missing,
        Self::Degraded,
        Self::Unknown,
    ];

    /// As Argo CD writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        }
    }

    /// Reads Argo CD's word; exact, as there.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
