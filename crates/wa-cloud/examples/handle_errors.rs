//! Registers a key and handles errors by their code.
//!
//! `WA_ACCESS_TOKEN=… WA_PHONE_NUMBER_ID=… cargo run --example handle_errors -- public.pem`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error as StdError;

use wa_cloud::graph::ErrorCode;
use wa_cloud::{Error, WhatsApp};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    let file = std::env::args_os()
        .nth(1)
        .ok_or("pass the name of the public key file")?;
    let whatsapp = WhatsApp::from_env()?;
    match whatsapp.encryption().register(std::fs::read(file)?).await {
        Ok(verification) => println!("{verification}"),
        Err(error) => explain(&error),
    }
    Ok(())
}

fn explain(error: &Error) {
    println!("error: {}", error.report());
    let what = match (error, error.code()) {
        (Error::Key(_), _) => "the file contains no usable public key; nothing was sent",
        (_, Some(ErrorCode::INVALID_PARAMETER)) => "a parameter is missing or not valid: the key, or the id",
        (_, Some(ErrorCode::OBJECT_NOT_FOUND)) => "no phone number has this id",
        (_, Some(ErrorCode::SOMETHING_WENT_WRONG)) => "Meta could not sign the key",
        (_, Some(ErrorCode::PHONE_NUMBER_NOT_REGISTERED)) => "the number is not registered with Cloud API",
        _ if error.is_permission() => "the token lacks a permission",
        _ if error.is_token() => "the token is not accepted",
        _ if error.is_rate_limited() => "too many calls",
        _ if error.is_transient() => "a temporary failure: try again later",
        _ => "another failure",
    };
    println!("{what}");
    if let Some(wait) = error.retry_in() {
        println!("call again in {} s", wait.as_secs());
    }
}
