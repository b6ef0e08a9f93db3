//! `cargo xtask sbom`: writes a bill of materials for each crate, as `CycloneDX` JSON, into `target/sbom`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{files, sh, tools};

/// Name, without extension, of the file that the tool writes next to each manifest, before it is moved.
const NAME: &str = "xtask-sbom";

/// Writes `target/sbom/CRATE.json` for each crate of the workspace, and checks that each file lists
/// components.
pub(crate) fn run() -> Result<()> {
    let mut command = sh::command(
        tools::CARGO_CYCLONEDX.path()?,
        &[
            "cyclonedx",
            "--format",
            "json",
            "--all-features",
            "--override-filename",
            NAME,
        ],
    );
    sh::run(&mut command)?;
    let folder = sh::target_dir().join("sbom");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut count = 0;
    for top in ["crates", "xtask", "fuzz/targets"] {
        files::walk(&sh::root().join(top), &mut |path| {
            if path
                .file_name()
                .is_some_and(|name| name == format!("{NAME}.json").as_str())
            {
                keep(path, &folder)?;
                count += 1;
            }
            Ok(())
        })?;
    }
    ensure!(count > 0, "cargo-cyclonedx wrote no file");
    sh::step(&format!(
        "wrote {count} bills of materials to {}",
        folder.display()
    ));
    Ok(())
}

/// Checks a bill of materials and moves it into `folder`, under the name of its crate.
fn keep(path: &Path, folder: &Path) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let name = subject(&text).with_context(|| format!("{} is not a bill of materials", path.display()))?;
    fs::write(folder.join(format!("{name}.json")), text)?;
    fs::remove_file(path)?;
    Ok(())
}

/// Returns the name of the crate that a bill of materials describes.
fn subject(text: &str) -> Result<String> {
    let bill: Value = serde_json::from_str(text)?;
    let text = |value: &Value, pointer: &str| value.pointer(pointer)?.as_str().map(str::to_owned);
    ensure!(
        text(&bill, "/bomFormat").as_deref() == Some("CycloneDX"),
        "the format is not CycloneDX"
    );
    let name = text(&bill, "/metadata/component/name").context("the component has no name")?;
    let components = bill.get("components").and_then(Value::as_array);
    let components = components.context("the list of components is missing")?;
    ensure!(!components.is_empty(), "the list of components is empty");
    for component in components {
        let known = text(component, "/name").is_some() && text(component, "/version").is_some();
        ensure!(known, "a component has no name or version");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn a_bill_without_components_is_refused() {
        let bill = |components: &str| {
            let metadata = r#"{"component":{"name":"wa-cli"}}"#;
            format!(r#"{{"bomFormat":"CycloneDX","metadata":{metadata},"components":{components}}}"#)
        };
        assert_eq!(
            subject(&bill(r#"[{"name":"http","version":"1.0.0"}]"#)).unwrap(),
            "wa-cli"
        );
        assert!(subject(&bill("[]")).is_err());
        assert!(subject(&bill(r#"[{"name":"http"}]"#)).is_err());
        assert!(subject("{}").is_err());
    }
}
