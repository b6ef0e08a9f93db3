//! Checks the files in `contrib` against the program: metric names, alerts, manifests and configurations.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::files::{pages, walk};
use crate::sh;

const REFERENCE: &str = "docs/src/reference/gateway-metrics.md";
const DASHBOARD: &str = "contrib/grafana/wa-gateway.json";
const RULES: &str = "contrib/prometheus/wa-gateway.rules.yml";
const RULE_TESTS: &str = "contrib/prometheus/wa-gateway.test.yml";
const ALERTS_PAGE: &str = "docs/src/operation.md";
const MANIFESTS: &str = "contrib/kubernetes-monitoring";
const CONFIGURATIONS: &[&str] = &["contrib/compose/gateway.toml", "contrib/kubernetes/gateway.toml"];

/// Fails if a file in `contrib` does not agree with the program or its reference pages. Checks whose program
/// is not installed (`promtool`, `kubectl`) are skipped.
pub(crate) fn check() -> Result<()> {
    sh::step("contrib");
    metrics()?;
    alerts()?;
    kustomize()?;
    configurations()
}

/// Every metric that a page or a file names exists, and the dashboard shows every metric.
fn metrics() -> Result<()> {
    let reference = read(REFERENCE)?;
    let known = known_metrics(&reference);
    ensure!(!known.is_empty(), "{REFERENCE} lists no metric");
    let mut texts = pages()?;
    walk(&sh::root().join("contrib"), &mut |path| {
        texts.push(path.to_owned());
        Ok(())
    })?;
    for path in &texts {
        let text = fs::read_to_string(path)?;
        let unknown: Vec<&str> = named_metrics(&text)
            .filter(|name| !known.contains(base(name)) && !known.contains(name))
            .collect();
        ensure!(
            unknown.is_empty(),
            "{} names metrics that are not in {REFERENCE}: {unknown:?}",
            path.display()
        );
    }
    let dashboard = read(DASHBOARD)?;
    drop(serde_json::from_str::<serde_json::Value>(&dashboard).with_context(|| DASHBOARD)?);
    let shown: BTreeSet<&str> = named_metrics(&dashboard)
        .flat_map(|name| [name, base(name)])
        .collect();
    let missing: Vec<&&str> = known.difference(&shown).collect();
    ensure!(
        missing.is_empty(),
        "{DASHBOARD} does not show the metrics {missing:?}"
    );
    Ok(())
}

/// The names in the first column of the reference.
fn known_metrics(reference: &str) -> BTreeSet<&str> {
    reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("wa_gateway_"))
        .collect()
}

/// Every word of a text that is the name of a metric.
fn named_metrics(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .filter(|word| word.starts_with("wa_gateway_"))
}

/// The name of the histogram that a series belongs to, or the name itself.
fn base(name: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// Every alert is tested and explained on the page, the page names no other, and promtool accepts rules and
/// tests.
fn alerts() -> Result<()> {
    let rules = read(RULES)?;
    let alerts: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    ensure!(!alerts.is_empty(), "{RULES} has no alert");
    let reference = read(REFERENCE)?;
    let unknown: Vec<&str> = label_values(&rules)
        .filter(|value| !reference.contains(&format!("`{value}`")))
        .collect();
    ensure!(
        unknown.is_empty(),
        "{RULES} compares labels with values that are not in {REFERENCE}: {unknown:?}"
    );
    for file in [RULE_TESTS, ALERTS_PAGE] {
        let text = read(file)?;
        let named: BTreeSet<&str> = text
            .split(|char: char| !char.is_ascii_alphanumeric())
            .filter(|word| word.len() > "WaGateway".len() && word.starts_with("WaGateway"))
            .collect();
        ensure!(
            named == alerts,
            "{file} and {RULES} name different alerts: {:?}",
            named.symmetric_difference(&alerts).collect::<Vec<_>>()
        );
    }
    if !sh::exists("promtool") {
        sh::step("skipped the alert rules: promtool is not installed (Debian: apt install prometheus)");
        return Ok(());
    }
    sh::output(&mut sh::command("promtool", &["check", "rules", RULES]))?;
    sh::output(&mut sh::command("promtool", &["test", "rules", RULE_TESTS]))?;
    Ok(())
}

/// The values that a rule compares labels with, such as `replayed`. Other regular expressions than lists are
/// left out.
fn label_values(rules: &str) -> impl Iterator<Item = &str> {
    let is_name = |value: &&str| value.chars().all(|char| char.is_ascii_lowercase() || char == '_');
    rules
        .split('"')
        .skip(1)
        .step_by(2)
        .flat_map(|values| values.split('|'))
        .filter(is_name)
}

fn kustomize() -> Result<()> {
    if !sh::exists("kubectl") {
        sh::step("skipped the Kubernetes manifests: kubectl is not installed");
        return Ok(());
    }
    let manifests = sh::output(&mut sh::command("kubectl", &["kustomize", MANIFESTS]))?;
    for kind in [
        "Deployment",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "ServiceMonitor",
    ] {
        ensure!(
            manifests.contains(&format!("kind: {kind}\n")),
            "{MANIFESTS} has no {kind}"
        );
    }
    Ok(())
}

/// `wa gateway --check` accepts every configuration, with a fresh key and secret. TLS is left out: it needs a certificate.
fn configurations() -> Result<()> {
    let folder = sh::target_dir().join("contrib");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("keys"))?;
    fs::create_dir_all(folder.join("secrets"))?;
    fs::write(
        folder.join("secrets/app-secret"),
        "00112233445566778899aabbccddeeff\n",
    )?;
    let keys = folder.join("keys");
    wa(&["keys", "generate", "--no-passphrase", "--out-dir", text(&keys)?])?;
    fs::remove_file(keys.join("public.pem"))?;
    for configuration in CONFIGURATIONS {
        let mut settings: toml::Table = read(configuration)?
            .parse()
            .with_context(|| configuration.to_string())?;
        settings.remove("tls");
        let file = folder.join("gateway.toml");
        fs::write(&file, toml::to_string(&settings)?)?;
        wa(&["gateway", "--config", text(&file)?, "--check"])
            .with_context(|| format!("{configuration} is not valid"))?;
    }
    Ok(())
}

fn wa(args: &[&str]) -> Result<()> {
    let mut command = sh::cargo(&["run", "--quiet", "--bin", "wa", "--"]);
    sh::output(command.args(args)).map(drop)
}

fn read(name: &str) -> Result<String> {
    fs::read_to_string(sh::root().join(name)).with_context(|| format!("cannot read {name}"))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .context("the path of the target directory is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_with_the_series_of_their_histogram() {
        let known =
            known_metrics("# A\n| `wa_gateway_a_total` | counter |\n| `other` | x |\n| `wa_gateway_b` |\n");
        assert_eq!(known, ["wa_gateway_a_total", "wa_gateway_b"].into());
        let named: Vec<_> =
            named_metrics("rate(wa_gateway_b_bucket{x=\"y\"}[5m]) - `wa_gateway_c`, wa_gateway").collect();
        assert_eq!(named, ["wa_gateway_b_bucket", "wa_gateway_c"]);
        assert_eq!(base("wa_gateway_b_bucket"), "wa_gateway_b");
        assert_eq!(base("wa_gateway_a_total"), "wa_gateway_a_total");
    }

    #[test]
    fn values_of_labels_are_found_in_lists_too() {
        let rules = "a{x=\"one\", y=~\"two|three_four\"} / b{status=~\"5..\"}";
        assert_eq!(
            label_values(rules).collect::<Vec<_>>(),
            ["one", "two", "three_four"]
        );
    }

    #[test]
    fn the_files_agree_with_the_reference() {
        metrics().unwrap();
        alerts().unwrap();
        kustomize().unwrap();
    }
}
