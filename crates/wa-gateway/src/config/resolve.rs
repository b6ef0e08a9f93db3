//! Resolves the text of a configuration to its settings, and reports every problem.

mod endpoint;
mod key_store;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wa_secrets::SecretSource;

use crate::config::kind::{Kind, MaybeAddress};
use crate::config::layers::{Layers, Located, Sources};
use crate::config::problem::{ConfigFault, Origin, Problems};
use crate::config::setting::{self, Setting, Table, Typed};
use crate::config::{EndpointConfig, Limits, NamedSource, Settings, StoreSource, TlsConfig};

/// Resolves the settings of a configuration from all its sources.
pub(crate) fn settings(sources: Sources<'_>, problems: &mut Problems) -> Option<Settings> {
    let (document, errors) = DeTable::parse_recoverable(sources.text);
    for error in &errors {
        let origin = error
            .span()
            .map_or(Origin::Nowhere, |span| sources.origin(span.start));
        // The full error text quotes the line, which may contain a secret.
        problems.add(origin, "", ConfigFault::Syntax(error.message().to_owned()));
    }
    if !errors.is_empty() {
        return None;
    }
    let document = document.into_inner();
    let root = Layers {
        sources,
        table: Table::Root,
        scope: "",
        entries: Some(&document),
        start: None,
        overlaid: true,
    };
    root.refuse_unknown(problems);
    let tls = sub_table(&root, Table::Tls, "tls.", problems);
    let admin = sub_table(&root, Table::Admin, "admin.", problems);
    let limits = sub_table(&root, Table::Limits, "limits.", problems);

    let listen = root.get(&setting::LISTEN, problems);
    let admin_hosts = admin.get(&setting::ADMIN_HOSTS, problems);
    let media_host = admin.get(&setting::DANGER_MEDIA_HOST, problems);
    let admin = admin_address(&admin, listen.as_ref(), problems);
    let tls = tls_files(&tls, problems);
    let limits = self::limits(&limits, problems);
    let strict = root.get(&setting::STRICT_SECRETS, problems);
    let key_store = key_store::store(&root, problems);
    let has_store = root.has(&setting::KEY_STORE);
    let mut endpoints = endpoints(&root, has_store, problems);
    let drain = root.get(&setting::DRAIN, problems);
    let drain_delay = root.get(&setting::DRAIN_DELAY, problems);
    let replay_store = replay_store(&root, problems);
    let replay_window = in_range(
        &root,
        &setting::REPLAY_WINDOW,
        |window| is_some_time(&window.0),
        "more than 0",
        problems,
    );
    let watch = in_range(
        &root,
        &setting::WATCH,
        |time| *time >= Duration::from_millis(50),
        "at least 50ms",
        problems,
    );
    let strict_secrets = strict?.value;
    for endpoint in &mut endpoints {
        endpoint.strict_secrets = strict_secrets;
    }
    Some(Settings {
        strict_secrets,
        listen: listen?.value,
        admin: admin?.0,
        admin_hosts: admin_hosts.map(|hosts| hosts.value).unwrap_or_default(),
        media_hosts: media_host.into_iter().map(|host| host.value).collect(),
        tls,
        limits: limits?,
        endpoints,
        drain: drain?.value,
        drain_delay: drain_delay?.value,
        watch: watch?,
        key_store,
        replay_store,
        replay_window: replay_window?.0,
    })
}

fn sub_table<'a>(root: &Layers<'a>, table: Table, scope: &'a str, problems: &mut Problems) -> Layers<'a> {
    let value = root.entries.and_then(|entries| find(entries, table.name()));
    let entries = value.and_then(|value| value.get_ref().as_table());
    if let (Some(value), None) = (value, entries) {
        let fault = ConfigFault::WrongValue {
            expected: "a table",
            found: None,
        };
        problems.add(root.sources.origin(value.span().start), table.name(), fault);
    }
    let layers = Layers {
        table,
        scope,
        entries,
        start: value.map(|value| value.span().start),
        ..*root
    };
    layers.refuse_unknown(problems);
    layers
}

fn find<'a>(table: &'a DeTable<'a>, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
    table
        .iter()
        .find(|(key, _)| key.get_ref() == name)
        .map(|(_, value)| value)
}

fn admin_address(
    table: &Layers<'_>,
    listen: Option<&Located<SocketAddr>>,
    problems: &mut Problems,
) -> Option<MaybeAddress> {
    let public = table.get(&setting::DANGER_PUBLIC_ADMIN, problems)?.value;
    let admin = table.get(&setting::ADMIN_LISTEN, problems)?;
    let Some(address) = admin.value.0 else {
        return Some(admin.value);
    };
    let key = table.key(&setting::ADMIN_LISTEN.setting);
    if !public && !address.ip().is_loopback() {
        let fault = ConfigFault::Conflict {
            reason: "not a loopback address: anyone who reaches it can read the metrics and decrypt media",
            remedy: "use a loopback address, or set `danger_public_admin = true` in [admin]",
        };
        problems.add(admin.origin, &key, fault);
    } else if address.port() != 0 && listen.is_some_and(|listen| listen.value == address) {
        problems.add(
            admin.origin,
            &key,
            ConfigFault::Conflict {
                reason: "the same address as `listen`",
                remedy: "choose another port",
            },
        );
    }
    Some(admin.value)
}

fn tls_files(table: &Layers<'_>, problems: &mut Problems) -> Option<TlsConfig> {
    let certificate = table.get(&setting::TLS_CERTIFICATE, problems);
    let private_key = table.get(&setting::TLS_KEY, problems);
    let mut need = |typed: &Typed<PathBuf>, what| {
        if !table.has(typed) {
            problems.add(
                table.origin(),
                &table.key(&typed.setting),
                ConfigFault::Missing(what),
            );
        }
    };
    if certificate.is_some() || private_key.is_some() || table.start.is_some() {
        need(
            &setting::TLS_CERTIFICATE,
            "the PEM file of the certificate and its chain",
        );
        need(&setting::TLS_KEY, "the PEM file of the certificate's private key");
    }
    let file = |path: Located<PathBuf>| {
        let value = table.sources.resolve(&path.origin, path.value);
        Located {
            value,
            origin: path.origin,
        }
    };
    Some(TlsConfig {
        certificate: file(certificate?),
        private_key: file(private_key?),
    })
}

/// Returns the source of the replay store's URL; `None` without a store.
fn replay_store(root: &Layers<'_>, problems: &mut Problems) -> Option<StoreSource> {
    let url = root.get(&setting::REPLAY_STORE, problems);
    let file = root.get(&setting::REPLAY_STORE_FILE, problems);
    let variable = root.get(&setting::REPLAY_STORE_ENV, problems);
    let given = [
        root.has(&setting::REPLAY_STORE),
        root.has(&setting::REPLAY_STORE_FILE),
        root.has(&setting::REPLAY_STORE_ENV),
    ];
    if given.iter().filter(|given| **given).count() > 1 {
        let fault = ConfigFault::Conflict {
            reason: "more than one of `replay_store`, `replay_store_file` and `replay_store_env` is set",
            remedy: "set only one of them",
        };
        problems.add(root.origin(), &root.key(&setting::REPLAY_STORE.setting), fault);
        return None;
    }
    if let Some(url) = url {
        return Some(StoreSource::Url(url.value));
    }
    let source = if let Some(file) = file {
        Located {
            value: NamedSource {
                source: SecretSource::File(root.sources.resolve(&file.origin, file.value)),
                key: setting::REPLAY_STORE_FILE.setting.name,
            },
            origin: file.origin,
        }
    } else {
        let named = variable.map(|variable| (variable.value.0, variable.origin));
        let (name, origin) = named.or_else(|| {
            let name = setting::DEFAULT_STORE_VARIABLE;
            let is_set = !given.contains(&true) && root.sources.environment.get(name).is_some();
            is_set.then(|| (name.to_owned(), Origin::Environment(name)))
        })?;
        let key = setting::REPLAY_STORE_ENV.setting.name;
        Located {
            value: NamedSource {
                source: SecretSource::Variable(name),
                key,
            },
            origin,
        }
    };
    Some(StoreSource::Secret(source))
}

fn limits(table: &Layers<'_>, problems: &mut Problems) -> Option<Limits> {
    let body = in_range(table, &setting::BODY, |size| size.0 > 0, "more than 0", problems);
    let upstream_body = table.get(&setting::UPSTREAM_BODY, problems);
    let media = table.get(&setting::MEDIA, problems);
    let replay_marks = in_range(
        table,
        &setting::REPLAY_MARKS,
        |count| *count > 0,
        "at least 1 (`danger_allow_replays` of an endpoint disables the check)",
        problems,
    );
    let replay_responses = table.get(&setting::REPLAY_RESPONSES, problems);
    let in_flight = in_range(
        table,
        &setting::IN_FLIGHT,
        |count| *count > 0,
        "at least 1",
        problems,
    );
    let connections = in_range(
        table,
        &setting::CONNECTIONS,
        |count| *count > 0,
        "at least 1",
        problems,
    );
    let header = in_range(table, &setting::HEADER, is_some_time, "more than 0", problems);
    let handshake = in_range(table, &setting::HANDSHAKE, is_some_time, "more than 0", problems);
    let write = in_range(table, &setting::WRITE, is_some_time, "more than 0", problems);
    Some(Limits {
        body: body?.0,
        upstream_body: upstream_body?.value.0,
        media: media?.value.0,
        replay_marks: NonZeroUsize::new(replay_marks?)?,
        replay_responses: replay_responses?.value.0,
        in_flight: in_flight?,
        connections: connections?,
        header: header?,
        handshake: handshake?,
        write: write?,
    })
}

/// Returns the value of a setting, or reports a problem if it is out of range.
pub(super) fn in_range<T: Kind>(
    table: &Layers<'_>,
    typed: &Typed<T>,
    is_in: impl Fn(&T) -> bool,
    range: &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let found = table.get(typed, problems)?;
    if !is_in(&found.value) {
        problems.add(
            found.origin,
            &table.key(&typed.setting),
            ConfigFault::OutOfRange(range),
        );
        return None;
    }
    Some(found.value)
}

pub(super) fn is_some_time(time: &Duration) -> bool {
    !time.is_zero()
}

fn endpoints(root: &Layers<'_>, has_store: bool, problems: &mut Problems) -> Vec<EndpointConfig> {
    let value = root
        .entries
        .and_then(|entries| find(entries, Table::Endpoint.name()));
    let tables: Vec<_> = match value.map(Spanned::get_ref) {
        None => Vec::new(),
        Some(DeValue::Array(tables)) if tables.iter().all(|table| table.get_ref().is_table()) => tables
            .iter()
            .filter_map(|table| Some((table.get_ref().as_table()?, table.span().start)))
            .collect(),
        Some(_) => {
            let origin = value.map_or(Origin::Nowhere, |value| root.sources.origin(value.span().start));
            let expected = "tables, each beginning with `[[endpoint]]`";
            problems.add(
                origin,
                "endpoint",
                ConfigFault::WrongValue {
                    expected,
                    found: None,
                },
            );
            return Vec::new();
        }
    };
    let outside = || {
        let settings = Setting::all().filter(|setting| setting.table == Table::Endpoint);
        settings.filter_map(|setting| {
            root.sources
                .outside_origin(setting)
                .map(|origin| (setting, origin))
        })
    };
    match tables.as_slice() {
        [] if outside().next().is_none() => {
            let fault = ConfigFault::Missing(
                "an `[[endpoint]]` with `keys` and `upstream`, or the flags --keys and --upstream",
            );
            problems.add(Origin::Nowhere, "endpoint", fault);
            Vec::new()
        }
        [] => endpoint::read(
            &Layers {
                table: Table::Endpoint,
                scope: "endpoint.",
                entries: None,
                ..*root
            },
            has_store,
            problems,
        )
        .into_iter()
        .collect(),
        several => {
            if several.len() > 1 {
                for (setting, origin) in outside() {
                    problems.add(origin, &setting.key(), ConfigFault::Ambiguous(several.len()));
                }
            }
            several_endpoints(root, several, has_store, problems)
        }
    }
}

fn several_endpoints(
    root: &Layers<'_>,
    tables: &[(&DeTable<'_>, usize)],
    has_store: bool,
    problems: &mut Problems,
) -> Vec<EndpointConfig> {
    let mut names = HashSet::new();
    let mut paths = HashSet::new();
    let mut endpoints = Vec::new();
    for (number, (entries, start)) in (1..).zip(tables) {
        let name = find(entries, setting::NAME.setting.name).and_then(|name| name.get_ref().as_str());
        let scope = match name {
            Some(name) => format!("endpoint \"{}\": ", name.chars().take(64).collect::<String>()),
            None => format!("endpoint {number}: "),
        };
        let layers = Layers {
            sources: root.sources,
            table: Table::Endpoint,
            scope: &scope,
            entries: Some(entries),
            start: Some(*start),
            overlaid: tables.len() == 1,
        };
        layers.refuse_unknown(problems);
        let Some(endpoint) = endpoint::read(&layers, has_store, problems) else {
            continue;
        };
        for (typed, value, seen) in [
            (&setting::NAME, &endpoint.name, &mut names),
            (&setting::PATH, &endpoint.path, &mut paths),
        ] {
            if !seen.insert(value.clone()) {
                let fault = ConfigFault::Duplicate(format!("`{value}`"));
                problems.add(layers.origin(), &layers.key(&typed.setting), fault);
            }
        }
        endpoints.push(endpoint);
    }
    endpoints
}
