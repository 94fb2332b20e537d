//! Where what is live can be visited (`status.summary.externalURLs`): the addresses of Ingresses, and links that somebody wrote. Pure.
//!
//! Follows `populateIngressInfo` and `link.argocd.argoproj.io` of Argo CD's `controller/cache/info.go`.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_model::object::{at, group, kind, text};

/// The start of an annotation that holds a link.
const LINK: &str = "link.argocd.argoproj.io/";
/// Says that the links are all there is.
const ONLY_LINKS: &str = "argocd.argoproj.io/ignore-default-links";

/// The addresses of all objects, each once, sorted.
pub(super) fn urls<'a>(live: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut urls = BTreeSet::new();
    for object in live {
        let annotations = at(object, "/metadata/annotations").and_then(Value::as_object);
        let annotations = || annotations.into_iter().flatten();
        let links = annotations().filter(|(key, _)| key.starts_with(LINK));
        urls.extend(links.filter_map(|(_, link)| link.as_str().map(str::to_owned)));
        let is_ingress = matches!(group(object), "networking.k8s.io" | "extensions")
            && kind(object) == "Ingress";
        let has_others = annotations().any(|(key, value)| key == ONLY_LINKS && value == "true");
        if is_ingress && !has_others {
            urls.extend(of_ingress(object));
        }
    }
    urls.into_iter().collect()
}

fn of_ingress(ingress: &Value) -> Vec<String> {
    let list = |object: &Value, pointer: &str| {
        let listed = at(object, pointer).and_then(Value::as_array);
        listed.cloned().unwrap_or_default()
    };
    let secured: Vec<Value> = list(ingress, "/spec/tls")
        .iter()
        .flat_map(|tls| list(tls, "/hosts"))
        .collect();
    let has_tls = at(ingress, "/spec/tls").is_some_and(Value::is_array);
    let balancers: Vec<String> = list(ingress, "/status/loadBalancer/ingress")
        .iter()
        .filter_map(|balancer| text(balancer, "/hostname").or_else(|| text(balancer, "/ip")))
        .map(str::to_owned)
        .collect();
    let mut urls = Vec::new();
    for rule in list(ingress, "/spec/rules") {
        let host = text(&rule, "/host").filter(|host| !host.is_empty());
        let hosts = host.map_or_else(|| balancers.clone(), |host| vec![host.to_owned()]);
        let paths = list(&rule, "/http/paths");
        let paths = paths
            .iter()
            .map(|path| text(path, "/path").unwrap_or_default());
        let paths: Vec<&str> = paths.map(|path| path.trim_end_matches('*')).collect();
        for host in &hosts {
            let is_secured =
                has_tls && (secured.is_empty() || secured.iter().any(|known| known == host));
            let scheme = if is_secured { "https" } else { "http" };
            urls.extend(paths.iter().map(|path| format!("{scheme}://{host}{path}")));
        }
    }
    urls
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ingresses_and_links_are_addresses() {
        let ingress = |tls: Value, rules: Value, annotations: Value| {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "a", "annotations": annotations},
                "spec": {"tls": tls, "rules": rules}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}})
        };
        let paths = json!({"paths": [{"path": "/"}, {"path": "/a/*"}]});
        let check = |object: Value, expected: &[&str]| {
            assert_eq!(urls([&object].into_iter()), expected, "{object}");
        };
        let rule = json!([{"host": "shop.example", "http": paths}]);
        check(
            ingress(json!(null), rule.clone(), json!({})),
            &["http://shop.example/", "http://shop.example/a/"],
        );
        check(
            ingress(
                json!([{"hosts": ["shop.example"]}]),
                rule.clone(),
                json!({}),
            ),
            &["https://shop.example/", "https://shop.example/a/"],
        );
        check(
            ingress(
                json!([{"hosts": ["other.example"]}]),
                rule.clone(),
                json!({}),
            ),
            &["http://shop.example/", "http://shop.example/a/"],
        );
        check(
            ingress(json!(null), json!([{"http": {"paths": [{}]}}]), json!({})),
            &["http://10.0.0.1"],
        );
        check(
            ingress(
                json!(null),
                rule,
                json!({"link.argocd.argoproj.io/docs": "https://docs.example", ONLY_LINKS: "true"}),
            ),
            &["https://docs.example"],
        );
        check(
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}}),
            &[],
        );
    }
}
