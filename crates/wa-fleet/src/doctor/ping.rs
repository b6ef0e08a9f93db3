//! Pings, and what their responses mean.

use std::time::Duration;

use serde_json::Value;
use wa_flows::client::{EncryptedRequest, PhoneKey, sign};
use wa_secrets::AppSecret;

use super::probe::{Probe, Reply};

/// What WhatsApp's health check sends.
const PING: &[u8] = br#"{"version":"3.0","action":"ping"}"#;

/// The result of one ping.
pub(super) enum Pong {
    Active(Duration),
    Refused(Reply),
    Wrong(String, &'static str),
}

/// Sends a ping; also returns the server's certificate.
pub(super) async fn ping(
    probe: &Probe,
    url: &str,
    phone: &PhoneKey,
    secret: Option<&AppSecret>,
) -> Result<(Pong, Option<Vec<u8>>), reqwest::Error> {
    let request = match phone.encrypt(PING) {
        Ok(request) => request,
        Err(error) => {
            let pong = Pong::Wrong(error.to_string(), "Check the random source of this machine.");
            return Ok((pong, None));
        }
    };
    let signature = secret.map(|secret| sign(secret, request.body()));
    let mut reply = probe.post(url, request.body().to_vec(), signature).await?;
    let certificate = reply.certificate.take();
    Ok((judge_reply(&request, reply), certificate))
}

fn judge_reply(request: &EncryptedRequest, reply: Reply) -> Pong {
    if reply.status != 200 {
        return Pong::Refused(reply);
    }
    match request.open_response(&reply.body) {
        Ok(payload) if is_active(&payload) => Pong::Active(reply.elapsed),
        Ok(_) => Pong::Wrong(
            "status 200, but the content is not the response to a ping".to_owned(),
            "Respond to action \"ping\" with {\"data\":{\"status\":\"active\"}}.",
        ),
        Err(_)
            if reply
                .content_type
                .as_deref()
                .is_some_and(|kind| kind.starts_with("text/html")) =>
        {
            Pong::Wrong(
                "status 200 with an HTML page: something in front of the endpoint answers".to_owned(),
                "Let requests of WhatsApp through without a login, a consent page or a bot check.",
            )
        }
        Err(_) if serde_json::from_slice::<Value>(&reply.body).is_ok() => Pong::Wrong(
            "status 200, but the response is JSON instead of encrypted base64".to_owned(),
            "Encrypt the response, and send base64 alone as text/plain.",
        ),
        Err(_) => Pong::Wrong(
            "status 200, but a phone cannot decrypt the response".to_owned(),
            "Encrypt with the AES key of the request, flip every bit of its IV, append the tag, and send \
             base64 alone.",
        ),
    }
}

fn is_active(payload: &[u8]) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(payload) else {
        return false;
    };
    members.get("data").and_then(|data| data.get("status")) == Some(&Value::from("active"))
}
