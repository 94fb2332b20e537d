//! The words of health, in Argo CD's order: who finds it out and who plans with it must mean the same.

use std::fmt;

use serde::Serialize;

/// How an object is. Ordered from best to worst: an application is as healthy as its worst resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum HealthStatus {
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

impl HealthStatus {
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

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
