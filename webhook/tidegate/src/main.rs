//! The door: wires the rooms together.
fn main() {}
