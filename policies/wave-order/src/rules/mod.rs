//! The rules: one file and one page each, and the table that registers them.

use tidegate_policy_sdk::prelude::*;

use crate::plan::Set;
use crate::subject::Subject;

mod allow_empty;
mod annotation_misplaced;
mod annotation_misspelt;
mod annotation_not_text;
pub(crate) mod application_incomplete;
mod applications_do_not_wait;
mod atlas_health_unaware;
pub(crate) mod atlas_without_wave;
mod compare_option_unknown;
mod database_shared;
mod delete_policy_without_hook;
mod destination_in_kube_system;
mod destination_server_and_name;
pub(crate) mod field_misplaced;
mod field_unknown;
mod field_wrong_type;
pub(crate) mod finalizer_missing;
pub(crate) mod finalizer_misspelt;
mod hook_delete_policy_unknown;
mod hook_job_vanishes;
mod hook_on_lasting_kind;
mod hook_unknown;
mod hook_without_delete_policy;
mod ignore_differences_hide;
mod object_repeated;
mod object_too_large;
mod path_outside;
mod project_allows_everything;
mod project_allows_nothing;
mod project_default;
mod prune_lasting;
mod prune_most;
mod prune_on_control_plane;
mod reference_in_later_wave;
mod retry_backoff_invalid;
pub(crate) mod retry_missing;
mod retry_without_limit;
mod revision_moving;
mod schema_before_database;
mod self_heal_without_automation;
mod source_and_sources;
mod source_tools_conflict;
mod store_in_later_wave;
mod sync_option_conflict;
mod sync_option_unknown;
mod sync_window_dead;
mod waits_in_circle;
mod wave_never_healthy;
mod wave_not_integer;
mod wave_out_of_range;
mod wave_overruled;
mod wave_without_effect;
mod workload_before_migration;
mod workload_before_schema;

/// Looks at one object and adds what it finds.
pub(crate) type Check = fn(&Subject, &mut Vec<Finding>);

/// How many words, options or fields of one object a rule looks at: no honest object comes near, and a hostile one must not make a
/// review long or its answer large.
pub(crate) const MOST: usize = 100;

/// Every rule with its check, in the order in which findings are shown.
pub(crate) const TABLE: [(&Rule, Check); 40] = [
    (&annotation_not_text::RULE, annotation_not_text::check),
    (&annotation_misplaced::RULE, annotation_misplaced::check),
    (&annotation_misspelt::RULE, annotation_misspelt::check),
    (&wave_not_integer::RULE, wave_not_integer::check),
    (&wave_out_of_range::RULE, wave_out_of_range::check),
    (&atlas_without_wave::RULE, atlas_without_wave::check),
    (&hook_unknown::RULE, hook_unknown::check),
    (
        &hook_delete_policy_unknown::RULE,
        hook_delete_policy_unknown::check,
    ),
    (&sync_option_unknown::RULE, sync_option_unknown::check),
    (&compare_option_unknown::RULE, compare_option_unknown::check),
    (&field_misplaced::RULE, field_misplaced::check),
    (&field_unknown::RULE, field_unknown::check),
    (&field_wrong_type::RULE, field_wrong_type::check),
    (
        &destination_server_and_name::RULE,
        destination_server_and_name::check,
    ),
    (&prune_on_control_plane::RULE, prune_on_control_plane::check),
    (&retry_without_limit::RULE, retry_without_limit::check),
    (&retry_backoff_invalid::RULE, retry_backoff_invalid::check),
    (&wave_without_effect::RULE, wave_without_effect::check),
    (
        &hook_without_delete_policy::RULE,
        hook_without_delete_policy::check,
    ),
    (
        &delete_policy_without_hook::RULE,
        delete_policy_without_hook::check,
    ),
    (&hook_job_vanishes::RULE, hook_job_vanishes::check),
    (&hook_on_lasting_kind::RULE, hook_on_lasting_kind::check),
    (&sync_option_conflict::RULE, sync_option_conflict::check),
    (&application_incomplete::RULE, application_incomplete::check),
    (&source_and_sources::RULE, source_and_sources::check),
    (&source_tools_conflict::RULE, source_tools_conflict::check),
    (&path_outside::RULE, path_outside::check),
    (&revision_moving::RULE, revision_moving::check),
    (&project_default::RULE, project_default::check),
    (
        &destination_in_kube_system::RULE,
        destination_in_kube_system::check,
    ),
    (
        &ignore_differences_hide::RULE,
        ignore_differences_hide::check,
    ),
    (&finalizer_misspelt::RULE, finalizer_misspelt::check),
    (&finalizer_missing::RULE, finalizer_missing::check),
    (&allow_empty::RULE, allow_empty::check),
    (
        &self_heal_without_automation::RULE,
        self_heal_without_automation::check,
    ),
    (&retry_missing::RULE, retry_missing::check),
    (
        &project_allows_everything::RULE,
        project_allows_everything::check,
    ),
    (&project_allows_nothing::RULE, project_allows_nothing::check),
    (&sync_window_dead::RULE, sync_window_dead::check),
    (&atlas_health_unaware::RULE, atlas_health_unaware::check),
];

/// Looks at everything that a sync brings and adds what it finds.
pub(crate) type SetCheck = fn(&Set, &mut Vec<Finding>);

/// Every rule over a whole set with its check, in the order in which findings are shown.
pub(crate) const SET_TABLE: [(&Rule, SetCheck); 14] = [
    (
        &reference_in_later_wave::RULE,
        reference_in_later_wave::check,
    ),
    (&schema_before_database::RULE, schema_before_database::check),
    (&workload_before_schema::RULE, workload_before_schema::check),
    (
        &workload_before_migration::RULE,
        workload_before_migration::check,
    ),
    (&store_in_later_wave::RULE, store_in_later_wave::check),
    (&waits_in_circle::RULE, waits_in_circle::check),
    (&wave_never_healthy::RULE, wave_never_healthy::check),
    (
        &applications_do_not_wait::RULE,
        applications_do_not_wait::check,
    ),
    (&wave_overruled::RULE, wave_overruled::check),
    (&database_shared::RULE, database_shared::check),
    (&object_repeated::RULE, object_repeated::check),
    (&object_too_large::RULE, object_too_large::check),
    (&prune_lasting::RULE, prune_lasting::check),
    (&prune_most::RULE, prune_most::check),
];

/// Rules that say of a set what `atlas-without-wave` only supposes of one object.
pub(crate) const EXPLAIN_MISSING_WAVES: [&str; 2] = [
    schema_before_database::RULE.id,
    workload_before_schema::RULE.id,
];

/// The rules alone, those over one object first, as the policy's description wants them.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which checks the index"
)]
pub(crate) const RULES: [&Rule; TABLE.len() + SET_TABLE.len()] = {
    let mut rules = [TABLE[0].0; TABLE.len() + SET_TABLE.len()];
    let mut index = 0;
    while index < rules.len() {
        rules[index] = if index < TABLE.len() {
            TABLE[index].0
        } else {
            SET_TABLE[index - TABLE.len()].0
        };
        index += 1;
    }
    rules
};
