//! One server for many businesses, each with its own path, keys and app secret.
//!
//! Pass three arguments for each business: its name, the path of its private key, and its app secret. For
//! example `multi_tenant acme acme.pem SECRET` serves `/flow/acme`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tower_service::Service;
use wa_flows::{
    AppSecret, Exchange, FlowEndpoint, FlowHandler, FlowRequest, FlowResponse, HandlerError, KeyRing,
};
use wa_keys::PrivateKey;

/// The handler of one business.
struct Tenant {
    name: String,
}

impl FlowHandler for Tenant {
    async fn handle(&self, request: FlowRequest, _: Exchange) -> Result<FlowResponse, HandlerError> {
        Ok(FlowResponse::screen(
            "WELCOME",
            json!({"business": self.name, "came_from": request.screen()}),
        ))
    }
}

type Tenants = Arc<HashMap<String, FlowEndpoint<Tenant>>>;

async fn flow(State(tenants): State<Tenants>, Path(name): Path<String>, request: Request) -> Response {
    let Some(endpoint) = tenants.get(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match endpoint.clone().call(request).await {
        Ok(response) => response.into_response(),
        Err(never) => match never {},
    }
}

fn tenants(arguments: &[String]) -> anyhow::Result<Tenants> {
    let endpoint = |[name, key, secret]: &[String; 3]| {
        let key = PrivateKey::parse(std::fs::read(key)?, None)?;
        let endpoint = FlowEndpoint::builder(KeyRing::new(&key)?, Tenant { name: name.clone() })
            .app_secret(AppSecret::new(secret)?)
            .build()?;
        Ok((name.clone(), endpoint))
    };
    arguments
        .as_chunks()
        .0
        .iter()
        .map(endpoint)
        .collect::<anyhow::Result<_>>()
        .map(Arc::new)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let app = Router::new()
        .route("/flow/{name}", post(flow))
        .with_state(tenants(&arguments)?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
