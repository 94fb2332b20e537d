//! Repositories, charts and kustomizations by somebody who means harm, or made a mistake as bad.

use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use serde_json::json;
use tidegate_render::Limits;

use crate::support::{Kit, Repository, names, object, source};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

#[test]
fn links_out_of_the_repository_are_refused_and_others_followed() {
    let kit = Kit::new();
    for target in ["/etc/passwd", "../../../../../../etc/passwd", "/etc"] {
        let repository = Repository::new(&[("a.yaml", &object("a"))]);
        symlink(target, repository.path().join("secret.yaml")).unwrap();
        repository.commit(&[]);
        assert_eq!(
            kit.source(source(&repository, ".")).unwrap_err(),
            "secret.yaml: repository contains out-of-bounds symlinks; replace this one by what it should be"
        );
    }
    let repository = Repository::new(&[
        ("shared/a.yaml", &object("a")),
        ("app/b.yaml", &object("b")),
    ]);
    symlink("../shared/a.yaml", repository.path().join("app/a.yaml")).unwrap();
    symlink(
        "/nowhere/at/all",
        repository.path().join("app/dangling.yaml"),
    )
    .unwrap();
    symlink("loop.yaml", repository.path().join("app/loop.yaml")).unwrap();
    repository.commit(&[]);
    let rendered = kit.source(source(&repository, "app")).unwrap();
    assert_eq!(names(&rendered), ["ConfigMap/a", "ConfigMap/b"]);
}

#[test]
fn paths_out_of_the_repository_are_refused() {
    let kit = Kit::new();
    let repository = Repository::new(&[("chart/Chart.yaml", CHART), ("a.yaml", &object("a"))]);
    for path in ["..", "a/../../..", "./../../../etc"] {
        let error = kit.source(source(&repository, path)).unwrap_err();
        assert_eq!(
            error,
            format!("{path}: the path resolved to outside repository root")
        );
    }
    assert_eq!(
        kit.source(source(&repository, "/etc")).unwrap_err(),
        "/etc: the path of a source begins at the repository's root, without a slash"
    );
    for (file, folder) in [
        (
            "../../../../../../etc/passwd",
            "../../../../../../etc/passwd",
        ),
        ("../../etc/*", "../../etc/"),
    ] {
        let mut source = source(&repository, "chart");
        source["helm"] = json!({"valueFiles": [file]});
        let error = kit.source(source).unwrap_err();
        assert_eq!(
            error,
            format!("{folder}: the path resolved to outside repository root")
        );
    }
}

#[test]
fn our_own_cache_is_nobodys_repository() {
    let kit = Kit::new();
    let repository = Repository::new(&[("a.yaml", &object("a"))]);
    kit.source(source(&repository, ".")).unwrap();
    let mirror = std::fs::read_dir(kit.cache().join("git"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    let url = format!("file://{}", mirror.display());
    let error = kit
        .source(json!({"repoURL": url, "path": "."}))
        .unwrap_err();
    assert!(
        error.ends_with("this folder is no repository of yours"),
        "{error}"
    );
}

#[test]
fn what_is_too_large_is_refused_before_it_is_written() {
    let repository =
        Repository::new(&[("big.yaml", &"#".repeat(10_000)), ("a.yaml", &object("a"))]);
    let url = repository.url();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let small = Limits::default();
    for (limits, message) in [
        (
            Limits {
                tree_bytes: 5_000,
                ..small
            },
            format!("repository {url}: the size of commit {commit} is more than 5000 bytes"),
        ),
        (
            Limits {
                tree_files: 1,
                ..small
            },
            format!("repository {url}: the number of files of commit {commit} is more than 1"),
        ),
        (
            Limits {
                file_bytes: 5_000,
                ..small
            },
            "big.yaml: the file is larger than 5000 bytes".to_owned(),
        ),
        (
            Limits {
                objects: 0,
                ..small
            },
            "a.yaml: the Application has more than 0 objects".to_owned(),
        ),
    ] {
        assert_eq!(
            Kit::limited(limits)
                .source(source(&repository, "."))
                .unwrap_err(),
            message
        );
    }
}

#[test]
fn a_fetch_that_is_too_large_is_said_to_be_and_leaves_nothing() {
    // What cannot be packed smaller: digits that follow no pattern that zlib knows.
    let mut state = 1_u64;
    let mut noise = String::new();
    for _ in 0..60_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let _ = write!(noise, "{:016x}", state >> 7);
    }
    let repository = Repository::new(&[("noise.txt", &noise), ("a.yaml", &object("a"))]);
    let kit = Kit::limited(Limits {
        written_file_bytes: 100_000,
        ..Limits::default()
    });
    let url = repository.url();
    let error = kit.source(source(&repository, ".")).unwrap_err();
    assert_eq!(
        error,
        format!("repository {url}: what one fetch brings is more than 100000 bytes")
    );
    let mirrors = std::fs::read_dir(kit.cache().join("git")).unwrap();
    for mirror in mirrors {
        let packs = mirror.unwrap().path().join("objects/pack");
        assert!(std::fs::read_dir(packs).map_or(true, |mut packs| packs.next().is_none()));
    }
}

#[test]
fn broken_manifests_are_named_by_file_and_line_and_not_quoted() {
    let kit = Kit::new();
    let broken = format!(
        "{}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData:\n  password: hunter2\n bad: x\n",
        object("a")
    );
    let repository = Repository::new(&[("app/a.yaml", &object("a")), ("app/b.yaml", &broken)]);
    let error = kit.source(source(&repository, "app")).unwrap_err();
    assert!(error.starts_with("app/b.yaml, line "), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_yaml_bomb_is_an_error() {
    let kit = Kit::new();
    let mut bomb = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{items}]").unwrap();
    }
    let deep = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nx: {}{}\n",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    for text in [&bomb, &deep] {
        let repository = Repository::new(&[("bomb.yaml", text)]);
        let error = kit.source(source(&repository, ".")).unwrap_err();
        assert!(error.starts_with("bomb.yaml"), "{error}");
    }
}

#[test]
fn a_chart_that_loops_or_prints_for_ever_is_stopped() {
    let looping = "{{- range $i := until 100000 }}{{- range $j := until 100000 }}{{ if eq $i $j }}{{ end }}{{- end }}{{- end }}";
    let printing = "{{- range $i := until 200000 }}\n# {{ repeat 100 \"x\" }}\n{{- end }}";
    for (template, message) in [
        (looping, "web: helm was stopped after 1s"),
        (
            printing,
            "web: helm was stopped: it printed more than 100000 bytes",
        ),
    ] {
        let kit = Kit::limited(Limits {
            render_time: if template == looping {
                Duration::from_secs(1)
            } else {
                Duration::from_mins(1)
            },
            output_bytes: 100_000,
            ..Limits::default()
        });
        let template = format!("{}data:\n{template}\n", object("a"));
        let repository = Repository::new(&[
            ("web/Chart.yaml", CHART),
            ("web/templates/a.yaml", &template),
        ]);
        assert_eq!(kit.source(source(&repository, "web")).unwrap_err(), message);
    }
}

#[test]
fn a_chart_reads_nothing_outside_of_itself() {
    let kit = Kit::new();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  env: {{ env \"PATH\" | quote }}\n";
    let repository = Repository::new(&[
        ("web/Chart.yaml", CHART),
        ("web/templates/a.yaml", template),
    ]);
    let error = kit.source(source(&repository, "web")).unwrap_err();
    assert!(error.contains("function \"env\" not defined"), "{error}");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  other: {{ .Files.Get \"../other.txt\" | quote }}\n  hosts: {{ .Files.Get \"/etc/hosts\" | quote }}\n";
    let repository = Repository::new(&[
        ("web/Chart.yaml", CHART),
        ("web/templates/a.yaml", template),
        ("other.txt", "x"),
    ]);
    let rendered = kit.source(source(&repository, "web")).unwrap();
    assert_eq!(
        rendered.manifests[0]["data"],
        json!({"other": "", "hosts": ""})
    );
}

#[test]
fn kustomize_runs_no_program_and_fetches_nothing() {
    let kit = Kit::new();
    let marker = tempfile::tempdir().unwrap();
    let touched = marker.path().join("touched");
    let script = format!("#!/bin/sh\ntouch {}\n", touched.display());
    let exec = "apiVersion: example.com/v1\nkind: Evil\nmetadata:\n  name: evil\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: ./evil.sh}\n";
    let repository = Repository::new(&[
        ("app/kustomization.yaml", "generators: [evil.yaml]\n"),
        ("app/evil.yaml", exec),
        ("app/evil.sh", &script),
    ]);
    let file = repository.path().join("app/evil.sh");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    repository.commit(&[]);
    let error = kit.source(source(&repository, "app")).unwrap_err();
    assert!(error.starts_with("app: kustomize failed"), "{error}");
    assert!(!touched.exists());

    for entry in [
        "https://example.com/a.yaml",
        "github.com/example/repo//base?ref=main",
        "git::https://example.com/repo",
        "git@example.com:a/b",
        "http://169.254.169.254/latest",
    ] {
        let text = format!("resources: [\"{entry}\"]\n");
        let repository = Repository::new(&[
            ("app/kustomization.yaml", "resources: [../base]\n"),
            ("base/kustomization.yaml", &text),
        ]);
        assert_eq!(
            kit.source(source(&repository, "app")).unwrap_err(),
            format!(
                "base/kustomization.yaml: resources names `{entry}`, which is not in the repository; nothing is fetched from elsewhere: copy it into the repository"
            )
        );
    }
    let repository = Repository::new(&[(
        "app/kustomization.yaml",
        "resources: [../../../../../etc]\n",
    )]);
    let error = kit.source(source(&repository, "app")).unwrap_err();
    assert_eq!(
        error,
        "../../../../../etc: the path resolved to outside repository root"
    );
}

#[test]
fn value_files_are_not_fetched_from_addresses() {
    let kit = Kit::new();
    let repository = Repository::new(&[("web/Chart.yaml", CHART)]);
    let mut source = source(&repository, "web");
    source["helm"] = json!({"valueFiles": ["http://169.254.169.254/latest"]});
    let error = kit.source(source).unwrap_err();
    assert!(
        error.contains("value files are not fetched from addresses"),
        "{error}"
    );
}
