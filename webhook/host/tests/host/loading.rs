//! What is wrong with one policy becomes its state, with a reason; the others stand.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidegate_admission::{
    Action, ByteSize, Enforcement, Evaluate as _, Limits, Mode, PolicyEntry, PolicyFailure,
    PolicySource, Selection, Stage,
};
use tidegate_host::{HostSettings, PolicySpec, Source};

use crate::guest::{self, Guest};
use crate::support::{Bench, ask, call, names, review, states};

const EMPTY_MODULE: &str = "(module)";
const EMPTY_COMPONENT: &str = "(component)";

/// Each reason says what is wrong, in words that lead to what to do.
#[tokio::test]
async fn a_broken_policy_has_a_reason_and_stops_nobody() {
    let bench = Bench::new();
    let good = Guest::default().build();
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let import = |import: &str| {
        Guest {
            imports: import.into(),
            ..Guest::default()
        }
        .build()
    };
    let small = usize::try_from(HostSettings::default().largest_component.0).unwrap();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "not a WebAssembly file"),
        ("text", b"(component)".to_vec(), "not a WebAssembly file"),
        (
            "module",
            wat(EMPTY_MODULE),
            "a core module, not a component",
        ),
        (
            "future",
            b"\0asm\x0d\0\x09\0".to_vec(),
            "a WebAssembly version that is not known",
        ),
        (
            "truncated",
            good[..good.len() / 2].to_vec(),
            "not a valid component",
        ),
        (
            "other-world",
            wat(EMPTY_COMPONENT),
            "does not fit the world of tidegate:policy@0.1.0: no export `check-settings`",
        ),
        ("wrong-types", wrong_types(&good), "does not fit the world"),
        (
            "wasi",
            import(
                r#"(import "wasi:cli/environment@0.2.3" (instance (export "initial-cwd" (func (result (option string))))))"#,
            ),
            "imports wasi:cli/environment@0.2.3, which is not granted: policies get no clock, files, network",
        ),
        (
            "cluster",
            import(r#"(import "tidegate:policy/cluster@0.1.0" (instance (export "get" (func))))"#),
            "imports tidegate:policy/cluster@0.1.0, which is not granted",
        ),
        ("large", vec![0; small + 1], "is larger than 32 MiB"),
        (
            "trap-start",
            Guest {
                start: guest::TRAP.into(),
                ..Guest::default()
            }
            .build(),
            "in `describe`: the policy crashed",
        ),
        (
            "trap-describe",
            Guest {
                describe: guest::TRAP.into(),
                ..Guest::default()
            }
            .build(),
            "in `describe`: the policy crashed",
        ),
        (
            "trap-settings",
            Guest {
                check_settings: guest::TRAP.into(),
                ..Guest::default()
            }
            .build(),
            "in `check-settings`: the policy crashed: it panicked or aborted",
        ),
        (
            "trap-review",
            Guest::reviewing(guest::TRAP).build(),
            "in `review`: the policy crashed",
        ),
        (
            "spin-start",
            Guest {
                start: guest::SPIN.into(),
                ..Guest::default()
            }
            .build(),
            "more than its 100ms of CPU time",
        ),
        (
            "bad-settings",
            Guest {
                check_settings: guest::SETTINGS_BAD.into(),
                ..Guest::default()
            }
            .build(),
            "its settings are not good: {}",
        ),
        (
            "bad-rule",
            Guest {
                rule: "A Rule",
                ..Guest::default()
            }
            .build(),
            "its rule id `A Rule` is not lower-case words",
        ),
        ("good", good, "ready"),
    ];
    let mut specs: Vec<_> = cases
        .iter()
        .map(|(name, bytes, _)| bench.spec_of(name, bytes))
        .collect();
    specs.push(PolicySpec::new("absent", bench.path().join("absent.wasm")));
    let mut pinned = bench.spec("pinned", &Guest::default());
    if let Source::File { sha256, .. } = &mut pinned.source {
        *sha256 = Some("00".repeat(32));
    }
    specs.push(pinned);
    let set = bench.host.load(specs, None).await;
    let expected = cases
        .iter()
        .map(|(name, _, expected)| (*name, *expected))
        .chain([
            ("absent", "cannot be read: No such file"),
            ("pinned", "but sha256:0000"),
        ]);
    let states = states(&set);
    for ((name, expected), state) in expected.zip(&states) {
        assert!(
            state.contains(expected),
            "{name}: `{state}` should contain `{expected}`"
        );
    }
    // A policy that could not say what it wants is taken to want our kinds, so that they do not pass unjudged.
    let evaluated = set.evaluate(call(Stage::Validate, review())).await;
    assert_eq!(evaluated.len(), states.len());
    for one in &evaluated {
        let not_loaded = matches!(one.outcome, Err(PolicyFailure::NotLoaded(_)));
        assert_eq!(not_loaded, &*one.policy != "good", "{one:?}");
    }
    let mut other = review();
    other.kind.kind = "ConfigMap".into();
    assert!(set.evaluate(call(Stage::Validate, other)).await.is_empty());
}

/// The same exports with another type: `check-settings` takes a `list<u8>`, which has the same flat form as a string.
fn wrong_types(_good: &[u8]) -> Vec<u8> {
    wat::parse_str(
        r#"(component
          (core module $m (memory (export "memory") 1) (func (export "f") (param i32 i32))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m))
          (func $f (param "settings" (list u8)) (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
          (export "check-settings" (func $f)) (export "describe" (func $f)) (export "review" (func $f)))"#,
    )
    .unwrap()
}

#[tokio::test]
async fn what_is_asked_for_is_pinned_by_its_digest() {
    let bench = Bench::new();
    let mut spec = bench.spec("guest", &Guest::default());
    let digest = bench
        .host
        .load(vec![spec.clone()], None)
        .await
        .policies()
        .remove(0)
        .digest;
    if let Source::File { sha256, .. } = &mut spec.source {
        *sha256 = digest.map(|digest| digest.to_uppercase());
    }
    assert_eq!(states(&bench.host.load(vec![spec], None).await), ["ready"]);
}

#[tokio::test]
async fn limits_that_the_host_cannot_give_are_refused() {
    let bench = Bench::new();
    for (limits, expected) in [
        (
            Limits {
                memory: ByteSize(2 << 30),
                ..Limits::default()
            },
            "its memory limit of 2 GiB is above the host's 1 GiB",
        ),
        (
            Limits {
                stack: ByteSize(8 << 20),
                ..Limits::default()
            },
            "its stack limit of 8 MiB is above",
        ),
        (
            Limits {
                instances: 1000,
                ..Limits::default()
            },
            "1000 core instances is above",
        ),
        (
            Limits {
                table_elements: 1 << 30,
                ..Limits::default()
            },
            "table elements is above",
        ),
        (
            Limits {
                memory: ByteSize(1),
                ..Limits::default()
            },
            "asked for more than its 1 B of memory",
        ),
        (
            Limits {
                instances: 1,
                ..Limits::default()
            },
            "self-test",
        ),
    ] {
        let set = bench
            .host
            .load(
                vec![PolicySpec {
                    limits,
                    ..bench.spec("guest", &Guest::default())
                }],
                None,
            )
            .await;
        let [state] = states(&set).try_into().unwrap();
        assert!(
            state.contains(expected),
            "`{state}` should contain `{expected}`"
        );
    }
}

#[tokio::test]
async fn a_policy_that_did_not_change_goes_on() {
    let bench = Bench::new();
    let (one, two) = (
        bench.spec("one", &Guest::default()),
        bench.spec("two", &Guest::reviewing(guest::ONE_FINDING)),
    );
    let first = bench.host.load(vec![one.clone(), two.clone()], None).await;
    // The bytes of `one` are broken now: it fails, and is still asked about what it last said it wants.
    std::fs::write(bench.path().join("one.wasm"), b"junk").unwrap();
    let enforcement = Arc::new(Enforcement {
        mode: Mode::Monitor,
        ..Enforcement::default()
    });
    let second = bench
        .host
        .load(vec![one, PolicySpec { enforcement, ..two }], Some(&first))
        .await;
    let states = states(&second);
    assert!(
        states[0].contains("not a WebAssembly file") && states[1] == "ready",
        "{states:?}"
    );
    let mut delete = review();
    delete.operation = tidegate_admission::Operation::Delete;
    let evaluated = second.evaluate(call(Stage::Validate, delete)).await;
    assert_eq!(names(&evaluated), ["one", "two"]);
    assert_eq!(evaluated[1].enforcement.mode, Mode::Monitor);
    assert_eq!(evaluated[1].outcome.as_ref().unwrap().findings.len(), 1);
}

#[tokio::test]
async fn a_folder_stands_for_its_files() {
    let bench = Bench::new();
    bench.spec("b", &Guest::default());
    bench.spec("a", &Guest::default());
    std::fs::write(bench.path().join("notes.txt"), "").unwrap();
    let entry = |path: &str| PolicyEntry {
        name: "team".into(),
        source: PolicySource::Folder { path: path.into() },
        enforcement: Enforcement::default(),
        limits: Limits::default(),
        settings: "{}".into(),
        capabilities: BTreeSet::new(),
    };
    let load = async |path: &str| {
        bench
            .host
            .load(PolicySpec::from_entry(&entry(path), bench.path()), None)
            .await
    };
    let set = load(".").await;
    assert_eq!(
        set.policies()
            .iter()
            .map(|policy| &*policy.name)
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(states(&set), ["ready", "ready"]);
    std::fs::create_dir(bench.path().join("empty")).unwrap();
    for (path, expected) in [
        ("empty", "holds no *.wasm file"),
        ("absent", "cannot be read"),
    ] {
        let [state] = states(&load(path).await).try_into().unwrap();
        assert!(state.contains(expected), "{state}");
    }
}

#[tokio::test]
async fn names_are_unique_and_off_is_off() {
    let bench = Bench::new();
    let spec = bench.spec("one", &Guest::default());
    let off = Enforcement {
        action: Action::Off,
        rules: BTreeMap::from([("a-rule".to_owned(), Action::Off)]),
        ..Enforcement::default()
    };
    let off = PolicySpec {
        enforcement: Arc::new(off),
        ..bench.spec("off", &Guest::reviewing(guest::TRAP))
    };
    let set = bench.host.load(vec![spec.clone(), spec, off], None).await;
    assert_eq!(
        states(&set),
        ["ready", "another policy has the same name", "off"]
    );
    let mut asked = call(Stage::Validate, review());
    asked.selection = Selection::Named("off".into());
    assert!(set.evaluate(asked).await.is_empty());
}

fn entry_of(cache: &Path) -> std::path::PathBuf {
    let entries: Vec<_> = std::fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "code"))
        .collect();
    let [entry] = entries.as_slice() else {
        panic!("one entry expected: {entries:?}")
    };
    entry.clone()
}

/// Whatever lies in the cache, the policy answers, and what cannot be trusted is replaced.
#[tokio::test]
async fn a_cache_is_used_only_as_it_was_written() {
    let cache = tempfile::TempDir::new().unwrap();
    let settings = HostSettings {
        cache: Some(cache.path().into()),
        ..HostSettings::default()
    };
    let guest = Guest::reviewing(guest::ONE_FINDING);
    let answers = async |settings: &HostSettings| {
        let bench = Bench::with(settings.clone());
        assert!(bench.host.is_caching());
        ask(&bench.load(&guest).await).await.unwrap().findings.len()
    };
    assert_eq!(answers(&settings).await, 1);
    let entry = entry_of(cache.path());
    let (good, written) = (
        std::fs::read(&entry).unwrap(),
        std::fs::metadata(&entry).unwrap().modified().unwrap(),
    );
    assert_eq!(
        std::fs::metadata(&entry).unwrap().permissions().mode() & 0o777,
        0o600
    );

    assert_eq!(answers(&settings).await, 1);
    assert_eq!(
        std::fs::metadata(&entry).unwrap().modified().unwrap(),
        written,
        "a good entry is not written again"
    );

    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let spoiled = [
        ("a bit of the code", flipped(good.len() / 2)),
        ("a bit of the MAC", flipped(20)),
        ("the first bit", flipped(0)),
        ("half of it", good[..good.len() / 2].to_vec()),
        ("nothing", vec![]),
    ];
    for (what, bytes) in spoiled {
        std::fs::write(&entry, bytes).unwrap();
        assert_eq!(answers(&settings).await, 1, "{what}");
        assert!(
            std::fs::read(&entry).unwrap().len() == good.len(),
            "{what}: the entry is made again"
        );
    }

    // Somebody who can write the folder but not read the key gives it another entry's bytes, or another key.
    let key = cache.path().join("key");
    std::fs::write(&key, [7; 32]).unwrap();
    let before = std::fs::metadata(&entry).unwrap().modified().unwrap();
    assert_eq!(answers(&settings).await, 1);
    assert_ne!(
        std::fs::metadata(&entry).unwrap().modified().unwrap(),
        before,
        "an entry under another key is not used"
    );
}

#[tokio::test]
async fn a_folder_that_others_can_write_is_no_cache() {
    let cache = tempfile::TempDir::new().unwrap();
    let settings = |path: &Path| HostSettings {
        cache: Some(path.into()),
        ..HostSettings::default()
    };
    let caches = |path: &Path| Bench::with(settings(path)).host.is_caching();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let inside = cache.path().join("made/here");
    assert!(caches(&inside));
    assert_eq!(
        std::fs::metadata(&inside).unwrap().permissions().mode() & 0o777,
        0o700
    );
    for unsafe_mode in [0o777, 0o770, 0o702] {
        mode(&inside, unsafe_mode);
        assert!(!caches(&inside), "{unsafe_mode:o}");
    }
    mode(&inside, 0o755);
    assert!(caches(&inside));
    mode(&inside.join("key"), 0o644);
    assert!(!caches(&inside), "a key that others can read");
    mode(&inside.join("key"), 0o600);
    let link = cache.path().join("link");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    assert!(!caches(&link));
    let file = cache.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(!caches(&file));
}

/// A set outlives the host that loaded it, and ends its threads when it goes.
#[tokio::test]
async fn a_set_stands_alone() {
    let bench = Bench::new();
    let set = bench.load(&Guest::reviewing(guest::ONE_FINDING)).await;
    drop(bench);
    assert_eq!(ask(&set).await.unwrap().findings.len(), 1);
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    tokio::task::spawn_blocking(move || drop(set))
        .await
        .unwrap();
    // The lane's threads end on their own; the clock's is waited for.
    tokio::time::timeout(Duration::from_secs(20), async {
        while threads() >= before {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
