//! The second half of the demo: an endpoint serves a Flow while its key is rotated.

use bytes::Bytes;
use serde_json::{Map, json};
use wa_cloud::encryption::EncryptionApi;
use wa_cloud::flows::{Action, AppSecret, FlowEndpoint, FlowRequest, FlowResponse, HandlerError, KeyRing};
use wa_cloud::keys::{PrivateKey, PublicKey};
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_APP_SECRET, DEFAULT_PHONE_NUMBER_ID};
use wa_phone::{Exchange, FlowMessage, Outcome, WhatsAppClient};

use super::registration::good;
use super::script::Script;
use super::server::Server;
use crate::failure::Failure;
use crate::terminal::{BAD, GOOD, paint};

const TOKEN: &str = "a-flow-token";

/// Handles a booking Flow: choose a date, confirm it, done.
async fn booking(request: FlowRequest) -> Result<FlowResponse, HandlerError> {
    Ok(match (request.action(), request.screen()) {
        (Action::Init, _) => FlowResponse::screen("DATES", json!({ "dates": ["2027-01-04", "2027-01-05"] })),
        (Action::DataExchange, Some("DATES")) => {
            FlowResponse::screen("CONFIRM", json!({ "date": request.data()?.get("date") }))
        }
        (Action::DataExchange, Some("CONFIRM")) => {
            FlowResponse::close(request.flow_token().unwrap_or_default(), Map::new())
        }
        _ => FlowResponse::token_invalid(None),
    })
}

/// A running endpoint, and its key ring.
pub(super) struct Booking {
    server: Server,
    ring: KeyRing,
}

pub(super) async fn serve(script: &mut Script<'_>, key: &PrivateKey) -> Result<Booking, Failure> {
    let ring = KeyRing::new(key).map_err(Failure::failed)?;
    let secret = AppSecret::new(DEFAULT_APP_SECRET).map_err(Failure::failed)?;
    let endpoint = FlowEndpoint::builder(ring.clone(), booking)
        .app_secret(secret)
        .build()
        .map_err(Failure::failed)?;
    let server = Server::start(endpoint).await?;
    script.step("An endpoint serves a Flow with the private key", server.url())?;
    Ok(Booking { server, ring })
}

impl Booking {
    fn phone(&self, graph: &str) -> Result<WhatsAppClient, Failure> {
        WhatsAppClient::builder(self.server.url())
            .key_from(graph, DEFAULT_PHONE_NUMBER_ID, DEFAULT_ACCESS_TOKEN)
            .app_secret(DEFAULT_APP_SECRET)
            .build()
            .map_err(Failure::failed)
    }

    /// Runs the Flow from the health check to the last screen.
    pub(super) async fn play(&self, script: &mut Script<'_>, graph: &str) -> Result<(), Failure> {
        let phone = self.phone(graph)?;
        let mut seen = Vec::new();
        for message in [
            FlowMessage::ping(),
            FlowMessage::init(TOKEN),
            FlowMessage::data_exchange(TOKEN, "DATES", json!({ "date": "2027-01-04" })),
            FlowMessage::data_exchange(TOKEN, "CONFIRM", json!({})),
        ] {
            let exchange = phone.send(&message).await.map_err(Failure::failed)?;
            let shown = shown(&exchange);
            script.expect(
                shown.is_some(),
                format!("{}: {:?}", message.action(), exchange.outcome),
            )?;
            seen.push(format!("{} → {}", message.action(), shown.unwrap_or_default()));
        }
        script.expect(
            seen.last().is_some_and(|last| last.ends_with("SUCCESS")),
            seen.join(", "),
        )?;
        script.step("A phone completes the encrypted Flow", seen.join(", "))
    }

    /// Rotates the key while phones use the endpoint, and returns the new key.
    pub(super) async fn rotate(
        &self,
        script: &mut Script<'_>,
        graph: &str,
        api: &EncryptionApi,
    ) -> Result<PublicKey, Failure> {
        let opened_before = self.phone(graph)?;
        opened_before.open().await.map_err(Failure::failed)?;

        let new = PrivateKey::generate().map_err(Failure::failed)?;
        let old = self.ring.keys().first().map(|key| key.fingerprint);
        self.ring.promote(&new).map_err(Failure::failed)?;
        let new = new.public_key();
        let verification = api.register(new).await.map_err(Failure::failed)?;
        script.expect(verification.is_valid(), &verification)?;
        script.step(
            "The key is rotated: the endpoint serves both keys, then the new one is registered",
            good(&verification),
        )?;

        let opened_after = self.phone(graph)?;
        let with_old = self.one_exchange(script, &opened_before).await?;
        let with_new = self.one_exchange(script, &opened_after).await?;
        script.expect(
            with_old == 1 && with_new == 1,
            format!("{with_old} and {with_new} attempts"),
        )?;
        script.step(
            "Requests with the old and with the new key succeed at the first attempt",
            format!("{}  no exchange failed", paint(GOOD, "200")),
        )?;

        script.expect(
            old.is_some_and(|old| self.ring.retire(&old)),
            "the old key is not in the ring",
        )?;
        let attempts = self.one_exchange(script, &opened_before).await?;
        script.expect(attempts == 2, format!("{attempts} attempts"))?;
        script.step(
            "The old key is retired: the phone gets 421, fetches the new key and retries",
            format!("{}  after {}", paint(GOOD, "200"), paint(BAD, "421")),
        )?;
        Ok(new.clone())
    }

    async fn one_exchange(&self, script: &Script<'_>, phone: &WhatsAppClient) -> Result<u32, Failure> {
        let exchange = phone
            .send(&FlowMessage::init(TOKEN))
            .await
            .map_err(Failure::failed)?;
        script.expect(shown(&exchange).is_some(), format!("{:?}", exchange.outcome))?;
        Ok(exchange.attempts)
    }

    /// Modifies one byte of a signed request in transit.
    pub(super) async fn tamper(&self, script: &mut Script<'_>, graph: &str) -> Result<(), Failure> {
        let phone = self.phone(graph)?;
        let encrypted = phone
            .encrypt(&FlowMessage::init(TOKEN))
            .await
            .map_err(Failure::failed)?;
        let mut body = encrypted.body().to_vec();
        let middle = body.len() / 2;
        if let Some(letter) = body.get_mut(middle) {
            *letter = if *letter == b'A' { b'B' } else { b'A' };
        }
        let response = phone
            .send_raw(Bytes::from(body), encrypted.signature())
            .await
            .map_err(Failure::failed)?;
        script.expect(response.status == 432, format!("HTTP {}", response.status))?;
        let found = format!("{}  the signature does not match", paint(BAD, "432"));
        script.step("A request that was modified in transit is refused", found)
    }

    pub(super) async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

/// Returns the screen that the phone shows, or `active` for a health check.
fn shown(exchange: &Exchange) -> Option<String> {
    let Outcome::Response(payload) = &exchange.outcome else {
        return None;
    };
    let screen = payload.screen().map(str::to_owned);
    screen.or_else(|| payload.is_active().then(|| "active".to_owned()))
}
