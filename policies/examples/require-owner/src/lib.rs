//! Example policy: every Application names its owner.
