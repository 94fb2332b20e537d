//! A folder on disk, read and written.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tidegate_migrations::Directory;
use tidegate_migrations::import::{self, Tool};

/// The largest file read.
const LARGEST_FILE_BYTES: u64 = 16 << 20;
/// The most files of a folder.
const MOST_FILES: usize = 20_000;
/// The deepest folder below one that is taken over.
const DEEPEST: usize = 16;

/// Where the migrations are.
#[derive(Debug, Args)]
pub(crate) struct DirectoryArgs {
    /// The folder: a path, or as Atlas writes it, `file://migrations`.
    #[arg(long, default_value = "migrations", value_name = "DIR")]
    dir: String,
}

impl DirectoryArgs {
    /// The folder's path.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let (path, tool) = place(&self.dir)?;
        match tool {
            None => Ok(path),
            Some(tool) => bail!(
                "{}: a folder of {tool} is taken over first: tidegate migrate import --from {0} --to file://migrations",
                self.dir
            ),
        }
    }

    /// The folder's migrations.
    pub(crate) fn read(&self) -> Result<Directory> {
        Ok(Directory::new(entries(&self.path()?)?))
    }
}

/// A path, and the tool of `?format=`.
pub(crate) fn place(url: &str) -> Result<(PathBuf, Option<Tool>)> {
    let Some(rest) = url.strip_prefix("file://") else {
        if let Some((scheme, _)) = url.split_once("://") {
            bail!("{url}: a folder is a path or file://path; {scheme}:// cannot be read");
        }
        return Ok((url.into(), None));
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut tool = None;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        tool = match parameter.split_once('=') {
            Some(("format", "atlas")) => None,
            Some(("format", name)) => Some(tool_named(name)?),
            _ => bail!("{url}: unknown parameter {parameter:?}; there is `format`"),
        };
    }
    Ok((path.into(), tool))
}

/// The tool of this name.
pub(crate) fn tool_named(name: &str) -> Result<Tool> {
    let known = Tool::ALL.into_iter().find(|tool| tool.as_str() == name);
    known.with_context(|| {
        let names = Tool::ALL.map(Tool::as_str).join(", ");
        format!("unknown format {name:?}; there are {names}")
    })
}

/// The files of a folder that belong to a directory, by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut entries = Vec::new();
    for path in listed(folder)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let wanted = name == tidegate_migrations::SUM_FILE || name.strip_suffix(".sql").is_some();
        if wanted && path.is_file() {
            entries.push((name, text(&path)?));
        }
    }
    Ok(entries)
}

/// All files below a folder of another tool, by their path in it. Files that are no text have an empty one.
pub(crate) fn entries_below(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut entries = Vec::new();
    walk(folder, "", 0, &mut entries)?;
    Ok(entries)
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    entries: &mut Vec<(String, String)>,
) -> Result<()> {
    if depth > DEEPEST {
        bail!(
            "{}: folders are nested deeper than {DEEPEST}",
            folder.display()
        );
    }
    for path in listed(folder)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with('.') || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, &format!("{prefix}{name}/"), depth + 1, entries)?;
        } else {
            let is_text = [".sql", ".conf"].iter().any(|end| name.ends_with(end));
            let text = if is_text { text(&path)? } else { String::new() };
            entries.push((format!("{prefix}{name}"), text));
        }
        if entries.len() > MOST_FILES {
            bail!("{}: more than {MOST_FILES} files", folder.display());
        }
    }
    Ok(())
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        paths.push(entry.with_context(unreadable)?.path());
        if paths.len() > MOST_FILES {
            bail!("{}: more than {MOST_FILES} files", folder.display());
        }
    }
    paths.sort();
    Ok(paths)
}

fn text(path: &Path) -> Result<String> {
    let unreadable = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    fs::File::open(path)
        .with_context(unreadable)?
        .take(LARGEST_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        bail!("{} is larger than 16 MiB", path.display());
    }
    String::from_utf8(bytes)
        .with_context(|| format!("cannot read {} as UTF-8 text", path.display()))
}

/// Whose folder this is, where nobody said.
pub(crate) fn detected(entries: &[(String, String)], folder: &Path) -> Result<Tool> {
    import::Tool::detect(entries).with_context(|| {
        let names = Tool::ALL.map(Tool::as_str).join(", ");
        format!(
            "{}: no sign of whose folder it is; say --format, one of {names}",
            folder.display()
        )
    })
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let unwritable = || format!("cannot write {}", path.display());
    let beside = path.with_extension("tidegate-new");
    fs::write(&beside, text).with_context(unwritable)?;
    fs::rename(&beside, path).with_context(unwritable)
}
