//! A Flow endpoint in axum.
//!
//! Set `FLOW_PRIVATE_KEY` to the path of the private key, and `APP_SECRET` to the secret of the Meta app.

use serde_json::json;
use wa_flows::{Action, AppSecret, FlowEndpoint, FlowRequest, FlowResponse, HandlerError, KeyRing};
use wa_keys::PrivateKey;

async fn booking(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    Ok(match (request.action(), request.screen()) {
        (Action::Init, _) => FlowResponse::screen("DATES", json!({"dates": ["2027-01-04", "2027-01-05"]})),
        (Action::DataExchange, Some("DATES")) => {
            FlowResponse::screen("CONFIRM", json!({"date": request.data()?["date"]}))
        }
        (Action::DataExchange, Some("CONFIRM")) => {
            FlowResponse::close(request.flow_token().unwrap_or_default(), json!({}))
        }
        _ => FlowResponse::token_invalid(None),
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let key = PrivateKey::parse(std::fs::read(std::env::var("FLOW_PRIVATE_KEY")?)?, None)?;
    let endpoint = FlowEndpoint::builder(KeyRing::new(&key)?, booking)
        .app_secret(AppSecret::new(std::env::var("APP_SECRET")?)?)
        .build()?;
    let app = axum::Router::new().route_service("/flow", endpoint);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
