//! The kinds that are reconciled: one line each. A kind is a module with the same four parts and an entry here.

use kube::api::ApiResource;
use tidegate_model::ObjectKey;
use tidegate_model::words::{
    APPLICATION, ARGO_API_VERSION, ARGO_GROUP, ATLAS_API_VERSION, ATLAS_DRIFT_CHECK, ATLAS_GROUP,
    ATLAS_MIGRATION, ATLAS_SCHEMA,
};

/// A kind that is reconciled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A database is brought to a wanted schema ([`crate::schema`]).
    AtlasSchema,
    /// A database is brought through versioned migrations ([`crate::migration`]).
    AtlasMigration,
    /// A migrated database is looked at again and again ([`crate::drift_check`]).
    AtlasDriftCheck,
    /// Manifests are brought from Git into the cluster ([`application`]).
    Application,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::AtlasSchema,
        Self::AtlasMigration,
        Self::AtlasDriftCheck,
        Self::Application,
    ];

    /// The kind of an object; none where it is not reconciled.
    pub(crate) fn of(key: &ObjectKey) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            let (group, _, name, _) = kind.words();
            key.group == group && key.kind == name
        })
    }

    /// The kind's name.
    pub const fn name(self) -> &'static str {
        self.words().2
    }

    /// How the API server is asked for it.
    pub(crate) fn resource(self) -> ApiResource {
        let (group, api_version, kind, plural) = self.words();
        let version = api_version.rsplit('/').next().unwrap_or_default();
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        }
    }

    /// Group, API version, kind, plural.
    const fn words(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::AtlasSchema => (ATLAS_GROUP, ATLAS_API_VERSION, ATLAS_SCHEMA, "atlasschemas"),
            Self::AtlasMigration => (
                ATLAS_GROUP,
                ATLAS_API_VERSION,
                ATLAS_MIGRATION,
                "atlasmigrations",
            ),
            Self::AtlasDriftCheck => (
                ATLAS_GROUP,
                ATLAS_API_VERSION,
                ATLAS_DRIFT_CHECK,
                "atlasdriftchecks",
            ),
            Self::Application => (ARGO_GROUP, ARGO_API_VERSION, APPLICATION, "applications"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_to_its_kind_and_back() {
        for kind in Kind::ALL {
            let resource = kind.resource();
            let key = ObjectKey {
                group: resource.group,
                kind: resource.kind,
                namespace: None,
                name: "a".into(),
            };
            assert_eq!(
                (Kind::of(&key), resource.version.as_str()),
                (Some(kind), "v1alpha1")
            );
            assert_eq!(
                Kind::of(&ObjectKey {
                    group: String::new(),
                    ..key
                }),
                None
            );
        }
    }
}
