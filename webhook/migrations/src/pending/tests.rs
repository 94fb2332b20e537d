use std::time::Duration;

use super::*;
use crate::revision::Kind;

/// Files with their names; `+` before one makes it a checkpoint.
fn directory(names: &str) -> Directory {
    let files = names.split_whitespace().map(|name| {
        let text = match name.strip_prefix('+') {
            Some(_) => "-- atlas:checkpoint\n\nSELECT 1;",
            None => "SELECT 1;",
        };
        (name.trim_start_matches('+').to_owned(), text.to_owned())
    });
    sealed(files.collect())
}

fn sealed(mut files: Vec<(String, String)>) -> Directory {
    let sum = Directory::new(files.clone()).sum().text();
    files.push(("atlas.sum".to_owned(), sum));
    Directory::new(files)
}

/// Versions, each run at the time of its place; `!` behind one says that it is partially applied.
fn revisions(versions: &str) -> Vec<Revision> {
    let each = versions.split_whitespace().enumerate();
    each.map(|(at, version)| Revision {
        version: version.trim_end_matches('!').to_owned(),
        description: String::new(),
        kind: Kind::EXECUTED,
        applied: 1,
        total: if version.ends_with('!') { 2 } else { 1 },
        executed_at: Duration::from_secs(at as u64),
        execution_time: Duration::ZERO,
        error: None,
        error_statement: None,
        hash: String::new(),
        partial_hashes: vec![],
        operator_version: String::new(),
    })
    .collect()
}

fn outcome(
    directory: &Directory,
    revisions: &[Revision],
    not_clean: Option<&str>,
    expected: &Expectation,
) -> String {
    match pending(directory, revisions, not_clean, expected) {
        Ok(pending) => {
            let baseline = pending
                .baseline
                .map(|file| format!("baseline {}", file.name()));
            let files = pending.files.iter().map(|file| file.name().to_owned());
            baseline
                .into_iter()
                .chain(files)
                .collect::<Vec<_>>()
                .join(" ")
        }
        Err(error) => format!("error: {error}"),
    }
}

#[track_caller]
fn check(files: &str, applied: &str, order: Order, expected: &str) {
    let settings = Expectation {
        order,
        ..Expectation::default()
    };
    let seen = outcome(&directory(files), &revisions(applied), None, &settings);
    assert_eq!(seen, expected, "{files} with {applied}");
}

#[test]
fn after_the_last_revision() {
    let linear = Order::Linear;
    check("", "", linear, "");
    check("1.sql 2.sql", "", linear, "1.sql 2.sql");
    check("1.sql 2.sql 3.sql", "1", linear, "2.sql 3.sql");
    check("1.sql 2.sql", "1 2", linear, "");
    check("1.sql 2.sql", "1 2 9", linear, "");
    check("5.sql 6.sql", "1 2", linear, "5.sql 6.sql");
    // Versions are texts: 10 comes before 2.
    check("1.sql 10.sql 2.sql", "1 2", Order::LinearSkip, "");
}

#[test]
fn a_partially_applied_file_comes_first() {
    let linear = Order::Linear;
    check("1.sql 2.sql 3.sql", "1 2!", linear, "2.sql 3.sql");
    check(
        "1.sql 3.sql",
        "1 2!",
        linear,
        "error: missing migration: revision \"2.sql\" is partially applied but migration file was not found",
    );
}

#[test]
fn files_between_are_refused_skipped_or_run() {
    let files = "1.sql 2.sql 2.5.sql 2.6.sql 3.sql 4.sql";
    check(
        "1.sql 2.sql 2.5.sql 3.sql",
        "1 2 3",
        Order::Linear,
        "error: migration file 2.5.sql was added out of order. See: https://atlasgo.io/versioned/apply#non-linear-error",
    );
    check(
        files,
        "1 2 3",
        Order::Linear,
        "error: migration files 2.5.sql, 2.6.sql were added out of order. See: https://atlasgo.io/versioned/apply#non-linear-error",
    );
    check(files, "1 2 3", Order::LinearSkip, "4.sql");
    check(files, "1 2 3", Order::NonLinear, "2.5.sql 2.6.sql 4.sql");
    check("1.sql 2.sql 3.sql", "1 3", Order::NonLinear, "2.sql");
    // Before the first revision nothing is out of order: it was a baseline or a checkpoint.
    check("1.sql 2.sql 3.sql", "2 3", Order::Linear, "");
}

#[test]
fn checkpoints_are_for_databases_that_have_nothing() {
    let files = "1.sql 2.sql +3.sql 4.sql +5.sql 6.sql";
    check(files, "", Order::Linear, "5.sql 6.sql");
    check(files, "1 2", Order::Linear, "4.sql 6.sql");
    check(files, "5", Order::Linear, "6.sql");
    check(files, "5!", Order::Linear, "5.sql 6.sql");
    check("+3.sql", "3!", Order::Linear, "3.sql");
}

#[test]
fn the_first_run_says_where_it_begins() {
    let files = directory("1.sql 2.sql +2a.sql 3.sql");
    let not_clean = Some("found table \"users\" in schema \"main\"");
    let run = |not_clean, expected: &Expectation| outcome(&files, &[], not_clean, expected);
    let baseline = |version: &str| Expectation {
        baseline: Some(version.to_owned()),
        ..Expectation::default()
    };
    assert_eq!(
        run(not_clean, &Expectation::default()),
        "error: connected database is not clean: found table \"users\" in schema \"main\". baseline version or allow-dirty is required"
    );
    assert_eq!(run(not_clean, &baseline("2")), "baseline 2.sql 3.sql");
    assert_eq!(run(None, &baseline("3")), "baseline 3.sql");
    assert_eq!(
        run(None, &baseline("2a")),
        "error: baseline version \"2a\" not found"
    );
    let dirty = Expectation {
        allow_dirty: true,
        ..Expectation::default()
    };
    assert_eq!(run(not_clean, &dirty), "2a.sql 3.sql");
    let both = Expectation {
        allow_dirty: true,
        ..baseline("1")
    };
    assert_eq!(
        run(None, &both),
        "error: baseline and allow-dirty are mutually exclusive"
    );
    // Once there are revisions the baseline was said and is not asked again.
    assert_eq!(
        outcome(&files, &revisions("1"), not_clean, &baseline("9")),
        "2.sql 3.sql"
    );
}

#[test]
fn no_further_than_asked() {
    let files = directory("1.sql 2.sql 3.sql");
    let run = |until| {
        let expected = Expectation {
            until,
            ..Expectation::default()
        };
        outcome(&files, &revisions("1"), None, &expected)
    };
    assert_eq!(run(Until::Amount(1)), "2.sql");
    assert_eq!(run(Until::Amount(9)), "2.sql 3.sql");
    assert_eq!(run(Until::Version("2".to_owned())), "2.sql");
    assert_eq!(
        run(Until::Version("1".to_owned())),
        "error: migration with version \"1\" not found among those that are pending"
    );
}

#[test]
fn a_folder_that_is_wrong_in_itself_is_not_looked_at_further() {
    let check = |directory: &Directory, expected: &str| {
        let seen = outcome(directory, &[], None, &Expectation::default());
        assert!(seen.starts_with(expected), "{seen}");
    };
    check(
        &Directory::new([("1.sql".to_owned(), String::new())]),
        "error: checksum file not found",
    );
    check(
        &directory("1_a.sql 1_b.sql"),
        "error: 1_a.sql and 1_b.sql have the same version",
    );
}

/// Runs files one after the other, each at a later time, and gives the revisions that this leaves.
fn applied(steps: &[(&str, &str)]) -> Vec<Revision> {
    let mut found: Vec<Revision> = Vec::new();
    for (at, (folder, file)) in steps.iter().enumerate() {
        let mut revision = revisions(file.trim_end_matches(".sql")).remove(0);
        revision.executed_at = Duration::from_secs(at as u64);
        revision.hash = directory(folder)
            .sum()
            .of_file(file)
            .expect("the file is in the folder")
            .to_owned();
        found.push(revision);
    }
    found.sort_by(|left, right| left.version.cmp(&right.version));
    found
}

#[test]
fn an_edited_file_is_seen_and_a_late_one_is_not_taken_for_it() {
    let names_of = |directory: &Directory, revisions: &[Revision]| {
        let names = edited(directory, revisions)
            .into_iter()
            .map(|file| file.name().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let all = "1.sql 2.sql 3.sql";
    let plain = applied(&[(all, "1.sql"), (all, "2.sql"), (all, "3.sql")]);
    assert_eq!(names_of(&directory(all), &plain), "");
    let change = |name: &str| {
        let files = ["1.sql", "2.sql", "3.sql"].map(|file| {
            let text = if file == name {
                "SELECT 2;"
            } else {
                "SELECT 1;"
            };
            (file.to_owned(), text.to_owned())
        });
        sealed(files.to_vec())
    };
    for name in ["1.sql", "2.sql", "3.sql"] {
        assert_eq!(names_of(&change(name), &plain), name);
        let refused = outcome(&change(name), &plain, None, &Expectation::default());
        assert!(
            refused.starts_with(&format!("error: {name} was edited after it was applied")),
            "{refused}"
        );
    }
    let allowed = Expectation {
        allow_edited: true,
        ..Expectation::default()
    };
    assert_eq!(outcome(&change("1.sql"), &plain, None, &allowed), "");
    // 2 was added and run after 3.
    let late = applied(&[
        ("1.sql 3.sql", "1.sql"),
        ("1.sql 3.sql", "3.sql"),
        (all, "2.sql"),
    ]);
    assert_eq!(names_of(&directory(all), &late), "");
    assert_eq!(names_of(&change("1.sql"), &late), "1.sql");
    // 2 was added behind 3 and is not run yet.
    let skipped = applied(&[("1.sql 3.sql", "1.sql"), ("1.sql 3.sql", "3.sql")]);
    assert_eq!(names_of(&directory(all), &skipped), "");
    assert_eq!(names_of(&change("3.sql"), &skipped), "3.sql");
}
