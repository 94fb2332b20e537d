//! Policy: sync waves, hooks and sync options that cannot work.
