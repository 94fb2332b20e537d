//! golang-migrate: `1_users.up.sql` forward and `1_users.down.sql` back.

use super::{Note, Step, Version, file_name, needs_no_transaction, without_own_transaction};

pub(super) fn steps(entries: &[(String, String)], notes: &mut Vec<Note>) -> Vec<Step> {
    let mut steps = Vec::new();
    for (path, text) in entries {
        let mut note = |text: &str| {
            notes.push(Note {
                file: path.clone(),
                text: text.to_owned(),
            });
        };
        let name = file_name(path);
        if name.ends_with(".down.sql") {
            note("left out: it is the way back");
            continue;
        }
        let Some((version, description)) = name
            .strip_suffix(".up.sql")
            .and_then(|stem| stem.split_once('_'))
            .and_then(|(version, rest)| Some((Version::of(version)?, rest)))
        else {
            if name.strip_suffix(".sql").is_some() {
                note("not imported: its name is not VERSION_TITLE.up.sql");
            }
            continue;
        };
        let inner = without_own_transaction(text);
        if inner.is_some() {
            note("its own BEGIN and COMMIT were taken away: each file is one transaction");
        }
        steps.push(Step {
            source: path.clone(),
            version,
            description: description.to_owned(),
            without_transaction: needs_no_transaction(text),
            text: inner.unwrap_or_else(|| text.clone()),
            ..Step::default()
        });
    }
    steps
}
