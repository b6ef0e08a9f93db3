//! Checks the links of the built site: every target file and every anchor must exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use crate::{files, sh};

/// Checks the links of the book's pages; rustdoc checks its own links when it builds.
pub(crate) fn check_links(site: &Path) -> Result<()> {
    let api = site.join("api");
    let mut pages = BTreeMap::new();
    files::walk(site, &mut |path| {
        if path.extension().is_some_and(|extension| extension == "html") {
            let html = std::fs::read_to_string(path)?;
            pages.insert(path.to_owned(), html);
        }
        Ok(())
    })?;
    let anchors: BTreeMap<&PathBuf, BTreeSet<&str>> = pages
        .iter()
        .map(|(path, html)| (path, attributes(html, "id").collect()))
        .collect();
    let mut broken = Vec::new();
    let mut checked = 0;
    for (page, html) in pages.iter().filter(|(path, _)| !path.starts_with(&api)) {
        // mdBook's 404 page has links relative to the server's root.
        if page.ends_with("404.html") {
            continue;
        }
        for link in attributes(html, "href").filter(|link| is_local(link)) {
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = file.split('?').next().unwrap_or_default();
            let mut target = if file.is_empty() {
                page.clone()
            } else {
                join(page, file)
            };
            if target.is_dir() {
                target = target.join("index.html");
            }
            let known_anchor = || anchors.get(&target).is_none_or(|ids| ids.contains(anchor));
            if !target.is_file() || (!anchor.is_empty() && !known_anchor()) {
                broken.push(format!("{}: {link}", page.strip_prefix(site)?.display()));
            }
        }
    }
    if checked == 0 {
        bail!("the site at {} has no links", site.display());
    }
    if !broken.is_empty() {
        bail!("broken links:\n  {}", broken.join("\n  "));
    }
    sh::step(&format!("checked {checked} links of the site"));
    Ok(())
}

fn is_local(link: &str) -> bool {
    !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:") && !link.starts_with("data:")
}

fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let mark = format!(" {name}=\"");
    let starts: Vec<usize> = html
        .match_indices(&mark)
        .map(|(at, mark)| at + mark.len())
        .collect();
    starts
        .into_iter()
        .filter_map(|start| html.get(start..)?.split('"').next())
}

/// Resolves the link `file` relative to `page`.
fn join(page: &Path, file: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{attributes, join};
    use std::path::Path;

    #[test]
    fn attributes_are_found_by_their_whole_name() {
        let html = r#"<a data-href="no" href="a.html#b">x</a><h2 id="b">"#;
        assert_eq!(attributes(html, "href").collect::<Vec<_>>(), ["a.html#b"]);
        assert_eq!(attributes(html, "id").collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn links_are_relative_to_their_page() {
        assert_eq!(
            join(Path::new("site/a/b.html"), "../c.html"),
            Path::new("site/c.html")
        );
    }
}
