//! `wa encryption set`.

use serde_json::json;

use super::report::{Outcome, each};
use super::{Context, client};
use crate::args::SetArgs;
use crate::failure::{Exit, Failure};
use crate::input::{self, KeyPassphrase};

pub(crate) async fn run(context: &mut Context, args: &SetArgs) -> Result<Exit, Failure> {
    let apis = client::apis(context, &args.graph)?;
    let key = input::public_half(context, &args.key, &mut KeyPassphrase::of(&args.passphrase))?;
    each(context, &apis, async |api| {
        if !args.no_verify {
            return Ok(Outcome::verified(
                &api.register(&key).await.map_err(client::failed)?,
            ));
        }
        api.set_business_public_key(&key).await.map_err(client::failed)?;
        let fingerprint = key.fingerprint();
        let human = format!("key {fingerprint} was taken; it was not read back\n");
        Ok(Outcome::new(
            Exit::Good,
            human,
            json!({ "fingerprint": fingerprint.to_string() }),
        ))
    })
    .await
}
