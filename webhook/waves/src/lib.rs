//! Phases, waves and hooks to ordered groups, as Argo CD orders them; pure.
