//! Sets a key and handles what can go wrong by its code.
//!
//! `WA_ACCESS_TOKEN=… WA_PHONE_NUMBER_ID=… cargo run --example handle_errors -- public.pem`
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error as StdError;

use wa_cloud::graph::ErrorCode;
use wa_cloud::{Error, WhatsApp};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    let file = std::env::args_os().nth(1).ok_or("give the public key's file")?;
    let whatsapp = WhatsApp::from_env()?;
    match whatsapp.encryption().register(std::fs::read(file)?).await {
        Ok(verification) => println!("{verification}"),
        Err(error) => explain(&error),
    }
    Ok(())
}

fn explain(error: &Error) {
    let what = match error {
        Error::Key(_) => "the file holds no usable public key; nothing was sent",
        _ => match error.code().map(ErrorCode::number) {
            Some(100) => "a parameter is missing or not valid: the key, or the id",
            Some(10 | 200..=299) => "the token lacks a permission",
            Some(190) => "the token is not accepted",
            Some(803) => "there is no such phone number id",
            Some(131_000) => "Meta could not sign the key",
            Some(133_010) => "the number is not registered with Cloud API",
            _ => "something else went wrong",
        },
    };
    println!("{what}");
    println!("  {error}");
    if let Some(remedy) = error.remedy() {
        println!("  hint: {remedy}");
    }
    if let Some(graph) = error.graph() {
        if let Some(wait) = graph.retry_in() {
            println!("  come back in {} s", wait.as_secs());
        }
        if let Some(id) = graph.fbtrace_id() {
            println!("  for Meta's support: fbtrace_id {id}");
        }
    }
}
