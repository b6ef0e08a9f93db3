//! Gets a phone number's business public key.
//!
//! `WA_ACCESS_TOKEN=… WA_PHONE_NUMBER_ID=… cargo run --example get`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;

use wa_cloud::WhatsApp;
use wa_cloud::encryption::RegisteredKey;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let found = WhatsApp::from_env()?
        .encryption()
        .get_business_public_key()
        .await?;
    match found.registered() {
        RegisteredKey::Key(key) => {
            print!("{}", key.to_pem());
            println!("fingerprint {}", key.fingerprint());
        }
        RegisteredKey::Unreadable { problem, .. } => {
            println!("the registered text is not a usable key: {problem}");
        }
        _ => println!("no key is registered"),
    }
    if let Some(status) = found.signature_status() {
        println!("signature {status}");
    }
    Ok(())
}
