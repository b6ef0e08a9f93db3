//! What is examined, in the order in which one breaks the next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is examined. The order is that of causes: what comes first breaks what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Check {
    /// The Graph API can be reached.
    Graph,
    /// Graph accepts the access token.
    Token,
    /// The token does not expire soon.
    TokenExpiry,
    /// The token has the permissions that encryption needs.
    TokenPermissions,
    /// The app secret is that of the app.
    AppSecret,
    /// The phone number exists, and the token may access it.
    Number,
    /// The number is registered with Cloud API.
    NumberRegistration,
    /// The WhatsApp Business Account of the number.
    NumberAccount,
    /// A public key is registered.
    RegisteredKey,
    /// Meta's signature over the registered key is valid.
    KeySignature,
    /// The registered key is the local one.
    KeyMatch,
    /// The local key can be used.
    LocalKey,
    /// Only its owner can read the local key.
    LocalKeyMode,
    /// The URL of the endpoint is one that WhatsApp calls.
    EndpointUrl,
    /// The host name of the endpoint has addresses.
    EndpointName,
    /// The endpoint accepts connections.
    EndpointConnection,
    /// The endpoint's certificate is valid.
    EndpointCertificate,
    /// The endpoint answers a ping.
    EndpointPing,
    /// The endpoint refuses requests without a correct signature.
    EndpointSignature,
    /// The endpoint responds in time.
    EndpointLatency,
    /// The Flow exists.
    Flow,
    /// The Flow uses the endpoint.
    FlowEndpoint,
    /// An app is connected to the Flow.
    FlowApp,
    /// The Flow JSON has no errors.
    FlowJson,
    /// Meta allows the Flow to be sent.
    FlowHealth,
}

impl Check {
    /// Returns the name, as JSON and tables write it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Token => "token",
            Self::TokenExpiry => "token-expiry",
            Self::TokenPermissions => "token-permissions",
            Self::AppSecret => "app-secret",
            Self::Number => "number",
            Self::NumberRegistration => "number-registration",
            Self::NumberAccount => "number-account",
            Self::RegisteredKey => "registered-key",
            Self::KeySignature => "key-signature",
            Self::KeyMatch => "key-match",
            Self::LocalKey => "local-key",
            Self::LocalKeyMode => "local-key-mode",
            Self::EndpointUrl => "endpoint-url",
            Self::EndpointName => "endpoint-name",
            Self::EndpointConnection => "endpoint-connection",
            Self::EndpointCertificate => "endpoint-certificate",
            Self::EndpointPing => "endpoint-ping",
            Self::EndpointSignature => "endpoint-signature",
            Self::EndpointLatency => "endpoint-latency",
            Self::Flow => "flow",
            Self::FlowEndpoint => "flow-endpoint",
            Self::FlowApp => "flow-app",
            Self::FlowJson => "flow-json",
            Self::FlowHealth => "flow-health",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
