//! A Flow endpoint in hyper, without a framework.
//!
//! Set `FLOW_PRIVATE_KEY` to the path of the private key, and `APP_SECRET` to the secret of the Meta app.

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpListener;
use wa_flows::{AppSecret, FlowEndpoint, FlowRequest, FlowResponse, HandlerError, KeyRing};
use wa_keys::PrivateKey;

async fn greet(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    Ok(FlowResponse::screen(
        "WELCOME",
        json!({"came_from": request.screen()}),
    ))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let key = PrivateKey::parse(std::fs::read(std::env::var("FLOW_PRIVATE_KEY")?)?, None)?;
    let endpoint = FlowEndpoint::builder(KeyRing::new(&key)?, greet)
        .app_secret(AppSecret::new(std::env::var("APP_SECRET")?)?)
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(endpoint.clone());
        // With a timer, hyper limits the time for the head of a request; the endpoint limits the rest.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection failed");
            }
        });
    }
}
