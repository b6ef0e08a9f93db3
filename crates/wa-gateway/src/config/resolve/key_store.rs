//! The settings of the key store, and the key sets of an endpoint.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wa_secrets::SecretSource;

use crate::config::kind::StoreLocation;
use crate::config::layers::{Layers, Located};
use crate::config::problem::{ConfigFault, Problems};
use crate::config::resolve::endpoint::secret_sources;
use crate::config::resolve::in_range;
use crate::config::setting;
use crate::config::{KeySets, KeyStoreConfig, NamedSource};

/// Returns the settings of the key store; `None` without one.
pub(super) fn store(root: &Layers<'_>, problems: &mut Problems) -> Option<KeyStoreConfig> {
    let location = root.get(&setting::KEY_STORE, problems);
    let mut passphrases = secret_sources(
        root,
        (&setting::STORE_PASSPHRASE_FILE, &setting::STORE_PASSPHRASE_ENV),
        setting::DEFAULT_PASSPHRASE_VARIABLE,
        problems,
    );
    if let Some(commands) = root.get(&setting::STORE_PASSPHRASE_COMMAND, problems) {
        if !root.has(&setting::STORE_PASSPHRASE_FILE) && !root.has(&setting::STORE_PASSPHRASE_ENV) {
            passphrases.clear();
        }
        passphrases.extend(commands.value.into_iter().map(|command| Located {
            value: NamedSource {
                source: SecretSource::Command(command.0),
                key: setting::STORE_PASSPHRASE_COMMAND.setting.name,
            },
            origin: commands.origin.clone(),
        }));
    }
    let poll = root.has(&setting::KEY_STORE_POLL).then(|| {
        let is_in = |time: &Duration| *time >= Duration::from_millis(50);
        in_range(root, &setting::KEY_STORE_POLL, is_in, "at least 50ms", problems)
    });
    let cache = root.get(&setting::KEY_STORE_CACHE, problems);
    let instance = root.get(&setting::INSTANCE, problems);
    let location = location?;
    let path = Some(location.value.as_str()).filter(|_| location.value.is_path());
    let resolved = path.map(|path| root.sources.resolve(&location.origin, PathBuf::from(path)));
    Some(KeyStoreConfig {
        location: Located {
            value: resolved.map_or(location.value, |path: PathBuf| {
                StoreLocation::at(Path::new(&path))
            }),
            origin: location.origin,
        },
        poll: poll.flatten(),
        cache: cache.map(|cache| root.sources.resolve(&cache.origin, cache.value)),
        passphrases,
        instance: instance.map(|instance| instance.value),
    })
}

/// Returns the key sets of an endpoint: those that it names, or all if it is the only endpoint.
pub(super) fn sets(table: &Layers<'_>, has_store: bool, problems: &mut Problems) -> KeySets {
    let Some(named) = table.get(&setting::KEY_SETS, problems) else {
        // Several endpoints often belong to several customers: none gets the keys of the others unnamed.
        return if has_store && table.overlaid {
            KeySets::All
        } else {
            KeySets::Named(Vec::new())
        };
    };
    if !has_store {
        let fault = ConfigFault::Conflict {
            reason: "`key_sets` is set, but no `key_store`",
            remedy: "set `key_store` before the first table of the file",
        };
        problems.add(named.origin, &table.key(&setting::KEY_SETS.setting), fault);
    }
    KeySets::Named(named.value.into_iter().map(|name| name.0).collect())
}
