//! Watches to snapshots to plans to actions to status.
