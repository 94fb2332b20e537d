//! From objects to texts: which SQL an object holds, where, and whose.
//!
//! A `ConfigMap` that an object names is judged by itself, when it changes, old against new: a label says what it holds, and an annotation whose SQL
//! it is. So nothing has to be read from the cluster, and what is judged is what will be stored.
//!
//! Precedence is the Atlas operator's: `urlFrom` before `url` before `credentials`; `configMapKeyRef` before `hcl` before `sql` before `url`.

use tidegate_migrations::Directory;
use tidegate_policy_sdk::pointer;
use tidegate_policy_sdk::prelude::Object;
use tidegate_sqlplan::Dialect;

use crate::Settings;

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It describes what a database should hold.
    Desired,
    /// It is run.
    Migration,
}

/// One text of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    /// Where it is.
    pub(crate) pointer: String,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// The SQL.
    pub(crate) text: &'a str,
    /// Whether the indexes of a schema are built without blocking (`spec.policy.diff.concurrent_index.create`); none where another object says so.
    pub(crate) concurrently: Option<bool>,
}

/// Whose rules the SQL of an object is read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// This database's.
    Known(Dialect),
    /// Nothing says which: a Secret holds the URL.
    Hidden,
    /// One that is not understood here, by its scheme.
    Foreign(String),
}

/// What a `ConfigMap` holds: `schema`, or `migrations`.
pub(crate) const LABEL: &str = "gate.tidegate.dev/sql";

/// Whose SQL a `ConfigMap` holds: a scheme as in a URL, for example `postgres`.
const DIALECT: &str = "gate.tidegate.dev/dialect";

pub(crate) fn is_schema(object: &Object) -> bool {
    object.kind() == "AtlasSchema"
}

/// What the SQL of an object is for; none when it is not an object with SQL.
pub(crate) fn purpose(object: &Object) -> Option<Purpose> {
    match object.kind() {
        "AtlasSchema" => Some(Purpose::Desired),
        "AtlasMigration" => Some(Purpose::Migration),
        // A word that is not known must not be a way around the rules for what is run.
        _ if is_config_map(object) => object.label(LABEL).map(|holds| match holds {
            "schema" => Purpose::Desired,
            _ => Purpose::Migration,
        }),
        _ => None,
    }
}

pub(crate) fn is_config_map(object: &Object) -> bool {
    object.kind() == "ConfigMap"
}

/// Where the files of a folder of migrations are.
pub(crate) fn files(object: &Object) -> &'static str {
    if is_config_map(object) {
        "/data"
    } else {
        "/spec/dir/local"
    }
}

/// Which database an object is for: what the object says, else what the operator says, else the dev database's.
pub(crate) fn database(object: &Object, settings: &Settings) -> Database {
    let hidden = object.get("/spec/urlFrom/secretKeyRef").is_some();
    let own = if hidden {
        None
    } else if is_config_map(object) {
        object.annotation(DIALECT)
    } else {
        object.text("/spec/url").filter(|url| !url.is_empty())
    };
    let own = own.or_else(|| {
        if hidden {
            None
        } else {
            object.text("/spec/credentials/scheme")
        }
    });
    if let Some(url) = own {
        let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
        return Dialect::from_url_scheme(url).map_or_else(
            || Database::Foreign(scheme.chars().take(20).collect()),
            Database::Known,
        );
    }
    let said = settings.dialect.map(Dialect::from);
    let dev = object
        .text("/spec/devURL")
        .and_then(Dialect::from_url_scheme);
    said.or(dev).map_or(Database::Hidden, Database::Known)
}

/// The texts of an object, in the order in which they are run.
pub(crate) fn documents(object: &Object) -> Vec<Document<'_>> {
    if is_schema(object) {
        let text = object.text("/spec/schema/sql");
        let document = |text| Document {
            pointer: "/spec/schema/sql".to_owned(),
            purpose: Purpose::Desired,
            text,
            concurrently: Some(
                object
                    .flag("/spec/policy/diff/concurrent_index/create")
                    .unwrap_or(false),
            ),
        };
        return text.map(document).into_iter().collect();
    }
    let Some(purpose) = purpose(object) else {
        return Vec::new();
    };
    let folder = files(object);
    let files = object.get(folder).and_then(|files| files.as_object());
    let mut documents: Vec<Document<'_>> = files
        .into_iter()
        .flatten()
        // Atlas runs the files that end in .sql; atlas.sum is their checksum. An AtlasSchema may name any key.
        .filter(|(name, _)| match purpose {
            Purpose::Migration => name.to_ascii_lowercase().ends_with(".sql"),
            Purpose::Desired => !name.to_ascii_lowercase().ends_with(".hcl"),
        })
        .filter_map(|(name, text)| {
            let pointer = format!("{folder}/{}", pointer::escape(name));
            Some(Document {
                pointer,
                purpose,
                text: text.as_str()?,
                concurrently: None,
            })
        })
        .collect();
    documents.sort_by(|left, right| left.pointer.cmp(&right.pointer));
    documents
}

/// The folder of migrations that an object holds.
pub(crate) fn directory(object: &Object) -> Option<Directory> {
    let files = object.get(files(object))?.as_object()?;
    let texts = files
        .iter()
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())));
    (purpose(object) == Some(Purpose::Migration)).then(|| Directory::new(texts))
}

/// Where the SQL is that an object has but does not hold, in words.
pub(crate) fn elsewhere(object: &Object) -> Option<(&'static str, &'static str)> {
    let places: &[(&str, &str)] = if is_schema(object) {
        &[
            ("/spec/schema/configMapKeyRef", "a ConfigMap"),
            ("/spec/schema/hcl", "HCL"),
            ("/spec/schema/url", "a URL"),
        ]
    } else {
        &[
            ("/spec/dir/configMapRef", "a ConfigMap"),
            ("/spec/dir/remote", "a remote directory"),
        ]
    };
    let is_there = |pointer: &str| {
        object
            .get(pointer)
            .is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
    };
    // `url` counts only where there is no `sql`.
    let has_sql = object
        .text("/spec/schema/sql")
        .is_some_and(|text| !text.is_empty());
    places
        .iter()
        .find(|(pointer, _)| is_there(pointer) && !(has_sql && *pointer == "/spec/schema/url"))
        .copied()
}
