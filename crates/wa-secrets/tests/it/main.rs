//! Secrets from files, variables and commands.

#![allow(clippy::unwrap_used, reason = "tests")]

mod commands;
mod files;
