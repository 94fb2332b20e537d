//! Texts that nobody wrote: the examples of the rules' own pages, cut and joined at random. `unsafe-sql` answers each without a panic, and as a component
//! in its sandbox it finds what it finds as a plain function.
//!
//! An input is made from its number alone, so that one that fails can be looked at again. The long run:
//!
//! ```text
//! FUZZ_INPUTS=10000000 FUZZ_SANDBOXED=100 cargo test --release -p tidegate-load --test fuzz -- --nocapture
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says where its input came from"
)]

#[path = "../../benches/schema/both.rs"]
mod both;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_admission::{Review, parse_review};
use tidegate_host::PolicySet;
use tidegate_load::review;
use tidegate_policy_sdk::prelude::Severity;

/// Bytes of a text; longer ones say nothing new.
const LONGEST: usize = 2_000;

/// What breaks readers, beside the words of the examples.
const ODD: &[&str] = &[
    "'",
    "\"",
    "`",
    "$$",
    "$a$",
    "/*",
    "*/",
    "/*!",
    "--",
    "-- ",
    "#",
    ";",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "\0",
    "\r",
    "\n",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}",
    "é",
    "😀",
    "END",
    "E'",
    "U&\"",
    "::",
    "DELIMITER //\n",
    "0x",
    "1e",
    "@",
    ":=",
];

#[test]
fn every_text_is_answered_alike() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |value| value.parse().expect(name))
    };
    let inputs: u64 = number("FUZZ_INPUTS", 600);
    let sandboxed: u64 = number("FUZZ_SANDBOXED", 2);
    let from: u64 = number("FUZZ_FROM", 0);
    let examples = examples();
    assert!(examples.len() > 200, "{} examples", examples.len());

    let host = both::host();
    let set = runtime().block_on(both::load(&host));
    let next = AtomicU64::new(from);
    let (findings, compared) = (AtomicU64::new(0), AtomicU64::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let runtime = runtime();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + inputs {
                        break;
                    }
                    let input = Input::new(number, &examples);
                    let found = natively(&input.review);
                    findings.fetch_add(found.len() as u64, Ordering::Relaxed);
                    if number.is_multiple_of(sandboxed) {
                        let other = runtime.block_on(in_sandbox(&set, &input.review));
                        assert_eq!(found, other, "input {number}");
                        compared.fetch_add(1, Ordering::Relaxed);
                    }
                    if number % 500_000 == 499_999 {
                        println!("{} inputs", number + 1 - from);
                    }
                }
            });
        }
    });
    let findings = findings.into_inner();
    println!(
        "{inputs} inputs, {findings} findings, {} compared",
        compared.into_inner()
    );
    assert!(findings > inputs / 2, "the inputs say nothing");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// A review, and its number for whoever looks why it panicked.
struct Input {
    number: u64,
    review: Arc<Review>,
}

impl Input {
    fn new(number: u64, examples: &[String]) -> Self {
        let mut random = Rng::with_seed(number);
        let dialect = ["mysql", "mariadb", "postgres", "sqlite"][random.usize(..4)];
        let text = text(&mut random, examples);
        let object = if random.u8(..3) == 0 {
            json!({"dir": {"local": {"1.sql": text}}})
        } else {
            json!({"schema": {"sql": text}})
        };
        let mut body: Value =
            serde_json::from_slice(&review::around(&object_of(dialect, &object))).unwrap();
        if object.get("schema").is_some() && random.bool() {
            // An edit of it, or something else.
            let old = if random.bool() {
                edited(&mut random, text, examples)
            } else {
                self::text(&mut random, examples)
            };
            let old = object_of(dialect, &json!({"schema": {"sql": old}}));
            body["request"]["operation"] = json!("UPDATE");
            body["request"]["oldObject"] = old;
        }
        Self {
            number,
            review: Arc::new(parse_review(&serde_json::to_vec(&body).unwrap()).unwrap()),
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("input {}: {:?}", self.number, self.review);
        }
    }
}

fn object_of(dialect: &str, fields: &Value) -> Value {
    let migration = fields.get("dir").is_some();
    let mut spec = fields.clone();
    spec["url"] = json!(format!("{dialect}://db"));
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": if migration { "AtlasMigration" } else { "AtlasSchema" },
        "metadata": {"name": "case", "namespace": "default"},
        "spec": spec,
    })
}

/// Some examples, and edits of them.
fn text(random: &mut Rng, examples: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..random.usize(1..4) {
        text.push_str(&examples[random.usize(..examples.len())]);
    }
    for _ in 0..random.usize(..6) {
        text = edited(random, text, examples);
    }
    cut(&mut text, LONGEST);
    text
}

/// A piece taken out, doubled or put in, or an odd sign.
fn edited(random: &mut Rng, mut text: String, examples: &[String]) -> String {
    let from = text.floor_char_boundary(random.usize(..=text.len()));
    let to = text.floor_char_boundary((from + random.usize(..40)).min(text.len()));
    match random.u8(..5) {
        0 => text.replace_range(from..to, ""),
        1 => {
            let piece = text[from..to].to_owned();
            text.insert_str(from, &piece);
        }
        2 => {
            let other = &examples[random.usize(..examples.len())];
            let start = other.floor_char_boundary(random.usize(..=other.len()));
            let end = other.floor_char_boundary((start + random.usize(..40)).min(other.len()));
            text.insert_str(from, &other[start..end]);
        }
        3 => text.insert_str(from, ODD[random.usize(..ODD.len())]),
        _ => cut(&mut text, to),
    }
    text
}

fn cut(text: &mut String, longest: usize) {
    text.truncate(text.floor_char_boundary(longest));
}

/// The blocks of SQL in the rules' pages.
fn examples() -> Vec<String> {
    let pages = tidegate_kit::pages("unsafe-sql").unwrap();
    pages
        .iter()
        .flat_map(|(_, page)| {
            let blocks = page.split("```sql").skip(1);
            let blocks = blocks.filter_map(|block| Some(block.split_once('\n')?.1));
            blocks
                .map(|block| block.split("```").next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What a finding says, in words that both sides have.
type Told = (String, Severity, String, Option<(u32, u32)>);

fn natively(review: &Review) -> Vec<Told> {
    let verdict = both::natively(review);
    let told = verdict.findings.into_iter().map(|finding| {
        let position = finding.position.map(|at| (at.line, at.column));
        (finding.rule, finding.severity, finding.message, position)
    });
    told.collect()
}

async fn in_sandbox(set: &PolicySet, review: &Arc<Review>) -> Vec<Told> {
    let verdict = both::sandboxed(set, review).await.outcome.unwrap();
    let told = verdict.findings.into_iter().map(|finding| {
        let severity = match finding.severity {
            tidegate_admission::Severity::Error => Severity::Error,
            tidegate_admission::Severity::Warning => Severity::Warning,
            tidegate_admission::Severity::Info => Severity::Info,
        };
        let position = finding.position.map(|at| (at.line, at.column));
        (finding.rule, severity, finding.message, position)
    });
    told.collect()
}
