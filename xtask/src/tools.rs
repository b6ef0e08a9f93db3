//! Installs the tools that xtask needs: once, at a pinned version, below the target directory.

use std::path::PathBuf;

use anyhow::Result;

use crate::sh;

/// A program that `cargo install` builds.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) options: &'static [&'static str],
}

pub(crate) const MDBOOK: Tool = Tool {
    name: "mdbook",
    version: "0.5.4",
    options: &["--no-default-features", "--features", "search"],
};

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    options: &["--no-default-features"],
};

pub(crate) const TARPAULIN: Tool = Tool {
    name: "cargo-tarpaulin",
    version: "0.37.5",
    options: &[],
};

pub(crate) const CARGO_CYCLONEDX: Tool = Tool {
    name: "cargo-cyclonedx",
    version: "0.5.9",
    options: &[],
};

pub(crate) const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    version: "0.13.2",
    options: &[],
};

impl Tool {
    /// Returns the path of the program, and installs it first if this version is missing.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let tools =
            std::env::var_os("XTASK_TOOLS").map_or_else(|| sh::target_dir().join("tools"), PathBuf::from);
        let root = tools.join(format!("{}-{}", self.name, self.version));
        let program = root.join("bin").join(self.name);
        if !program.exists() {
            let mut install = sh::cargo(&[
                "install",
                "--locked",
                "--quiet",
                "--version",
                self.version,
                self.name,
                "--root",
            ]);
            install.arg(&root).args(self.options);
            // Optimising a tool would take longer than running it unoptimised.
            install
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_LTO", "false");
            install
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
                .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
            install.env_remove("RUSTFLAGS");
            install.env("CARGO_TARGET_DIR", sh::target_dir().join("tools-build"));
            sh::run(&mut install)?;
        }
        Ok(program)
    }
}
