//! The rules: one file and one page each, and the table that registers them.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

mod annotation_misplaced;
mod annotation_misspelt;
mod annotation_not_text;
pub(crate) mod atlas_without_wave;
mod destination_server_and_name;
pub(crate) mod field_misplaced;
mod field_unknown;
mod field_wrong_type;
mod hook_delete_policy_unknown;
mod hook_unknown;
mod prune_on_control_plane;
mod retry_backoff_invalid;
mod retry_without_limit;
mod sync_option_unknown;
mod wave_not_integer;
mod wave_out_of_range;

/// Looks at one object and adds what it finds.
pub(crate) type Check = fn(&Subject, &mut Vec<Finding>);

/// How many words, options or fields of one object a rule looks at: no honest object comes near, and a hostile one must not make a
/// review long or its answer large.
pub(crate) const MOST: usize = 100;

/// Every rule with its check, in the order in which findings are shown.
pub(crate) const TABLE: [(&Rule, Check); 16] = [
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
];

/// The rules alone, as the policy's description wants them.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which checks the index"
)]
pub(crate) const RULES: [&Rule; TABLE.len()] = {
    let mut rules = [TABLE[0].0; TABLE.len()];
    let mut index = 0;
    while index < rules.len() {
        rules[index] = TABLE[index].0;
        index += 1;
    }
    rules
};
