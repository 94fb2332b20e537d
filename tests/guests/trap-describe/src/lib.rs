//! A policy that traps when asked what it is. The host must say so and go on without it.

use tidegate_policy_sdk::prelude::*;

/// The policy.
#[derive(Debug)]
pub struct TrapDescribe;

/// Settings whose schema cannot be made. Not empty: the SDK makes no schema for settings that hold nothing.
#[derive(Debug, Default, Deserialize)]
pub struct Settings {
    /// Anything.
    pub field: bool,
}

impl JsonSchema for Settings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Settings".into()
    }

    #[expect(clippy::panic, reason = "that is the point")]
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        panic!("asked to trap in describe")
    }
}

impl Policy for TrapDescribe {
    type Settings = Settings;
    const INFO: Info = Info::new("trap-describe", "0.1.0", "Traps when asked what it is.");

    fn review(_: &Request, _: &Settings, _: &mut Verdict) {}
}

export_policy!(TrapDescribe);
