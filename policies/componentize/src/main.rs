//! `componentize IN OUT`: wraps a policy's core module into a component. OUT is replaced in one step or not at all.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, process};

#[expect(
    clippy::print_stderr,
    reason = "a command says on stderr why it failed"
)]
fn main() -> ExitCode {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, component] = paths.as_slice() else {
        eprintln!("usage: componentize IN OUT");
        return ExitCode::from(2);
    };
    match run(module, component) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("componentize: {}: {problem}", module.display());
            ExitCode::FAILURE
        }
    }
}

fn run(module: &Path, component: &Path) -> Result<(), String> {
    let bytes = fs::read(module).map_err(|problem| format!("failed to read: {problem}"))?;
    let bytes =
        tidegate_componentize::componentize(&bytes).map_err(|problem| problem.to_string())?;
    replace(component, &bytes)
        .map_err(|problem| format!("failed to write {}: {problem}", component.display()))
}

/// Writes beside the target and renames, so that a reader (a host that watches the folder) never sees half a file.
fn replace(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = target.as_os_str().to_owned();
    beside.push(format!(".{}.new", process::id()));
    let beside = PathBuf::from(beside);
    fs::write(&beside, bytes)
        .and_then(|()| fs::rename(&beside, target))
        .inspect_err(|_| drop(fs::remove_file(&beside)))
}
