//! The table of all settings, used for parsing, overrides and documentation.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use wa_flows::TokenSignatureMode;

use crate::config::kind::{
    Bytes, Days, HandledBy, HostName, Kind, MaybeAddress, SetName, ShellCommand, StoreLocation, StoreUrl,
    Target, Variable,
};

/// A table of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Root,
    Tls,
    Admin,
    Limits,
    Endpoint,
}

impl Table {
    pub(crate) const ALL: [Self; 5] = [Self::Root, Self::Tls, Self::Admin, Self::Limits, Self::Endpoint];

    /// Returns its name in the file; empty for the top-level keys.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Tls => "tls",
            Self::Admin => "admin",
            Self::Limits => "limits",
            Self::Endpoint => "endpoint",
        }
    }
}

/// A setting of the configuration, as documented.
#[derive(Debug)]
pub struct Setting {
    pub(crate) table: Table,
    pub(crate) name: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) many: bool,
    pub(crate) default: Option<&'static str>,
    pub(crate) flag: Option<&'static str>,
    pub(crate) variable: Option<&'static str>,
    /// True if a change takes effect only at the next start, not on a reload.
    pub(crate) at_start: bool,
    /// True if an invalid value could be a misplaced secret, and is not shown.
    pub(crate) sensitive: bool,
    pub(crate) about: &'static str,
}

/// A setting with the type of its value.
#[derive(Debug)]
pub(crate) struct Typed<T> {
    pub(crate) setting: Setting,
    kind: PhantomData<fn() -> T>,
}

impl Setting {
    /// Returns the key as in the file, after the name of its table: `listen`, `endpoint.upstream`.
    pub fn key(&self) -> String {
        match self.table.name() {
            "" => self.name.to_owned(),
            table => format!("{table}.{}", self.name),
        }
    }

    /// Returns the expected format of its value.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// Returns its default as text, if it has one.
    pub fn default_value(&self) -> Option<&'static str> {
        self.default
    }

    /// Returns the flag that sets it, without dashes, if there is one.
    pub fn flag(&self) -> Option<&'static str> {
        self.flag
    }

    /// Returns the environment variable that sets it, if there is one.
    pub fn variable(&self) -> Option<&'static str> {
        self.variable
    }

    /// Returns true if its flag can be repeated.
    pub fn is_list(&self) -> bool {
        self.many
    }

    /// Returns true if it is boolean, so that its flag needs no value.
    pub fn is_switch(&self) -> bool {
        self.expected == bool::EXPECTED
    }

    /// Returns true if a change takes effect on a reload; otherwise it does at the next start.
    pub fn is_reloadable(&self) -> bool {
        !self.at_start
    }

    /// Returns its description.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Returns all settings in the order of the reference page.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        ALL.iter().copied()
    }
}

impl<T: Kind> Typed<T> {
    const fn new(table: Table, name: &'static str, about: &'static str) -> Self {
        let setting = Setting {
            table,
            name,
            expected: T::EXPECTED,
            many: T::MANY,
            default: None,
            flag: None,
            variable: None,
            at_start: false,
            sensitive: false,
            about,
        };
        Self {
            setting,
            kind: PhantomData,
        }
    }

    const fn default(mut self, text: &'static str) -> Self {
        self.setting.default = Some(text);
        self
    }

    const fn overridden(mut self, flag: &'static str, variable: &'static str) -> Self {
        self.setting.flag = Some(flag);
        self.setting.variable = Some(variable);
        self
    }

    const fn at_start(mut self) -> Self {
        self.setting.at_start = true;
        self
    }

    const fn sensitive(mut self) -> Self {
        self.setting.sensitive = true;
        self
    }
}

use Table::{Admin, Endpoint, Limits, Root, Tls};

/// The variable with the app secret if the configuration names none.
pub(crate) const DEFAULT_SECRET_VARIABLE: &str = "WA_APP_SECRET";
/// The variable with the passphrase if the configuration names none.
pub(crate) const DEFAULT_PASSPHRASE_VARIABLE: &str = "WA_KEY_PASSPHRASE";
/// The variable with the URL of the replay store if the configuration names none.
pub(crate) const DEFAULT_STORE_VARIABLE: &str = "WA_REPLAY_STORE";

pub(crate) static LISTEN: Typed<SocketAddr> = Typed::new(Root, "listen", "Address on which requests are accepted. Use `0.0.0.0:8080` to be reachable from outside, with TLS or behind a proxy that terminates it.")
    .default("127.0.0.1:8080").overridden("listen", "WA_GATEWAY_LISTEN").at_start();
pub(crate) static DRAIN: Typed<Duration> = Typed::new(
    Root,
    "drain_timeout",
    "Longest time for exchanges in flight to complete after SIGTERM and `drain_delay`.",
)
.default("15s")
.overridden("drain-timeout", "WA_GATEWAY_DRAIN_TIMEOUT");
pub(crate) static DRAIN_DELAY: Typed<Duration> = Typed::new(
    Root,
    "drain_delay",
    "How long requests are still accepted after SIGTERM while `/readyz` returns 503: the time that a load balancer needs to notice.",
)
.default("0s")
.overridden("drain-delay", "WA_GATEWAY_DRAIN_DELAY");
pub(crate) static WATCH: Typed<Duration> = Typed::new(
    Root,
    "watch_interval",
    "How often the files of keys, secrets and certificates are checked for changes.",
)
.default("2s");

pub(crate) static REPLAY_STORE: Typed<StoreUrl> = Typed::new(
    Root,
    "replay_store",
    "URL of a Redis or Valkey server that several gateways share, so that each request is answered once. If the URL contains a password, use one of the next two keys instead.",
)
.sensitive()
.at_start();
pub(crate) static REPLAY_STORE_FILE: Typed<PathBuf> = Typed::new(
    Root,
    "replay_store_file",
    "File with that URL in its first line. Read only at the start.",
)
.sensitive()
.at_start();
pub(crate) static REPLAY_STORE_ENV: Typed<Variable> = Typed::new(
    Root,
    "replay_store_env",
    "Environment variable with that URL. If none of the three keys is set, `WA_REPLAY_STORE` is used if it is set.",
)
.sensitive()
.at_start();
pub(crate) static REPLAY_WINDOW: Typed<Days> = Typed::new(
    Root,
    "replay_window",
    "How long the replay store remembers a request; each takes about 130 bytes.",
)
.default("7d")
.at_start();

pub(crate) static KEY_STORE: Typed<StoreLocation> = Typed::new(
    Root,
    "key_store",
    "Key store from which endpoints take private keys: a directory, `s3://`, `gs://` or `az://`. Pending, primary and enabled keys of the endpoint's key sets are served; changes take effect while the gateway runs. Credentials of a bucket come from the environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`).",
)
.overridden("key-store", "WA_KEY_STORE")
.sensitive();
pub(crate) static KEY_STORE_POLL: Typed<Duration> = Typed::new(
    Root,
    "key_store_poll",
    "How often each key set is checked for changes; by default every 500 ms in a directory, every 12 seconds in a bucket.",
);
pub(crate) static KEY_STORE_CACHE: Typed<PathBuf> = Typed::new(
    Root,
    "key_store_cache",
    "Directory for a copy of what is served, with private keys as the key store has them, so that the gateway can start while the key store is unreachable. Without it, such a start fails.",
)
.overridden("key-store-cache", "WA_GATEWAY_KEY_STORE_CACHE");
pub(crate) static STORE_PASSPHRASE_FILE: Typed<Vec<PathBuf>> = Typed::new(
    Root,
    "key_store_passphrase_file",
    "File with the passphrase of the key store in its first line; two files while the passphrase changes.",
)
.overridden(
    "key-store-passphrase-file",
    "WA_GATEWAY_KEY_STORE_PASSPHRASE_FILE",
)
.sensitive();
pub(crate) static STORE_PASSPHRASE_ENV: Typed<Vec<Variable>> = Typed::new(
    Root,
    "key_store_passphrase_env",
    "Environment variable with the passphrase of the key store. If none of the three settings is present, `WA_KEY_PASSPHRASE` is used if it is set.",
)
.sensitive();
pub(crate) static STORE_PASSPHRASE_COMMAND: Typed<Vec<ShellCommand>> = Typed::new(
    Root,
    "key_store_passphrase_command",
    "Command whose first line of output is the passphrase of the key store, such as `pass show flows`. It runs once at the start, and its output is never logged.",
)
.sensitive();
pub(crate) static INSTANCE: Typed<String> = Typed::new(
    Root,
    "instance",
    "Name of this process in the key store; it must differ from those of other running gateways. By default the name of the host.",
)
.overridden("instance", "WA_GATEWAY_INSTANCE");

pub(crate) static STRICT_SECRETS: Typed<bool> = Typed::new(
    Root,
    "strict_secrets",
    "Turn warnings about secrets into errors: a file with a secret or a private key that all users can access, or an app secret that is not 32 lowercase hexadecimal digits. `wa --strict gateway` sets it too.",
)
.default("false")
.overridden("strict-secrets", "WA_GATEWAY_STRICT_SECRETS");

pub(crate) static TLS_CERTIFICATE: Typed<PathBuf> = Typed::new(Tls, "certificate", "PEM file with the certificate, followed by its chain. Without it, the gateway serves plain HTTP. Re-read when it changes.")
    .overridden("tls-certificate", "WA_GATEWAY_TLS_CERTIFICATE");
pub(crate) static TLS_KEY: Typed<PathBuf> = Typed::new(
    Tls,
    "private_key",
    "PEM file with the unencrypted private key of the certificate. Re-read when it changes.",
)
.overridden("tls-private-key", "WA_GATEWAY_TLS_PRIVATE_KEY")
.sensitive();

pub(crate) static ADMIN_LISTEN: Typed<MaybeAddress> = Typed::new(
    Admin,
    "listen",
    "Address of metrics, health and media decryption, always plain HTTP; `off` disables it.",
)
.default("127.0.0.1:9464")
.overridden("admin-listen", "WA_GATEWAY_ADMIN_LISTEN")
.at_start();
pub(crate) static DANGER_PUBLIC_ADMIN: Typed<bool> = Typed::new(Admin, "danger_public_admin", "Allow an admin address that is not loopback: anyone who reaches it can read the metrics and decrypt media.")
    .default("false").at_start();

pub(crate) static ADMIN_HOSTS: Typed<Vec<HostName>> = Typed::new(
    Admin,
    "hosts",
    "Host names by which clients reach `/metrics` and `/media/decrypt`, such as the name of a Kubernetes Service. A `Host` header with an IP address or `localhost` is always accepted; any other gets 403, so that a web page cannot reach this address by rebinding its own name. `/livez` and `/readyz` accept any.",
);

pub(crate) static DANGER_MEDIA_HOST: Typed<String> = Typed::new(
    Admin,
    "danger_media_host",
    "Also fetch media from this host, over plain HTTP too: for tests without WhatsApp's CDN. Hosts of `whatsapp.net` always require https.",
);

pub(crate) static BODY: Typed<Bytes> =
    Typed::new(Limits, "body", "Largest request body; a larger one gets 413.").default("2 MiB");
pub(crate) static UPSTREAM_BODY: Typed<Bytes> = Typed::new(
    Limits,
    "upstream_body",
    "Largest response body of an upstream; a larger one is an upstream failure.",
)
.default("2 MiB");
pub(crate) static MEDIA: Typed<Bytes> = Typed::new(
    Limits,
    "media",
    "Largest media file that the admin address decrypts.",
)
.default("25 MiB");
pub(crate) static REPLAY_MARKS: Typed<usize> = Typed::new(
    Limits,
    "replay_marks",
    "Requests that the gateway remembers in its own memory, for an hour and at about 60 bytes each, to refuse replays. Beyond the limit, the oldest is forgotten.",
)
.default("1000000")
.at_start();
pub(crate) static REPLAY_RESPONSES: Typed<Bytes> = Typed::new(
    Limits,
    "replay_responses",
    "Total size of the responses that are kept for 30 seconds, to repeat them for an identical request. Beyond the limit, the oldest is dropped and its repeat refused.",
)
.default("32 MiB")
.at_start();
pub(crate) static IN_FLIGHT: Typed<usize> = Typed::new(
    Limits,
    "in_flight",
    "Exchanges in flight per endpoint; more get 503 immediately.",
)
.default("1024");
pub(crate) static CONNECTIONS: Typed<usize> = Typed::new(
    Limits,
    "connections",
    "Open connections. At the limit, the oldest connection without a validly signed request is closed for a new one, or else the oldest idle one; the new one gets 503 only if all have a signed request in flight. Each connection needs two open files: the gateway raises its limit as far as the system allows, and logs a warning at the start if that is not enough.",
)
.default("2048")
.at_start();
pub(crate) static HEADER: Typed<Duration> = Typed::new(
    Limits,
    "header_timeout",
    "Longest time to wait for a complete request head, and thus for the next request on an idle connection.",
)
.default("30s")
.at_start();
pub(crate) static HANDSHAKE: Typed<Duration> =
    Typed::new(Limits, "handshake_timeout", "Longest time for a TLS handshake.")
        .default("10s")
        .at_start();
pub(crate) static WRITE: Typed<Duration> = Typed::new(
    Limits,
    "write_timeout",
    "How long a client can leave a response unread before its connection is closed.",
)
.default("30s")
.at_start();

pub(crate) static NAME: Typed<String> = Typed::new(
    Endpoint,
    "name",
    "Name of the endpoint in logs, metrics and the header `x-wa-endpoint`: letters, digits, `-` and `_`.",
)
.default("default")
.overridden("name", "WA_GATEWAY_NAME");
pub(crate) static PATH: Typed<String> =
    Typed::new(Endpoint, "path", "Path of the endpoint's URL, compared exactly.")
        .default("/")
        .overridden("path", "WA_GATEWAY_PATH");
pub(crate) static KEYS: Typed<Vec<PathBuf>> = Typed::new(Endpoint, "keys", "Private keys: a directory, a file or a list of files. In a directory, every private key is used whose file name ends in `.pem` and does not begin with a dot: first `current.pem`, then the others in descending order of their names. Files are tried in the given order. Every key is tried, so the order affects only speed. Changes take effect while the gateway runs. `revoked.txt` in the same directory lists the fingerprints of keys that must not be used, one per line.")
    .overridden("keys", "WA_GATEWAY_KEYS").sensitive();
pub(crate) static KEY_SETS: Typed<Vec<SetName>> = Typed::new(
    Endpoint,
    "key_sets",
    "Key sets of the `key_store` whose keys the endpoint uses, in addition to `keys`. By default, an endpoint that is the only one uses all sets.",
)
.overridden("key-sets", "WA_GATEWAY_KEY_SETS");
pub(crate) static PASSPHRASE_FILE: Typed<Vec<PathBuf>> = Typed::new(
    Endpoint,
    "passphrase_file",
    "File with the passphrase of the keys in its first line; several files if the passphrases differ.",
)
.overridden("passphrase-file", "WA_GATEWAY_PASSPHRASE_FILE")
.sensitive();
pub(crate) static PASSPHRASE_ENV: Typed<Vec<Variable>> = Typed::new(Endpoint, "passphrase_env", "Environment variable with the passphrase; several if the passphrases differ. If neither setting is present, `WA_KEY_PASSPHRASE` is used if it is set.")
    .sensitive();
pub(crate) static APP_SECRET_FILE: Typed<Vec<PathBuf>> = Typed::new(Endpoint, "app_secret_file", "File with the secret of the Meta app in its first line; two files during a change of the secret. Changes take effect while the gateway runs.")
    .overridden("app-secret-file", "WA_GATEWAY_APP_SECRET_FILE").sensitive();
pub(crate) static APP_SECRET_ENV: Typed<Vec<Variable>> = Typed::new(Endpoint, "app_secret_env", "Environment variable with the app secret; two during a change of the secret. If neither setting is present, `WA_APP_SECRET` is used.")
    .sensitive();
pub(crate) static DANGER_SKIP_SIGNATURE: Typed<bool> = Typed::new(
    Endpoint,
    "danger_skip_signature_check",
    "Accept unsigned requests: for local tests only.",
)
.default("false")
.overridden(
    "danger-skip-signature-check",
    "WA_GATEWAY_DANGER_SKIP_SIGNATURE_CHECK",
);
pub(crate) static DANGER_ALLOW_REPLAYS: Typed<bool> = Typed::new(
    Endpoint,
    "danger_allow_replays",
    "Accept replayed requests: anyone who has recorded one can make the upstream act again, and learns the XOR of the plaintexts of two responses.",
)
.default("false");
pub(crate) static TOKEN_SIGNATURE: Typed<TokenSignatureMode> = Typed::new(
    Endpoint,
    "flow_token_signature",
    "Whether the `flow_token_signature` of a request is checked (data API 4.0); an invalid one gets 432.",
)
.default("off");
pub(crate) static UPSTREAM: Typed<Target> = Typed::new(
    Endpoint,
    "upstream",
    "URL to which decrypted requests are posted.",
)
.overridden("upstream", "WA_GATEWAY_UPSTREAM")
.sensitive();
pub(crate) static UPSTREAM_CA: Typed<PathBuf> = Typed::new(
    Endpoint,
    "upstream_ca",
    "PEM file with the certificate authorities of an https upstream, instead of the system's.",
);
pub(crate) static UPSTREAM_TIMEOUT: Typed<Duration> = Typed::new(Endpoint, "upstream_timeout", "Longest time for the upstream to respond, including the connection; after it, the phone gets 504. WhatsApp's timeout is 10 seconds.")
    .default("9s").overridden("upstream-timeout", "WA_GATEWAY_UPSTREAM_TIMEOUT");
pub(crate) static CONNECT_TIMEOUT: Typed<Duration> = Typed::new(
    Endpoint,
    "connect_timeout",
    "Longest time for an attempt to connect to the upstream. A failed attempt is repeated once.",
)
.default("2s");
pub(crate) static IDLE: Typed<Duration> = Typed::new(Endpoint, "upstream_idle_timeout", "How long an idle connection to the upstream is kept open. Keep it below the keep-alive time of the upstream (Node and uvicorn: 5 s); otherwise a request can fail on a connection that is being closed.").default("4s");
pub(crate) static PING: Typed<HandledBy> = Typed::new(Endpoint, "ping", "Who responds to WhatsApp's health checks: `gateway` itself, or `upstream`, to which the check is posted and which is healthy if it returns any 2xx.").default("gateway");
pub(crate) static ERROR_NOTIFICATIONS: Typed<HandledBy> = Typed::new(Endpoint, "error_notifications", "Who receives a phone's error notifications: `gateway` acknowledges and logs them; with `upstream`, they are also posted to the upstream.").default("gateway");

static ALL: &[&Setting] = &[
    &LISTEN.setting,
    &DRAIN.setting,
    &DRAIN_DELAY.setting,
    &WATCH.setting,
    &REPLAY_STORE.setting,
    &REPLAY_STORE_FILE.setting,
    &REPLAY_STORE_ENV.setting,
    &REPLAY_WINDOW.setting,
    &KEY_STORE.setting,
    &KEY_STORE_POLL.setting,
    &KEY_STORE_CACHE.setting,
    &STORE_PASSPHRASE_FILE.setting,
    &STORE_PASSPHRASE_ENV.setting,
    &STORE_PASSPHRASE_COMMAND.setting,
    &INSTANCE.setting,
    &STRICT_SECRETS.setting,
    &TLS_CERTIFICATE.setting,
    &TLS_KEY.setting,
    &ADMIN_LISTEN.setting,
    &DANGER_PUBLIC_ADMIN.setting,
    &ADMIN_HOSTS.setting,
    &DANGER_MEDIA_HOST.setting,
    &BODY.setting,
    &UPSTREAM_BODY.setting,
    &MEDIA.setting,
    &REPLAY_MARKS.setting,
    &REPLAY_RESPONSES.setting,
    &IN_FLIGHT.setting,
    &CONNECTIONS.setting,
    &HEADER.setting,
    &HANDSHAKE.setting,
    &WRITE.setting,
    &NAME.setting,
    &PATH.setting,
    &KEYS.setting,
    &KEY_SETS.setting,
    &PASSPHRASE_FILE.setting,
    &PASSPHRASE_ENV.setting,
    &APP_SECRET_FILE.setting,
    &APP_SECRET_ENV.setting,
    &DANGER_SKIP_SIGNATURE.setting,
    &DANGER_ALLOW_REPLAYS.setting,
    &TOKEN_SIGNATURE.setting,
    &UPSTREAM.setting,
    &UPSTREAM_CA.setting,
    &UPSTREAM_TIMEOUT.setting,
    &CONNECT_TIMEOUT.setting,
    &IDLE.setting,
    &PING.setting,
    &ERROR_NOTIFICATIONS.setting,
];

/// Settings that have been renamed, with their new names.
pub(crate) const RENAMED: &[(&str, &str)] = &[("error_notices", "error_notifications")];

/// Keys that would contain a secret, with the keys to use instead.
pub(crate) const INLINE_SECRETS: &[(&str, &str, &str)] = &[
    ("passphrase", "passphrase_file", "passphrase_env"),
    ("key_passphrase", "passphrase_file", "passphrase_env"),
    ("password", "passphrase_file", "passphrase_env"),
    ("app_secret", "app_secret_file", "app_secret_env"),
    ("app_secrets", "app_secret_file", "app_secret_env"),
    ("secret", "app_secret_file", "app_secret_env"),
];
