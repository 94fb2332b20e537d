//! What an AtlasMigration wants, and whether all of it can be had. Pure.

use std::collections::BTreeMap;

use tidegate_migrations::{Expectation, Order, Until};
use tidegate_model::atlas::{AtlasMigrationSpec, DriftPolicy, Reason};

use super::remote;
use super::snapshot::{DriftCheck, Wish};
use crate::problem::Problem;
use crate::render::FolderRequest;
use crate::schema::wish::{cannot_follow, without_cloud};
use crate::standing::BACKOFF_LIMIT;

/// Where the folder is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    /// In the object.
    Local(&'a BTreeMap<String, String>),
    /// In a `ConfigMap` of this name.
    ConfigMap(&'a str),
    /// In a repository.
    Remote(FolderRequest),
}

/// Reads where the folder is.
pub(super) fn source(spec: &AtlasMigrationSpec) -> Result<Source<'_>, Problem> {
    let config_map = spec.dir.config_map_ref.as_ref();
    match (&spec.dir.remote, config_map, spec.dir.local.is_empty()) {
        (Some(remote), None, true) => remote::folder(remote).map(Source::Remote),
        (Some(_), ..) => refuse(
            "the directory is in more than one place: keep one of spec.dir.remote, spec.dir.configMapRef and spec.dir.local",
        ),
        (None, Some(_), false) => refuse("cannot use both configmaps and local directory"),
        (None, Some(reference), true) => Ok(Source::ConfigMap(&reference.name)),
        (None, None, false) => Ok(Source::Local(&spec.dir.local)),
        (None, None, true) => refuse(
            "no directory specified: write the files into spec.dir.local, or name a ConfigMap in spec.dir.configMapRef or a Git repository in spec.dir.remote",
        ),
    }
}

/// Reads the rest.
pub(super) fn wish(spec: &AtlasMigrationSpec) -> Result<(Wish, Expectation), Problem> {
    let mut project = spec.project.clone();
    if spec.dir.remote.is_some() {
        project.cloud.remove(remote::TOKEN);
    }
    let unknown = without_cloud(&project);
    if !unknown.is_empty() {
        return refuse(cannot_follow(&unknown));
    }
    let down = &spec.protected_flows.migrate_down;
    if down.allow && !down.auto_approve {
        return Err(Problem::new(
            Reason::ProtectedFlowError,
            "allow cannot be true without autoApprove for local migration directory",
        ));
    }
    let order = match spec.exec_order.as_deref() {
        None | Some("" | "linear") => Order::Linear,
        Some("linear-skip") => Order::LinearSkip,
        Some("non-linear") => Order::NonLinear,
        Some(other) => {
            return refuse(format!(
                "spec.execOrder is {other:?}; it can be linear, linear-skip or non-linear"
            ));
        }
    };
    let wish = Wish {
        backoff_limit: spec.backoff_limit.unwrap_or(BACKOFF_LIMIT),
        may_go_down: down.allow,
        follows: spec.dir.remote.is_some(),
        drift: spec.policy.drift.as_ref().map(drift).transpose()?,
    };
    let expected = Expectation {
        baseline: spec.baseline.clone().filter(|version| !version.is_empty()),
        order,
        allow_dirty: false,
        allow_edited: false,
        until: Until::All,
    };
    Ok((wish, expected))
}

fn drift(policy: &DriftPolicy) -> Result<DriftCheck, Problem> {
    let goes_on = match policy.on_error.as_deref() {
        None | Some("" | "FAIL") => false,
        Some("CONTINUE") => true,
        Some(other) => {
            return refuse(format!(
                "spec.policy.drift.onError is {other:?}; it can be FAIL or CONTINUE"
            ));
        }
    };
    Ok(DriftCheck {
        goes_on,
        exclude: policy.exclude.clone(),
    })
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::new(Reason::ReadingMigrationData, message))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_model::atlas::AtlasMigration;

    use super::*;

    fn spec(spec: &Value) -> AtlasMigrationSpec {
        AtlasMigration::from_object(&json!({"spec": spec}))
            .expect("well formed")
            .spec
    }

    #[track_caller]
    fn refused<T>(read: Result<T, Problem>, reason: Reason, words: &[&str]) {
        let problem = read.err().expect("it cannot be followed");
        assert_eq!(problem.reason, reason);
        for word in words {
            let message = &problem.message;
            assert!(message.contains(word), "{word:?} in {message:?}");
        }
    }

    #[test]
    fn a_folder_is_in_one_place() {
        let local = spec(&json!({"dir": {"local": {"1.sql": "x"}}}));
        assert!(matches!(source(&local), Ok(Source::Local(files)) if files.len() == 1));
        let map = spec(&json!({"dir": {"configMapRef": {"name": "m"}}}));
        assert_eq!(source(&map), Ok(Source::ConfigMap("m")));
        for (dir, words) in [
            (json!({}), "no directory specified"),
            (
                json!({"local": {"1.sql": "x"}, "configMapRef": {"name": "m"}}),
                "cannot use both configmaps and local directory",
            ),
            (json!({"remote": {"name": "r"}}), "Atlas Cloud"),
            (
                json!({"remote": {"name": "git::/r"}, "local": {"1.sql": "x"}}),
                "more than one place",
            ),
        ] {
            let spec = spec(&json!({"dir": dir}));
            refused(source(&spec), Reason::ReadingMigrationData, &[words]);
        }
    }

    #[test]
    fn the_rest_is_read_or_refused_by_name() {
        let read = |given: Value| wish(&spec(&given));
        let (plain, expected) = read(json!({})).expect("nothing to refuse");
        assert_eq!((plain.backoff_limit, plain.may_go_down), (20, false));
        assert_eq!(expected, Expectation::default());
        let (_, expected) =
            read(json!({"baseline": "3", "execOrder": "non-linear"})).expect("both are known");
        assert_eq!(
            (expected.baseline.as_deref(), expected.order),
            (Some("3"), Order::NonLinear)
        );
        refused(
            read(json!({"cloud": {"tokenFrom": {}}, "config": "x"})),
            Reason::ReadingMigrationData,
            &["cannot follow spec.config", "spec.cloud"],
        );
        let remote = json!({"name": "git::https://h/r", "tag": "v1"});
        let (plain, _) = read(json!({"dir": {"remote": remote}, "cloud": {"tokenFrom": {}}}))
            .expect("the token is for the repository");
        assert!(plain.follows);
        refused(
            read(json!({"dir": {"remote": remote}, "cloud": {"project": "p"}})),
            Reason::ReadingMigrationData,
            &["spec.cloud"],
        );
        let (plain, _) =
            read(json!({"policy": {"drift": {"onError": "CONTINUE", "exclude": ["a"]}}}))
                .expect("the check is known");
        assert_eq!(
            plain.drift.map(|drift| (drift.goes_on, drift.exclude)),
            Some((true, vec!["a".to_owned()]))
        );
        refused(
            read(json!({"policy": {"drift": {"onError": "maybe"}}})),
            Reason::ReadingMigrationData,
            &["\"maybe\"", "FAIL or CONTINUE"],
        );
        refused(
            read(json!({"execOrder": "any"})),
            Reason::ReadingMigrationData,
            &["\"any\""],
        );
        refused(
            read(json!({"protectedFlows": {"migrateDown": {"allow": true}}})),
            Reason::ProtectedFlowError,
            &["allow cannot be true without autoApprove for local migration directory"],
        );
    }
}
