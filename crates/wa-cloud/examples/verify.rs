//! Checks before launch that a public key is registered and that clients can use it.
//!
//! `WA_ACCESS_TOKEN=… WA_PHONE_NUMBER_ID=… cargo run --example verify -- public.pem`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::process::ExitCode;

use wa_cloud::WhatsApp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let file = std::env::args_os()
        .nth(1)
        .ok_or("pass the name of the public key file")?;
    let verification = WhatsApp::from_env()?
        .encryption()
        .verify(std::fs::read(file)?)
        .await?;
    println!("{verification}");
    if let Some(remedy) = verification.remedy() {
        println!("hint: {remedy}");
    }
    Ok(if verification.is_valid() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
