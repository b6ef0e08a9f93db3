//! The routes from paths to endpoints, which can be replaced while the gateway serves.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use wa_flows::{EndpointConfigError, FlowEndpoint};

use crate::config::{EndpointConfig, Limits};
use crate::endpoint_keys::EndpointKeys;
use crate::forward::Forward;
use crate::material::Material;
use crate::metrics::{EndpointMetrics, EndpointState, Metrics};
use crate::replay::Replays;
use crate::upstream::Upstream;

/// The time of an exchange beyond `upstream_timeout`, for reading, decryption and encryption.
const BEYOND_UPSTREAM: Duration = Duration::from_millis(500);

/// The endpoints, by path.
#[derive(Debug, Default)]
pub(crate) struct Routes(HashMap<String, Route>);

/// An endpoint in service.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    name: Arc<str>,
    keys: Arc<EndpointKeys>,
    endpoint: FlowEndpoint<Forward>,
}

/// The state that all endpoints share for the lifetime of the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) replays: Replays,
}

impl Routes {
    pub(crate) fn find(&self, path: &str) -> Option<&Route> {
        self.0.get(path)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Route> {
        self.0.values().find(|route| &*route.name == name)
    }

    /// Returns all routes in the order of their names.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Route> {
        let mut routes: Vec<_> = self.0.values().collect();
        routes.sort_by(|one, other| one.name.cmp(&other.name));
        routes.into_iter()
    }

    /// Returns what the metrics show of each endpoint.
    pub(crate) fn state(&self) -> Vec<EndpointState> {
        let routes = self.all().map(|route| EndpointState {
            name: route.name.to_string(),
            keys: route.keys.ring().keys(),
            in_flight: route.endpoint.in_flight(),
        });
        routes.collect()
    }

    /// Returns a copy with the route of one path replaced.
    pub(crate) fn with(&self, path: String, route: Route) -> Self {
        let mut routes = self.0.clone();
        routes.insert(path, route);
        Self(routes)
    }
}

impl Route {
    /// Builds an endpoint that decrypts requests with the ring of `keys`, which is not changed.
    pub(crate) fn new(
        config: &EndpointConfig,
        limits: &Limits,
        material: Material,
        keys: Arc<EndpointKeys>,
        shared: &Shared,
    ) -> Result<Self, EndpointConfigError> {
        let metrics = EndpointMetrics::new(&shared.metrics, &config.name);
        let forward = Forward {
            upstream: Upstream::new(material.connector, config.timeouts, limits.upstream_body),
            metrics: metrics.clone(),
            // A name consists of letters, digits, `-` and `_`, so the conversion cannot fail.
            name: HeaderValue::from_str(&config.name).unwrap_or(HeaderValue::from_static("")),
            ping: config.ping,
            error_notifications: config.error_notifications,
        };
        let mut builder = FlowEndpoint::builder(keys.ring().clone(), forward)
            .token_signature(config.token_signature)
            .body_limit(limits.body)
            .deadline(config.timeouts.total + BEYOND_UPSTREAM)
            .max_in_flight(NonZeroUsize::new(limits.in_flight).unwrap_or(NonZeroUsize::MIN))
            .observer(move |report| metrics.exchange(report));
        for secret in material.app_secrets {
            builder = builder.app_secret(secret);
        }
        if config.skip_signature {
            builder = builder.danger_skip_signature_check();
        }
        builder = match shared.replays.of(config) {
            Some(memory) => builder.replay_memory(memory.clone()),
            None => builder.danger_allow_replays(),
        };
        Ok(Self {
            name: config.name.as_str().into(),
            keys,
            endpoint: builder.build()?,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn keys(&self) -> &Arc<EndpointKeys> {
        &self.keys
    }

    pub(crate) fn endpoint(&self) -> &FlowEndpoint<Forward> {
        &self.endpoint
    }
}

impl FromIterator<(String, Route)> for Routes {
    fn from_iter<I: IntoIterator<Item = (String, Route)>>(routes: I) -> Self {
        Self(routes.into_iter().collect())
    }
}
