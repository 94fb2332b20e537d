//! Sync options: the words of `spec.syncPolicy.syncOptions` and of the sync-options annotation.
//!
//! Argo CD looks for exact strings such as `CreateNamespace=true`. Anything else in the list, a wrong case, a space, a word that does not exist, is
//! passed over without a message. The table says which words mean something and where.

/// The two values of most options. The one that is the default anyway does nothing, and harms nothing.
const BOOLEAN: &[&str] = &["true", "false"];

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncOption {
    /// The part before `=`.
    pub key: &'static str,
    /// The parts after `=` that mean something.
    pub values: &'static [&'static str],
    /// Whether it is read from `spec.syncPolicy.syncOptions` of an Application.
    pub application: bool,
    /// Whether it is read from the annotation of a resource.
    pub resource: bool,
}

/// All options of Argo CD 3.5.
pub const SYNC_OPTIONS: [SyncOption; 14] = [
    SyncOption {
        key: "ApplyOutOfSyncOnly",
        values: BOOLEAN,
        application: true,
        resource: false,
    },
    SyncOption {
        key: "ClientSideApplyMigration",
        values: BOOLEAN,
        application: true,
        resource: true,
    },
    SyncOption {
        key: "CreateNamespace",
        values: BOOLEAN,
        application: true,
        resource: false,
    },
    SyncOption {
        key: "Delete",
        values: &["true", "false", "confirm"],
        application: true,
        resource: true,
    },
    SyncOption {
        key: "FailOnSharedResource",
        values: BOOLEAN,
        application: true,
        resource: false,
    },
    SyncOption {
        key: "Force",
        values: BOOLEAN,
        application: false,
        resource: true,
    },
    SyncOption {
        key: "Prune",
        values: &["true", "false", "confirm"],
        application: true,
        resource: true,
    },
    SyncOption {
        key: "PruneLast",
        values: BOOLEAN,
        application: true,
        resource: true,
    },
    SyncOption {
        key: "PrunePropagationPolicy",
        values: &["foreground", "background", "orphan"],
        application: true,
        resource: false,
    },
    SyncOption {
        key: "Replace",
        values: BOOLEAN,
        application: true,
        resource: true,
    },
    SyncOption {
        key: "RespectIgnoreDifferences",
        values: BOOLEAN,
        application: true,
        resource: false,
    },
    SyncOption {
        key: "ServerSideApply",
        values: BOOLEAN,
        application: true,
        resource: true,
    },
    SyncOption {
        key: "SkipDryRunOnMissingResource",
        values: BOOLEAN,
        application: true,
        resource: true,
    },
    SyncOption {
        key: "Validate",
        values: BOOLEAN,
        application: true,
        resource: true,
    },
];

/// Where an option is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `spec.syncPolicy.syncOptions` of an Application.
    Application,
    /// `argocd.argoproj.io/sync-options` of a resource.
    Resource,
}

/// What Argo CD does with a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It does what it says.
    Known,
    /// Nothing, but this text would do what was probably meant.
    Misspelt(String),
    /// Nothing: the option exists, but takes only these values.
    UnknownValue(&'static SyncOption),
    /// Nothing: the option is read in the other place only.
    WrongPlace(&'static SyncOption),
    /// Nothing: there is no such option.
    Unknown,
}

/// Reads one word as written in `place`.
pub fn read(word: &str, place: Place) -> Reading {
    let (key, value) = match word.split_once(['=', ':']) {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (word.trim(), None),
    };
    let Some(option) = find(key) else {
        return Reading::Unknown;
    };
    if !option.is_read_in(place) {
        return Reading::WrongPlace(option);
    }
    let Some(value) = value else {
        return match option.values.first() {
            Some(&"true") if option.values == BOOLEAN => {
                Reading::Misspelt(format!("{}=true", option.key))
            }
            _ => Reading::UnknownValue(option),
        };
    };
    let value = value.trim_matches(['"', '\'']);
    let Some(known) = option
        .values
        .iter()
        .find(|known| known.eq_ignore_ascii_case(value))
    else {
        return Reading::UnknownValue(option);
    };
    let right = format!("{}={known}", option.key);
    if right == word {
        Reading::Known
    } else {
        Reading::Misspelt(right)
    }
}

/// The option whose key this is, whatever its case and without inner `-`, `_` and spaces.
pub fn find(key: &str) -> Option<&'static SyncOption> {
    SYNC_OPTIONS
        .iter()
        .find(|option| letters(option.key).eq(letters(key)))
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .map(|c| c.to_ascii_lowercase())
}

impl SyncOption {
    /// Whether Argo CD reads the option in `place`.
    pub const fn is_read_in(&self, place: Place) -> bool {
        match place {
            Place::Application => self.application,
            Place::Resource => self.resource,
        }
    }

    /// Every text that means something, for people: `Prune=true, Prune=false or Prune=confirm`.
    pub fn texts(&self) -> String {
        let mut texts: Vec<String> = self
            .values
            .iter()
            .map(|value| format!("{}={value}", self.key))
            .collect();
        match texts.pop() {
            Some(last) if !texts.is_empty() => format!("{} or {last}", texts.join(", ")),
            last => last.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_argo_cd_does() {
        let application = Place::Application;
        for (word, place, expected) in [
            ("CreateNamespace=true", application, Reading::Known),
            ("Prune=confirm", application, Reading::Known),
            ("PrunePropagationPolicy=orphan", application, Reading::Known),
            (
                "createNamespace=true",
                application,
                Reading::Misspelt("CreateNamespace=true".into()),
            ),
            (
                "CreateNamespace=True",
                application,
                Reading::Misspelt("CreateNamespace=true".into()),
            ),
            (
                "PruneLast = true",
                application,
                Reading::Misspelt("PruneLast=true".into()),
            ),
            (
                "CreateNamespace: true",
                application,
                Reading::Misspelt("CreateNamespace=true".into()),
            ),
            (
                "CreateNamespace",
                application,
                Reading::Misspelt("CreateNamespace=true".into()),
            ),
            (
                "create-namespace=true",
                application,
                Reading::Misspelt("CreateNamespace=true".into()),
            ),
            ("NoSuchOption=true", application, Reading::Unknown),
            ("", application, Reading::Unknown),
        ] {
            assert_eq!(read(word, place), expected, "{word:?}");
        }
        assert!(
            matches!(read("Prune=never", application), Reading::UnknownValue(option) if option.key == "Prune")
        );
        assert!(matches!(
            read("Prune", application),
            Reading::UnknownValue(_)
        ));
        assert!(
            matches!(read("Force=true", application), Reading::WrongPlace(option) if option.key == "Force")
        );
        assert!(matches!(
            read("CreateNamespace=true", Place::Resource),
            Reading::WrongPlace(_)
        ));
    }

    #[test]
    fn the_texts_of_an_option_read_as_a_sentence() {
        assert_eq!(
            find("prune").map(SyncOption::texts).as_deref(),
            Some("Prune=true, Prune=false or Prune=confirm")
        );
    }

    #[test]
    fn every_text_of_the_table_is_known_where_it_is_read() {
        for option in &SYNC_OPTIONS {
            for (place, read_there) in [
                (Place::Application, option.application),
                (Place::Resource, option.resource),
            ] {
                for value in option.values {
                    let reading = read(&format!("{}={value}", option.key), place);
                    assert_eq!(
                        reading == Reading::Known,
                        read_there,
                        "{} in {place:?}",
                        option.key
                    );
                }
            }
        }
    }
}
