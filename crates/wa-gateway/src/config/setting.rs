//! The one table of settings: what is parsed, overridden and documented is read from here.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use wa_flows::TokenSignatureMode;

use crate::config::kind::{
    AnsweredBy, Bytes, Days, HostName, Kind, MaybeAddress, StoreUrl, Target, Variable,
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

    /// Its name in the file; empty for what stands before all tables.
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

/// A key of the configuration, as it is documented.
#[derive(Debug)]
pub struct Setting {
    pub(crate) table: Table,
    pub(crate) name: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) many: bool,
    pub(crate) default: Option<&'static str>,
    pub(crate) flag: Option<&'static str>,
    pub(crate) variable: Option<&'static str>,
    /// What was found may be a secret, put there by mistake.
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
    /// The key as it is written in the file, after the name of its table: `listen`, `endpoint.upstream`.
    pub fn key(&self) -> String {
        match self.table.name() {
            "" => self.name.to_owned(),
            table => format!("{table}.{}", self.name),
        }
    }

    /// What its value looks like.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// Its default as it would be written, if it has one.
    pub fn default_value(&self) -> Option<&'static str> {
        self.default
    }

    /// The flag that sets it, without dashes, if there is one.
    pub fn flag(&self) -> Option<&'static str> {
        self.flag
    }

    /// The environment variable that sets it, if there is one.
    pub fn variable(&self) -> Option<&'static str> {
        self.variable
    }

    /// True if its flag may be given several times.
    pub fn is_list(&self) -> bool {
        self.many
    }

    /// True if it is either `true` or `false`, so that its flag needs no value.
    pub fn is_switch(&self) -> bool {
        self.expected == bool::EXPECTED
    }

    /// What it does.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// All settings, in the order of the reference page.
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

    const fn sensitive(mut self) -> Self {
        self.setting.sensitive = true;
        self
    }
}

use Table::{Admin, Endpoint, Limits, Root, Tls};

/// The variable that is read for an app secret when none is named.
pub(crate) const DEFAULT_SECRET_VARIABLE: &str = "WA_APP_SECRET";
/// The variable that is read for a passphrase when none is named.
pub(crate) const DEFAULT_PASSPHRASE_VARIABLE: &str = "WA_KEY_PASSPHRASE";
/// The variable that is read for the URL of the replay store when none is named.
pub(crate) const DEFAULT_STORE_VARIABLE: &str = "WA_REPLAY_STORE";

pub(crate) static LISTEN: Typed<SocketAddr> = Typed::new(Root, "listen", "Where requests are taken. Use `0.0.0.0:8080` to be reachable from outside, with TLS or behind a proxy that ends it.")
    .default("127.0.0.1:8080").overridden("listen", "WA_GATEWAY_LISTEN");
pub(crate) static DRAIN: Typed<Duration> = Typed::new(
    Root,
    "drain_timeout",
    "How long exchanges under way may take to end after SIGTERM and the delay.",
)
.default("15s")
.overridden("drain-timeout", "WA_GATEWAY_DRAIN_TIMEOUT");
pub(crate) static DRAIN_DELAY: Typed<Duration> = Typed::new(
    Root,
    "drain_delay",
    "How long everything is still served after SIGTERM, while `/readyz` says 503 already: the time that a load balancer needs to notice.",
)
.default("0s")
.overridden("drain-delay", "WA_GATEWAY_DRAIN_DELAY");
pub(crate) static WATCH: Typed<Duration> = Typed::new(
    Root,
    "watch_interval",
    "How often the files of keys, secrets and certificates are looked at for changes.",
)
.default("2s");

pub(crate) static REPLAY_STORE: Typed<StoreUrl> = Typed::new(
    Root,
    "replay_store",
    "URL of a Redis or Valkey server that several gateways share, so that none answers a request that another has answered. If its password is in it, use one of the next two keys instead.",
)
.sensitive();
pub(crate) static REPLAY_STORE_FILE: Typed<PathBuf> = Typed::new(
    Root,
    "replay_store_file",
    "File with that URL in its first line. Read at the start only.",
)
.sensitive();
pub(crate) static REPLAY_STORE_ENV: Typed<Variable> = Typed::new(
    Root,
    "replay_store_env",
    "Environment variable with that URL. If none of the three keys is set, `WA_REPLAY_STORE` is used if it is there.",
)
.sensitive();
pub(crate) static REPLAY_WINDOW: Typed<Days> = Typed::new(
    Root,
    "replay_window",
    "How long the replay store remembers a request; it takes about 130 bytes for each.",
)
.default("7d");

pub(crate) static STRICT_SECRETS: Typed<bool> = Typed::new(
    Root,
    "strict_secrets",
    "Refuse what is otherwise a warning: a file of a secret or a private key that all users can access, and an app secret that is not 32 lowercase hexadecimal digits. `wa --strict gateway` sets it too.",
)
.default("false")
.overridden("strict-secrets", "WA_GATEWAY_STRICT_SECRETS");

pub(crate) static TLS_CERTIFICATE: Typed<PathBuf> = Typed::new(Tls, "certificate", "PEM file of the certificate and the chain after it. Without it the gateway speaks plain HTTP. Read again when it changes.")
    .overridden("tls-certificate", "WA_GATEWAY_TLS_CERTIFICATE");
pub(crate) static TLS_KEY: Typed<PathBuf> = Typed::new(
    Tls,
    "private_key",
    "PEM file of the certificate's private key, unencrypted. Read again when it changes.",
)
.overridden("tls-private-key", "WA_GATEWAY_TLS_PRIVATE_KEY")
.sensitive();

pub(crate) static ADMIN_LISTEN: Typed<MaybeAddress> = Typed::new(
    Admin,
    "listen",
    "Where metrics, health and media decryption are served, always by plain HTTP; `off` for nowhere.",
)
.default("127.0.0.1:9464")
.overridden("admin-listen", "WA_GATEWAY_ADMIN_LISTEN");
pub(crate) static DANGER_PUBLIC_ADMIN: Typed<bool> = Typed::new(Admin, "danger_public_admin", "Allow an admin address that is not loopback: whoever reaches it reads the metrics and has media decrypted.")
    .default("false");

pub(crate) static ADMIN_HOSTS: Typed<Vec<HostName>> = Typed::new(
    Admin,
    "hosts",
    "Host names by which clients reach `/metrics` and `/media/decrypt`, such as the name of a Kubernetes Service. A `Host` header with an IP address or `localhost` is always accepted; any other is answered 403, so that a web page cannot reach this address by rebinding its own name. `/livez` and `/readyz` accept any.",
);

pub(crate) static DANGER_MEDIA_HOST: Typed<String> = Typed::new(
    Admin,
    "danger_media_host",
    "Also fetch media from this host, by plain HTTP too: for tests without WhatsApp's CDN. Hosts of `whatsapp.net` are fetched by https only, whatever is set here.",
);

pub(crate) static BODY: Typed<Bytes> = Typed::new(
    Limits,
    "body",
    "Largest request body; longer ones are answered 413.",
)
.default("2 MiB");
pub(crate) static UPSTREAM_BODY: Typed<Bytes> = Typed::new(
    Limits,
    "upstream_body",
    "Largest answer of an upstream; a longer one is a failure of the upstream.",
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
    "Requests that the gateway remembers in its own memory, for an hour and at about 60 bytes each, to refuse them when they come again. Beyond, the oldest is forgotten.",
)
.default("1000000");
pub(crate) static REPLAY_RESPONSES: Typed<Bytes> = Typed::new(
    Limits,
    "replay_responses",
    "Responses that are kept, for 30 seconds, to send them again to an identical request. Beyond, the oldest is dropped and its repeat refused.",
)
.default("32 MiB");
pub(crate) static IN_FLIGHT: Typed<usize> = Typed::new(
    Limits,
    "in_flight",
    "Exchanges under way in one endpoint; more are answered 503 at once.",
)
.default("1024");
pub(crate) static CONNECTIONS: Typed<usize> = Typed::new(
    Limits,
    "connections",
    "Open connections. At the limit the oldest one that never carried a request with a valid signature is closed for a new one, then the oldest idle one; only if all have a signed request in flight is the new one answered 503. The process needs two open files for each: it raises its limit as far as the system lets it, and logs a warning at the start if that is not enough.",
)
.default("2048");
pub(crate) static HEADER: Typed<Duration> = Typed::new(Limits, "header_timeout", "How long a connection may stay without a complete request head: a slow client's time, and how long an idle connection is kept.").default("30s");
pub(crate) static HANDSHAKE: Typed<Duration> =
    Typed::new(Limits, "handshake_timeout", "How long a TLS handshake may take.").default("10s");
pub(crate) static WRITE: Typed<Duration> = Typed::new(
    Limits,
    "write_timeout",
    "How long a client may leave an answer unread before its connection is closed.",
)
.default("30s");

pub(crate) static NAME: Typed<String> = Typed::new(
    Endpoint,
    "name",
    "Its name in logs, metrics and the header `x-wa-endpoint`: letters, digits, `-` and `_`.",
)
.default("default")
.overridden("name", "WA_GATEWAY_NAME");
pub(crate) static PATH: Typed<String> =
    Typed::new(Endpoint, "path", "The path of its URL, compared as a whole.")
        .default("/")
        .overridden("path", "WA_GATEWAY_PATH");
pub(crate) static KEYS: Typed<Vec<PathBuf>> = Typed::new(Endpoint, "keys", "Its private keys. A directory: every private key in it whose name ends in `.pem` and does not begin with a dot; `current.pem` is tried first, then the others from the highest name to the lowest. A file or a list of files: in the order given. The order matters for speed alone, as every key is tried. Changes are followed. `revoked.txt` beside the keys lists fingerprints, one a line, whose keys open nothing.")
    .overridden("keys", "WA_GATEWAY_KEYS").sensitive();
pub(crate) static PASSPHRASE_FILE: Typed<Vec<PathBuf>> = Typed::new(
    Endpoint,
    "passphrase_file",
    "File with the passphrase of the keys in its first line; several if the keys have different ones.",
)
.overridden("passphrase-file", "WA_GATEWAY_PASSPHRASE_FILE")
.sensitive();
pub(crate) static PASSPHRASE_ENV: Typed<Vec<Variable>> = Typed::new(Endpoint, "passphrase_env", "Environment variable with the passphrase; several if the keys have different ones. Where neither key is set, `WA_KEY_PASSPHRASE` is used if it is there.")
    .sensitive();
pub(crate) static APP_SECRET_FILE: Typed<Vec<PathBuf>> = Typed::new(Endpoint, "app_secret_file", "File with the secret of the Meta app in its first line; two while the secret changes. Changes are followed.")
    .overridden("app-secret-file", "WA_GATEWAY_APP_SECRET_FILE").sensitive();
pub(crate) static APP_SECRET_ENV: Typed<Vec<Variable>> = Typed::new(Endpoint, "app_secret_env", "Environment variable with the app secret; two while the secret changes. Where neither key is set, `WA_APP_SECRET` is used.")
    .sensitive();
pub(crate) static DANGER_SKIP_SIGNATURE: Typed<bool> = Typed::new(
    Endpoint,
    "danger_skip_signature_check",
    "Answer requests that nobody signed: for local tests only.",
)
.default("false")
.overridden(
    "danger-skip-signature-check",
    "WA_GATEWAY_DANGER_SKIP_SIGNATURE_CHECK",
);
pub(crate) static DANGER_ALLOW_REPLAYS: Typed<bool> = Typed::new(
    Endpoint,
    "danger_allow_replays",
    "Answer a request as often as it is sent: anyone who has recorded one can have the upstream act again, and decrypt the XOR of two responses.",
)
.default("false");
pub(crate) static TOKEN_SIGNATURE: Typed<TokenSignatureMode> = Typed::new(
    Endpoint,
    "flow_token_signature",
    "Whether the `flow_token_signature` of a request is checked (data API 4.0); a wrong one is answered 432.",
)
.default("off");
pub(crate) static UPSTREAM: Typed<Target> =
    Typed::new(Endpoint, "upstream", "Where decrypted requests are posted.")
        .overridden("upstream", "WA_GATEWAY_UPSTREAM")
        .sensitive();
pub(crate) static UPSTREAM_CA: Typed<PathBuf> = Typed::new(
    Endpoint,
    "upstream_ca",
    "PEM file of the certificate authorities of an https upstream, in place of the system's.",
);
pub(crate) static UPSTREAM_TIMEOUT: Typed<Duration> = Typed::new(Endpoint, "upstream_timeout", "How long the upstream may take, connecting and all; later is answered 504. WhatsApp gives up after 10 seconds.")
    .default("9s").overridden("upstream-timeout", "WA_GATEWAY_UPSTREAM_TIMEOUT");
pub(crate) static CONNECT_TIMEOUT: Typed<Duration> = Typed::new(Endpoint, "connect_timeout", "How long one attempt to connect to the upstream may take. An upstream that cannot be connected to is tried once more.").default("2s");
pub(crate) static IDLE: Typed<Duration> = Typed::new(Endpoint, "upstream_idle_timeout", "How long an idle connection to the upstream is kept. Keep it below the upstream's own keep-alive time (Node and uvicorn: 5 s), or a request may meet a connection that is being closed.").default("4s");
pub(crate) static PING: Typed<AnsweredBy> = Typed::new(Endpoint, "ping", "Who answers WhatsApp's health checks: `gateway` at once, or `upstream`, where the check is posted and any 2xx counts as healthy.").default("gateway");
pub(crate) static ERROR_NOTICES: Typed<AnsweredBy> = Typed::new(Endpoint, "error_notices", "Who takes a phone's error notifications: `gateway` acknowledges and logs them, `upstream` is also posted them.").default("gateway");

static ALL: &[&Setting] = &[
    &LISTEN.setting,
    &DRAIN.setting,
    &DRAIN_DELAY.setting,
    &WATCH.setting,
    &REPLAY_STORE.setting,
    &REPLAY_STORE_FILE.setting,
    &REPLAY_STORE_ENV.setting,
    &REPLAY_WINDOW.setting,
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
    &ERROR_NOTICES.setting,
];

/// What an operator writes for a secret before reading the manual, with the keys to use instead.
pub(crate) const INLINE_SECRETS: &[(&str, &str, &str)] = &[
    ("passphrase", "passphrase_file", "passphrase_env"),
    ("key_passphrase", "passphrase_file", "passphrase_env"),
    ("password", "passphrase_file", "passphrase_env"),
    ("app_secret", "app_secret_file", "app_secret_env"),
    ("app_secrets", "app_secret_file", "app_secret_env"),
    ("secret", "app_secret_file", "app_secret_env"),
];
