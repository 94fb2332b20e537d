//! JSON pointers, RFC 6901.

/// One segment as a pointer spells it: `~` becomes `~0`, `/` becomes `~1`.
///
/// ```
/// # use tidegate_policy_sdk::pointer;
/// assert_eq!(pointer::escape("argocd.argoproj.io/sync-wave"), "argocd.argoproj.io~1sync-wave");
/// ```
pub fn escape(segment: &str) -> String {
    join("", segment).split_off(1)
}

/// The first segment, as it is meant, and the pointer from there on; none for the empty pointer and for what is none.
pub(crate) fn split_first(pointer: &str) -> Option<(String, &str)> {
    let path = pointer.strip_prefix('/')?;
    let (segment, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    Some((segment.replace("~1", "/").replace("~0", "~"), rest))
}

/// A pointer one segment deeper.
///
/// ```
/// # use tidegate_policy_sdk::pointer;
/// assert_eq!(pointer::join("/metadata/labels", "a/b"), "/metadata/labels/a~1b");
/// ```
pub fn join(pointer: &str, segment: &str) -> String {
    let mut joined = String::with_capacity(pointer.len() + 1 + segment.len());
    joined.push_str(pointer);
    joined.push('/');
    for character in segment.chars() {
        match character {
            '~' => joined.push_str("~0"),
            '/' => joined.push_str("~1"),
            other => joined.push(other),
        }
    }
    joined
}
