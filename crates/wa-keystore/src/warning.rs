//! What is unsafe about where a key store is.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use wa_keys::Fingerprint;

/// Something about a key store that puts private keys at risk. Nothing is refused because of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreWarning {
    /// The directory is in a git work tree, from which keys are easily committed.
    #[error("the key store {} is in the git work tree {}", path.display(), root.display())]
    GitWorkTree {
        /// The directory of the store.
        path: PathBuf,
        /// The work tree.
        root: PathBuf,
    },
    /// Others than the owner can access the directory or a private key in it.
    #[error("users other than the owner can access {} (mode {mode:03o})", path.display())]
    AccessibleByOthers {
        /// The directory or file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A private key is stored without a passphrase.
    #[error("private key {} of key set {set} is not encrypted", key.short())]
    Unencrypted {
        /// The set.
        set: String,
        /// The key.
        key: Fingerprint,
    },
}

impl StoreWarning {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::GitWorkTree { .. } => "Move the key store out of the work tree.".into(),
            Self::AccessibleByOthers { path, .. } => {
                let path = path.display();
                format!("Remove the permissions of the group and of others: `chmod -R go= '{path}'`").into()
            }
            Self::Unencrypted { .. } => "Encrypt it with `wa store reencrypt`.".into(),
        })
    }
}

/// Inspects the directory of a key store. It blocks.
pub(crate) fn of_directory(root: &Path) -> Vec<StoreWarning> {
    let Ok(path) = root.canonicalize() else {
        return Vec::new();
    };
    let tree = path.ancestors().find(|folder| folder.join(".git").exists());
    let tree = tree.map(|tree| StoreWarning::GitWorkTree {
        path: root.to_owned(),
        root: tree.to_owned(),
    });
    tree.into_iter().chain(accessible(root)).collect()
}

/// Finds the directory, or else one private key, that others can access.
#[cfg(unix)]
fn accessible(root: &Path) -> Option<StoreWarning> {
    use std::os::unix::fs::PermissionsExt as _;

    let open = |path: &Path| {
        let mode = path.metadata().ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then(|| StoreWarning::AccessibleByOthers {
            path: path.to_owned(),
            mode,
        })
    };
    // If others cannot enter the directory, the modes of its files do not matter.
    let warning = open(root)?;
    let sets = std::fs::read_dir(root.join("private")).ok().into_iter().flatten();
    let mut files = sets
        .filter_map(|set| std::fs::read_dir(set.ok()?.path()).ok())
        .flatten()
        .filter_map(|file| open(&file.ok()?.path()));
    Some(files.next().unwrap_or(warning))
}

#[cfg(not(unix))]
fn accessible(_: &Path) -> Option<StoreWarning> {
    None
}
