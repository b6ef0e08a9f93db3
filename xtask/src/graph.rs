//! `cargo xtask graph`: checks that the crate graph matches the architecture page, and that no crate has a
//! banned dependency.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh;

/// Each crate with the workspace crates that it may depend on. [`TEST_TOOLS`] may also be dev-dependencies of
/// any crate.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("wa-secrets", &[]),
    ("wa-keys", &["wa-secrets"]),
    ("wa-graph", &["wa-secrets"]),
    ("wa-encryption", &["wa-keys", "wa-graph", "wa-secrets"]),
    ("wa-flows", &["wa-keys", "wa-secrets"]),
    ("wa-keystore", &["wa-keys", "wa-secrets"]),
    (
        "wa-fleet",
        &[
            "wa-encryption",
            "wa-flows",
            "wa-keystore",
            "wa-graph",
            "wa-keys",
            "wa-secrets",
        ],
    ),
    ("wa-emulator", &[]),
    ("wa-phone", &[]),
    (
        "wa-cloud",
        &[
            "wa-secrets",
            "wa-keys",
            "wa-graph",
            "wa-encryption",
            "wa-flows",
            "wa-keystore",
            "wa-fleet",
        ],
    ),
    (
        "wa-gateway",
        &["wa-flows", "wa-keystore", "wa-keys", "wa-secrets"],
    ),
    ("wa-cli", &["wa-cloud", "wa-gateway", "wa-emulator", "wa-phone"]),
    ("xtask", &[]),
    // The fuzz targets; no crate depends on them.
    (
        "wa-fuzz",
        &["wa-keys", "wa-graph", "wa-flows", "wa-gateway", "wa-emulator"],
    ),
];

/// The crates that tests use in place of Meta and of a phone.
const TEST_TOOLS: &[&str] = &["wa-emulator", "wa-phone"];

const ASYNC_AND_HTTP: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "futures-executor",
    "hyper",
    "http",
    "h2",
    "reqwest",
    "ureq",
    "axum",
];
const SERVERS: &[&str] = &["axum", "warp", "actix-web", "rocket", "poem"];

/// Packages that must not be in the dependency tree of a crate (normal and build dependencies, default
/// features).
struct Ban {
    package: &'static str,
    names: &'static [&'static str],
    /// Also bans packages that compile or link C code.
    c_code: bool,
}

const BANS: &[Ban] = &[
    Ban {
        package: "wa-secrets",
        names: &[
            "tokio",
            "async-std",
            "smol",
            "hyper",
            "http",
            "h2",
            "reqwest",
            "ureq",
            "axum",
            "rsa",
        ],
        c_code: true,
    },
    Ban {
        package: "wa-keys",
        names: ASYNC_AND_HTTP,
        c_code: true,
    },
    Ban {
        package: "wa-graph",
        names: &["rsa", "aes", "aes-gcm", "axum"],
        c_code: false,
    },
    Ban {
        package: "wa-encryption",
        names: SERVERS,
        c_code: false,
    },
    Ban {
        package: "wa-flows",
        names: &["rsa", "wa-graph", "reqwest"],
        c_code: false,
    },
    Ban {
        package: "wa-keystore",
        names: &["rsa", "reqwest", "hyper", "wa-graph"],
        c_code: false,
    },
    Ban {
        package: "wa-fleet",
        names: SERVERS,
        c_code: false,
    },
    Ban {
        package: "wa-emulator",
        names: &[
            "aes-gcm",
            "rustls",
            "hyper-rustls",
            "rustls-native-certs",
            "reqwest",
        ],
        c_code: false,
    },
    Ban {
        package: "wa-gateway",
        names: &["rsa"],
        c_code: false,
    },
];

const C_BUILDERS: &[&str] = &["cc", "cmake", "bindgen", "pkg-config"];

/// Checks the graph, and lists every violation in the error.
pub(crate) fn run() -> Result<()> {
    sh::step("crate graph");
    let metadata: Value = serde_json::from_str(&sh::output(&mut sh::cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--locked",
    ]))?)
    .context("cargo metadata did not print JSON")?;
    let members = members(&metadata)?;
    let mut violations = edges(&members);
    violations.extend(lints(&members));
    violations.extend(incomplete(&members));
    if let Some(member) = members.get("wa-encryption")
        && member.dependencies.iter().any(|(name, _)| name == "reqwest")
    {
        violations.push("wa-encryption must not use reqwest directly: only wa-graph may".to_owned());
    }
    let links = linking_packages(&metadata);
    for ban in BANS.iter().filter(|ban| members.contains_key(ban.package)) {
        violations.extend(banned(ban, &links)?);
    }
    if violations.is_empty() {
        return Ok(());
    }
    bail!("the crate graph has violations:\n  {}", violations.join("\n  "));
}

struct Member {
    /// Name and kind (`None` is a normal dependency) of each dependency.
    dependencies: Vec<(String, Option<String>)>,
    manifest: String,
}

fn members(metadata: &Value) -> Result<BTreeMap<String, Member>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let mut members = BTreeMap::new();
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let text = |value: &Value| {
            value
                .as_str()
                .map(str::to_owned)
                .context("the output of cargo metadata has an unexpected structure")
        };
        let mut dependencies = Vec::new();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            dependencies.push((
                text(&dependency["name"])?,
                dependency["kind"].as_str().map(str::to_owned),
            ));
        }
        let manifest = std::fs::read_to_string(text(&package["manifest_path"])?)?;
        members.insert(
            text(&package["name"])?,
            Member {
                dependencies,
                manifest,
            },
        );
    }
    Ok(members)
}

fn edges(members: &BTreeMap<String, Member>) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.iter().copied().collect();
    let mut violations = Vec::new();
    for (name, member) in members {
        let Some(may) = allowed.get(name.as_str()) else {
            violations.push(format!(
                "{name} is not listed in MAY_DEPEND_ON (xtask/src/graph.rs)"
            ));
            continue;
        };
        for (dependency, kind) in &member.dependencies {
            let ours = allowed.contains_key(dependency.as_str());
            let dev = kind.as_deref() == Some("dev");
            // A dev-dependency of a crate on itself only enables features.
            let free = dev && (TEST_TOOLS.contains(&dependency.as_str()) || dependency == name);
            let tests_others = !TEST_TOOLS.contains(&name.as_str());
            let free = free || (dev && tests_others && may_know_in_tests(dependency));
            if ours && !may.contains(&dependency.as_str()) && !free {
                violations.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    violations
}

/// Returns true for crates that the tests of any other crate may use to create test data.
fn may_know_in_tests(dependency: &str) -> bool {
    dependency == "wa-keys"
}

fn lints(members: &BTreeMap<String, Member>) -> Vec<String> {
    let inherits = |member: &Member| {
        member
            .manifest
            .parse::<toml::Table>()
            .ok()
            .is_some_and(|manifest| {
                manifest
                    .get("lints")
                    .and_then(|lints| lints.get("workspace"))
                    .and_then(toml::Value::as_bool)
                    .unwrap_or_default()
            })
    };
    let opted_out = members.iter().filter(|(_, member)| !inherits(member));
    opted_out
        .map(|(name, _)| format!("{name} does not inherit the workspace's lints"))
        .collect()
}

/// Returns what is missing in the manifests of the crates that can be published.
fn incomplete(members: &BTreeMap<String, Member>) -> Vec<String> {
    let inherited = ["version", "edition", "rust-version", "license", "repository"];
    let own = ["description", "keywords", "categories"];
    let mut missing = Vec::new();
    for (name, member) in members {
        let manifest = member.manifest.parse::<toml::Table>().unwrap_or_default();
        let package = manifest.get("package");
        let value = |key: &str| package.and_then(|package| package.get(key));
        if value("publish").and_then(toml::Value::as_bool) == Some(false) {
            continue;
        }
        let is_inherited = |key: &str| {
            let workspace = value(key).and_then(|value| value.get("workspace"));
            workspace.and_then(toml::Value::as_bool) == Some(true)
        };
        let lacking = inherited.iter().filter(|key| !is_inherited(key));
        missing.extend(lacking.map(|key| format!("{name} does not inherit `{key}` from the workspace")));
        let lacking = own.iter().filter(|key| value(key).is_none());
        missing.extend(lacking.map(|key| format!("the manifest of {name} has no `{key}`")));
    }
    missing
}

fn linking_packages(metadata: &Value) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter(|package| !package["links"].is_null())
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect()
}

fn banned(ban: &Ban, links: &BTreeSet<String>) -> Result<Vec<String>> {
    let args = [
        "tree",
        "--locked",
        "--package",
        ban.package,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let tree = sh::output(&mut sh::cargo(&args))?;
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let is_banned = |name: &&str| {
        ban.names.contains(name) || (ban.c_code && (links.contains(*name) || C_BUILDERS.contains(name)))
    };
    let found = names.into_iter().filter(is_banned);
    Ok(found
        .map(|name| {
            format!(
                "{} must not depend on {name}, directly or indirectly",
                ban.package
            )
        })
        .collect())
}
