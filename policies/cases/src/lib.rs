//! Cases of policies, as Markdown has them; pure.
