//! The operator's own rules: Lua scripts from `argocd-cm`, or from a folder laid out like Argo CD's `resource_customizations`.
//!
//! Both are read into one table before anything is asked, so that a mistake in them is told once and at the start. A ConfigMap's scripts win over a folder's,
//! as Argo CD's settings win over what it ships; exact kinds win over wildcards within each. Where several wildcards of a ConfigMap match, Argo CD takes
//! any of them (it goes through a Go map); here it is the longest, then the first by name, so that the same settings always mean the same.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tidegate_model::glob;

/// The start of every key of `argocd-cm` that is read here.
const PREFIX: &str = "resource.customizations";

/// What the rest of such a key may start with. Only the first two are about health; Argo CD refuses what is none of them.
const TYPES: [&str; 6] = [
    "health",
    "useOpenLibs",
    "actions",
    "ignoreDifferences",
    "ignoreResourceUpdates",
    "knownTypeFields",
];

/// A script, and what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Script<'a> {
    pub(crate) text: &'a str,
    pub(crate) open_libs: bool,
}

impl Script<'_> {
    /// Up to 3.5, Argo CD asks no script about an object that is being deleted; later versions ask all of them, and their scripts name the finalizers it
    /// waits for. A script that does not know of deletion would call such an object healthy.
    pub(crate) fn tells_deletion(&self) -> bool {
        self.text.contains("deletionTimestamp")
    }
}

/// Scripts by kind. The default is none at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customizations {
    /// By `group/Kind` (`Kind` for the core group), wildcards as globs.
    settings: BTreeMap<String, Entry>,
    /// Scripts by the path of their folder, in which `_` is any part of one segment.
    shipped: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Entry {
    #[serde(default, rename = "health.lua")]
    health: Option<String>,
    #[serde(default, rename = "health.lua.useOpenLibs")]
    open_libs: bool,
}

/// Customizations that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomizationError {
    /// What was given is no ConfigMap.
    #[error("the customizations are a {found}, not a ConfigMap")]
    NoConfigMap {
        /// Its kind.
        found: String,
    },
    /// `resource.customizations` is not a map of `group/Kind` to a map.
    #[error(
        "`resource.customizations` cannot be read: {problem}; it is a map of `group/Kind` to a map with `health.lua`"
    )]
    Map {
        /// What the parser said.
        problem: String,
    },
    /// The third part of a key is unknown.
    #[error(
        "`{key}`: resource customization type {found} not supported; the types are health, useOpenLibs, actions, ignoreDifferences, ignoreResourceUpdates \
         and knownTypeFields"
    )]
    Type {
        /// The key.
        key: String,
        /// Its third part.
        found: String,
    },
    /// The last part of a key names no kind.
    #[error("`{key}`: the key ends in `<group>_<Kind>`, or in `<Kind>` for the core group")]
    GroupKind {
        /// The key.
        key: String,
    },
    /// `useOpenLibs` is neither true nor false.
    #[error("`{key}`: the value is \"true\" or \"false\"")]
    OpenLibs {
        /// The key.
        key: String,
    },
}

impl Customizations {
    /// Reads a ConfigMap, which Argo CD calls `argocd-cm`. Keys about other things are left alone.
    pub fn from_config_map(config_map: &Value) -> Result<Self, CustomizationError> {
        let kind = config_map
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or("thing without a kind");
        if kind != "ConfigMap" {
            return Err(CustomizationError::NoConfigMap {
                found: kind.to_owned(),
            });
        }
        let data: BTreeMap<&str, &str> = config_map
            .get("data")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            .collect();
        let mut settings = match data.get(PREFIX) {
            Some(map) if !map.trim().is_empty() => map_of_entries(map)?,
            _ => BTreeMap::new(),
        };
        for (key, value) in data {
            split_key(key, value, &mut settings)?;
        }
        Ok(Self {
            settings,
            shipped: BTreeMap::new(),
        })
    }

    /// Adds the script of one `health.lua` of a folder, by the path of its folder: `apps/Deployment`, `Pod`, `_.crossplane.io/_`. There, `_` is a wildcard.
    /// Such scripts may use the standard libraries, as those that Argo CD ships.
    pub fn add_shipped(&mut self, folder: &str, script: impl Into<String>) {
        let folder = folder
            .split('/')
            .filter(|segment| !segment.is_empty() && *segment != ".")
            .collect::<Vec<_>>()
            .join("/");
        self.shipped.insert(folder, script.into());
    }

    /// Takes over what the other has. Where both have a script for the same kind, this one's stays.
    pub fn add(&mut self, other: Self) {
        for (key, entry) in other.settings {
            self.settings.entry(key).or_insert(entry);
        }
        for (key, script) in other.shipped {
            self.shipped.entry(key).or_insert(script);
        }
    }

    /// How many scripts there are.
    pub fn len(&self) -> usize {
        let settings = self
            .settings
            .values()
            .filter(|entry| entry.script().is_some());
        settings.count() + self.shipped.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn script(&self, group: &str, kind: &str) -> Option<Script<'_>> {
        let wanted = if group.is_empty() {
            kind.to_owned()
        } else {
            format!("{group}/{kind}")
        };
        if let Some(script) = self.settings.get(&wanted).and_then(Entry::script) {
            return Some(script);
        }
        let mut longest: Option<(&str, Script<'_>)> = None;
        for (pattern, entry) in &self.settings {
            let longer = longest.is_none_or(|(best, _)| pattern.len() > best.len());
            if let Some(script) = entry.script()
                && longer
                && glob::matches(pattern, &wanted)
            {
                longest = Some((pattern, script));
            }
        }
        longest
            .map(|(_, script)| script)
            .or_else(|| self.shipped_script(&wanted))
    }

    /// By the exact folder, else by the first one with wildcards that matches.
    fn shipped_script(&self, wanted: &str) -> Option<Script<'_>> {
        let by_wildcard = || {
            let mut folders = self.shipped.iter();
            let found = folders.find(|(folder, _)| folder_matches(folder, wanted));
            found.map(|(_, text)| text)
        };
        let text = self.shipped.get(wanted).or_else(by_wildcard)?;
        Some(Script {
            text,
            open_libs: true,
        })
    }
}

impl Entry {
    fn script(&self) -> Option<Script<'_>> {
        let text = self.health.as_deref().filter(|text| !text.is_empty())?;
        Some(Script {
            text,
            open_libs: self.open_libs,
        })
    }
}

/// Segment by segment: unlike in a ConfigMap, a wildcard ends at a slash.
fn folder_matches(folder: &str, wanted: &str) -> bool {
    folder.contains('_')
        && folder.split('/').count() == wanted.split('/').count()
        && folder
            .split('/')
            .zip(wanted.split('/'))
            .all(|(folder, wanted)| glob::matches(&folder.replace('_', "*"), wanted))
}

fn map_of_entries(text: &str) -> Result<BTreeMap<String, Entry>, CustomizationError> {
    serde_saphyr::from_str(text).map_err(|error| CustomizationError::Map {
        problem: error.to_string(),
    })
}

/// `resource.customizations.<type>.<group>_<Kind>`; the group has dots of its own.
fn split_key(
    key: &str,
    value: &str,
    settings: &mut BTreeMap<String, Entry>,
) -> Result<(), CustomizationError> {
    let Some((found, group_kind)) = key
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.split_once('.'))
    else {
        return Ok(());
    };
    if !TYPES.contains(&found) {
        return Err(CustomizationError::Type {
            key: key.to_owned(),
            found: found.to_owned(),
        });
    }
    let parts: Vec<&str> = group_kind.split('_').collect();
    let group_kind = match parts.as_slice() {
        ["all"] => "*/*".to_owned(),
        [kind] if !kind.is_empty() => (*kind).to_owned(),
        [group, kind] => format!("{group}/{kind}"),
        _ => {
            return Err(CustomizationError::GroupKind {
                key: key.to_owned(),
            });
        }
    };
    match found {
        "health" => settings.entry(group_kind).or_default().health = Some(value.to_owned()),
        "useOpenLibs" => {
            // What Go's strconv.ParseBool takes.
            let open_libs = match value {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
                "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
                _ => {
                    return Err(CustomizationError::OpenLibs {
                        key: key.to_owned(),
                    });
                }
            };
            settings.entry(group_kind).or_default().open_libs = open_libs;
        }
        _ => {}
    }
    Ok(())
}
