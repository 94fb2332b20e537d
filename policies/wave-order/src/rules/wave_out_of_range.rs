//! A wave that does not fit in 32 bits.

use tidegate_model::object::annotation;
use tidegate_model::wave::{self, WaveError};
use tidegate_model::words::SYNC_WAVE;
use tidegate_policy_sdk::prelude::*;

use crate::subject::{Subject, annotation_pointer, quote};

pub(crate) const RULE: Rule = Rule::error(
    "wave-out-of-range",
    "A sync wave does not fit in 32 bits",
    include_str!("wave_out_of_range.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(text) = annotation(subject.object, SYNC_WAVE) else {
        return;
    };
    if wave::parse(text) == Err(WaveError::OutOfRange) {
        let message = format!(
            "{SYNC_WAVE} is {}, outside -2147483648 to 2147483647",
            quote(text)
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(annotation_pointer(SYNC_WAVE))
                .suggest("Use small numbers with room between them, such as -10, 0, 10"),
        );
    }
}
