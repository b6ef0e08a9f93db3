//! The settings of one endpoint.

use std::path::PathBuf;
use std::time::Duration;

use wa_flows::TokenSignatureMode;
use wa_secrets::SecretSource;

use crate::config::kind::{Kind, Variable};
use crate::config::layers::{Layers, Located};
use crate::config::problem::{ConfigFault, Origin, Problems};
use crate::config::resolve::{in_range, is_some_time, key_store};
use crate::config::setting::{self, Typed};
use crate::config::{EndpointConfig, KeySets, NamedSource, Timeouts};

/// Resolves the settings of an endpoint; reports problems and returns `None` if a required one is invalid.
pub(super) fn read(table: &Layers<'_>, has_store: bool, problems: &mut Problems) -> Option<EndpointConfig> {
    let name = checked(
        table,
        &setting::NAME,
        is_name,
        "letters, digits, `-` and `_`, at most 64",
        problems,
    );
    let path = checked(
        table,
        &setting::PATH,
        is_path,
        "a path that begins with `/`, without `?`, `#` and spaces",
        problems,
    );
    let key_sets = key_store::sets(table, has_store, problems);
    let keys = keys(table, has_store, &key_sets, problems);
    let upstream = required(
        table,
        &setting::UPSTREAM,
        "the URL that decrypted requests are posted to",
        problems,
    );
    let ca = table.get(&setting::UPSTREAM_CA, problems).map(|ca| Located {
        value: table.sources.resolve(&ca.origin, ca.value),
        origin: ca.origin,
    });
    let timeouts = timeouts(table, problems);
    let ping = table.get(&setting::PING, problems);
    let error_notifications = table.get(&setting::ERROR_NOTIFICATIONS, problems);
    let token_signature = table.get(&setting::TOKEN_SIGNATURE, problems);
    let skip_signature = table.get(&setting::DANGER_SKIP_SIGNATURE, problems);
    let allow_replays = table.get(&setting::DANGER_ALLOW_REPLAYS, problems);
    let passphrases = secret_sources(
        table,
        (&setting::PASSPHRASE_FILE, &setting::PASSPHRASE_ENV),
        setting::DEFAULT_PASSPHRASE_VARIABLE,
        problems,
    );
    let app_secrets = secret_sources(
        table,
        (&setting::APP_SECRET_FILE, &setting::APP_SECRET_ENV),
        setting::DEFAULT_SECRET_VARIABLE,
        problems,
    );
    let endpoint = EndpointConfig {
        scope: table.scope.to_owned(),
        name: name?,
        path: path?,
        keys: keys?,
        key_sets,
        passphrases,
        app_secrets,
        strict_secrets: false,
        skip_signature: skip_signature?.value,
        allow_replays: allow_replays?.value,
        token_signature: token_signature?.value,
        upstream: upstream?.value,
        upstream_ca: ca,
        timeouts: timeouts?,
        ping: ping?.value,
        error_notifications: error_notifications?.value,
    };
    refuse_unsigned(table, &endpoint, problems);
    Some(endpoint)
}

/// Returns the paths of the key files. They are required unless the endpoint uses key sets.
fn keys(
    table: &Layers<'_>,
    has_store: bool,
    sets: &KeySets,
    problems: &mut Problems,
) -> Option<Located<Vec<PathBuf>>> {
    if *sets != KeySets::Named(Vec::new()) && !table.has(&setting::KEYS) {
        return Some(Located {
            value: Vec::new(),
            origin: Origin::Nowhere,
        });
    }
    let what = if has_store {
        "the path of the private keys (`keys`), or the key sets to use (`key_sets`)"
    } else {
        "the path of the private keys"
    };
    let keys = required(table, &setting::KEYS, what, problems)?;
    let resolve = |path| table.sources.resolve(&keys.origin, path);
    Some(Located {
        value: keys.value.into_iter().map(resolve).collect(),
        origin: keys.origin.clone(),
    })
}

/// Refuses an endpoint that cannot authenticate Meta's requests, unless the configuration allows that
/// explicitly.
fn refuse_unsigned(table: &Layers<'_>, endpoint: &EndpointConfig, problems: &mut Problems) {
    if !endpoint.app_secrets.is_empty()
        || table.has(&setting::APP_SECRET_ENV)
        || table.has(&setting::APP_SECRET_FILE)
    {
        return;
    }
    let key = table.key(&setting::APP_SECRET_ENV.setting);
    if !endpoint.skip_signature {
        let fault = ConfigFault::Missing(
            "the secret of the Meta app, which authenticates its requests: set `app_secret_file`, `app_secret_env` or the \
             variable WA_APP_SECRET",
        );
        problems.add(table.origin(), &key, fault);
    } else if endpoint.token_signature != TokenSignatureMode::Off {
        problems.add(
            table.origin(),
            &key,
            ConfigFault::Missing("the app secret, which `flow_token_signature` requires"),
        );
    }
}

fn timeouts(table: &Layers<'_>, problems: &mut Problems) -> Option<Timeouts> {
    let longest = Duration::from_secs(10);
    let total = in_range(
        table,
        &setting::UPSTREAM_TIMEOUT,
        |time| is_some_time(time) && *time <= longest,
        "more than 0 and at most 10s, the timeout of WhatsApp",
        problems,
    );
    let connect = in_range(
        table,
        &setting::CONNECT_TIMEOUT,
        is_some_time,
        "more than 0",
        problems,
    );
    let idle = table.get(&setting::IDLE, problems);
    Some(Timeouts {
        total: total?,
        connect: connect?,
        idle: idle?.value,
    })
}

fn required<T: Kind>(
    table: &Layers<'_>,
    typed: &Typed<T>,
    what: &'static str,
    problems: &mut Problems,
) -> Option<Located<T>> {
    if !table.has(typed) {
        problems.add(
            table.origin(),
            &table.key(&typed.setting),
            ConfigFault::Missing(what),
        );
        return None;
    }
    table.get(typed, problems)
}

fn checked(
    table: &Layers<'_>,
    typed: &Typed<String>,
    is_valid: fn(&str) -> bool,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<String> {
    let found = table.get(typed, problems)?;
    if !is_valid(&found.value) {
        let fault = ConfigFault::WrongValue {
            expected,
            found: Some(format!("`{}`", found.value)),
        };
        problems.add(found.origin, &table.key(&typed.setting), fault);
        return None;
    }
    Some(found.value)
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))
}

pub(super) fn secret_sources(
    table: &Layers<'_>,
    (file, variable): (&Typed<Vec<PathBuf>>, &Typed<Vec<Variable>>),
    default_variable: &'static str,
    problems: &mut Problems,
) -> Vec<Located<NamedSource>> {
    let mut sources = Vec::new();
    if let Some(files) = table.get(file, problems) {
        sources.extend(files.value.into_iter().map(|path| Located {
            value: NamedSource {
                source: SecretSource::File(table.sources.resolve(&files.origin, path)),
                key: file.setting.name,
            },
            origin: files.origin.clone(),
        }));
    }
    if let Some(variables) = table.get(variable, problems) {
        sources.extend(variables.value.into_iter().map(|name| Located {
            value: NamedSource {
                source: SecretSource::Variable(name.0),
                key: variable.setting.name,
            },
            origin: variables.origin.clone(),
        }));
    }
    if !table.has(file) && !table.has(variable) && table.sources.environment.get(default_variable).is_some() {
        let value = NamedSource {
            source: SecretSource::Variable(default_variable.to_owned()),
            key: variable.setting.name,
        };
        sources.push(Located {
            value,
            origin: Origin::Environment(default_variable),
        });
    }
    sources
}
