//! Sets a phone number's business public key.
//!
//! `WA_ACCESS_TOKEN=… WA_PHONE_NUMBER_ID=… cargo run --example set -- public.pem`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;

use wa_cloud::WhatsApp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os()
        .nth(1)
        .ok_or("pass the name of the public key file")?;
    let whatsapp = WhatsApp::from_env()?;
    let uploaded = whatsapp
        .encryption()
        .set_business_public_key(std::fs::read(file)?)
        .await?;
    println!("{uploaded}");
    Ok(())
}
