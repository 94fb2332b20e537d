//! The rules. One is `name.rs` and `name.md`, and its line in the table below; its id is the file's name with dashes.
//!
//! The page says what, why, and what to write instead; the blocks of SQL and YAML in it are the rule's tests. A rule looks at what it needs:
//! the object, a text as such, one statement, or the old schema against the new. It reports to the [`Findings`] that it is given.

use tidegate_policy_sdk::prelude::{Object, Rule};

use crate::comparison::Comparison;
use crate::document::Database;
use crate::findings::Findings;
use crate::review::{Judged, Text};
use crate::waiver::Period;

/// A rule, and what it looks at.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) rule: &'static Rule,
    pub(crate) object: Option<fn(&Subject<'_>, &mut Findings)>,
    pub(crate) text: Option<fn(&Text<'_>, &mut Findings)>,
    pub(crate) statement: Option<fn(&Judged<'_>, &mut Findings)>,
    pub(crate) comparison: Option<fn(&Comparison<'_>, &mut Findings)>,
}

/// The object that holds the SQL.
pub(crate) struct Subject<'a> {
    pub(crate) object: &'a Object,
    pub(crate) old: Option<&'a Object>,
    pub(crate) database: &'a Database,
    /// The annotation that allows exceptions is new or changed, by somebody who may not.
    pub(crate) waives_without_right: bool,
    /// When exceptions hold.
    pub(crate) period: Period,
    /// What pointers into the object start with: nothing, or its place in a plan.
    pub(crate) prefix: &'a str,
}

impl Entry {
    const fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            object: None,
            text: None,
            statement: None,
            comparison: None,
        }
    }

    const fn object(mut self, check: fn(&Subject<'_>, &mut Findings)) -> Self {
        self.object = Some(check);
        self
    }

    const fn text(mut self, check: fn(&Text<'_>, &mut Findings)) -> Self {
        self.text = Some(check);
        self
    }

    const fn statement(mut self, check: fn(&Judged<'_>, &mut Findings)) -> Self {
        self.statement = Some(check);
        self
    }

    const fn comparison(mut self, check: fn(&Comparison<'_>, &mut Findings)) -> Self {
        self.comparison = Some(check);
        self
    }
}

/// Makes the modules and the two tables of them.
macro_rules! rules {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// Every rule, in the order in which they are asked.
        pub(crate) const RULES: &[Entry] = &[$($name::ENTRY,)*];

        /// What the policy says about its rules.
        pub(crate) const METADATA: &[&Rule] = &[$(&$name::RULE,)*];

        /// Each page, run as the test that it is.
        #[cfg(test)]
        mod pages {
            $(#[test]
            fn $name() {
                let name = concat!(stringify!($name), ".md");
                tidegate_policy_sdk::testing::check_file::<crate::UnsafeSql>(name, super::$name::RULE.documentation);
            })*
        }

        #[cfg(test)]
        const FILES: &[(&str, &str)] = &[$((stringify!($name), include_str!(concat!(stringify!($name), ".md"))),)*];
    };
}

rules! {
    plaintext_password,
    waiver,
    unknown_dialect,
    schema_not_visible,
    size_limit,
    executable_comment,
    hidden_character,
    delimiter_directive,
    suppression_comment,
    parser_disagreement,
    drop_database,
    drop_schema,
    drop_table,
    drop_column,
    drop_object,
    truncate,
    delete_without_where,
    update_without_where,
    rename_table,
    rename_column,
    rename_object,
    narrowed_type,
    change_type,
    change_domain,
    rewritten_table,
    changed_column,
    changed_enum,
    table_option,
    primary_key_change,
    new_constraint,
    lost_default,
    not_null_without_default,
    volatile_default,
    drop_index,
    drop_constraint,
    index_blocks_writes,
    add_foreign_key,
    add_check,
    add_unique,
    change_primary_key,
    table_rebuild,
    detach_partition,
    concurrent_in_transaction,
    validate_in_transaction,
    unbounded_copy,
    system_catalog,
    empty_schema,
    privilege,
    definer_rights,
    file_access,
    dynamic_sql,
    session_setting,
    integrity_off,
    server_setting,
    blocking_lock,
    transaction_control,
    unparsed,
    imperative_statement,
    migration_folder,
    migration_history,
}

/// The rule of exceptions that do not hold.
pub(crate) use waiver::RULE as WAIVER;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{FILES, METADATA};

    #[test]
    fn every_file_is_registered_and_named_by_its_rule() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
        let names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let registered: BTreeSet<String> =
            FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(entries_of(&names, ".md"), registered);
        let mut code = entries_of(&names, ".rs");
        code.remove("mod");
        assert_eq!(code, registered);
        for ((name, page), rule) in FILES.iter().zip(METADATA) {
            assert_eq!(rule.id, name.replace('_', "-"));
            assert_eq!(rule.documentation, *page);
            assert!(
                page.starts_with(&format!("# {}\n", rule.id)),
                "{name}.md must start with its id"
            );
        }
    }

    fn entries_of(names: &[String], ending: &str) -> BTreeSet<String> {
        names
            .iter()
            .filter_map(|name| name.strip_suffix(ending))
            .map(str::to_owned)
            .collect()
    }
}
