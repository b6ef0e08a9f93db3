//! Generates a key pair and writes both keys: the private key encrypted with a passphrase, the public key to
//! register.
//!
//! `WA_KEY_PASSPHRASE=… cargo run --example generate -- private.pem public.pem`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;

use wa_cloud::keys::file::{self, Existing};
use wa_cloud::keys::{Passphrase, PrivateKey, Protection};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(private), Some(public)) = (arguments.next(), arguments.next()) else {
        return Err("pass the names of two files, for the private and the public key".into());
    };
    let passphrase =
        Passphrase::new(std::env::var("WA_KEY_PASSPHRASE").map_err(|_| "set WA_KEY_PASSPHRASE")?);

    let key = PrivateKey::generate()?;
    file::write_encrypted_private_key(
        &private,
        &key,
        &passphrase,
        &Protection::default(),
        Existing::Refuse,
    )?;
    file::write_public_key(&public, key.public_key(), Existing::Refuse)?;
    println!("fingerprint {}", key.public_key().fingerprint());
    Ok(())
}
