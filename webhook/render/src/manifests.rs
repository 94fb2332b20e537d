//! Text to objects: YAML of several documents, JSON, lists.
//!
//! It reads what kubectl would read: a key that is written twice has its last value, `yes` is true, a document of comments is none. What cannot be read is
//! named by file and line and never quoted, for it may be a Secret.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;

use crate::error::RenderError;
use crate::settings::Limits;

/// How a file begins that stands for one kept by Git LFS (git-lfs `docs/spec.md`).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The objects of an Application, within its limits.
#[derive(Debug)]
pub(crate) struct Manifests<'a> {
    limits: &'a Limits,
    objects: Vec<Value>,
    bytes: u64,
}

/// A document that is YAML and no Kubernetes object, such as a file of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoObject {
    /// The document's first line.
    line: u64,
    problem: String,
}

impl<'a> Manifests<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            objects: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) fn into_objects(self) -> Vec<Value> {
        self.objects
    }

    /// Adds what a tool printed: every document has to be an object. Helm names the template that a document comes from.
    pub(crate) fn printed(
        &mut self,
        tool: &str,
        folder: &str,
        out: &[u8],
    ) -> Result<(), RenderError> {
        let printed = format!("what {tool} made of {folder}");
        let text = text(&printed, out)?;
        for document in documents(&text) {
            let template = document
                .text
                .lines()
                .find_map(|line| line.strip_prefix("# Source: "));
            let file = match template {
                Some(template) => format!("what {tool} made of {template}"),
                None => printed.clone(),
            };
            // A template's line is not that of the output; where the template is known, its own is what helps.
            let first = if template.is_some() { 1 } else { document.line };
            match read(&file, document.text, first)? {
                Ok(objects) => self.add(&file, objects, document.text.len())?,
                Err(problem) => return Err(problem.of(&file)),
            }
        }
        Ok(())
    }

    /// Adds what jsonnet made of a file: an object, or a list of objects.
    pub(crate) fn evaluated(&mut self, file: &str, out: &[u8]) -> Result<(), RenderError> {
        let value = serde_json::from_slice(out).map_err(|_| RenderError::Manifest {
            file: file.to_owned(),
            line: None,
            problem: "what jsonnet printed is no JSON".to_owned(),
        })?;
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        let mut objects = Vec::new();
        for value in values {
            match objects_of(value) {
                Ok(found) => objects.extend(found),
                Err(problem) => {
                    return Err(RenderError::Manifest {
                        file: file.to_owned(),
                        line: None,
                        problem: problem.to_owned(),
                    });
                }
            }
        }
        self.add(file, objects, out.len())
    }

    /// Adds a file of a plain folder. A file without any object in it is none of ours, unless it looks like one that somebody got wrong; the answer is
    /// what to warn about.
    pub(crate) fn file(&mut self, file: &str, bytes: &[u8]) -> Result<Option<String>, RenderError> {
        // Left out in silence, what is behind a pointer of Git LFS would be pruned.
        let is_meant = bytes.starts_with(LFS_POINTER)
            || ["apiVersion:", "kind:", "metadata:"]
                .iter()
                .all(|word| contains(bytes, word.as_bytes()));
        let read = self.documents_of(file, bytes);
        match read {
            Ok(None) => Ok(None),
            Ok(Some(problem)) if is_meant => Err(problem.of(file)),
            Err(error @ RenderError::Manifest { .. }) if !is_meant => {
                Ok(Some(format!("{error}; it is not taken for a manifest")))
            }
            Ok(Some(problem)) => Ok(Some(format!(
                "{}; it is not taken for a manifest",
                problem.of(file)
            ))),
            Err(error) => Err(error),
        }
    }

    fn documents_of(&mut self, file: &str, bytes: &[u8]) -> Result<Option<NoObject>, RenderError> {
        let mut found = Vec::new();
        let text = text(file, bytes)?;
        let all = if Path::new(file).extension().is_some_and(|end| end == "json") {
            vec![Document {
                line: 1,
                text: &text,
            }]
        } else {
            documents(&text)
        };
        for document in all {
            match read(file, document.text, document.line)? {
                Ok(objects) => found.extend(objects),
                Err(problem) => return Ok(Some(problem)),
            }
        }
        self.add(file, found, bytes.len())?;
        Ok(None)
    }

    fn add(&mut self, file: &str, objects: Vec<Value>, bytes: usize) -> Result<(), RenderError> {
        self.bytes += bytes as u64;
        self.objects.extend(objects);
        let problem = if self.objects.len() > self.limits.objects {
            format!(
                "the Application has more than {} objects",
                self.limits.objects
            )
        } else if self.bytes > self.limits.manifest_bytes {
            format!(
                "the Application has more than {} bytes of manifests",
                self.limits.manifest_bytes
            )
        } else {
            return Ok(());
        };
        Err(RenderError::Manifest {
            file: file.to_owned(),
            line: None,
            problem,
        })
    }
}

impl NoObject {
    fn of(self, file: &str) -> RenderError {
        RenderError::Manifest {
            file: file.to_owned(),
            line: Some(self.line),
            problem: self.problem,
        }
    }
}

/// A YAML text that is no manifest: value files, kustomizations, `.argocd-source.yaml`. Nothing in it is null.
pub(crate) fn yaml(file: &str, bytes: &[u8]) -> Result<Value, RenderError> {
    parse(file, &text(file, bytes)?, 1)
}

/// One document, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Document<'t> {
    line: u64,
    text: &'t str,
}

/// Splits where a line begins with `---`, as Kubernetes' own reader does (apimachinery `pkg/util/yaml/decoder.go`).
fn documents(text: &str) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let (mut line, mut first, mut start, mut at) = (1, 1, 0, 0);
    for piece in text.split_inclusive('\n') {
        let is_mark = piece.strip_prefix("---").is_some_and(|rest| {
            rest.trim_start_matches('-').trim().is_empty() || rest.starts_with([' ', '\t'])
        });
        if is_mark {
            found.push((first, start, at));
            // `--- # comment` and `--- {a: 1}`: what follows the mark belongs to the document.
            (first, start) = (line, at);
        }
        at += piece.len();
        line += 1;
    }
    found.push((first, start, at));
    found
        .into_iter()
        .filter_map(|(line, from, to)| {
            let text = text.get(from..to)?;
            let is_empty = text.lines().all(|line| {
                let line = line.trim();
                line.is_empty() || line.starts_with('#') || line.trim_matches('-').is_empty()
            });
            (!is_empty).then_some(Document { line, text })
        })
        .collect()
}

/// The objects of a document: none, one, or those of a list.
fn read(
    file: &str,
    document: &str,
    line: u64,
) -> Result<Result<Vec<Value>, NoObject>, RenderError> {
    let value = parse(file, document, line)?;
    Ok(objects_of(value).map_err(|problem| NoObject {
        line,
        problem: problem.to_owned(),
    }))
}

/// The objects that a value is, or why it is none.
fn objects_of(mut value: Value) -> Result<Vec<Value>, &'static str> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    // Not by its kind: what is no list has nothing called `items` (argo-cd `util/kube`, apimachinery `Unstructured.IsList`).
    let is_of_its_own = value.get("spec").is_some() || value.get("status").is_some();
    if !value.is_object() {
        return Err("this is no object of Kubernetes");
    }
    if text("kind").is_empty() {
        return Err("the object has no kind");
    }
    if text("apiVersion").is_empty() {
        return Err("the object has no apiVersion");
    }
    match value.get_mut("items") {
        Some(Value::Array(items)) => Ok(std::mem::take(items)),
        Some(Value::Null) if !is_of_its_own => Ok(Vec::new()),
        _ => Ok(vec![value]),
    }
}

fn parse(file: &str, text: &str, first: u64) -> Result<Value, RenderError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| RenderError::Manifest {
        file: file.to_owned(),
        line: error
            .location()
            .map(|at| at.line().saturating_add(first).saturating_sub(1)),
        problem: without_place(&error.to_string()),
    })
}

/// The parser's words without the place, which is that in the document and not in the file, and without what it quotes.
fn without_place(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest,
        _ => message,
    };
    let mut parts = message.split('"');
    let start = parts.next().unwrap_or_default();
    let end = parts.next_back();
    match end {
        Some(end) => format!("{}{end}", start.trim_end()),
        None => start.to_owned(),
    }
}

/// UTF-8, or UTF-16 that says so by its mark, which is how some editors save (argo-cd reads these too).
fn text<'b>(file: &str, bytes: &'b [u8]) -> Result<Cow<'b, str>, RenderError> {
    let problem = |problem: &str| RenderError::Manifest {
        file: file.to_owned(),
        line: None,
        problem: problem.to_owned(),
    };
    if bytes.starts_with(LFS_POINTER) {
        return Err(problem(
            "the file is kept by Git LFS, which is fetched where the repository's Secret has `enableLfs: \"true\"`",
        ));
    }
    let order: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|_| problem("the file is not UTF-8"))?;
            return Ok(Cow::Borrowed(text.trim_start_matches('\u{feff}')));
        }
    };
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err(problem("the file is not UTF-16"));
    };
    let units: Vec<u16> = units.iter().skip(1).map(|unit| order(*unit)).collect();
    let text = String::from_utf16(&units).map_err(|_| problem("the file is not UTF-16"))?;
    Ok(Cow::Owned(text))
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_encodings_are_read_as_argo_cd_does() {
        let service = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n";
        let list =
            |kind: &str, rest: &str| format!("apiVersion: v1\nkind: {kind}\n{rest}---\n{service}");
        let utf_16: Vec<u8> = std::iter::once(0xfeff)
            .chain(service.encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect();
        for (bytes, expected) in [
            (
                list("List", "items:\n").into_bytes(),
                &["ServiceAccount"][..],
            ),
            (
                list("FooList", "items: []\n").into_bytes(),
                &["ServiceAccount"],
            ),
            (
                list("NotAList", "items:\nspec: {foo: bar}\n").into_bytes(),
                &["NotAList", "ServiceAccount"],
            ),
            (utf_16, &["ServiceAccount"]),
        ] {
            let limits = Limits::default();
            let mut manifests = Manifests::new(&limits);
            manifests.file("a.yaml", &bytes).expect("manifests");
            let objects = manifests.into_objects();
            let kinds: Vec<_> = objects.iter().map(|object| &object["kind"]).collect();
            assert_eq!(kinds, expected);
        }
    }

    fn names(objects: &[Value]) -> Vec<&str> {
        objects
            .iter()
            .filter_map(|object| object["metadata"]["name"].as_str())
            .collect()
    }

    #[track_caller]
    fn check(file: &str, text: &str, expected: Result<&[&str], &str>) {
        let limits = Limits {
            objects: 3,
            ..Limits::default()
        };
        let mut manifests = Manifests::new(&limits);
        match (manifests.file(file, text.as_bytes()), expected) {
            (Ok(_), Ok(expected)) => assert_eq!(names(&manifests.into_objects()), expected),
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            (got, _) => panic!("{got:?}"),
        }
    }

    const A: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    const B: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";

    #[test]
    fn files_have_one_object_or_several() {
        check("x.yaml", A, Ok(&["a"]));
        check(
            "x.yaml",
            &format!("# first\n---\n{A}---\n# nothing\n--- # mark\n{B}---\n"),
            Ok(&["a", "b"]),
        );
        check(
            "x.yaml",
            &format!("\u{feff}{}", A.replace('\n', "\r\n")),
            Ok(&["a"]),
        );
        check("x.yaml", "", Ok(&[]));
        check(
            "x.json",
            r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}"#,
            Ok(&["a"]),
        );
        check(
            "x.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n",
            Ok(&["a", "b"]),
        );
        check(
            "x.yaml",
            &format!("{A}data: {{k: one}}\ndata: {{k: two}}\n"),
            Ok(&["a"]),
        );
    }

    #[test]
    fn what_is_no_manifest_is_left_alone() {
        check("values.yaml", "replicas: 2\nimage: {tag: x}\n", Ok(&[]));
        check("broken.yaml", "a: [\n", Ok(&[]));
        check("package.json", "{\"name\": \"x\"}", Ok(&[]));
    }

    #[test]
    fn what_is_meant_to_be_one_and_is_not_is_an_error() {
        check(
            "x.yaml",
            &format!(
                "{A}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{p: hunter2\n"
            ),
            Err("x.yaml, line 8: unclosed bracket '{'"),
        );
        check(
            "x.yaml",
            &format!("{A}---\nmetadata: {{name: b}}\n"),
            Err("x.yaml, line 4: the object has no kind"),
        );
        check(
            "x.yaml",
            &[A, A, A, A].join("---\n"),
            Err("x.yaml: the Application has more than 3 objects"),
        );
        let pointer = "version https://git-lfs.github.com/spec/v1\n# apiVersion: kind: metadata:\n";
        check(
            "x.yaml",
            pointer,
            Err(
                "x.yaml: the file is kept by Git LFS, which is fetched where the repository's Secret has `enableLfs: \"true\"`",
            ),
        );
    }

    #[test]
    fn what_a_tool_printed_is_named_by_its_template() {
        let limits = Limits::default();
        let mut manifests = Manifests::new(&limits);
        let out = format!(
            "---\n# Source: web/templates/a.yaml\n{A}---\n# Source: web/templates/b.yaml\nreplicas: 2\n"
        );
        let error = manifests
            .printed("helm", "chart", out.as_bytes())
            .expect_err("no kind");
        assert_eq!(
            error.to_string(),
            "what helm made of web/templates/b.yaml, line 1: the object has no kind"
        );
    }
}
