//! Reading the cluster, from the host's watch caches.
//!
//! Only for a policy whose [`Info`](crate::Info) names the capability `cluster`: calling anything here makes the component import
//! it, and the host refuses to load a component with an import that is not granted. On a native target the cluster is empty.

use crate::Object;
#[cfg(target_arch = "wasm32")]
use crate::bindings::tidegate::policy::cluster as host;

/// The object; none when there is no such object or its kind is not granted.
pub fn get(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> Option<Object> {
    #[cfg(target_arch = "wasm32")]
    return host::get(group, kind, namespace, name).map(Object::unparsed);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (group, kind, namespace, name);
        None
    }
}

/// All objects of a kind, in one namespace or in all.
pub fn list(group: &str, kind: &str, namespace: Option<&str>) -> Vec<Object> {
    #[cfg(target_arch = "wasm32")]
    return host::list_objects(group, kind, namespace)
        .into_iter()
        .map(Object::unparsed)
        .collect();
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (group, kind, namespace);
        Vec::new()
    }
}
