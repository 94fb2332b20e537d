//! See `validate_in_transaction.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_policy_sdk::prelude::Severity;
use tidegate_sqlplan::AlterAction;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::warning(
    "validate-in-transaction",
    "A constraint is validated under the lock that added it",
    include_str!("validate_in_transaction.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        let AlterAction::ValidateConstraint { name } = action else {
            continue;
        };
        let created = judged.created;
        if !created.is_unvalidated(table, name, judged.dialect()) || created.own_transactions() {
            continue;
        }
        let severity = if created.in_transaction() {
            Severity::Error
        } else {
            Severity::Warning
        };
        findings.push_as(
            severity,
            position,
            format!(
                "`{name}` was added in this file: if the file is one transaction, the lock of that \
                 keeps everybody out of `{table}` while all rows are checked"
            ),
            "validate it in a later file, or start the file with `-- atlas:txmode none`",
        );
    }
}
