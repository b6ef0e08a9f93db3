//! Checks the systemd unit in `contrib` with `systemd-analyze`.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::sh;

const UNIT: &str = "contrib/wa-gateway.service";

/// Highest allowed exposure level of `systemd-analyze security`, in tenths: 0 is fully sandboxed, 100 is
/// not sandboxed.
const EXPOSURE: u32 = 20;

/// Fails if the unit is invalid, or more exposed than [`EXPOSURE`] allows. Skipped without `systemd-analyze`.
pub(crate) fn check() -> Result<()> {
    if !sh::exists("systemd-analyze") {
        sh::step("skipped the systemd unit: systemd-analyze is not installed (Debian: apt install systemd)");
        return Ok(());
    }
    let text = fs::read_to_string(sh::root().join(UNIT))?;
    let verdict = analyze(&text, "wa-gateway")?;
    sh::step(&format!("{UNIT}: {verdict}"));
    Ok(())
}

/// Checks a unit under the given name, and returns the last line of the security report.
fn analyze(text: &str, name: &str) -> Result<String> {
    // `wa` is not installed on this machine, and `verify` requires that the program exists.
    let unit = sh::target_dir().join(format!("{name}.service"));
    fs::write(&unit, text.replace("/usr/local/bin/wa", "/bin/true"))?;
    let unit = unit
        .to_str()
        .context("the path of the target directory is not UTF-8")?;
    let verified = sh::command("systemd-analyze", &["verify", "--man=no", unit]).output()?;
    let complaints = String::from_utf8_lossy(&verified.stderr);
    let ours: Vec<&str> = complaints
        .lines()
        .filter(|line| line.contains(&format!("{name}.service")))
        .collect();
    ensure!(
        verified.status.success() && ours.is_empty(),
        "{UNIT}:\n{complaints}"
    );
    let threshold = format!("--threshold={EXPOSURE}");
    let security = sh::command(
        "systemd-analyze",
        &["security", "--offline=true", &threshold, unit],
    )
    .output()?;
    let table = String::from_utf8_lossy(&security.stdout);
    ensure!(
        security.status.success(),
        "{UNIT} is more exposed than {EXPOSURE}:\n{table}{}",
        String::from_utf8_lossy(&security.stderr)
    );
    let verdict = table
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    Ok(verdict
        .trim_start_matches(|c: char| !c.is_ascii_alphabetic())
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_finds_is_a_failure() {
        check().unwrap();
        if !sh::exists("systemd-analyze") {
            return;
        }
        let text = fs::read_to_string(sh::root().join(UNIT)).unwrap();
        let fault = |altered: &str| analyze(altered, "altered").unwrap_err().to_string();
        let misspelt = fault(&text.replace("ProtectHome=yes", "ProtectHomes=yes"));
        assert!(misspelt.contains("ProtectHomes"), "{misspelt}");
        let open = fault(text.split("# A core dump").next().unwrap());
        assert!(open.contains("more exposed"), "{open}");
    }
}
