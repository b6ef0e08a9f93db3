//! The names of the environment variables that programs and libraries here read.

/// Access token of the Graph API.
pub const ACCESS_TOKEN: &str = "WA_ACCESS_TOKEN";
/// Read if [`ACCESS_TOKEN`] is not set: the name that the Node SDK `meta-cloud-api` uses.
pub const ACCESS_TOKEN_FALLBACK: &str = "CLOUD_API_ACCESS_TOKEN";
/// Version of the Graph API.
pub const API_VERSION: &str = "WA_API_VERSION";
/// App secret of the Meta app.
pub const APP_SECRET: &str = "WA_APP_SECRET";
/// Base URL of the Graph API.
pub const GRAPH_URL: &str = "WA_GRAPH_URL";
/// Passphrase of private keys.
pub const KEY_PASSPHRASE: &str = "WA_KEY_PASSPHRASE";
/// Command that prints the passphrase of a key store.
pub const KEY_PASSPHRASE_COMMAND: &str = "WA_KEY_PASSPHRASE_COMMAND";
/// Key store: a directory or a bucket.
pub const KEY_STORE: &str = "WA_KEY_STORE";
/// Passphrase of a private key file that is written from another one.
pub const NEW_KEY_PASSPHRASE: &str = "WA_NEW_KEY_PASSPHRASE";
/// Phone number id, or several ids separated by commas.
pub const PHONE_NUMBER_ID: &str = "WA_PHONE_NUMBER_ID";
