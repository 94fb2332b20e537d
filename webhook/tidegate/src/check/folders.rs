//! What only a whole folder of migrations shows: its seal, its versions, and whether its history was rewritten.
//!
//! Each file of a folder is judged by itself, which is how its findings get their places. The folder is then judged once more as the one AtlasMigration
//! that would carry it, `atlas.sum` and all, by the same policies; of that only what is about the folder or a file as such is kept. Nothing is decided
//! here: which rules there are, and what they do, is the policies' and the operator's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use tidegate_admission::{Action, Evaluate, JudgedFinding, StatusReason};
use tidegate_migrations::SUM_FILE;

use super::Dialect;
use super::judge::{self, Judged};
use super::source::{Content, Item};
use crate::migrate::entries;

/// The most bytes of a folder that are judged as one; the API server would not take an object of half of them.
const LARGEST_FOLDER: usize = 3 << 20;
/// Where an AtlasMigration has its files.
const FILES: &str = "/spec/dir/local";

/// A folder of migrations, and what it was before.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: Vec<(String, String)>,
    old: Option<Vec<(String, String)>>,
}

/// The folders among what was read that Atlas seals, or sealed before. Those that are too large to be judged as one are named in `not_judged`.
pub(crate) fn folders(
    items: &[Item],
    roots: &[PathBuf],
    old: Option<&Path>,
    not_judged: &mut Vec<String>,
) -> Result<Vec<Folder>> {
    let mut places: BTreeSet<PathBuf> = BTreeSet::new();
    for item in items {
        let file = Path::new(&item.file);
        let inside = roots
            .iter()
            .any(|root| root.is_dir() && file.starts_with(root));
        if let (Content::Sql(_), true, Some(parent)) = (&item.content, inside, file.parent()) {
            places.insert(parent.to_owned());
        }
    }
    let mut folders = Vec::new();
    for path in places {
        let before = old
            .map(|old| counterpart(&path, roots, old))
            .filter(|before| before.is_dir());
        let is_sealed = |folder: &Path| folder.join(SUM_FILE).is_file();
        if !is_sealed(&path) && !before.as_deref().is_some_and(is_sealed) {
            continue;
        }
        let files = entries(&path)?;
        let old = before.map(|before| entries(&before)).transpose()?;
        let both = files.iter().chain(old.iter().flatten());
        if both.map(|(_, text)| text.len()).sum::<usize>() > LARGEST_FOLDER {
            not_judged.push(format!(
                "{} as a whole: it has more than 3 MiB",
                path.display()
            ));
            continue;
        }
        folders.push(Folder { path, files, old });
    }
    Ok(folders)
}

/// Judges each folder and adds what is found to its files.
pub(crate) async fn judge(
    judged: &mut Vec<Judged>,
    folders: Vec<Folder>,
    dialect: Option<Dialect>,
    policies: &impl Evaluate,
) {
    for Folder { path, files, old } in folders {
        let decision = judge::judge_folder(&files, old.as_deref(), dialect, policies).await;
        let mut by_file: BTreeMap<String, Vec<JudgedFinding>> = BTreeMap::new();
        for mut finding in decision.findings {
            let about = finding.path.take().and_then(|path| {
                let file = path.strip_prefix(FILES)?.trim_start_matches('/');
                Some(file.replace("~1", "/").replace("~0", "~"))
            });
            // What has a place in a text was found when the file was judged.
            if let (Some(file), None) = (about, finding.position) {
                by_file.entry(file).or_default().push(finding);
            }
        }
        for (file, findings) in by_file {
            let name = path.join(if file.is_empty() { SUM_FILE } else { &file });
            let name = name.display().to_string();
            if !judged.iter().any(|one| one.file == name) {
                let text = files.iter().find(|(known, _)| *known == file);
                let text = text.map_or("", |(_, text)| text.as_str());
                judged.push(Judged::of_file(&name, text));
            }
            let one = judged.iter_mut().find(|one| one.file == name);
            if let Some(one) = one {
                add(one, findings);
            }
        }
    }
}

fn add(judged: &mut Judged, findings: Vec<JudgedFinding>) {
    for finding in findings {
        let is_known = judged.decision.findings.iter().any(|known| {
            known.policy == finding.policy
                && known.rule == finding.rule
                && known.message == finding.message
        });
        if is_known {
            continue;
        }
        if finding.action == Action::Deny {
            judged.decision.denied = Some(StatusReason::Forbidden);
        }
        judged.decision.findings.push(finding);
    }
}

/// Where a folder was below `--old`.
fn counterpart(folder: &Path, roots: &[PathBuf], old: &Path) -> PathBuf {
    let below = roots.iter().find_map(|root| folder.strip_prefix(root).ok());
    match below {
        Some(below) if below != Path::new("") => old.join(below),
        _ => old.to_owned(),
    }
}
