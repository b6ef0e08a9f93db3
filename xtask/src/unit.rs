//! The systemd unit in `contrib`, checked by systemd itself.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::sh;

const UNIT: &str = "contrib/wa-gateway.service";

/// The most that `systemd-analyze security` may say, of 100: 0 is locked up, 100 is open.
const EXPOSURE: u32 = 20;

/// Fails if systemd does not understand the unit, or finds it more exposed than it was.
pub(crate) fn check() -> Result<()> {
    if !sh::exists("systemd-analyze") {
        sh::step(
            "the systemd unit is not checked: systemd-analyze is not here (Debian: apt install systemd)",
        );
        return Ok(());
    }
    let text = fs::read_to_string(sh::root().join(UNIT))?;
    let verdict = analyze(&text, "wa-gateway")?;
    sh::step(&format!("{UNIT}: {verdict}"));
    Ok(())
}

/// Has systemd check a unit of that name; its verdict in one line.
fn analyze(text: &str, name: &str) -> Result<String> {
    // The program that it names is not installed here.
    let unit = sh::target_dir().join(format!("{name}.service"));
    fs::write(&unit, text.replace("/usr/local/bin/wa", "/bin/true"))?;
    let unit = unit.to_str().context("the target folder is not UTF-8")?;
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
