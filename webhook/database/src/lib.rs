//! Connect, inspect, lock and execute.
