//! The pages of the policies' rules: documentation that is tests as well.

use anyhow::Context as _;

use crate::tools::checkout;

/// The Markdown pages beside a policy's rules, sorted: their names and texts.
pub fn pages(policy: &str) -> anyhow::Result<Vec<(String, String)>> {
    let folder = checkout("policies").join(policy).join("src/rules");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut pages = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let (Some("md"), Some(name)) = (
            path.extension().and_then(|ending| ending.to_str()),
            path.file_name().and_then(|name| name.to_str()),
        ) {
            pages.push((name.to_owned(), std::fs::read_to_string(&path)?));
        }
    }
    pages.sort();
    Ok(pages)
}
