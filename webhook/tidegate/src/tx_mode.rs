//! `--tx-mode`, in Atlas' words.

use clap::ValueEnum;
use tidegate_database::TransactionMode;

/// What is one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TxMode {
    /// Each file of migrations; a plan.
    File,
    /// All files; a plan.
    All,
    /// Each statement.
    None,
}

impl From<TxMode> for TransactionMode {
    fn from(mode: TxMode) -> Self {
        match mode {
            TxMode::File => Self::File,
            TxMode::All => Self::All,
            TxMode::None => Self::None,
        }
    }
}
