//! Lists the files that the documentation checks read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::sh;

/// Returns every Markdown page of the book, and the README, sorted by path.
pub(crate) fn pages() -> Result<Vec<PathBuf>> {
    let mut pages = vec![sh::root().join("README.md")];
    walk(&sh::root().join("docs/src"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path.to_owned());
        }
        Ok(())
    })?;
    pages.sort();
    Ok(pages)
}

/// Calls `visit` for every file below `folder`.
pub(crate) fn walk(folder: &Path, visit: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, visit)?;
        } else {
            visit(&path)?;
        }
    }
    Ok(())
}
