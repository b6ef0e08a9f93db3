//! `wa demo`: registers, uses and rotates a key against the emulator, and checks each step.

mod flow;
mod registration;
mod script;
mod server;

use serde_json::json;
use wa_cloud::encryption::EncryptionApi;
use wa_cloud::graph::{AccessToken, GraphClient, PhoneNumberId};
use wa_cloud::keys::PublicKey;
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};

use self::script::Script;
use super::Context;
use crate::failure::{Exit, Failure};
use crate::terminal::{GOOD, paint};

pub(crate) async fn run(context: &mut Context) -> Result<Exit, Failure> {
    let emulator = Emulator::builder().start().await.map_err(Failure::failed)?;
    let graph = emulator.base_url().to_owned();
    let mut script = Script::new(&mut context.terminal);
    let number = DEFAULT_PHONE_NUMBER_ID;
    script.step(
        "A Meta emulator is serving",
        format!("{graph}, phone number id {number}"),
    )?;

    let key = registration::make_key(&mut script)?;
    let api = encryption_api(&graph)?;
    registration::register(&mut script, &api, key.public_key()).await?;
    registration::lose_and_repair(&mut script, &emulator, &api, key.public_key()).await?;
    registration::lack_permission(&mut script, &emulator, &api, key.public_key()).await?;

    let booking = flow::serve(&mut script, &key).await?;
    booking.play(&mut script, &graph).await?;
    let new_key = booking.rotate(&mut script, &graph, &api).await?;
    booking.tamper(&mut script, &graph).await?;
    booking.shutdown().await;

    conclude(script, &api, &new_key).await?;
    emulator.shutdown().await;
    Ok(Exit::Success)
}

/// Reads the registered key again, so that the last line shows the final state.
async fn conclude(mut script: Script<'_>, api: &EncryptionApi, key: &PublicKey) -> Result<(), Failure> {
    let found = api.get_business_public_key().await.map_err(Failure::failed)?;
    script.expect(
        found.is_usable() && found.public_key() == Some(key),
        "another key is registered",
    )?;
    let human = format!(
        "\nregistered {} {}\n",
        key.fingerprint().short(),
        paint(GOOD, "VALID")
    );
    let machine = json!({
        "steps": std::mem::take(&mut script.steps),
        "fingerprint": key.fingerprint().to_string(),
        "business_public_key_signature_status": "VALID",
    });
    script.terminal.result(&human, &machine)?;
    Ok(())
}

fn encryption_api(graph: &str) -> Result<EncryptionApi, Failure> {
    let token = AccessToken::new(DEFAULT_ACCESS_TOKEN).map_err(Failure::failed)?;
    let client = GraphClient::builder(token)
        .base_url(graph)
        .build()
        .map_err(Failure::failed)?;
    let number: PhoneNumberId = DEFAULT_PHONE_NUMBER_ID.parse().map_err(Failure::failed)?;
    Ok(EncryptionApi::new(client, number))
}
