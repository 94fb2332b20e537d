//! Policy: SQL that loses data, blocks the database or hides something.
