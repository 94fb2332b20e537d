//! Kinds of changes that a plan leaves out: Atlas' `policy.diff.skip`.
//!
//! Rule followed: Atlas drops the changes after the comparison; `modify_table` drops everything inside a table that both sides have.

use crate::diff::{Change, TableChange};
use crate::settings::Skip;

/// Takes away what is skipped. A table with nothing left to change is no change.
pub(crate) fn skip(changes: &mut Vec<Change<'_>>, skip: Skip) {
    changes.retain_mut(|change| match change {
        Change::SchemaAdded { .. } => !skip.add_schema,
        Change::SchemaDropped { .. } => !skip.drop_schema,
        Change::SchemaChanged { .. } => !skip.modify_schema,
        Change::TableAdded { .. } => !skip.add_table,
        Change::TableDropped { .. } => !skip.drop_table,
        Change::TableRenamed { .. } => !skip.modify_table,
        Change::TableChanged { changes, .. } => {
            changes.retain(|change| !is_skipped(change, skip));
            !skip.modify_table && !changes.is_empty()
        }
        Change::ObjectAdded { .. }
        | Change::ObjectDropped { .. }
        | Change::ObjectChanged { .. } => true,
    });
}

fn is_skipped(change: &TableChange<'_>, skip: Skip) -> bool {
    match change {
        TableChange::ColumnAdded { .. } => skip.add_column,
        TableChange::ColumnDropped { .. } => skip.drop_column,
        TableChange::ColumnChanged { .. } | TableChange::ColumnRenamed { .. } => skip.modify_column,
        TableChange::IndexAdded { .. } => skip.add_index,
        TableChange::IndexDropped { .. } => skip.drop_index,
        TableChange::IndexChanged { .. } | TableChange::IndexRenamed { .. } => skip.modify_index,
        TableChange::ForeignKeyAdded { .. } => skip.add_foreign_key,
        TableChange::ForeignKeyDropped { .. } => skip.drop_foreign_key,
        TableChange::ForeignKeyChanged { .. } => skip.modify_foreign_key,
        TableChange::PrimaryKeyAdded { .. }
        | TableChange::PrimaryKeyDropped { .. }
        | TableChange::PrimaryKeyChanged { .. }
        | TableChange::CheckAdded { .. }
        | TableChange::CheckDropped { .. }
        | TableChange::CheckChanged { .. }
        | TableChange::OptionChanged { .. }
        | TableChange::CommentChanged { .. }
        | TableChange::DetailsChanged
        | TableChange::RightsChanged
        | TableChange::OwnerChanged => false,
    }
}
