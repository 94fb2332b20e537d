//! Applications of several sources, and working copies instead of commits.

use serde_json::json;
use tidegate_model::SourceType;

use crate::support::{Kit, Repository, names, object, request, source};

#[test]
fn value_files_of_another_source_are_named_by_its_ref() {
    let kit = Kit::new();
    let chart = Repository::new(&[
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        (
            "web/templates/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.name }}}\n",
        ),
    ]);
    let values = Repository::new(&[
        ("prod/values.yaml", "name: from-values\n"),
        ("extra/b.yaml", &object("extra")),
    ]);
    let mut first = source(&chart, "web");
    first["helm"] = json!({"valueFiles": ["$values/prod/values.yaml"]});
    let reference = json!({"repoURL": values.url(), "ref": "values", "targetRevision": "main"});
    let extra = source(&values, "extra");
    let rendered = kit
        .render(&request(&[first.clone(), reference.clone(), extra]))
        .unwrap();
    assert_eq!(
        names(&rendered),
        ["ConfigMap/from-values", "ConfigMap/extra"]
    );
    assert_eq!(
        rendered.source_types,
        [
            SourceType::Helm,
            SourceType::Directory,
            SourceType::Directory
        ]
    );
    let commit = |repository: &Repository| repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(
        rendered.revisions,
        [commit(&chart), commit(&values), commit(&values)]
    );

    // A change of the values alone is another rendering of the same chart.
    values.commit(&[("prod/values.yaml", "name: changed\n")]);
    let rendered = kit
        .render(&request(&[first.clone(), reference.clone()]))
        .unwrap();
    assert_eq!(names(&rendered), ["ConfigMap/changed"]);

    let error = kit
        .render(&request(&[first.clone()]))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "$values/prod/values.yaml: no source of the Application has `ref: values`"
    );
    let error = kit
        .render(&request(&[first, reference.clone(), reference]))
        .unwrap_err()
        .to_string();
    assert_eq!(error, "spec.sources[2]: two sources have the ref `values`");
}

#[test]
fn a_working_copy_stands_in_for_its_repository() {
    let kit = Kit::new();
    let repository = Repository::new(&[("app/a.yaml", &object("committed"))]);
    let mut asked = request(&[
        json!({"repoURL": "https://example.com/team/repo.git", "path": "app", "targetRevision": "v9"}),
    ]);
    asked.overrides.insert(
        "https://example.com/team/repo".to_owned(),
        repository.path().to_owned(),
    );
    repository.write(&[("app/a.yaml", &object("edited"))]);
    let rendered = kit.render(&asked).unwrap();
    assert_eq!(
        (names(&rendered), rendered.revisions),
        (
            vec!["ConfigMap/edited".to_owned()],
            vec!["local".to_owned()]
        )
    );
    repository.write(&[("app/a.yaml", &object("again"))]);
    assert_eq!(
        names(&kit.render(&asked).unwrap()),
        ["ConfigMap/again"],
        "nothing of it is kept"
    );
}
