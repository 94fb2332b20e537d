//! `tidegate app health`: the health of objects in a file, and so a test bench for one's own Lua scripts.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use tidegate_health::{Customizations, Health, Surroundings, assess};
use tidegate_model::ObjectKey;

use crate::HumanOrJson;
use crate::check::source::read_text;

/// Argo CD gives a script one second.
const SCRIPT_TIME: Duration = Duration::from_secs(1);
/// `GROUP/KIND`, and one for a folder of such folders.
const DEEPEST_SCRIPT: usize = 4;
/// The most scripts of a folder; Argo CD ships 240.
const MOST_SCRIPTS: usize = 5_000;

/// What to look at, and by which rules.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The live object, with its status: YAML or JSON, `-` for standard input. A List or several documents give a health each.
    #[arg(short, long, value_name = "OBJ")]
    file: PathBuf,
    /// Lua rules: a file with the ConfigMap argocd-cm, or a folder of `GROUP/KIND/health.lua`, `_` being a wildcard. May be given several times; a
    /// ConfigMap's rules win over a folder's.
    #[arg(long, value_name = "CONFIGMAP|DIR")]
    customizations: Vec<PathBuf>,
    /// `json` for scripts.
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

/// What is printed of one object.
#[derive(Debug, Serialize)]
struct Answer {
    /// Null where the kind has no health, empty where a script said nothing.
    status: Option<&'static str>,
    /// Null where the kind has no health.
    message: Option<String>,
}

pub(crate) fn run(args: &HealthArgs) -> Result<()> {
    let mut customizations = Customizations::default();
    for path in &args.customizations {
        customizations.add(read_customizations(path)?);
    }
    let objects = objects(&args.file)?;
    let answers: Vec<(ObjectKey, Answer)> = objects
        .iter()
        .map(|object| (ObjectKey::of(object), answer(object, &customizations)))
        .collect();
    let text = match (args.output, answers.as_slice()) {
        (_, []) => bail!("{}: no Kubernetes object in it", args.file.display()),
        (HumanOrJson::Json, [(_, answer)]) => serde_json::to_string(answer)? + "\n",
        (HumanOrJson::Json, answers) => many_as_json(answers)?,
        (HumanOrJson::Human, answers) => human(answers),
    };
    crate::print(&text)
}

fn answer(object: &Value, customizations: &Customizations) -> Answer {
    let started = Instant::now();
    let surroundings = Surroundings {
        stop: Arc::new(move || started.elapsed() > SCRIPT_TIME),
        ..Surroundings::at(now())
    };
    let health = assess(object, customizations, &surroundings)
        .unwrap_or_else(|error| Some(Health::from(&error)));
    Answer {
        status: health
            .as_ref()
            .map(|health| health.status.map_or("", tidegate_health::Status::as_str)),
        message: health.map(|health| health.message),
    }
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn many_as_json(answers: &[(ObjectKey, Answer)]) -> Result<String> {
    #[derive(Serialize)]
    struct Named<'a> {
        object: &'a ObjectKey,
        #[serde(flatten)]
        answer: &'a Answer,
    }
    let named: Vec<_> = answers
        .iter()
        .map(|(object, answer)| Named { object, answer })
        .collect();
    Ok(serde_json::to_string_pretty(&named)? + "\n")
}

fn human(answers: &[(ObjectKey, Answer)]) -> String {
    let mut text = String::new();
    for (object, answer) in answers {
        let status = match answer.status {
            None => "no health: nothing says what it means for this kind",
            Some("") => "no status: the script returned nothing",
            Some(status) => status,
        };
        let _ = write!(text, "{object}: {status}");
        match answer.message.as_deref() {
            None | Some("") => text.push('\n'),
            Some(message) => {
                let _ = writeln!(text, ": {}", message.trim_end());
            }
        }
    }
    text
}

fn objects(path: &Path) -> Result<Vec<Value>> {
    let text = read_text(path)?;
    let shown = path.display();
    let documents: Vec<Value> = if text.trim_start().starts_with(['{', '[']) {
        vec![serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?]
    } else {
        serde_saphyr::from_multiple(&text).with_context(|| format!("{shown} is not YAML"))?
    };
    let mut objects = Vec::new();
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(mut list) if is_list(&list) => {
                if let Some(Value::Array(items)) = list.remove("items") {
                    objects.extend(items);
                }
            }
            other => objects.push(other),
        }
    }
    match objects.iter().find(|object| object.get("kind").is_none()) {
        Some(_) => bail!("{shown}: not a Kubernetes object: it has no `kind`"),
        None => Ok(objects),
    }
}

/// `kubectl get -o yaml` of several objects.
fn is_list(object: &serde_json::Map<String, Value>) -> bool {
    object.get("items").is_some_and(Value::is_array)
        && object
            .get("kind")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.ends_with("List"))
}

fn read_customizations(path: &Path) -> Result<Customizations> {
    let shown = path.display();
    if path.is_dir() {
        let mut customizations = Customizations::default();
        add_folder(path, "", 0, &mut customizations)?;
        if customizations.is_empty() {
            bail!("{shown}: no `GROUP/KIND/health.lua` in this folder");
        }
        return Ok(customizations);
    }
    let config_map: Value = serde_saphyr::from_str(&read_text(path)?)
        .with_context(|| format!("{shown} is not YAML"))?;
    Customizations::from_config_map(&config_map).with_context(|| shown.to_string())
}

/// Links are not followed: a folder of scripts has no use for them.
fn add_folder(
    folder: &Path,
    name: &str,
    depth: usize,
    customizations: &mut Customizations,
) -> Result<()> {
    let unreadable = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().with_context(unreadable)?;
        if kind.is_file() && file_name == "health.lua" {
            customizations.add_shipped(name, read_text(&entry.path())?);
            if customizations.len() > MOST_SCRIPTS {
                bail!("more than {MOST_SCRIPTS} scripts");
            }
        } else if kind.is_dir() && depth < DEEPEST_SCRIPT {
            let below = format!("{name}/{file_name}");
            add_folder(&entry.path(), &below, depth + 1, customizations)?;
        }
    }
    Ok(())
}
