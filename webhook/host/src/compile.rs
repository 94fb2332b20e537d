//! From a file's bytes to something that calls can be made of: checked, compiled or taken from the cache, and linked to what is granted.

use wasmtime::component::{Component, ComponentExportIndex, HasSelf, Linker};

use crate::bindings::PolicyIndices;
use crate::bindings::tidegate::policy::{log, types};
use crate::host::Shared;
use crate::log::clean;
use crate::sandbox::Exports;
use crate::source::ComponentDigest;
use crate::state::State;

/// The package of the contract, and what of it every policy may import.
const PACKAGE: &str = "tidegate:policy/";
const ALWAYS_GRANTED: [&str; 2] = ["types", "log"];
const VERSION: &str = "tidegate:policy@0.1.0";

/// Every binary starts with `\0asm`; the next four bytes tell a component from a core module.
const WASM: &[u8] = b"\0asm";
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];
const MODULE: &[u8] = &[1, 0, 0, 0];

/// Makes a component callable, or says what is wrong with the file.
pub(crate) fn compile(
    shared: &Shared,
    bytes: &[u8],
    digest: &ComponentDigest,
) -> Result<Exports, String> {
    sniff(bytes)?;
    let cached = shared
        .cache
        .as_ref()
        .and_then(|cache| cache.get(&shared.engine, digest));
    let component = match cached {
        Some(component) => component,
        None => {
            let component = Component::from_binary(&shared.engine, bytes).map_err(|error| {
                format!(
                    "it is not a valid component: {}",
                    clean(&format!("{error:#}"))
                )
            })?;
            if let Some(cache) = &shared.cache {
                cache.put(digest, &component);
            }
            component
        }
    };
    link(shared, &component)
}

fn sniff(bytes: &[u8]) -> Result<(), String> {
    let Some(version) = bytes.strip_prefix(WASM) else {
        return Err("it is not a WebAssembly file".into());
    };
    if version.starts_with(COMPONENT) {
        Ok(())
    } else if version.starts_with(MODULE) {
        Err("it is a core module, not a component: build it with `tidegate policy build`".into())
    } else {
        Err("it is of a WebAssembly version that is not known here".into())
    }
}

fn link(shared: &Shared, component: &Component) -> Result<Exports, String> {
    let foreign: Vec<_> = component
        .component_type()
        .imports(&shared.engine)
        .map(|(name, _)| name)
        .filter(|name| !is_granted(name))
        .map(clean)
        .collect();
    if !foreign.is_empty() {
        return Err(format!(
            "it imports {}, which is not granted: {}",
            foreign.join(", "),
            advice(&foreign)
        ));
    }
    let wrong = |error: wasmtime::Error| {
        format!(
            "it does not fit the world of {VERSION}: {}",
            clean(&format!("{error:#}"))
        )
    };
    let mut linker = Linker::<State>::new(&shared.engine);
    types::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(wrong)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(wrong)?;
    let pre = linker.instantiate_pre(component).map_err(wrong)?;
    // Checks that the exports are there and of the right types; our own indices follow, because each call needs but one of them.
    PolicyIndices::new(&pre).map_err(wrong)?;
    Ok(Exports {
        describe: index(component, "describe")?,
        check_settings: index(component, "check-settings")?,
        review: index(component, "review")?,
        pre,
    })
}

fn index(component: &Component, name: &str) -> Result<ComponentExportIndex, String> {
    component
        .get_export_index(None, name)
        .ok_or_else(|| format!("it does not export `{name}`"))
}

/// Versions are the linker's affair: it knows which are compatible.
fn is_granted(import: &str) -> bool {
    let interface = import
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.split('@').next());
    interface.is_some_and(|interface| ALWAYS_GRANTED.contains(&interface))
}

fn advice(foreign: &[String]) -> &'static str {
    if foreign.iter().any(|name| name.starts_with("wasi:")) {
        "policies get no clock, files, network or environment; build it for wasm32-unknown-unknown, without WASI"
    } else if foreign.iter().any(|name| name.starts_with(PACKAGE)) {
        "this host cannot give it"
    } else {
        "a policy may import only the interfaces of tidegate:policy"
    }
}
