//! `wa keys`: commands on key files, without network access, and on the keys of a key store.

mod convert;
mod disable;
mod export;
mod generate;
mod import;
mod inspect;
mod new_file;
mod public;
mod rollback;
mod rotate;
mod status;

use std::path::Path;

use wa_cloud::keys::file::{Existing, FileError};

use self::new_file::NewProtection;
use super::Context;
use crate::args::KeysCommand;
use crate::block_on;
use crate::failure::{Exit, Failure};
use crate::input;

pub(crate) fn run(context: &mut Context, command: &KeysCommand) -> Result<Exit, Failure> {
    match command {
        KeysCommand::Generate(args) => generate::run(context, args),
        KeysCommand::Inspect(args) => inspect::run(context, args),
        KeysCommand::Public(args) => public::run(context, args),
        KeysCommand::Convert(args) => convert::run(context, args),
        KeysCommand::Import(args) => block_on(import::run(context, args)),
        KeysCommand::Export(args) => block_on(export::run(context, args)),
        KeysCommand::Rotate(args) => block_on(rotate::run(context, args)),
        KeysCommand::Rollback(args) => block_on(rollback::run(context, args)),
        KeysCommand::Disable(args) => block_on(disable::disable(context, args)),
        KeysCommand::Enable(args) => block_on(disable::enable(context, args)),
        KeysCommand::Status(args) => block_on(status::run(context, args)),
    }
}

/// Returns true if both paths name the same file.
fn same_file(one: &Path, other: &Path) -> bool {
    let location = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    one == other || location(one).is_some_and(|one| location(other) == Some(one))
}

fn existing(force: bool) -> Existing {
    if force {
        Existing::Replace
    } else {
        Existing::Refuse
    }
}

/// Fails early if an output file exists. The write itself checks again.
fn refuse_existing(paths: &[&Path], existing: Existing) -> Result<(), Failure> {
    let found = paths
        .iter()
        .find(|path| existing == Existing::Refuse && path.symlink_metadata().is_ok());
    match found {
        Some(path) => Err(input::failure(FileError::Exists {
            path: path.to_path_buf(),
        })),
        None => Ok(()),
    }
}
